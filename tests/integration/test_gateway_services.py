"""The gateway with the services behind it: what each area's endpoints do, and whose things they show to whom."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from services.ambassadors.app import app as ambassadors
from services.rewards.app import app as rewards
from services.ugc.app import app as ugc
from shared.security.signatures import sign_app_proxy
from shared.settings import Settings, load_settings
from tests.integration.gateway_running import (
    Door,
    Tenant,
    gateway_running,
    local,
    ready,
    shopify_delivery,
    standard_delivery,
    tenant,
    until,
)
from tests.settings import environment

pytestmark = pytest.mark.timeout(240)
SHOP, OTHER = "vouch-demo.myshopify.com", "other-brand.myshopify.com"
BROWSER = {"User-Agent": "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/130.0 Safari/537.36"}
CAMPAIGN = {
    "name": "Thank by hand",
    "title": {"en": "A gift"},
    "trigger": "by_hand",
    "recipient": "buyer",
    "reward": {"kind": "percent", "value": "10"},
    "caps": {"total": 10, "per_person": 1},
}


@pytest.fixture
def settings(
    mongo_uri: str,
    kafka: str,
    kafka_kind: str,
    topic_prefix: str,
    database_prefix: str,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Settings]:
    found = local(mongo_uri, kafka, topic_prefix, database_prefix, kafka_embedded=kafka_kind == "embedded")
    for name, value in environment(found).items():
        monkeypatch.setenv(name, value)
    load_settings.cache_clear()
    yield found
    load_settings.cache_clear()


@pytest.fixture
async def door(settings: Settings) -> AsyncIterator[Door]:
    async with gateway_running(settings, ugc, ambassadors, rewards) as running:
        await ready(running)
        yield running


async def done(answer: httpx.Response, status: int = 200) -> Any:
    assert answer.status_code == status, answer.text
    return answer.json()


async def ambassador(door: Door, brand: Tenant, code: str = "ANNA", customer_id: str | None = "7001") -> dict[str, Any]:
    """An active ambassador of a new programme, with a token."""
    program = await done(await door.call("POST", "/v1/admin/programs", brand.owner, json={"name": "Friends"}), 201)
    body = {"program_id": program["id"], "name": "Anna", "code": code, "customer_id": customer_id}
    made = await done(await door.call("POST", "/v1/admin/ambassadors", brand.marketer, json=body), 201)
    path = f"/v1/admin/ambassadors/{made['id']}"
    await done(await door.call("POST", f"{path}/approve", brand.marketer, json={"reason": "great posts"}))
    token = await done(await door.call("POST", f"{path}/token", brand.marketer), 201)
    return {**made, "token": token["token"], "program_id": program["id"]}


def storefront(shop: str, customer: str | None, secret: str = "shhh") -> list[tuple[str, Any]]:
    """A signed App Proxy query."""
    pairs = [("shop", shop), ("path_prefix", "/apps/vouch"), ("timestamp", str(int(time.time())))]
    pairs.append(("logged_in_customer_id", customer or ""))
    return [*pairs, ("signature", sign_app_proxy(pairs, secret))]


def order(id: int, click: dict[str, list[str]]) -> dict[str, Any]:
    """A paid order that came through a link."""
    price = {"shop_money": {"amount": "50.00", "currency_code": "EUR"}}
    line = {"id": 1, "product_id": 8001, "quantity": 1, "price": "50.00", "price_set": price, "title": "Beans"}
    return {
        "id": id,
        "name": f"#{id}",
        "created_at": "2026-11-22T10:00:00Z" if not click else _now(),
        "updated_at": _now(),
        "currency": "EUR",
        "financial_status": "paid",
        "test": False,
        "landing_site": f"/?ref={click['ref'][0]}&vclid={click['vclid'][0]}" if click else "/",
        "customer": {"id": 7777, "email": "buyer@example.com"},
        "line_items": [line],
        "taxes_included": False,
        "note_attributes": [],
        "discount_codes": [],
        "refunds": [],
    }


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


async def test_a_link_an_order_and_what_the_ambassador_sees(door: Door) -> None:
    brand = await tenant(door)
    anna = await ambassador(door, brand)
    assert anna["link"].endswith("/r/ANNA")
    led = await door.http.get("/r/anna?utm_source=tg", headers=BROWSER)
    assert led.status_code == 302
    query = parse_qs(urlsplit(led.headers["Location"]).query)
    assert (query["ref"], query["utm_source"]) == (["ANNA"], ["tg"])
    for quiet in (
        await door.http.head("/r/ANNA", headers=BROWSER),
        await door.http.get("/r/ANNA", headers=BROWSER | {"Sec-Purpose": "prefetch"}),
        await door.http.get("/r/ANNA", headers={"User-Agent": "TelegramBot (like TwitterBot)"}),
    ):
        assert quiet.status_code == 302
    await asyncio.sleep(1)  # the click is recorded behind the visitor's back; the order comes later anyway
    delivery = shopify_delivery(order(5001, query), topic="orders/create", shop=SHOP, webhook_id="w1")
    assert (await door.http.post("/webhooks/shopify", **delivery)).status_code == 200

    async def earned() -> bool:
        stats = (await door.call("GET", "/v1/me/stats", anna["token"])).json()
        return bool(stats["orders"] == 1 and stats["clicks"] == 1)

    await until(earned, "one click and one order in the ambassador's numbers")
    stats = await done(await door.call("GET", "/v1/me/stats", anna["token"]))
    assert stats["commission"]["pending"] == {"amount": "5.00", "currency": "EUR"}
    receipt = await done(await door.call("GET", "/v1/admin/orders/5001/attribution", brand.viewer))
    assert (receipt["ambassador_id"], receipt["rule"]) == (anna["id"], "click")
    mine = await done(await door.call("GET", "/v1/me/orders", anna["token"]))
    assert "buyer@example.com" not in str(mine)
    (commission,) = (await done(await door.call("GET", "/v1/me/commissions", anna["token"])))["data"]
    held = await door.call(
        "POST", f"/v1/admin/commissions/{commission['id']}/hold", brand.marketer, json={"reason": "checking"}
    )
    assert (await done(held))["status"] == "held"
    links = await done(await door.call("GET", "/v1/me/links", anna["token"]))
    assert links[0]["url"] == anna["link"]
    assert links[0]["qr_svg"].startswith("<svg")


async def test_a_mention_is_read_approved_and_its_draft_edited(door: Door) -> None:
    brand = await tenant(door)
    made = (
        await door.call("POST", "/v1/admin/connections", brand.owner, json={"network": "inbound", "name": "R"})
    ).json()
    mention = {
        "external_id": "r1",
        "kind": "review",
        "text": "The beans arrived broken and nobody answers me!",
        "author": {"id": "u1", "name": "Kate"},
        "posted_at": _now(),
    }
    answer = await door.http.post(
        f"/webhooks/inbound/{made['id']}", **standard_delivery(mention, made["secrets"]["secret"])
    )
    assert answer.status_code == 200

    async def drafted() -> bool:
        return bool((await door.call("GET", "/v1/admin/replies", brand.viewer)).json()["data"])

    await until(drafted, "a draft")
    (found,) = (await door.call("GET", "/v1/admin/mentions?q=broken", brand.viewer)).json()["data"]
    assert (found["network"], found["language"]) == ("inbound", "en")
    assert (await door.call("POST", f"/v1/admin/mentions/{found['id']}/approve", brand.viewer)).status_code == 403
    approved = await door.call("POST", f"/v1/admin/mentions/{found['id']}/approve", brand.marketer)
    assert (await done(approved))["status"] == "approved"
    (draft,) = (await door.call("GET", "/v1/admin/replies?status=proposed", brand.viewer)).json()["data"]
    text = "Kate, we are sorry. We will write to you today."
    edited = await door.call("PATCH", f"/v1/admin/replies/{draft['id']}", brand.marketer, json={"text": text})
    assert (await done(edited))["text"] == text
    bad = await door.call(
        "PATCH", f"/v1/admin/replies/{draft['id']}", brand.marketer, json={"text": "Go to http://evil.example now"}
    )
    assert (bad.status_code, bad.headers["Content-Type"]) == (422, "application/problem+json")
    voice = await done(await door.call("GET", "/v1/admin/voice", brand.viewer))
    changed = await door.call("PUT", "/v1/admin/voice", brand.marketer, json={**voice, "persona": "A barista"})
    assert (await done(changed))["persona"] == "A barista"
    odd = await door.call(
        "PUT", "/v1/admin/voice", brand.marketer, json={**voice, "policy": {"auto_send": True, "x": 1}}
    )
    assert (odd.status_code, odd.json()["errors"][0]["pointer"]) == (422, "/policy/x")


async def test_campaigns_grants_and_the_storefront(door: Door) -> None:
    brand = await tenant(door)
    campaign = await done(await door.call("POST", "/v1/admin/campaigns", brand.marketer, json=CAMPAIGN), 201)
    wrong = await door.call(
        "POST",
        "/v1/admin/campaigns",
        brand.marketer,
        json={**CAMPAIGN, "trigger": "order_attributed", "condition": "order.totl > 1"},
    )
    assert (wrong.status_code, wrong.json()["errors"][0]["pointer"]) == (422, "/condition")
    paused = await done(await door.call("POST", f"/v1/admin/campaigns/{campaign['id']}/pause", brand.marketer))
    assert paused["status"] == "paused"
    dry = await done(await door.call("POST", f"/v1/admin/campaigns/{campaign['id']}/dry-run", brand.viewer, json={}))
    assert dry["fires"] is False
    await done(await door.call("POST", f"/v1/admin/campaigns/{campaign['id']}/resume", brand.marketer))
    wish = {"campaign_id": campaign["id"], "customer_id": "7001", "source_id": "fair"}
    grant = await done(await door.call("POST", "/v1/admin/grants", brand.marketer, json=wish), 201)
    again = await done(await door.call("POST", "/v1/admin/grants", brand.marketer, json=wish))
    assert again["id"] == grant["id"]
    seen = await done(await door.http.get("/proxy/rewards", params=storefront(SHOP, "7001")))
    assert [one["id"] for one in seen["data"]] == [grant["id"]]
    for customer in ("7002", None):
        nothing = await done(await door.http.get("/proxy/rewards", params=storefront(SHOP, customer)))
        assert nothing["data"] == []
    stolen = await door.http.post(f"/proxy/rewards/{grant['id']}/claim", params=storefront(SHOP, "7002"))
    assert stolen.status_code == 404
    anonymous = await door.http.post(f"/proxy/rewards/{grant['id']}/claim", params=storefront(SHOP, None))
    assert anonymous.status_code == 401
    revoked = await door.call("POST", f"/v1/admin/grants/{grant['id']}/revoke", brand.owner, json={"reason": "mistake"})
    assert (await done(revoked))["status"] == "revoked"


async def test_storefront_signatures(door: Door) -> None:
    await tenant(door)
    good = storefront(SHOP, "7001")
    assert (await door.http.get("/proxy/rewards", params=good)).status_code == 200
    doubled = [*good, ("logged_in_customer_id", "7002")]
    altered = [(name, "7002" if name == "logged_in_customer_id" else value) for name, value in good]
    old = [("timestamp", "1") if name == "timestamp" else (name, value) for name, value in good if name != "signature"]
    for query, status in (
        (doubled, 401),
        (altered, 401),
        ([*old, ("signature", sign_app_proxy(old, "shhh"))], 401),
        (storefront(SHOP, "7001", secret="other"), 401),
        (storefront("nobody.myshopify.com", "7001"), 401),
        ([pair for pair in good if pair[0] != "signature"], 400),
    ):
        assert (await door.http.get("/proxy/rewards", params=query)).status_code == status
    assert (await door.http.get("/proxy/vouch.js")).headers["Content-Type"].startswith("text/javascript")


async def test_binding_a_visitor(door: Door) -> None:
    brand = await tenant(door)
    await ambassador(door, brand)
    bound = await door.http.post(
        "/proxy/attribution", params=storefront(SHOP, None), json={"ref": "anna"}, headers=BROWSER
    )
    attributes = (await done(bound))["attributes"]
    assert attributes["_vouch_ref"] == "ANNA"
    assert attributes["_vouch_click"].startswith("clk_")
    unknown = await door.http.post("/proxy/attribution", params=storefront(SHOP, None), json={"ref": "nobody"})
    assert unknown.status_code == 404


async def test_an_ambassador_sees_and_changes_only_their_own(door: Door) -> None:
    brand = await tenant(door)
    anna, boris = await ambassador(door, brand), await ambassador(door, brand, "BORIS", "7002")
    assert (await done(await door.call("GET", "/v1/me", anna["token"])))["id"] == anna["id"]
    for field in ("tier", "points", "code", "status", "customer_id", "id"):
        answer = await door.call("PATCH", "/v1/me", anna["token"], json={field: "gold"})
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, f"/{field}")
    changed = await done(await door.call("PATCH", "/v1/me", anna["token"], json={"language": "ru"}))
    assert (changed["language"], changed["name"], changed["code"]) == ("ru", "Anna", "ANNA")
    for path in ("/v1/admin/brand", "/v1/admin/ambassadors", f"/v1/admin/ambassadors/{boris['id']}"):
        assert (await door.call("GET", path, anna["token"])).status_code == 401
    assert (await door.call("GET", "/v1/me", brand.owner)).status_code == 401
    await done(
        await door.call("POST", f"/v1/admin/ambassadors/{boris['id']}/ban", brand.marketer, json={"reason": "fraud"})
    )

    async def out() -> bool:
        return (await door.call("GET", "/v1/me", boris["token"])).status_code == 401

    await until(out, "the banned are shut out")


async def test_nothing_of_one_brand_is_found_by_another(door: Door) -> None:
    mine, other = await tenant(door), await tenant(door, OTHER)
    anna = await ambassador(door, mine)
    campaign = await done(await door.call("POST", "/v1/admin/campaigns", mine.marketer, json=CAMPAIGN), 201)
    grant = await done(
        await door.call(
            "POST", "/v1/admin/grants", mine.marketer, json={"campaign_id": campaign["id"], "customer_id": "1"}
        ),
        201,
    )
    person, reward = f"/v1/admin/ambassadors/{anna['id']}", f"/v1/admin/campaigns/{campaign['id']}"
    gets = [person, f"{person}/stats", f"{person}/ledger", f"/v1/admin/programs/{anna['program_id']}", reward]
    gets += [f"/v1/admin/grants/{grant['id']}", "/v1/admin/orders/5001/attribution", "/v1/admin/mentions/men_x"]
    for path in gets:
        assert (await door.call("GET", path, other.owner)).status_code == 404, path
    writes: list[tuple[str, str, Any]] = [
        *(("POST", f"{person}/{action}", {}) for action in ("invite", "approve", "pause", "resume", "offboard", "ban")),
        ("PATCH", person, {"name": "Mine"}),
        ("PATCH", person, {"code": "STOLEN"}),
        ("POST", f"{person}/token", {}),
        ("PUT", f"/v1/admin/programs/{anna['program_id']}", {"name": "Mine"}),
        ("POST", f"{reward}/pause", None),
        ("PUT", reward, CAMPAIGN),
        ("DELETE", reward, None),
        ("POST", f"{reward}/dry-run", {}),
        ("POST", f"/v1/admin/grants/{grant['id']}/revoke", {"reason": "mine"}),
        ("POST", "/v1/admin/grants", {"campaign_id": campaign["id"], "customer_id": "2"}),
        ("POST", "/v1/admin/mentions/men_x/approve", None),
        ("POST", "/v1/admin/replies/rpl_x/approve", None),
        ("POST", "/v1/admin/commissions/com_x/release", None),
        ("PATCH", "/v1/admin/products/8001", {"aliases": ["x"]}),
    ]
    for method, path, body in writes:
        answer = await door.call(method, path, other.owner, json=body)
        assert answer.status_code == 404, (method, path, answer.text)
        assert answer.headers["Content-Type"] == "application/problem+json"
    for path in (
        "ambassadors",
        "programs",
        "campaigns",
        "grants",
        "orders",
        "commissions",
        "mentions",
        "replies",
        "audit",
    ):
        listed = await done(await door.call("GET", f"/v1/admin/{path}", other.owner))
        assert listed["data"] == [], path
    untouched = await done(await door.call("GET", person, mine.viewer))
    assert (untouched["status"], untouched["name"], untouched["code"]) == ("active", "Anna", "ANNA")
    assert (await done(await door.call("GET", reward, mine.viewer)))["status"] == "active"

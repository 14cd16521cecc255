"""The loop on real input: hear and answer; attribute and pay; thank and redeem."""

import time
import uuid
from decimal import Decimal
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from tests.live import Json, LiveStack, eventually

NETWORKS = ["telegram", "vk", "instagram", "tiktok", "inbound"]
PRAISE = {
    "ru": "Обожаю ваш кофе, лучшее утро за неделю! ☕",
    "en": "I love this coffee, best morning of the week! ☕",
}


def mention_with(live: LiveStack, network: str, mark: str) -> Json | None:
    found = live.get("/v1/admin/mentions", network=network, limit=200)["data"]
    return next((mention for mention in found if mark in mention["text"]), None)


def heard(live: LiveStack, network: str, text: str, seconds: float = 60) -> Json:
    """Somebody says it, with a mark to know it by; the mention it became."""
    mark = uuid.uuid4().hex[:8]
    live.say(network=network, text=f"{text} {mark}", author={"handle": f"h{mark}", "name": "Vera"})
    return eventually(lambda: mention_with(live, network, mark), f"a mention of {network}", seconds)


def drafted(live: LiveStack, mention: Json) -> Json:
    def draft() -> Json | None:
        replies = live.get("/v1/admin/replies", limit=200)["data"]
        return next((reply for reply in replies if reply["mention_id"] == mention["id"]), None)

    return eventually(draft, "a draft")


@pytest.mark.parametrize("language", ["ru", "en"])
@pytest.mark.parametrize("network", NETWORKS)
def test_a_post_becomes_a_mention_a_personal_draft_and_a_published_reply(
    live: LiveStack, network: str, language: str
) -> None:
    mention = heard(live, network, PRAISE[language])
    assert (mention["language"], mention["intent"]) == (language, "praise")
    assert mention["sentiment"]["score"] > 0.3
    reply = drafted(live, mention)
    assert reply["status"] == "proposed"
    assert reply["language"] == language
    live.post(f"/v1/admin/replies/{reply['id']}/approve")

    def sent() -> Json | None:
        now = next(r for r in live.get("/v1/admin/replies", limit=200)["data"] if r["id"] == reply["id"])
        return now if now["status"] == "sent" else None

    eventually(sent, "the reply's publication")
    published = live.devnet.get("/_dev/threads", params={"network": network, "limit": 200}).text
    assert published.count(reply["text"].replace("\n", "\\n").replace('"', '\\"')) == 1


@pytest.mark.timeout(200)
def test_youtube_is_polled(live: LiveStack) -> None:
    mention = heard(live, "youtube", PRAISE["en"], seconds=150)
    assert mention["network"] == "youtube"


def test_products_are_recognised_by_inflected_names(live: LiveStack) -> None:
    product = next(p for p in live.get("/v1/admin/products", limit=200)["data"] if p["titles"].get("ru"))
    mention = heard(live, "telegram", f"Заварила {product['titles']['ru']} — это восторг!")
    assert product["id"] in mention["products"]


def follow_link(live: LiveStack, browser: str = "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0") -> str:
    """Follow the ambassador's link as a person would; returns the landing site the shop sees."""
    answer = live.door.get(
        f"/r/{live.facts['ambassador']['code']}", headers={"User-Agent": browser}, follow_redirects=False
    )
    assert answer.status_code == 302
    target = urlsplit(answer.headers["location"])
    assert parse_qs(target.query)["ref"] == [live.facts["ambassador"]["code"]]
    return f"/?{target.query}"


def receipt_of(live: LiveStack, order_id: object) -> Json | None:
    answer = live.admin.get(f"/v1/admin/orders/{order_id}/attribution")
    return answer.json() if answer.status_code == 200 else None


def stats(live: LiveStack) -> Json:
    answer = live.me.get("/v1/me/stats")
    assert answer.status_code == 200, answer.text
    found: Json = answer.json()
    return found


def amount(money: Json | str) -> Decimal:
    return Decimal(money["amount"] if isinstance(money, dict) else money)


def test_a_click_and_an_order_become_a_commission_within_a_second(live: LiveStack) -> None:
    before = stats(live)
    landing = follow_link(live)
    eventually(lambda: stats(live)["clicks"] == before["clicks"] + 1, "the click in the stats")
    order = live.buy(customer={"email": f"{uuid.uuid4().hex}@example.com"}, landing_site=landing)["order"]
    began = time.monotonic()
    eventually(lambda: stats(live)["orders"] == before["orders"] + 1, "the order in the stats")
    print(f"order to stats: {time.monotonic() - began:.2f} s, webhook delivery included")
    receipt = eventually(lambda: receipt_of(live, order["id"]), "the receipt")
    assert receipt["ambassador_id"] == live.facts["ambassador"]["id"]
    assert receipt["rule"] == "click"
    assert {candidate["kind"] for candidate in receipt["candidates"]} >= {"click"}
    base, commission = amount(receipt["base"]), amount(receipt["commission"])
    assert commission == (base / 10).quantize(Decimal("0.01"), "ROUND_HALF_UP")
    pending = stats(live)["commission"]["pending"]
    assert amount(pending) == amount(before["commission"]["pending"]) + commission
    live.order(order["id"], "refund")
    eventually(
        lambda: amount(stats(live)["commission"]["pending"]) == amount(before["commission"]["pending"]), "the reversal"
    )
    assert amount(eventually(lambda: receipt_of(live, order["id"]), "the receipt")["commission"]) == 0


def rewards_of(live: LiveStack, customer: object) -> list[Json]:
    answer = live.proxy("rewards", customer)
    assert answer.status_code == 200, answer.text
    found: list[Json] = answer.json()["data"]
    return found


def test_an_attributed_order_brings_a_code_that_the_customer_redeems(live: LiveStack) -> None:
    sold = live.buy(customer={"email": f"{uuid.uuid4().hex}@example.com"}, landing_site=follow_link(live))["order"]
    customer = sold["customer"]["id"]
    grant = eventually(
        lambda: next((g for g in rewards_of(live, customer) if g["status"] == "issued"), None), "an issued grant"
    )
    codes = live.devstore.get(f"/_dev/shops/{live.shop}/codes").text
    assert grant["code"] in codes, "the code does not exist at the shop"
    again = live.buy(customer_id=customer, discount_codes=[grant["code"].lower()])
    assert not again["rejected_discount_codes"], "the shop did not accept the code"

    def status() -> str:
        return next(str(g["status"]) for g in live.everything("/v1/admin/grants") if g["id"] == grant["id"])

    eventually(lambda: status() == "redeemed", "the redemption")
    live.order(again["order"]["id"], "cancel")
    eventually(lambda: status() == "issued", "the use given back by the cancellation")


def test_an_approved_mention_brings_its_author_a_code(live: LiveStack) -> None:
    def granted() -> set[str]:
        return {g["id"] for g in live.everything("/v1/admin/grants") if g["status"] == "issued"}

    before = granted()
    mention = heard(live, "instagram", PRAISE["en"])
    if mention["status"] == "new":
        live.post(f"/v1/admin/mentions/{mention['id']}/approve")
    eventually(lambda: granted() - before, "an issued grant for the author")


@pytest.mark.parametrize("path", ["rewards", "vouch.js"])
def test_the_storefront_is_answered_through_the_app_proxy_only_when_signed(live: LiveStack, path: str) -> None:
    assert live.proxy(path).status_code == 200
    unsigned = live.door.get(f"/proxy/{path}")
    assert unsigned.status_code == (200 if path == "vouch.js" else 400)


def test_everything_is_ready_and_says_of_what(live: LiveStack) -> None:
    ready = live.door.get("/readyz")
    assert ready.status_code == 200
    assert {"mongo", "kafka"} <= set(ready.json()["dependencies"])
    assert live.status()["phase"] == "ready"


def test_another_brand_s_key_sees_nothing_of_this_brand(live: LiveStack) -> None:
    mention = heard(live, "inbound", PRAISE["en"])
    other = {"Authorization": f"Bearer {live.facts['other_brand']['admin_api_key']}"}
    assert httpx.get(f"{live.facts['gateway_url']}/v1/admin/mentions/{mention['id']}", headers=other).status_code == 404
    assert httpx.get(f"{live.facts['gateway_url']}/v1/admin/mentions", headers=other).json()["data"] == []

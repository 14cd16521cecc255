"""The dev store as its clients meet it: over HTTP, with webhooks that arrive signed at the other side."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import aiohttp
import pytest

from deploy.devstore.catalogue import shops
from deploy.devstore.store import Store
from shared.security import signatures
from tests.integration.devstore_running import OTHER, SHOP, App, Running, free_port, running, until

CREATE = """mutation Create($d: DiscountCodeBasicInput!) {
  discountCodeBasicCreate(basicCodeDiscount: $d) { codeDiscountNode { id } userErrors { code message } } }"""


def percent(code: str, share: float = 0.1) -> dict[str, object]:
    """A discount input of a percentage on everything."""
    gets = {"value": {"percentage": share}, "items": {"all": True}}
    return {
        "title": code,
        "code": code,
        "startsAt": "2026-01-01T00:00:00Z",
        "context": {"all": "ALL"},
        "customerGets": gets,
    }


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Running]:
    async with running(tmp_path / "store.sqlite") as started:
        yield started


async def test_checkout_sends_signed_webhooks_with_raw_bytes_as_signed(store: Running) -> None:
    token = await store.token()
    await store.subscribe(token, "ORDERS_CREATE", "ORDERS_PAID", "CUSTOMERS_CREATE")
    body = {
        "customer": {"email": "Мария@example.com", "first_name": "Мария"},
        "lines": [{"variant_id": await store.variant()}],
    }
    sold = await store.dev("POST", f"/shops/{SHOP}/checkout", body)
    heard = await store.heard(lambda all_: len(all_) == 3)
    assert sorted(one.topic for one in heard) == ["customers/create", "orders/create", "orders/paid"]
    for one in heard:
        signatures.verify_shopify_webhook(one.body, one.headers["x-shopify-hmac-sha256"], [shops()[SHOP].client_secret])
    order = next(one for one in heard if one.topic == "orders/create")
    assert order.json == sold["order"]
    assert order.headers["x-shopify-shop-domain"] == SHOP
    assert order.headers["x-shopify-api-version"] == "2026-10"
    assert {"x-shopify-webhook-id", "x-shopify-event-id", "x-shopify-triggered-at"} <= order.headers.keys()


async def settled(store: Running) -> dict[str, Any]:
    """The one delivery, when its last try has been written down."""
    while (told := (await store.dev("GET", "/deliveries"))["data"][0])["state"] == "pending":
        pass
    return dict(told)


async def test_a_refused_delivery_comes_again_with_the_same_id(store: Running) -> None:
    await store.dev("PUT", "/webhooks", {"retry_scale": 0.0001})
    store.app.answers = [503, 301]
    await store.subscribe(await store.token(), "ORDERS_CREATE")
    await store.dev("POST", f"/shops/{SHOP}/checkout", {"lines": [{"variant_id": await store.variant()}]})
    heard = await store.heard(lambda all_: len(all_) == 3)
    assert len({one.headers["x-shopify-webhook-id"] for one in heard}) == 1
    assert len({one.body for one in heard}) == 1
    told = await settled(store)
    assert [attempt["status"] for attempt in told["attempts"]] == [503, 301, 200]


async def test_queued_webhooks_survive_a_restart(tmp_path: Path) -> None:
    data, app, port = tmp_path / "store.sqlite", App(), free_port()
    async with running(data, app, port) as first:
        await first.dev("PUT", "/webhooks", {"paused": True})
        await first.dev("POST", f"/shops/{SHOP}/customers/7001000000001/redact")
        told = (await first.dev("GET", "/deliveries"))["data"][0]
    assert (told["state"], app.heard) == ("pending", [])
    async with running(data, app, port) as second:
        await second.dev("PUT", "/webhooks", {"paused": False})
        (heard,) = await second.heard(lambda all_: len(all_) == 1)
        assert heard.topic == "customers/redact"
        assert heard.headers["x-shopify-webhook-id"] == told["headers"]["X-Shopify-Webhook-Id"]


@pytest.mark.parametrize(("kind", "times"), [("duplicate", 3), ("drop", 0)])
async def test_webhooks_can_be_doubled_or_lost(store: Running, kind: str, times: int) -> None:
    await store.subscribe(await store.token(), "ORDERS_CREATE", "ORDERS_PAID")
    await store.dev("PUT", "/faults", [{"target": "webhook", "match": "orders/create", "kind": kind, "times": 2}])
    await store.dev("POST", f"/shops/{SHOP}/checkout", {"lines": [{"variant_id": await store.variant()}]})
    heard = await store.heard(lambda all_: len(all_) == times + 1)
    assert [one.topic for one in heard].count("orders/create") == times
    assert (await store.dev("GET", "/deliveries?state=dropped"))["counts"].get("dropped", 0) == (kind == "drop")


async def test_a_call_that_times_out_after_the_work_has_done_it(store: Running) -> None:
    token = await store.token()
    await store.dev(
        "PUT", "/faults", [{"target": "admin", "match": "discountCodeBasicCreate", "kind": "timeout_after", "count": 1}]
    )
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=0.4)) as impatient:
        with pytest.raises(TimeoutError):
            await Running(store.url, store.app, store.app_url, impatient).graphql(token, CREATE, {"d": percent("ONCE")})
    again = await store.graphql(token, CREATE, {"d": percent("ONCE")})
    errors = again["data"]["discountCodeBasicCreate"]["userErrors"]
    assert errors == [{"code": "TAKEN", "message": "Code must be unique. Please try a different code."}]
    found = await store.graphql(token, '{ codeDiscountNodeByCode(code: "once") { id } }')
    assert found["data"]["codeDiscountNodeByCode"]


@pytest.mark.parametrize(("kind", "status"), [("429", 429), ("5xx", 503)])
async def test_a_call_refused_before_the_work_has_not_done_it(store: Running, kind: str, status: int) -> None:
    token = await store.token()
    await store.dev("PUT", "/faults", [{"target": "admin", "match": "Create", "kind": kind, "count": 1}])
    url = f"{store.url}/shops/{SHOP}/admin/api/2026-10/graphql.json"
    body, headers = {"query": CREATE, "variables": {"d": percent("NEW")}}, {"X-Shopify-Access-Token": token}
    async with store.client.post(url, json=body, headers=headers) as response:
        assert response.status == status
    again = await store.graphql(token, CREATE, {"d": percent("NEW")})
    assert again["data"]["discountCodeBasicCreate"]["userErrors"] == []


async def test_a_dropped_connection_breaks_in_the_middle(store: Running) -> None:
    token = await store.token()
    await store.dev("PUT", "/faults", [{"target": "admin", "kind": "drop", "count": 1}])
    with pytest.raises(aiohttp.ClientError):
        await store.graphql(token, "{ shop { name } }")


async def test_the_app_proxy_signs_what_it_forwards(store: Running) -> None:
    url = f"{store.url}/shops/{SHOP}/apps/vouch/rewards?tag=a&tag=b&as_customer=7001000000001"
    async with store.client.get(url) as response:
        assert response.status == 200
    (heard,) = store.app.heard
    assert heard.path == "/proxy/rewards"
    query = dict(parse_qsl(heard.query))
    assert (query["shop"], query["logged_in_customer_id"], query["path_prefix"]) == (
        SHOP,
        "7001000000001",
        "/apps/vouch",
    )
    signatures.verify_app_proxy(parse_qsl(heard.query, keep_blank_values=True), [shops()[SHOP].client_secret])


async def test_the_app_proxy_passes_a_body_on(store: Running) -> None:
    async with store.client.post(f"{store.url}/shops/{SHOP}/apps/vouch/rewards/grt_1/claim", json={"a": 1}) as response:
        assert response.status == 200
    assert (store.app.heard[0].path, store.app.heard[0].json) == ("/proxy/rewards/grt_1/claim", {"a": 1})


async def install(store: Running, shop: str = SHOP) -> dict[str, object]:
    """OAuth from the authorize link to the token."""
    own = shops()[shop]
    query = {
        "client_id": own.client_id,
        "scope": "write_discounts,read_orders",
        "redirect_uri": f"{store.app_url}/cb",
        "state": "s1",
    }
    async with store.client.get(
        f"{store.url}/shops/{shop}/admin/oauth/authorize", params=query, allow_redirects=False
    ) as response:
        back = dict(parse_qsl(urlsplit(response.headers["location"]).query))
    assert (back["state"], back["shop"]) == ("s1", shop)
    signatures.verify_oauth(list(back.items()), [own.client_secret])
    return await token_call(store, shop, {"code": back["code"], "expiring": "1"})


async def token_call(store: Running, shop: str, form: dict[str, str]) -> dict[str, object]:
    own = shops()[shop]
    form = {"client_id": own.client_id, "client_secret": own.client_secret, **form}
    async with store.client.post(f"{store.url}/shops/{shop}/admin/oauth/access_token", data=form) as response:
        return dict(await response.json(), status=response.status)


async def test_oauth_gives_a_token_that_expires_and_rotates(store: Running) -> None:
    first = await install(store)
    assert (first["expires_in"], first["scope"]) == (3600, "write_discounts,read_orders")
    assert (await store.graphql(str(first["access_token"]), "{ shop { name } }"))["status"] == 200
    await store.dev("POST", f"/shops/{SHOP}/tokens/expire")
    assert (await store.graphql(str(first["access_token"]), "{ shop { name } }"))["status"] == 401
    refresh = {"grant_type": "refresh_token", "refresh_token": str(first["refresh_token"])}
    lost = await token_call(store, SHOP, refresh)
    second = await token_call(store, SHOP, refresh)  # the answer was lost: the old refresh token still works
    assert second["status"] == lost["status"] == 200
    assert (await store.graphql(str(second["access_token"]), "{ shop { name } }"))["status"] == 200
    assert (await token_call(store, SHOP, refresh))["error"] == "invalid_grant"  # its replacement is in use


async def test_a_token_is_good_for_its_own_shop_and_scopes_only(store: Running) -> None:
    token = str((await install(store))["access_token"])
    assert (await store.graphql(token, "{ shop { name } }", shop=OTHER))["status"] == 401
    (logged,) = (await store.dev("GET", f"/shops/{OTHER}/calls"))["data"]
    assert (logged["token_shop"], logged["status"]) == (SHOP, 401)
    refused = await store.graphql(token, "{ customers(first: 1) { nodes { id } } }")
    assert refused["errors"][0]["extensions"]["code"] == "ACCESS_DENIED"


async def test_a_restart_keeps_codes_orders_and_tokens(tmp_path: Path) -> None:
    data = tmp_path / "store.sqlite"
    async with running(data) as first:
        token = await first.token()
        await first.graphql(token, CREATE, {"d": percent("KEEP")})
        sold = await first.dev(
            "POST",
            f"/shops/{SHOP}/checkout",
            {"lines": [{"variant_id": await first.variant()}], "discount_codes": ["KEEP"]},
        )
    async with running(data) as second:
        order = await second.dev("GET", f"/shops/{SHOP}/orders/{sold['order']['id']}")
        assert order["order"] == sold["order"]
        (code,) = (await second.dev("GET", f"/shops/{SHOP}/codes"))["data"]
        assert (code["code"], code["uses"]) == ("KEEP", 1)
        assert (await second.graphql(token, "{ shop { name } }"))["status"] == 200


async def sell_until_it_dies(url: str, body: dict[str, Any], sold: list[int]) -> None:
    async with aiohttp.ClientSession() as client:
        with suppress(aiohttp.ClientError):
            while True:
                async with client.post(f"{url}/_dev/shops/{SHOP}/checkout", json=body) as response:
                    sold.append((await response.json())["order"]["id"])


async def test_kill_nine_in_the_middle_of_sales_loses_no_answered_order(tmp_path: Path) -> None:
    port, data, sold = free_port(), tmp_path / "store.sqlite", list[int]()
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "deploy.devstore", "--port", str(port), "--data", str(data)]
    process = await asyncio.create_subprocess_exec(*command, stderr=asyncio.subprocess.PIPE)
    try:
        async with aiohttp.ClientSession() as client:
            while not await answers(client, url):  # noqa: ASYNC110
                await asyncio.sleep(0.1)
            async with client.get(f"{url}/_dev/shops/{SHOP}/products") as response:
                variant = (await response.json())["data"][0]["variants"][0]["id"]
        buyers = [
            asyncio.create_task(sell_until_it_dies(url, {"lines": [{"variant_id": variant}]}, sold)) for _ in range(4)
        ]
        await until(lambda: len(sold) >= 60)
    finally:
        process.kill()
        await process.wait()
    await asyncio.gather(*buyers)
    kept = [order["id"] for order in Store(str(data)).all(SHOP, "order")]
    assert set(sold) <= set(kept)
    assert len(kept) == len(set(kept)) <= len(sold) + len(buyers)


async def answers(client: aiohttp.ClientSession, url: str) -> bool:
    try:
        async with client.get(f"{url}/healthz") as response:
            return response.status == 200
    except aiohttp.ClientError:
        return False


async def test_bad_bodies_name_the_field(store: Running) -> None:
    async with store.client.post(
        f"{store.url}/_dev/shops/{SHOP}/checkout", data=json.dumps({"lines": [], "nope": 1})
    ) as response:
        assert response.status == 422
        assert {e["pointer"] for e in (await response.json())["errors"]} == {"/lines", "/nope"}

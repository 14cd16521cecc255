"""The Shopify client against the dev store: every document, throttling, two shops interleaved, the install."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from deploy.devstore.catalogue import shops
from shared.shopify import Shopify, Throttled, Unauthorized, Unavailable, UserErrors, documents, gid
from shared.shopify.oauth import OAuth
from tests.integration.devstore_running import OTHER, SHOP, Running, running


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Running]:
    async with running(tmp_path / "devstore.sqlite") as ready:
        yield ready


@pytest.fixture
async def client(store: Running) -> AsyncIterator[Shopify]:
    async with Shopify(f"{store.url}/shops/{{shop}}", "2026-10", timeout=10) as ready:
        yield ready


def discount(code: str) -> dict[str, Any]:
    return {
        "title": f"Test {code}", "code": code, "startsAt": "2026-11-01T00:00:00Z", "usageLimit": 1,
        "context": {"all": "ALL"}, "customerGets": {"value": {"percentage": 0.1}, "items": {"all": True}},
    }  # fmt: skip


async def test_reading(store: Running, client: Shopify) -> None:
    token = await store.token()
    assert (await client.execute(SHOP, token, documents.SHOP))["shop"]["myshopifyDomain"] == SHOP
    page = (await client.execute(SHOP, token, documents.PRODUCTS_PAGE, {"first": 5}))["products"]
    assert len(page["nodes"]) == 5
    rest = {"first": 50, "after": page["pageInfo"]["endCursor"]}
    others = (await client.execute(SHOP, token, documents.PRODUCTS_PAGE, rest))["products"]["nodes"]
    ids = [node["legacyResourceId"] for node in (*page["nodes"], *others)]
    assert len(ids) == len(set(ids)) == 12
    one = await client.execute(SHOP, token, documents.PRODUCT, {"id": gid("Product", str(ids[0]))})
    assert one["product"] == page["nodes"][0]
    lines = [{"variant_id": await store.variant(), "quantity": 1}]
    await store.dev("POST", f"/shops/{SHOP}/checkout", {"lines": lines, "customer": {"email": "a@b.example"}})
    query = {"first": 10, "query": "updated_at:>='2026-01-01T00:00:00Z'"}
    assert len((await client.execute(SHOP, token, documents.ORDERS_PAGE, query))["orders"]["nodes"]) == 1


async def test_a_codes_life(store: Running, client: Shopify) -> None:
    token = await store.token()
    made = await client.execute(SHOP, token, documents.DISCOUNT_BASIC_CREATE, {"discount": discount("VOUCH-1")})
    id = made["discountCodeBasicCreate"]["codeDiscountNode"]["id"]
    with pytest.raises(UserErrors) as caught:
        await client.execute(SHOP, token, documents.DISCOUNT_BASIC_CREATE, {"discount": discount("vouch-1")})
    assert caught.value.has("TAKEN")
    await client.execute(SHOP, token, documents.DISCOUNT_DEACTIVATE, {"id": id})
    assert await status(client, token) == "EXPIRED"
    await client.execute(SHOP, token, documents.DISCOUNT_ACTIVATE, {"id": id})
    assert await status(client, token) == "ACTIVE"
    absent = await client.execute(SHOP, token, documents.DISCOUNT_BY_CODE, {"code": "VOUCH-2"})
    assert absent["codeDiscountNodeByCode"] is None


async def status(client: Shopify, token: str) -> str:
    found = await client.execute(SHOP, token, documents.DISCOUNT_BY_CODE, {"code": "vouch-1"})
    return str(found["codeDiscountNodeByCode"]["codeDiscount"]["status"])


async def test_free_shipping(store: Running, client: Shopify) -> None:
    token = await store.token()
    free = {name: value for name, value in discount("SHIP").items() if name != "customerGets"}
    variables = {"discount": free | {"destination": {"all": True}}}
    made = await client.execute(SHOP, token, documents.DISCOUNT_FREE_SHIPPING_CREATE, variables)
    assert made["discountCodeFreeShippingCreate"]["codeDiscountNode"]["id"]


async def test_webhook_subscriptions(store: Running, client: Shopify) -> None:
    token = await store.token()
    wish = {"topic": "ORDERS_CREATE", "subscription": {"uri": f"{store.app_url}/webhooks/shopify", "format": "JSON"}}
    made = (await client.execute(SHOP, token, documents.WEBHOOK_SUBSCRIPTION_CREATE, wish))["webhookSubscriptionCreate"]
    id = made["webhookSubscription"]["id"]
    change = {"id": id, "subscription": {"uri": f"{store.app_url}/elsewhere"}}
    await client.execute(SHOP, token, documents.WEBHOOK_SUBSCRIPTION_UPDATE, change)
    listed = (await client.execute(SHOP, token, documents.WEBHOOK_SUBSCRIPTIONS, {"first": 50}))["webhookSubscriptions"]
    assert [(node["id"], node["uri"]) for node in listed["nodes"]] == [(id, f"{store.app_url}/elsewhere")]
    await client.execute(SHOP, token, documents.WEBHOOK_SUBSCRIPTION_DELETE, {"id": id})


async def test_throttled_says_how_long_the_bucket_needs(store: Running, client: Shopify) -> None:
    token = await store.token()
    await store.dev("PUT", f"/shops/{SHOP}/throttle", {"maximum": 100, "restore": 10, "available": 0})
    with pytest.raises(Throttled) as caught:
        await client.execute(SHOP, token, documents.DISCOUNT_BASIC_CREATE, {"discount": discount("VOUCH-1")})
    assert 0 < caught.value.retry_after <= 10
    await asyncio.sleep(caught.value.retry_after)
    await client.execute(SHOP, token, documents.DISCOUNT_BASIC_CREATE, {"discount": discount("VOUCH-1")})


async def test_wrong_token_and_version(store: Running, client: Shopify) -> None:
    with pytest.raises(Unauthorized):
        await client.execute(SHOP, "shpat_wrong", documents.SHOP)
    async with Shopify(f"{store.url}/shops/{{shop}}", "2024-01") as old:
        with pytest.raises(Unavailable) as caught:
            await old.execute(SHOP, await store.token(), documents.SHOP)
    assert not caught.value.uncertain


async def test_s16_interleaved_calls_keep_to_their_shop(store: Running, client: Shopify) -> None:
    """Two brands' calls at once, some raising in the middle: the dev store saw no call with the other's token."""
    tokens = {shop: await store.token(shop) for shop in (SHOP, OTHER)}
    fault = {"target": "admin", "match": "*", "shop": SHOP, "kind": "5xx", "probability": 0.4}
    await store.dev("PUT", "/faults", [fault])
    calls = [client.execute(shop, token, documents.SHOP) for _ in range(40) for shop, token in tokens.items()]
    answers = await asyncio.gather(*calls, return_exceptions=True)
    for (shop, token), mine in ((item, answers[index::2]) for index, item in enumerate(tokens.items())):
        said = {answer["shop"]["myshopifyDomain"] for answer in mine if isinstance(answer, dict)}
        assert said == {shop}
        assert {answer.shop for answer in mine if isinstance(answer, Unavailable)} <= {shop}
        seen = (await store.dev("GET", f"/shops/{shop}/calls"))["data"]
        assert {call["token"] for call in seen} == {token}
    assert any(isinstance(answer, Unavailable) for answer in answers)


async def test_install_and_refresh(store: Running) -> None:
    oauth, app = OAuth(f"{store.url}/shops/{{shop}}", store.client), shops()[SHOP]
    url = oauth.authorize_url(
        SHOP, app.client_id, ["write_discounts"], f"{store.app_url}/v1/shopify/callback", "state-1"
    )
    async with store.client.get(url, allow_redirects=False) as response:
        answer = parse_qs(urlsplit(response.headers["Location"]).query)
    assert answer["state"] == ["state-1"]
    token = await oauth.exchange(SHOP, app.client_id, app.client_secret, answer["code"][0])
    assert token.refresh_token
    assert token.expires_at
    with pytest.raises(Unauthorized):
        await oauth.exchange(SHOP, app.client_id, app.client_secret, answer["code"][0])
    following = await oauth.refresh(SHOP, app.client_id, app.client_secret, token.refresh_token)
    assert following.access_token != token.access_token

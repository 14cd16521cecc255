"""The project's own Shopify client against the dev store: install, work, throttling, time-outs, two shops at once."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from deploy.devstore.catalogue import shops
from shared.shopify import Shopify, Throttled, Unauthorized, Unavailable, UserErrors, documents
from shared.shopify.oauth import OAuth, OfflineToken
from tests.integration.devstore_running import OTHER, SHOP, Running, running

DISCOUNT = {
    "title": "T",
    "code": "TEN",
    "startsAt": "2026-01-01T00:00:00Z",
    "context": {"all": "ALL"},
    "customerGets": {"value": {"percentage": 0.1}, "items": {"all": True}},
}


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Running]:
    async with running(tmp_path / "store.sqlite") as started:
        yield started


async def installed(store: Running, shop: str = SHOP) -> OfflineToken:
    """The token of a real installation."""
    own, oauth = shops()[shop], OAuth(store.url + "/shops/{shop}", store.client)
    link = oauth.authorize_url(shop, own.client_id, ["write_discounts", "read_products"], f"{store.app_url}/cb", "s")
    async with store.client.get(link, allow_redirects=False) as response:
        (code,) = parse_qs(urlsplit(response.headers["location"]).query)["code"]
    return await oauth.exchange(shop, own.client_id, own.client_secret, code)


async def test_install_refresh_and_a_first_call(store: Running) -> None:
    token, own = await installed(store), shops()[SHOP]
    assert token.refresh_token is not None
    assert token.expires_at is not None
    fresh = await OAuth(store.url + "/shops/{shop}", store.client).refresh(
        SHOP, own.client_id, own.client_secret, token.refresh_token
    )
    async with Shopify(store.url + "/shops/{shop}", "2026-10") as client:
        answer = await client.execute(SHOP, fresh.access_token, documents.SHOP)
        assert answer["shop"]["myshopifyDomain"] == SHOP
        with pytest.raises(Unauthorized):  # what the refreshed pair replaced
            await client.execute(SHOP, token.access_token, documents.SHOP)


async def test_a_lost_answer_is_uncertain_and_the_repeat_is_taken(store: Running) -> None:
    token = (await installed(store)).access_token
    fault = {"target": "admin", "match": "discountCodeBasicCreate", "kind": "timeout_after", "count": 1}
    await store.dev("PUT", "/faults", [fault])
    async with Shopify(store.url + "/shops/{shop}", "2026-10", timeout=0.5) as client:
        with pytest.raises(Unavailable) as lost:
            await client.execute(SHOP, token, documents.DISCOUNT_BASIC_CREATE, {"discount": DISCOUNT})
        assert lost.value.uncertain
        with pytest.raises(UserErrors) as again:
            await client.execute(SHOP, token, documents.DISCOUNT_BASIC_CREATE, {"discount": DISCOUNT})
        assert again.value.has("TAKEN")
    assert [code["code"] for code in (await store.dev("GET", f"/shops/{SHOP}/codes"))["data"]] == ["TEN"]


async def test_throttling_says_how_long(store: Running) -> None:
    token = (await installed(store)).access_token
    await store.dev("PUT", f"/shops/{SHOP}/throttle", {"maximum": 100, "restore": 5, "available": 0})
    async with Shopify(store.url + "/shops/{shop}", "2026-10") as client:
        with pytest.raises(Throttled) as throttled:
            await client.execute(SHOP, token, documents.DISCOUNT_BASIC_CREATE, {"discount": DISCOUNT})
    assert 0 < throttled.value.retry_after <= 2


async def test_interleaved_shops_keep_their_tokens(store: Running) -> None:
    tokens = {shop: (await installed(store, shop)).access_token for shop in (SHOP, OTHER)}
    await store.dev("PUT", "/faults", [{"target": "admin", "shop": SHOP, "kind": "5xx", "probability": 0.5, "seed": 3}])
    async with Shopify(store.url + "/shops/{shop}", "2026-10") as client:
        calls = [client.execute(shop, tokens[shop], documents.SHOP) for _ in range(20) for shop in tokens]
        answers = await asyncio.gather(*calls, return_exceptions=True)
    names = [a["shop"]["myshopifyDomain"] if isinstance(a, dict) else None for a in answers]
    assert names[1::2] == [OTHER] * 20
    assert set(names[::2]) == {SHOP, None}
    for shop, token in tokens.items():
        seen = (await store.dev("GET", f"/shops/{shop}/calls"))["data"]
        assert {(call["token"], call["token_shop"]) for call in seen} == {(token, shop)}

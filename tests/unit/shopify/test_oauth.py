"""The install: where the merchant goes, and what the token endpoint answers."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from shared.shopify import Unauthorized, Unavailable
from shared.shopify.oauth import OAuth, token_of

SHOP = "vouch-demo.myshopify.com"
FORMS = web.AppKey("forms", list[dict[str, str]])
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


async def _token_endpoint(request: web.Request) -> web.Response:
    form = {key: str(value) for key, value in (await request.post()).items()}
    request.app[FORMS].append(form)
    status = {"used": 400, "broken": 500}.get(form.get("code", ""), 200)
    answer = {
        "access_token": "shpat_1",
        "scope": "read_orders,write_discounts",
        "expires_in": 3600,
        "refresh_token": "r1",
    }
    return web.json_response(answer, status=status)


@pytest.fixture
async def endpoint() -> AsyncIterator[TestServer]:
    app = web.Application()
    app[FORMS] = []
    app.router.add_post(f"/shops/{SHOP}/admin/oauth/access_token", _token_endpoint)
    server = TestServer(app)
    async with server:
        yield server


@pytest.fixture
async def oauth(endpoint: TestServer) -> AsyncIterator[OAuth]:
    async with aiohttp.ClientSession() as http:
        yield OAuth(f"http://127.0.0.1:{endpoint.port}/shops/{{shop}}", http)


async def test_authorize_url(oauth: OAuth) -> None:
    url = urlsplit(
        oauth.authorize_url(SHOP, "id", ["read_orders", "write_discounts"], "https://v.example/cb?x=1", "s&t")
    )
    assert url.path == f"/shops/{SHOP}/admin/oauth/authorize"
    assert parse_qs(url.query) == {
        "client_id": ["id"],
        "scope": ["read_orders,write_discounts"],
        "redirect_uri": ["https://v.example/cb?x=1"],
        "state": ["s&t"],
    }


async def test_exchange_asks_for_an_expiring_token(oauth: OAuth, endpoint: TestServer) -> None:
    token = await oauth.exchange(SHOP, "id", "secret", "code")
    assert (token.access_token, token.refresh_token, token.scopes) == (
        "shpat_1",
        "r1",
        ["read_orders", "write_discounts"],
    )
    assert endpoint.app[FORMS] == [{"client_id": "id", "client_secret": "secret", "code": "code", "expiring": "1"}]


async def test_refresh(oauth: OAuth, endpoint: TestServer) -> None:
    await oauth.refresh(SHOP, "id", "secret", "r0")
    assert endpoint.app[FORMS][0]["grant_type"] == "refresh_token"
    assert endpoint.app[FORMS][0]["refresh_token"] == "r0"


async def test_refusals(oauth: OAuth) -> None:
    with pytest.raises(Unauthorized):
        await oauth.exchange(SHOP, "id", "secret", "used")
    with pytest.raises(Unavailable):
        await oauth.exchange(SHOP, "id", "secret", "broken")
    with pytest.raises(ValueError, match="permanent domain"):
        await oauth.exchange("evil.example", "id", "secret", "code")


def test_lifetimes() -> None:
    token = token_of({"access_token": "a", "scope": "", "expires_in": 3600, "refresh_token_expires_in": 7776000}, NOW)
    assert token.expires_at == NOW + timedelta(hours=1)
    assert token.refresh_expires_at == NOW + timedelta(days=90)
    assert token_of({"access_token": "a"}, NOW).expires_at is None

"""Installing the app at the dev store: OAuth, subscriptions, a token that is refreshed before it ends."""

from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest

from shared.settings import Settings
from tests.integration import devstore_running
from tests.integration.devstore_running import Running
from tests.integration.gateway_running import Door, Tenant, gateway_running, local, ready, tenant, until

pytestmark = pytest.mark.timeout(240)
SHOP = "vouch-demo.myshopify.com"


@pytest.fixture
async def devstore(tmp_path: Path) -> AsyncIterator[Running]:
    async with devstore_running.running(tmp_path / "devstore.sqlite") as found:
        yield found


@pytest.fixture
def settings(
    mongo_uri: str, kafka: str, kafka_kind: str, topic_prefix: str, database_prefix: str, devstore: Running
) -> Settings:
    return local(
        mongo_uri,
        kafka,
        topic_prefix,
        database_prefix,
        kafka_embedded=kafka_kind == "embedded",
        shopify_url=f"{devstore.url}/shops/{{shop}}",
        public_url=devstore.app_url,
    )


@pytest.fixture
async def door(settings: Settings) -> AsyncIterator[Door]:
    async with gateway_running(settings) as running:
        await ready(running)
        yield running


async def callback(door: Door, devstore: Running, brand: Tenant) -> httpx.Response:
    """Begin the install, let the merchant approve, and follow the way back as far as the gateway."""
    shops = {shop["domain"]: shop for shop in (await devstore.dev("GET", "/shops"))["data"]}
    app = {"client_id": shops[SHOP]["client_id"], "client_secret": shops[SHOP]["client_secret"]}
    begun = await door.call("POST", "/v1/admin/shopify/install", brand.owner, json=app)
    assert begun.status_code == 200, begun.text
    async with devstore.client.get(begun.json()["authorize_url"], allow_redirects=False) as approved:
        back = approved.headers["Location"]
    assert urlsplit(back).path == "/v1/shopify/callback"
    return await door.http.get("/v1/shopify/callback", params=dict(parse_qsl(urlsplit(back).query)))


async def test_the_app_is_installed_and_hears_the_shop(door: Door, devstore: Running) -> None:
    brand = await tenant(door)
    done = await callback(door, devstore, brand)
    assert done.status_code == 200, done.text
    assert done.json()["connected"] is True
    again = await door.http.get("/v1/shopify/callback", params=dict(parse_qsl(str(done.request.url.query, "ascii"))))
    assert again.json() == done.json(), "loading the page again changes nothing"

    async def subscribed() -> bool:
        shop = (await door.call("GET", "/v1/admin/shopify", brand.viewer)).json()
        return shop["connected"] and "ORDERS_CREATE" in shop["subscriptions"]

    await until(subscribed, "the webhooks are subscribed")
    shop = (await door.call("GET", "/v1/admin/shopify", brand.viewer)).json()
    assert shop["refused_subscriptions"] == {}
    found = (await devstore.dev("GET", f"/shops/{SHOP}/subscriptions"))["data"]
    assert {one["uri"] for one in found} == {f"{devstore.app_url}/webhooks/shopify"}
    raw = await door.gateway.databases.gateway.find_one("shops", {"_id": brand.id})
    assert raw is not None
    assert raw["sealed_token"].startswith("s1.")


async def test_a_token_is_refreshed_and_stays_ours(door: Door, devstore: Running) -> None:
    brand = await tenant(door)
    await callback(door, devstore, brand)
    own = door.gateway._own

    async def installed() -> bool:
        return await own["effects"].count_documents({"kind": "refresh_shop_token", "state": "pending"}) == 1

    await until(installed, "the refresh is planned")
    before = await own["shops"].find_one({"_id": brand.id})
    await own["effects"].update_one({"kind": "refresh_shop_token"}, {"$currentDate": {"due": True}})

    async def refreshed() -> bool:
        now = await own["shops"].find_one({"_id": brand.id})
        return bool(now and before and now["sealed_refresh_token"] != before["sealed_refresh_token"])

    await until(refreshed, "the next token is kept")
    assert await own["effects"].count_documents({"kind": "refresh_shop_token", "state": "pending"}) == 1
    assert await own["effects"].count_documents({"kind": "subscribe_webhooks"}) == 1


async def test_forged_callbacks_are_refused(door: Door, devstore: Running) -> None:
    brand = await tenant(door)
    done = await callback(door, devstore, brand)
    good = dict(parse_qsl(str(done.request.url.query, "ascii")))
    other_state = door.gateway.credentials.install_state(brand.id, "other-brand.myshopify.com")
    for wrong, status in (
        ({**good, "hmac": "0" * 64}, 401),
        ({**good, "code": "x"}, 401),
        ({**good, "state": other_state}, 401),
        ({**good, "state": "x"}, 401),
        ({name: value for name, value in good.items() if name != "hmac"}, 400),
        ({name: value for name, value in good.items() if name != "state"}, 422),
    ):
        assert (await door.http.get("/v1/shopify/callback", params=wrong)).status_code == status

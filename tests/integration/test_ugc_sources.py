"""What the service calls for by itself: the catalogue at the dev store, comments at the dev network."""

import json
from pathlib import Path

import pytest

from services.ugc import views
from services.ugc.mentions.effects import due_polls
from shared.contracts.gateway import ConnectionConfigured, ShopConnected
from shared.contracts.ingress import IngressHeader
from shared.ids import new_id
from shared.pages import Page
from shared.records import Header, Outgoing
from shared.security.sealing import Sealer
from shared.settings import Settings
from shared.topics import Topic
from tests.integration import devstore_running
from tests.integration.ugc_running import BRAND, Ugc, fake_network, running, until
from tests.settings import settings_for
from tests.unit.devnet.support import running_devnet
from tests.unit.networks.support import SECRETS, SETTINGS


@pytest.fixture
def settings(mongo_uri: str, kafka: str, kafka_kind: str, topic_prefix: str, database_prefix: str) -> Settings:
    return settings_for(mongo_uri, kafka, topic_prefix, database_prefix, kafka_embedded=kafka_kind == "embedded")


async def _catalogue(ugc: Ugc) -> list[views.ProductView]:
    return (await views.products(ugc.db, BRAND, Page(limit=200))).data


async def test_the_catalogue_comes_by_sync_and_stays_current_by_webhooks(settings: Settings, tmp_path: Path) -> None:
    async with fake_network() as network, devstore_running.running(tmp_path / "store.sqlite") as store:
        local = settings.model_copy(update={"shopify_url": f"{store.url}/shops/{{shop}}"})
        async with running(local, network) as ugc:
            token = Sealer(settings.key_bytes).seal(BRAND, await store.token())
            await ugc.publish(ShopConnected(brand_id=BRAND, shop_domain=devstore_running.SHOP, sealed_token=token))

            async def synced() -> bool:
                return len(await _catalogue(ugc)) >= 12

            await until(synced, "a dozen products")
            real = [product for product in await _catalogue(ugc) if product.id not in ("8001", "8002")]
            assert any(product.titles.get("ru") for product in real)
            assert all(product.url and product.handle for product in real)
            await _webhook(ugc, "products/delete", {"id": int(real[0].id)})
            later = {
                "id": int(real[1].id),
                "title": "New name",
                "handle": real[1].handle,
                "updated_at": "2099-01-01T00:00:00Z",
            }
            await _webhook(ugc, "products/update", later)
            await _webhook(ugc, "products/update", later | {"title": "Old name", "updated_at": "2001-01-01T00:00:00Z"})

            async def changed() -> bool:
                gone = await views.product(ugc.db, BRAND, real[0].id)
                renamed = await views.product(ugc.db, BRAND, real[1].id)
                return gone is None and renamed is not None and renamed.title == "New name"

            await until(changed, "one product is gone, one renamed by the newest webhook")


async def _webhook(ugc: Ugc, topic: str, body: dict[str, object]) -> None:
    headers = {
        Header.BRAND: BRAND,
        Header.ID: new_id("in"),
        IngressHeader.SHOPIFY_TOPIC: topic,
        IngressHeader.TRIGGERED_AT: "2099-01-01T00:00:00Z",
    }
    key = f"{BRAND}:product:{body['id']}".encode()
    await ugc.runtime.producer.publish([Outgoing(Topic.INGRESS_SHOPIFY, key, json.dumps(body).encode(), headers)])


async def test_a_network_that_pushes_nothing_is_polled(settings: Settings, tmp_path: Path) -> None:
    async with fake_network() as network, running_devnet(str(tmp_path / "net.sqlite")) as devnet:
        local = settings.model_copy(update={"youtube_api_url": f"{devnet.url}/youtube"})
        async with running(local, network) as ugc:
            sealed = Sealer(settings.key_bytes).seal(BRAND, json.dumps(SECRETS["youtube"]))
            await ugc.publish(
                ConnectionConfigured(
                    brand_id=BRAND,
                    connection_id="con_yt",
                    network="youtube",
                    name="YouTube",
                    settings=SETTINGS["youtube"],
                    sealed_secrets=sealed,
                )
            )
            post = await devnet.say("youtube", "Обожаю ваш кофе!")

            async def heard() -> bool:
                return await ugc.mention(str(post["id"]), "youtube") is not None

            await until(heard, "the comment is found by polling")
            assert (await ugc.reply("proposed")).network == "youtube"
            state = await ugc.db.find_one("polls", {"_id": "con_yt"})
            assert state
            assert (state["round"], state["failed"]) == (1, None)
            assert await due_polls(ugc.db, state["due_at"])

"""The rewards service at work between real Kafka, real MongoDB and the dev store; two brands, each with its shop."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from services.rewards import effects, views
from services.rewards.app import app as rewards
from services.rewards.views import GrantView
from shared.commands import CommandBus
from shared.contracts.ambassadors import OrderAttributed
from shared.contracts.base import Command, Message
from shared.contracts.gateway import BrandConfigured, BrandProfile, ShopConnected
from shared.contracts.ingress import IngressHeader
from shared.contracts.rewards import CampaignTerms, SetCampaign
from shared.errors import Reply
from shared.ids import new_id
from shared.money import Money
from shared.mongo import ReadOnly
from shared.pages import Page
from shared.records import Header, Outgoing, outgoing
from shared.runtime import Runtime
from shared.security.sealing import Sealer
from shared.settings import Settings, load_settings
from shared.shopify import Shopify, documents
from shared.topics import Topic
from tests.integration.devstore_running import OTHER, SHOP, App, Running, running
from tests.settings import environment, settings_for

BRANDS = {SHOP: "brd_coffee", OTHER: "brd_sport"}
NAMES = {SHOP: ("Zerno Coffee", "EUR"), OTHER: ("Stride Athletics", "USD")}
TOPICS = ("ORDERS_CREATE", "ORDERS_UPDATED", "ORDERS_PAID", "ORDERS_CANCELLED", "REFUNDS_CREATE")


@dataclass
class Stage:
    """What a test acts on."""

    store: Running
    runtime: Runtime
    bus: CommandBus
    tokens: Mapping[str, str]

    @property
    def db(self) -> ReadOnly:
        return ReadOnly(self.runtime.database)

    async def say(self, *messages: Message) -> None:
        """Events of other services."""
        await self.runtime.producer.publish([outgoing(message) for message in messages])

    async def command(self, command: Command, actor: str = "key:test") -> Reply:
        reply = await self.bus.execute(command, actor=actor, command_id=new_id("cmd"), timeout=30)
        assert reply, f"no answer to {command}"
        return reply

    async def campaign(self, shop: str = SHOP, **changes: Any) -> str:
        """An active campaign: 10% for the buyer of an attributed order of 20 or more."""
        fields: dict[str, Any] = {
            "name": "Thank a friend's friend", "title": {"en": "10% off your next order", "ru": "Скидка 10%"},
            "trigger": "order_attributed", "condition": "order.total >= 20", "recipient": "buyer",
            "reward": {"kind": "percent", "value": "10"}, "caps": {"per_person": None},
        }  # fmt: skip
        id = new_id("cmp")
        terms = CampaignTerms.model_validate(fields | changes)
        reply = await self.command(SetCampaign(brand_id=BRANDS[shop], campaign_id=id, terms=terms))
        assert reply.status == 201, reply
        return id

    async def customer(self, shop: str = SHOP, index: int = 0) -> str:
        found = (await self.store.dev("GET", f"/shops/{shop}/customers"))["data"]
        return str(found[index]["id"])

    async def grants(self, shop: str = SHOP) -> list[GrantView]:
        return (await views.grants(self.db, BRANDS[shop], Page(limit=200))).data

    async def statuses(self, shop: str = SHOP) -> list[str]:
        return sorted(grant.status for grant in await self.grants(shop))

    async def rewards(self, customer: str, shop: str = SHOP) -> list[GrantView]:
        return (await views.rewards_of_customer(self.db, BRANDS[shop], customer, Page())).data

    async def codes(self, shop: str = SHOP) -> list[dict[str, Any]]:
        """The discount codes that exist at the shop."""
        return list((await self.store.dev("GET", f"/shops/{shop}/codes"))["data"])


def attributed(customer: str | None, order: str = "9001", total: str = "54.00", shop: str = SHOP) -> OrderAttributed:
    currency = NAMES[shop][1]
    return OrderAttributed(
        brand_id=BRANDS[shop], order_id=order, order_name=f"#{order}", ambassador_id="amb_1", customer_id=customer,
        rule="code", ordered_at=datetime.now(UTC), total=Money.of(total, currency),
        commission=Money.of("5.40", currency),
    )  # fmt: skip


class Door(App):
    """Stands in for the gateway: webhooks become ingress records."""

    runtime: Runtime | None = None

    async def hear(self, request: Any) -> Any:
        response = await super().hear(request)
        heard = self.heard[-1]
        if self.runtime and "x-shopify-topic" in heard.headers:
            await self.runtime.producer.publish([ingress(heard.headers, heard.body)])
        return response


def ingress(headers: Mapping[str, str], body: bytes) -> Outgoing:
    """A webhook as the gateway puts it on Kafka."""
    brand, topic, payload = BRANDS[headers["x-shopify-shop-domain"]], headers["x-shopify-topic"], json.loads(body)
    order = payload.get("order_id") or payload.get("id")
    said = {
        Header.BRAND: brand,
        Header.DEDUPE: headers["x-shopify-webhook-id"],
        IngressHeader.SHOPIFY_TOPIC: topic,
    }
    return Outgoing(Topic.INGRESS_SHOPIFY, f"{brand}:{order}".encode(), body, {str(k): v for k, v in said.items()})


async def until(holds: Callable[[], Awaitable[Any]], what: str, seconds: float = 60) -> None:
    """Wait for something to become true."""
    for _ in range(int(seconds / 0.1)):
        if await holds():
            return
        await asyncio.sleep(0.1)
    pytest.fail(f"not within {seconds} s: {what}")


@asynccontextmanager
async def staged(settings: Settings, data: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stage]:
    """Everything running, both shops connected and subscribed."""
    door = Door()
    async with running(data, door) as store:
        settings = settings.model_copy(update={"shopify_url": f"{store.url}/shops/{{shop}}"})
        for name, value in environment(settings).items():
            monkeypatch.setenv(name, value)
        load_settings.cache_clear()
        # A shop that never answers is given up after three seconds instead of twenty.
        client = Shopify(settings.shopify_url, settings.shopify_api_version, timeout=3.0)
        monkeypatch.setattr(effects, "_client", lambda url, version: client)
        runtime = Runtime(rewards, settings)
        await runtime.start()
        door.runtime = runtime
        bus = CommandBus(settings, runtime.producer)
        await bus.start()
        try:
            tokens = {shop: await store.token(shop) for shop in BRANDS}
            stage = Stage(store, runtime, bus, tokens)
            await _connect(stage, settings)
            yield stage
        finally:
            await bus.stop()
            await runtime.stop()
            client.close()
            load_settings.cache_clear()


async def _connect(stage: Stage, settings: Settings) -> None:
    sealer = Sealer(settings.key_bytes)
    for shop, brand in BRANDS.items():
        name, currency = NAMES[shop]
        profile = BrandProfile(name=name, shop_domain=shop, currency=currency, storefront_url="https://shop.example")
        token = stage.tokens[shop]
        sealed = sealer.seal(brand, token)
        await stage.say(
            BrandConfigured(brand_id=brand, profile=profile),
            ShopConnected(brand_id=brand, shop_domain=shop, sealed_token=sealed),
        )
        async with Shopify(settings.shopify_url, settings.shopify_api_version) as client:
            for topic in TOPICS:
                subscription = {"uri": f"{stage.store.app_url}/webhooks/shopify", "format": "JSON"}
                variables = {"topic": topic, "subscription": subscription}
                await client.execute(shop, token, documents.WEBHOOK_SUBSCRIPTION_CREATE, variables)
    await until(lambda: _connected(stage), "both shops known")


async def _connected(stage: Stage) -> bool:
    return await stage.db.count("shops", {}) == len(BRANDS) == await stage.db.count("brands", {})


def stage_settings(mongo_uri: str, kafka: str, kafka_kind: str, topic_prefix: str, database_prefix: str) -> Settings:
    return settings_for(mongo_uri, kafka, topic_prefix, database_prefix, kafka_embedded=kafka_kind == "embedded")

"""The service at work in this process, beside a fake network that counts what reaches it."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from aiohttp import web

from services.ugc import views
from services.ugc.app import app
from services.ugc.models import mention_id
from services.ugc.views import MentionView, ReplyView
from shared.commands import CommandBus
from shared.contracts.base import Command, Message
from shared.contracts.gateway import BrandConfigured, BrandProfile, ConnectionConfigured, NetworkName
from shared.contracts.ingress import IngressHeader
from shared.contracts.ugc import CatalogueProduct, RecordProduct
from shared.errors import Reply
from shared.ids import new_id
from shared.mongo import ReadOnly
from shared.pages import Page
from shared.records import Header, Outgoing, outgoing
from shared.runtime import Runtime
from shared.security.sealing import Sealer
from shared.settings import Settings
from shared.topics import Topic

BRAND = "brd_test"
COMMENT = "wall-2001_45_r67"
COMMENTED = int(datetime.now(UTC).timestamp()) - 60
CONNECTIONS: dict[NetworkName, str] = {"telegram": "con_tg", "vk": "con_vk"}
SECRETS = {
    "telegram": {"secret": "s", "bot_token": "7:AA"},
    "vk": {"secret": "s", "confirmation": "c", "access_token": "t"},
}
SETTINGS = {"telegram": {"automation": "on"}, "vk": {"group_id": "2001"}}


@dataclass
class FakeNetwork:
    """Takes posts of Telegram and VK in their shapes. `mode`: how the next posts are answered."""

    posts: list[dict[str, Any]] = field(default_factory=list)
    guids: dict[str, int] = field(default_factory=dict)
    mode: list[str] = field(default_factory=list)
    url: str = ""

    async def telegram(self, request: web.Request) -> web.Response:
        body = await request.json()
        mode = self.mode.pop(0) if self.mode else "ok"
        if mode == "flood":
            return web.json_response({"ok": False, "error_code": 429, "parameters": {"retry_after": 1}}, status=429)
        self.posts.append(body)
        if mode == "silent":
            await asyncio.sleep(3600)
        if mode == "broken":
            return web.Response(status=502)
        result = {"message_id": 900 + len(self.posts), "chat": {"id": body["chat_id"], "type": "supergroup"}, "date": 0}
        return web.json_response({"ok": True, "result": result})

    async def vk(self, request: web.Request) -> web.Response:
        form = dict(await request.post())
        mode = self.mode.pop(0) if self.mode else "ok"
        guid = str(form["guid"])
        if guid not in self.guids:
            self.guids[guid] = 500 + len(self.guids)
            self.posts.append(form)
        if mode == "broken":
            return web.Response(status=502)
        return web.json_response({"response": {"comment_id": self.guids[guid]}})


@asynccontextmanager
async def fake_network() -> AsyncIterator[FakeNetwork]:
    fake = FakeNetwork()
    application = web.Application()
    application.router.add_post("/telegram/bot{token}/sendMessage", fake.telegram)
    application.router.add_post("/vk/method/wall.createComment", fake.vk)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    fake.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield fake
    finally:
        await runner.cleanup()


@dataclass
class Ugc:
    """What a test does with the service."""

    runtime: Runtime
    bus: CommandBus
    network: FakeNetwork
    settings: Settings

    @property
    def db(self) -> ReadOnly:
        return ReadOnly(self.runtime.database)

    async def hear(self, network: NetworkName, body: dict[str, Any], *, dedupe: str | None = None) -> None:
        """A delivery as the gateway puts it on Kafka."""
        headers = {
            Header.BRAND: BRAND,
            Header.ID: new_id("in"),
            Header.DEDUPE: dedupe or new_id("dd"),
            IngressHeader.NETWORK: network,
            IngressHeader.CONNECTION: CONNECTIONS[network],
        }
        key = f"{BRAND}:{CONNECTIONS[network]}".encode()
        await self.runtime.producer.publish([Outgoing(Topic.INGRESS_SOCIAL, key, json.dumps(body).encode(), headers)])

    async def publish(self, *messages: Message) -> None:
        await self.runtime.producer.publish([outgoing(message) for message in messages])

    async def command(self, command: Command) -> Reply:
        reply = await self.bus.execute(command, actor="key:key_1", command_id=new_id("cmd"), timeout=20)
        assert reply is not None
        return reply

    async def mention(self, external_id: str, network: NetworkName = "telegram") -> MentionView | None:
        return await views.mention(self.db, BRAND, mention_id(BRAND, network, external_id))

    async def replies(self) -> list[ReplyView]:
        """All replies, oldest first."""
        return (await views.replies(self.db, BRAND, Page(limit=100))).data[::-1]

    async def reply(self, status: str, *, number: int = -1) -> ReplyView:
        """Wait until a reply (the last one) has a status."""

        async def there() -> bool:
            found = await self.replies()
            return bool(found) and len(found) >= abs(number) and found[number].status == status

        await until(there, f"a reply that is {status}")
        return (await self.replies())[number]


def update(
    text: str, message: int = 45, *, edited: bool = False, reply_to: int | None = None, author: int = 42
) -> dict[str, Any]:
    """A Telegram update: somebody writes in the brand's group now."""
    now = int(datetime.now(UTC).timestamp())
    said: dict[str, Any] = {
        "message_id": message,
        "date": now - 60,
        "chat": {"id": -100200, "type": "supergroup", "title": "Northwind"},
        "from": {"id": author, "is_bot": False, "first_name": "Анна", "username": f"user{author}"},
        "text": text,
    }
    if edited:
        said["edit_date"] = now
    if reply_to:
        said["reply_to_message"] = {"message_id": reply_to, "date": now - 90, "chat": said["chat"], "text": "…"}
    return {"update_id": message * 10 + edited, "edited_message" if edited else "message": said}


def wall_reply(text: str, action: str = "new", comment: int = 67) -> dict[str, Any]:
    """A VK event: a comment under the community's post. VK tells no time of an edit."""
    what = {"id": comment, "post_id": 45, "owner_id": -2001, "post_owner_id": -2001}
    if action != "delete":
        what |= {"from_id": 31, "date": COMMENTED, "text": text}  # type: ignore[dict-item]
    kind = f"wall_reply_{action}"
    return {"type": kind, "group_id": 2001, "event_id": f"e{comment}", "v": "5.199", "secret": "s", "object": what}


def product(number: str, title: str, russian: str) -> RecordProduct:
    return RecordProduct(
        brand_id=BRAND,
        product_id=number,
        product=CatalogueProduct(
            product_id=number,
            title=title,
            titles={"en": title, "ru": russian},
            handle=title.lower().replace(" ", "-"),
            product_type="coffee",
            url=f"https://northwind.example/products/{number}",
            updated_at=datetime.now(UTC),
        ),
    )


async def until(holds: Callable[[], Awaitable[bool]], what: str, seconds: float = 40) -> None:
    """Wait for something to become true; fails with `what` when it doesn't."""
    for _ in range(int(seconds / 0.05)):
        if await holds():
            return
        await asyncio.sleep(0.05)
    pytest.fail(f"not within {seconds} s: {what}")


@asynccontextmanager
async def running(settings: Settings, network: FakeNetwork, *, prepared: bool = True) -> AsyncIterator[Ugc]:
    """The service in this process, with a brand, two connections and two products."""
    local = settings.model_copy(
        update={"telegram_api_url": f"{network.url}/telegram", "vk_api_url": f"{network.url}/vk"}
    )
    runtime = Runtime(app, local)
    await runtime.start()
    bus = CommandBus(local, runtime.producer)
    await bus.start()
    ugc = Ugc(runtime, bus, network, local)
    try:
        if prepared:
            await _prepare(ugc)
        yield ugc
    finally:
        await bus.stop()
        await runtime.stop()


async def _prepare(ugc: Ugc) -> None:
    sealer = Sealer(ugc.settings.key_bytes)
    profile = BrandProfile(
        name="Northwind",
        shop_domain="vouch-demo.myshopify.com",
        currency="EUR",
        storefront_url="https://northwind.example",
    )
    connections = [
        ConnectionConfigured(
            brand_id=BRAND,
            connection_id=id,
            network=name,
            name=name,
            settings=SETTINGS[name],
            sealed_secrets=sealer.seal(BRAND, json.dumps(SECRETS[name])),
        )
        for name, id in CONNECTIONS.items()
    ]
    await ugc.publish(
        BrandConfigured(brand_id=BRAND, profile=profile),
        *connections,
        product("8001", "Ethiopia Yirgacheffe", "Эфиопия Иргачефф"),
        product("8002", "Colombia Huila", "Колумбия Уила"),
    )

    async def known() -> bool:
        return await ugc.db.count("connections", {}) == 2 and await ugc.db.count("products", {}) == 2

    await until(known, "the brand, its connections and its products are known")

"""The ambassadors service at work on real Kafka and MongoDB, with a brand, a programme and two active ambassadors."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from services.ambassadors import views
from services.ambassadors.app import app as ambassadors
from shared.commands import CommandBus
from shared.contracts.ambassadors import AddAmbassador, AmbassadorProfile, ChangeAmbassador, ProgramTerms, SetProgram
from shared.contracts.base import Command, Message
from shared.contracts.gateway import BrandConfigured, BrandProfile
from shared.contracts.ingress import IngressHeader
from shared.errors import Reply
from shared.ids import new_id
from shared.mongo import ReadOnly
from shared.pages import Page
from shared.records import Header, Outgoing, outgoing
from shared.runtime import Runtime
from shared.settings import Settings
from shared.topics import Topic
from tests.integration.rewards_stage import until

BRAND, OTHER_BRAND = "brd_coffee", "brd_sport"
Webhook = tuple[str, bytes]


@dataclass
class Stage:
    """What a test acts on."""

    runtime: Runtime
    bus: CommandBus

    @property
    def db(self) -> ReadOnly:
        return ReadOnly(self.runtime.database)

    async def say(self, *messages: Message) -> None:
        """Events of other services, or commands nobody waits for."""
        await self.runtime.producer.publish([outgoing(message) for message in messages])

    async def command(self, command: Command, command_id: str | None = None) -> Reply:
        reply = await self.bus.execute(command, actor="key:test", command_id=command_id or new_id("cmd"), timeout=30)
        assert reply, f"no answer to {command}"
        return reply

    async def done(self, command: Command) -> dict[str, Any]:
        """The body of a command that must succeed."""
        reply = await self.command(command)
        assert reply.status < 300, reply
        return reply.body

    async def brand(self, terms: ProgramTerms, brand: str = BRAND, currency: str = "EUR", zone: str = "UTC") -> str:
        """A brand with a programme; the programme's id."""
        profile = BrandProfile(
            name=brand, shop_domain=f"{brand}.myshopify.com", currency=currency, time_zone=zone,
            storefront_url="https://shop.example",
        )  # fmt: skip
        await self.say(BrandConfigured(brand_id=brand, profile=profile))
        await until(lambda: self.db.find_one("brands", {"_id": brand}), "the brand is known")
        program = new_id("prg")
        await self.done(SetProgram(brand_id=brand, program_id=program, name="Friends", terms=terms))
        return program

    async def ambassador(self, program: str, name: str, brand: str = BRAND, **profile: Any) -> str:
        """An active ambassador, with a code of the name."""
        id = new_id("amb")
        person = AmbassadorProfile(name=name, **profile)
        await self.done(AddAmbassador(brand_id=brand, ambassador_id=id, program_id=program, profile=person))
        await self.done(ChangeAmbassador(brand_id=brand, ambassador_id=id, action="approve"))
        return id

    async def webhooks(self, webhooks: Sequence[Webhook], brand: str = BRAND) -> None:
        """Order webhooks as the gateway puts them on Kafka, one by one."""
        for topic, body in webhooks:
            await self.runtime.producer.publish([ingress(topic, body, brand)])

    async def receipt(self, order_id: int, brand: str = BRAND) -> views.Receipt | None:
        return await views.receipt(self.db, brand, str(order_id))

    async def commissions(self, ambassador: str, brand: str = BRAND) -> list[views.CommissionView]:
        return (await views.commissions(self.db, brand, Page(limit=200), ambassador_id=ambassador)).data

    async def ledger(self, ambassador: str, brand: str = BRAND) -> list[views.EntryView]:
        return (await views.ledger(self.db, brand, ambassador, Page(limit=200))).data

    async def quiet(self) -> None:
        """Wait until nothing has moved for a second: no outbox waits, no partition has gone on."""
        calm, before = 0, await self._progress()
        while calm < 5:
            await asyncio.sleep(0.2)
            now = await self._progress()
            calm = calm + 1 if now == before and not await self.db.count("outbox", {}) else 0
            before = now

    async def _progress(self) -> list[Any]:
        rows = await self.db.find("progress", {}, sort=[("_id", 1)], projection={"next": 1})
        return [(row["_id"], row["next"]) for row in rows]


def ingress(topic: str, body: bytes, brand: str = BRAND, webhook_id: str | None = None) -> Outgoing:
    """An order webhook as the gateway puts it on Kafka."""
    said = {
        str(Header.BRAND): brand,
        str(Header.DEDUPE): webhook_id or new_id("hook"),
        str(IngressHeader.SHOPIFY_TOPIC): topic,
    }
    return Outgoing(Topic.INGRESS_SHOPIFY, f"{brand}:order".encode(), body, said)


@asynccontextmanager
async def staged(settings: Settings) -> AsyncIterator[Stage]:
    """The service in this process, and somebody who sends it commands."""
    runtime = Runtime(ambassadors, settings)
    await runtime.start()
    bus = CommandBus(settings, runtime.producer)
    await bus.start()
    try:
        yield Stage(runtime, bus)
    finally:
        await bus.stop()
        await runtime.stop()

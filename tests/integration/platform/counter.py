"""A small service for the platform's tests: counts what it is told to, says so, and can be made to crash.

Run as a process: `python -m tests.integration.platform.counter [crash point]`. Crash points are SIGKILLs of itself:
`before-commit`, `after-commit` (before publishing), `after-publish` (before the outbox is cleaned up).
"""

import asyncio
import os
import signal
import sys
from typing import Any, ClassVar

from shared.contracts.rewards import CampaignChanged, ChangeCampaign
from shared.documents import Document
from shared.errors import Refused, Reply
from shared.handlers import Handlers
from shared.kafka import Producer
from shared.progress import ProgressStore
from shared.records import Meta
from shared.runtime import Runtime, ServiceApp
from shared.settings import load_settings
from shared.telemetry import configure_logging
from shared.topics import Service
from shared.unit_of_work import UnitOfWork


class Counter(Document):
    """How often something was wished for (`id`), and how often that was heard of (`heard:id`)."""

    collection: ClassVar[str] = "counters"
    count: int = 0


def counting(broken: set[str] | None = None) -> Handlers:
    """Handlers that count `ChangeCampaign` per campaign and hear their own events; ids in `broken` fail."""
    handlers = Handlers(Service.REWARDS)
    failing = broken if broken is not None else set()

    @handlers.on(ChangeCampaign, prefetch=lambda message: [(Counter, message.campaign_id)])
    async def change(message: ChangeCampaign, uow: UnitOfWork, meta: Meta) -> Reply:
        counter = await uow.get(Counter, message.campaign_id) or Counter(
            id=message.campaign_id, brand_id=message.brand_id
        )
        counter = counter.model_copy(update={"count": counter.count + 1})
        uow.save(counter)
        uow.emit(
            CampaignChanged(
                brand_id=message.brand_id,
                campaign_id=counter.id,
                campaign_version=counter.count,
                status="active",
                name="",
            )
        )
        if "*" in failing or message.campaign_id in failing:
            raise RuntimeError(f"cannot count {message.campaign_id}")
        if message.campaign_id.startswith("no"):
            raise Refused(409, "no", "No")
        return Reply(body={"count": counter.count})

    @handlers.on(CampaignChanged)
    async def changed(event: CampaignChanged, uow: UnitOfWork, meta: Meta) -> None:
        uow.increment(Counter, f"heard:{event.campaign_id}", {"count": 1}, {"brand_id": event.brand_id})

    return handlers


def counter_app(broken: set[str] | None = None) -> ServiceApp:
    """The service."""
    return ServiceApp(Service.REWARDS, counting(broken), documents=[Counter])


def _die(*_: Any, **__: Any) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _arm(point: str) -> None:
    """Make the process kill itself at a crash point, once it has something to lose there."""
    put_outbox, publish, published = ProgressStore.put_outbox, Producer.publish, ProgressStore.published

    async def dying_outbox(self: ProgressStore, place: str, first: int, records: list[Any], session: Any) -> list[str]:
        if records:
            _die()
        return await put_outbox(self, place, first, records, session)

    async def dying_publish(self: Producer, records: Any) -> None:
        if records:
            _die()
        await publish(self, records)

    async def dying_published(self: ProgressStore, ids: list[str]) -> None:
        if ids:
            _die()
        await published(self, ids)

    points = {
        "before-commit": (ProgressStore, "put_outbox", dying_outbox),
        "after-commit": (Producer, "publish", dying_publish),
        "after-publish": (ProgressStore, "published", dying_published),
    }
    setattr(*points[point])


async def main(point: str | None) -> None:
    if point:
        _arm(point)
    runtime = Runtime(counter_app(), load_settings())
    await runtime.start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    configure_logging("counter", "INFO")
    asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else None))

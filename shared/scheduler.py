"""Time as messages: one leader per service puts commands on the topics by the clock.

A missed beat is not made up for: whoever handles a tick looks at everything that is due, so a week of downtime ends
with the first tick after it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import structlog
from aiokafka.errors import KafkaError
from pymongo.errors import DuplicateKeyError

from shared.contracts.base import Message
from shared.effects import instance_name
from shared.kafka import Producer
from shared.mongo import Database, ReadOnly, is_transient
from shared.records import outgoing

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Tick:
    """Every `every`, the messages that `make` finds due. `make` reads the service's own database."""

    name: str
    every: timedelta
    make: Callable[[ReadOnly, datetime], Awaitable[Sequence[Message]]]


class Scheduler:
    """Runs ticks while it holds the service's lease."""

    def __init__(self, ticks: Sequence[Tick], database: Database, producer: Producer) -> None:
        self._ticks, self._database, self._producer = ticks, database, producer
        self._leases = database["leases"]
        self._owner = instance_name()
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Begin in the background."""
        self._tasks = [asyncio.create_task(self._beat(tick)) for tick in self._ticks]

    async def stop(self) -> None:
        """Stop at once; another process takes over when the lease runs out."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _beat(self, tick: Tick) -> None:
        while True:
            try:
                if await self._leads(tick):
                    await self._fire(tick)
            except (KafkaError, OSError, TimeoutError) as error:
                log.warning("tick missed", tick=tick.name, error=repr(error))
            except Exception as error:
                if not is_transient(error):
                    log.exception("tick failed", tick=tick.name)
            await asyncio.sleep(tick.every.total_seconds())

    async def _leads(self, tick: Tick) -> bool:
        now = datetime.now(UTC)
        until = now + tick.every * 2 + timedelta(seconds=5)
        free = {"_id": tick.name, "$or": [{"owner": self._owner}, {"until": {"$lt": now}}]}
        try:
            result = await self._leases.update_one(free, {"$set": {"owner": self._owner, "until": until}}, upsert=True)
        except DuplicateKeyError:
            return False
        return result.matched_count == 1 or result.upserted_id is not None

    async def _fire(self, tick: Tick) -> None:
        now = datetime.now(UTC)
        messages = await tick.make(ReadOnly(self._database), now)
        if messages:
            await self._producer.publish([outgoing(message, at=now) for message in messages])

"""What is accepted is durable: on Kafka with all replicas, else in the spool, else it is not accepted."""

import asyncio
from collections.abc import Coroutine
from typing import Any, Literal

import structlog
from aiokafka.errors import KafkaError, MessageSizeTooLargeError
from prometheus_client import Counter
from pymongo.errors import PyMongoError

from services.gateway.spool import Spool
from shared.kafka import Producer
from shared.problems import ProblemError
from shared.records import Outgoing

log = structlog.get_logger(__name__)
ACCEPTED = Counter("vouch_ingress_total", "Ingress records by where they became durable.", ["topic", "where"])
Where = Literal["kafka", "spool"]


class Door:
    """Takes records in. Both waits together stay under the five seconds that senders give."""

    def __init__(
        self, producer: Producer, spool: Spool, *, kafka_timeout: float = 1.5, spool_timeout: float = 2.0
    ) -> None:
        self._producer, self._spool = producer, spool
        self._kafka_timeout, self._spool_timeout = kafka_timeout, spool_timeout
        self._background: set[asyncio.Task[Any]] = set()

    async def accept(self, record: Outgoing) -> Where:
        """Durable when this returns. Raises `ProblemError` (503, or 413 for what Kafka would never take)."""
        ticket = self._spool.ticket()
        where: Where = "kafka"
        if self._spool.behind or not await self._to_kafka(record):
            await self._to_spool(ticket, record)
            where = "spool"
        ACCEPTED.labels(record.topic, where).inc()
        return where

    def accept_later(self, record: Outgoing) -> None:
        """The same in the background, for what nobody waits for (clicks)."""
        self._spawn(self._quietly(record))

    async def stop(self) -> None:
        """Let what is under way become durable."""
        if self._background:
            await asyncio.wait(self._background, timeout=5)

    async def _to_kafka(self, record: Outgoing) -> bool:
        try:
            async with asyncio.timeout(self._kafka_timeout):
                await self._producer.send(record)
            return True
        except MessageSizeTooLargeError:
            raise ProblemError("too-large", "The body is larger than the log takes.") from None
        except (KafkaError, OSError, TimeoutError) as error:
            log.warning("Kafka did not take an ingress record in time; spooling", error=repr(error)[:200])
            return False

    async def _to_spool(self, ticket: str, record: Outgoing) -> None:
        try:
            await self._spool.put(ticket, record, self._spool_timeout)
        except (PyMongoError, OSError, TimeoutError) as error:
            log.error("neither Kafka nor MongoDB takes a record", error=repr(error)[:200])
            ACCEPTED.labels(record.topic, "refused").inc()
            raise ProblemError(
                "unavailable", "It could not be stored; send it again.", headers={"Retry-After": "10"}
            ) from None

    async def _quietly(self, record: Outgoing) -> None:
        try:
            await self.accept(record)
        except ProblemError as error:
            log.warning("a record in the background is lost", topic=record.topic, reason=error.detail)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)

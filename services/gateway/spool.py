"""Where ingress records wait while Kafka is away: MongoDB, majority-written, drained by itself in order.

While anything waits, new records go behind it, so that records of one key reach Kafka in the order they were
accepted. A record may reach Kafka twice (a send whose outcome stayed unknown is spooled too); its dedupe id makes
that one effect.
"""

import asyncio
import time
from itertools import count

import structlog
from aiokafka.errors import KafkaError, MessageSizeTooLargeError
from prometheus_client import Gauge
from pymongo.errors import PyMongoError

from services.gateway.repository import SpoolStore
from shared.effects import instance_name
from shared.kafka import Producer
from shared.mongo import Raw
from shared.records import Outgoing

log = structlog.get_logger(__name__)
DEPTH = Gauge("vouch_spool_records", "Ingress records that wait for Kafka in MongoDB.")
_BATCH = 200
SETTLE = 2.0  # seconds after the first failure in which sends that were under way end


class Spool:
    """One per process; several processes may drain one spool, which repeats records but never reorders a key's."""

    def __init__(self, store: SpoolStore, producer: Producer, *, settle: float = SETTLE) -> None:
        self._store, self._producer, self._settle = store, producer, settle
        self._count, self._name = count(), instance_name()
        self._adding = 0
        self._added = 0
        self._kept = 0
        self._task: asyncio.Task[None] | None = None
        self._wake = asyncio.Event()
        self.behind = False
        """Records wait (or may wait): new ones go behind them."""
        self.depth = 0

    def ticket(self) -> str:
        """A place in line, to be taken when a record arrives."""
        return f"{time.time_ns():020d}-{next(self._count):010d}-{self._name}"

    async def put(self, ticket: str, record: Outgoing, timeout: float) -> None:
        """Keep a record. Raises driver errors and TimeoutError; then it may or may not be kept."""
        quiet, kept = not self.behind, self._kept
        self.behind = True
        self._adding += 1
        try:
            async with asyncio.timeout(timeout):
                await self._store.add(ticket, record.raw())
            self._kept += 1
            self.behind = True
        except BaseException:
            # Nobody was promised anything, so the next record need not wait for MongoDB if Kafka is well.
            self.behind = not quiet or self._kept > kept
            raise
        finally:
            self._added += 1
            self._adding -= 1
        self._wake.set()

    async def start(self) -> None:
        """Drain in the background. What an earlier process left is noticed before anything goes past it."""
        self.behind = True
        self._task = asyncio.create_task(self._live())

    async def stop(self) -> None:
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _live(self) -> None:
        pause = 0.0
        while True:
            try:
                emptied = await self._drain()
                pause = 1.0 if emptied else 0.0
            except (KafkaError, OSError, PyMongoError, TimeoutError) as error:
                log.warning("the spool waits", depth=self.depth, error=repr(error)[:200])
                pause = min(5.0, max(0.5, pause * 2))
            except Exception:
                log.exception("draining the spool")
                pause = 5.0
            await self._rest(pause)

    async def _rest(self, pause: float) -> None:
        """Sleep; a first record after a quiet time starts the settling."""
        if not pause:
            return
        was_quiet = not self.behind
        try:
            await asyncio.wait_for(self._wake.wait(), pause)
            self._wake.clear()
            await asyncio.sleep(self._settle if was_quiet else min(pause, 1.0))
        except TimeoutError:
            return

    async def _drain(self) -> bool:
        """Send what waits longest. True when nothing was waiting."""
        added = self._added
        rows = await self._store.first(_BATCH)
        self.depth = await self._store.depth() if rows else 0
        DEPTH.set(self.depth)
        if rows:
            self.behind = True
            await self._send(rows)
            await self._store.remove([row["_id"] for row in rows])
            log.info("drained the spool", records=len(rows))
            return False
        # Only when nothing was put since we looked is it certain that nothing waits.
        if added == self._added and not self._adding:
            self.behind = False
        return True

    async def _send(self, rows: list[Raw]) -> None:
        async with asyncio.timeout(15):
            try:
                await self._producer.publish([Outgoing.of_raw(row["record"]) for row in rows])
            except MessageSizeTooLargeError:
                await self._one_by_one(rows)

    async def _one_by_one(self, rows: list[Raw]) -> None:
        for row in rows:
            try:
                await self._producer.send(Outgoing.of_raw(row["record"]))
            except MessageSizeTooLargeError as error:
                log.error("Kafka refuses the size of a spooled record; it is set aside", id=row["_id"])
                await self._store.set_aside(row, repr(error))

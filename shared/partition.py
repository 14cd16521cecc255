"""The owner of one Kafka partition: batch after batch through a transaction, messages out behind it, in order."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from time import perf_counter

import structlog
from aiokafka.errors import KafkaError

from shared.batch import Batch, Failure, Inseparable, Outcome
from shared.errors import DataGone, Transient
from shared.failures import FailureWatch, MassFailure
from shared.handlers import Handlers
from shared.kafka import Producer
from shared.mongo import Client, Database, Session, is_transient, transaction
from shared.progress import Fenced, Progress, ProgressStore
from shared.records import Incoming, Outgoing
from shared.telemetry import BATCH_RECORDS, BATCH_SECONDS, DEAD_LETTERS, RECORDS
from shared.unit_of_work import UnitOfWork

log = structlog.get_logger(__name__)
Published = tuple[int, list[str], list[Outgoing]]
_TRIES = 3


class Rewind(Exception):
    """Read again from this offset (None: from the log's beginning)."""

    def __init__(self, offset: int | None) -> None:
        super().__init__(offset)
        self.offset = offset


class Partition:
    """Handles the batches of one partition. Not concurrent with itself; the processor gives it one batch at a time."""

    def __init__(
        self,
        *,
        handlers: Handlers,
        client: Client,
        database: Database,
        store: ProgressStore,
        producer: Producer,
        watch: FailureWatch,
        slots: asyncio.Semaphore,
        cluster: str,
        topic: str,
        number: int,
        committed: Callable[[int], None],
        jobs_written: Callable[[], None],
    ) -> None:
        self._handlers, self._client, self._database = handlers, client, database
        self._store, self._producer, self._watch, self._slots = store, producer, watch, slots
        self._cluster, self._topic, self._number = cluster, topic, number
        self._committed, self._jobs_written = committed, jobs_written
        self._place = f"{topic}/{number}"
        self._origin = f"{handlers.service}/{topic}/{number}"
        self._progress = Progress("", None)
        self._session: Session | None = None
        self._outbound: asyncio.Queue[Published] = asyncio.Queue(maxsize=2)

    async def recover(self) -> int | None:
        """Take the partition over and publish what its outbox still holds.

        Returns the offset to read from (None: the log's beginning).
        """
        self._session = await self._client.start_session()
        self._progress = await self._store.take_over(self._cluster, self._place, self._session)
        await self._publish_left_over()
        return self._progress.next

    async def _publish_left_over(self) -> None:
        for id, records in await self._store.left_over(self._place):
            log.info("publishing what was committed before", place=self._place, messages=len(records))
            await self._publish(records)
            await self._store.published([id])

    async def end(self) -> None:
        """Give the partition up."""
        if self._session:
            await self._session.end_session()

    async def handle(self, records: list[Incoming], log_begins_at: int) -> None:
        """One transaction; backs off while things are away. Raises `Rewind`, `DataGone`, `MassFailure`."""
        records = self._expected(records, log_begins_at)
        if records:
            await self._settle(records)

    def _expected(self, records: list[Incoming], log_begins_at: int) -> list[Incoming]:
        """The records from where progress stands; the client may hand out others around an assignment."""
        expected = self._progress.next
        if expected is None:
            expected = log_begins_at
        if expected < log_begins_at:
            raise DataGone(
                f"{self._place}: records {expected} to {log_begins_at - 1} left the log before they were handled. "
                "Raise the topic's retention, restore what is missing, then set the partition's progress by hand."
            )
        if records[0].offset > expected:
            raise Rewind(expected)
        return [record for record in records if record.offset >= expected]

    async def _settle(self, records: list[Incoming]) -> None:
        for attempt in range(1, 1_000_000):
            try:
                return await self._attempt(records, final=attempt >= _TRIES)
            except Retry as retry:
                await asyncio.sleep(min(0.05 * 2**attempt, 1) if retry.delay is None else retry.delay)
            except Fenced:
                # Whoever got there first may not have published yet; what we publish next must not overtake it.
                await self._publish_left_over()
                self._progress = await self._store.read(self._progress.id)
                raise Rewind(self._progress.next) from None
            except (Inseparable, _Unwritable) as error:
                if len(records) > 1:
                    log.warning("handling one record at a time", place=self._place, reason=repr(error))
                    for record in records:
                        await self._settle([record])
                    return None
                if attempt >= _TRIES:
                    return await self._bury_unwritable(records[0], error)

    async def _attempt(self, records: list[Incoming], *, final: bool, dead: list[Failure] | None = None) -> None:
        began = perf_counter()
        assert self._session
        try:
            async with self._slots:
                progress, outcome, outbox, out, jobs = await transaction(
                    self._session, lambda session: self._body(session, records, final, dead or [])
                )
        except (Fenced, Retry, Inseparable, MassFailure):
            raise
        except Transient as error:
            log.warning("waiting for what is away", place=self._place, error=repr(error))
            raise Retry(1.0) from error
        except Exception as error:
            if is_transient(error):
                log.info("transaction again", place=self._place, error=repr(error)[:120])
                raise Retry() from error
            log.warning("batch failed", place=self._place, error=repr(error)[:1000])
            raise _Unwritable(repr(error)) from error
        self._progress = progress
        self._count(outcome, perf_counter() - began, len(records))
        if jobs:
            self._jobs_written()
        await self._outbound.put((records[-1].offset + 1, outbox, out))

    async def _body(
        self, session: Session, records: list[Incoming], final: bool, dead: list[Failure]
    ) -> tuple[Progress, Outcome, list[str], list[Outgoing], bool]:
        sequences = dict(self._progress.sequences)
        fresh = [record for record in records if _newer(record, sequences)]
        after = self._progress.advanced(records[-1].offset + 1, sequences)
        await self._store.advance(self._progress, after, session)
        uow = UnitOfWork(self._database, session, datetime.now(UTC))
        known = await self._store.answers([id for record in fresh if (id := record.dedupe_id)], session)
        batch = Batch(self._handlers, self._origin, known, uow)
        outcome = await batch.run([] if dead else fresh)
        outcome.repeated += len(records) - len(fresh)
        if outcome.failures:
            await self._judge(outcome, final)
        batch.bury([*dead, *outcome.failures])
        outcome.failures = [*dead, *outcome.failures]
        jobs = bool(uow.jobs)
        await uow.flush()
        await self._store.remember(outcome.answers, session)
        ids = await self._store.put_outbox(self._place, records[0].offset, uow.outbox, session)
        return after, outcome, ids, uow.outbox, jobs

    async def _judge(self, outcome: Outcome, final: bool) -> None:
        """Whether what failed may be buried: not before its tries, and never when nearly everything fails."""
        if not final and not all(failure.permanent for failure in outcome.failures):
            raise Retry()
        places = [f"{self._place}/{failure.record.offset}" for failure in outcome.failures]
        verdict = self._watch.judge(places, outcome.handled + outcome.refused, outcome.failures[0].summary)
        if verdict is not None:
            raise Retry(verdict)

    async def _bury_unwritable(self, record: Incoming, error: Exception) -> None:
        """A record whose changes MongoDB refuses, whatever we do."""
        self._watch.judge([f"{self._place}/{record.offset}"], 0, str(error), patient=False)
        await self._attempt([record], final=True, dead=[Failure(record, error, str(error.__cause__ or error))])

    def _count(self, outcome: Outcome, seconds: float, records: int) -> None:
        service = self._handlers.service
        self._watch.settled(outcome.handled + outcome.refused, len(outcome.failures))
        for name in ("handled", "refused", "repeated", "ignored"):
            RECORDS.labels(service, self._topic, name).inc(getattr(outcome, name))
        for failure in outcome.failures:
            RECORDS.labels(service, self._topic, "dead").inc()
            DEAD_LETTERS.labels(service, self._topic).inc()
            log.error(
                "dead letter",
                topic=failure.record.topic,
                partition=failure.record.partition,
                offset=failure.record.offset,
                error=failure.summary,
                trace=failure.trace,
            )
        BATCH_SECONDS.labels(service).observe(seconds)
        BATCH_RECORDS.labels(service).observe(records)

    # -- out -----------------------------------------------------------------------------------------------------
    async def publish_forever(self) -> None:
        """Publish each committed batch's messages, forget them, then tell Kafka how far we are. Never out of order."""
        while True:
            offset, ids, records = await self._outbound.get()
            await self._publish(records)
            await self._forget(ids)
            self._committed(offset)
            self._outbound.task_done()

    async def drained(self) -> None:
        """Until every committed batch is published."""
        await self._outbound.join()

    async def _publish(self, records: list[Outgoing]) -> None:
        delay = 0.1
        while records:
            try:
                return await self._producer.publish(records)
            except (KafkaError, OSError, TimeoutError) as error:
                log.warning(
                    "can't publish; the outbox keeps it", place=self._place, messages=len(records), error=repr(error)
                )
                await asyncio.sleep(delay)
                delay = min(delay * 2, 2)

    async def _forget(self, ids: list[str]) -> None:
        while ids:
            try:
                return await self._store.published(ids)
            except Exception as error:
                if not is_transient(error):
                    raise
                await asyncio.sleep(0.5)


class Retry(Exception):
    """Do the batch again, after a while (None: the usual back-off)."""

    def __init__(self, delay: float | None = None) -> None:
        super().__init__(delay)
        self.delay = delay


class _Unwritable(Exception):
    """The batch's transaction failed for a reason that trying again won't mend."""


def _newer(record: Incoming, sequences: dict[str, int]) -> bool:
    """Whether the record is above what was seen of its origin; notes it if so."""
    origin = record.origin
    if origin is None:
        return True
    if record.sequence <= sequences.get(origin, -1):
        return False
    sequences[origin] = record.sequence
    return True

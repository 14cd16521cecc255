"""Exactly-once effects from Kafka to MongoDB to Kafka: one owner per partition, one transaction per batch.

For each batch of a partition, one transaction advances the partition's progress document, runs the handlers, writes
state in bulk and one outbox document with all messages. After the commit the messages are published, then the outbox
document is removed, then the offset is committed to Kafka (for lag metrics; the truth is the progress document). On
assignment the outbox is published first, then the consumer seeks to the progress document. Every message carries its
origin partition and a growing sequence; a consumer skips what is not above the highest it has seen of that origin.
A `kill -9` anywhere therefore repeats a publication at most, and never an effect.

What each record, batch and failure means is in `shared/batch.py`, `shared/partition.py` and `shared/failures.py`.
"""

import asyncio
from collections.abc import Callable
from enum import StrEnum
from typing import Any

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import KafkaError

from shared.errors import DataGone
from shared.failures import FailureWatch, MassFailure
from shared.handlers import Handlers
from shared.kafka import Producer, cluster_id, consumer
from shared.mongo import Client, Database, is_transient
from shared.partition import Partition, Rewind
from shared.progress import ProgressStore
from shared.records import Incoming, decode_headers
from shared.settings import Settings
from shared.telemetry import LAG, OUTBOX, PROCESSOR_UP

log = structlog.get_logger(__name__)
_IN_FLIGHT = 3  # transactions at once; more on two cores only wait for each other


class State(StrEnum):
    STARTING = "starting"
    RUNNING = "running"
    STOPPED = "stopped"


class Processor:
    """A service's consumer group: owns partitions, gives each its batches in order, survives whatever goes away."""

    def __init__(
        self,
        settings: Settings,
        handlers: Handlers,
        client: Client,
        database: Database,
        producer: Producer,
        *,
        watch: FailureWatch | None = None,
        jobs_written: Callable[[], None] = lambda: None,
    ) -> None:
        self._settings, self._handlers, self._client, self._database = settings, handlers, client, database
        self._producer, self._jobs_written = producer, jobs_written
        self._store = ProgressStore(database)
        self._watch = watch or FailureWatch()
        self._slots = asyncio.Semaphore(_IN_FLIGHT)
        self._owned: dict[TopicPartition, _Owned] = {}
        self._offsets: dict[TopicPartition, int] = {}
        self._consumer: AIOKafkaConsumer | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._cluster = ""
        self.state = State.STARTING
        self.reason = "connecting"

    # -- life ----------------------------------------------------------------------------------------------------
    async def start(self) -> None:
        """Begin in the background; readiness is in `state` and `reason`."""
        await self._store.prepare()
        self._tasks = [asyncio.create_task(self._live()), asyncio.create_task(self._housekeeping())]

    async def stop(self) -> None:
        """Finish the batches under way, publish what they said, leave the group."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._leave(drain=True)
        self.state, self.reason = State.STOPPED, "shut down"

    async def _live(self) -> None:
        """Consume until stopped; a broker that is away is waited for, a mass failure ends it."""
        while self.state is not State.STOPPED:
            try:
                await self._join()
                await self._consume()
            except (MassFailure, DataGone) as error:
                await self._halt(str(error))
            except (KafkaError, OSError, TimeoutError) as error:
                log.warning("kafka is away; joining again", error=repr(error))
                await self._again(f"kafka is away: {error!r}")
            except asyncio.CancelledError:
                raise
            except Exception as error:
                log.exception("processor broke; joining again")
                await self._again(f"broke: {error!r}")

    async def _again(self, reason: str) -> None:
        self.state, self.reason = State.STARTING, reason
        PROCESSOR_UP.labels(self._handlers.service).set(0)
        await self._leave()
        await asyncio.sleep(1)

    async def _halt(self, reason: str) -> None:
        log.error("processor stopped", reason=reason)
        self.state, self.reason = State.STOPPED, reason
        PROCESSOR_UP.labels(self._handlers.service).set(0)
        await self._leave()

    async def _join(self) -> None:
        self._cluster = await cluster_id(self._settings)
        names = [self._settings.topic_prefix + topic for topic in self._handlers.topics]
        self._consumer = consumer(self._settings, group=f"{self._settings.topic_prefix}{self._handlers.service}")
        self._consumer.subscribe(names, listener=_Rebalance(self))
        await self._consumer.start()
        self.state, self.reason = State.RUNNING, "handling records"
        PROCESSOR_UP.labels(self._handlers.service).set(1)

    async def _leave(self, *, drain: bool = False) -> None:
        await self.release(set(self._owned), drain=drain)
        joined, self._consumer = self._consumer, None
        if joined:
            try:
                await asyncio.wait_for(joined.stop(), 10)
            except (KafkaError, TimeoutError, OSError) as error:
                log.debug("leaving a group whose broker is away", error=repr(error))

    async def _consume(self) -> None:
        assert self._consumer
        while True:
            for owned in list(self._owned.values()):
                owned.check()
            batches = await self._consumer.getmany(timeout_ms=100, max_records=self._settings.batch_size)
            for place, records in batches.items():
                if (owner := self._owned.get(place)) is not None:
                    owner.offer([self._incoming(record) for record in records])

    def _incoming(self, record: Any) -> Incoming:
        topic = record.topic.removeprefix(self._settings.topic_prefix)
        headers = decode_headers(record.headers)
        return Incoming(
            topic, record.partition, record.offset, record.key, record.value or b"", headers, record.timestamp
        )

    # -- assignment ----------------------------------------------------------------------------------------------
    def own(self, places: set[TopicPartition]) -> None:
        """Partitions were assigned: recover each, then handle."""
        if self._consumer is None:
            return  # stopped in the middle of joining
        for place in places - set(self._owned):
            self._owned[place] = _Owned(place, self._consumer, self._partition(place))
        log.info("partitions assigned", count=len(places))

    def _partition(self, place: TopicPartition) -> Partition:
        return Partition(
            handlers=self._handlers, client=self._client, database=self._database, store=self._store,
            producer=self._producer, watch=self._watch, slots=self._slots, cluster=self._cluster,
            topic=place.topic.removeprefix(self._settings.topic_prefix), number=place.partition,
            committed=lambda offset: self._offsets.__setitem__(place, offset), jobs_written=self._jobs_written,
        )  # fmt: skip

    async def release(self, places: set[TopicPartition], *, drain: bool = False) -> None:
        """Partitions go to somebody else. What runs is dropped: the progress document fences it either way."""
        leaving = [owned for place in places if (owned := self._owned.pop(place, None))]
        await asyncio.gather(*(owned.end(drain) for owned in leaving))
        for place in places:
            self._offsets.pop(place, None)

    # -- reporting -----------------------------------------------------------------------------------------------
    async def _housekeeping(self) -> None:
        """Tell Kafka how far we are, and Prometheus how far we are behind."""
        while True:
            await asyncio.sleep(2)
            try:
                await self._commit_offsets()
                OUTBOX.labels(self._handlers.service).set(await self._store.outbox_size())
            except (KafkaError, OSError, TimeoutError) as error:
                log.debug("could not report progress", error=repr(error))
            except Exception as error:
                if not is_transient(error):
                    log.exception("could not report progress")

    async def _commit_offsets(self) -> None:
        consumer, offsets = self._consumer, dict(self._offsets)
        if not consumer:
            return
        mine = {place: offset for place, offset in offsets.items() if place in consumer.assignment()}
        if mine:
            await asyncio.wait_for(consumer.commit(mine), 5)
        for place in self._owned:
            end = consumer.highwater(place)
            if end is not None:
                lag = max(0, end - offsets.get(place, end))
                LAG.labels(
                    self._handlers.service, place.topic.removeprefix(self._settings.topic_prefix), place.partition
                ).set(lag)


class _Owned:
    """One assigned partition: recovers, then takes batches while the consumer is kept from reading too far ahead."""

    def __init__(self, place: TopicPartition, consumer: AIOKafkaConsumer, partition: Partition) -> None:
        self._place, self._consumer, self._partition = place, consumer, partition
        self._queue: asyncio.Queue[list[Incoming]] = asyncio.Queue()
        self._begins_at = 0
        self._pause()
        self._tasks = [asyncio.create_task(self._work()), asyncio.create_task(partition.publish_forever())]

    def offer(self, records: list[Incoming]) -> None:
        """Take a batch; the consumer reads no further until there is room."""
        self._queue.put_nowait(records)
        if self._queue.qsize() >= 2:
            self._pause()

    def check(self) -> None:
        """Raise what ended this partition's work."""
        for task in self._tasks:
            if task.done() and not task.cancelled() and (error := task.exception()):
                raise error

    async def end(self, drain: bool) -> None:
        if drain and not self._tasks[1].done():
            try:
                self._tasks[0].cancel()
                await asyncio.wait_for(self._partition.drained(), 5)
            except TimeoutError:
                log.info("leaving messages to the next owner", topic=self._place.topic, partition=self._place.partition)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._partition.end()

    async def _work(self) -> None:
        await self._seek(await self._recovered())
        while True:
            records = await self._queue.get()
            try:
                await self._partition.handle(records, self._begins_at)
            except Rewind as rewind:
                await self._seek(rewind.offset)
            if self._queue.qsize() < 2:
                self._resume()

    async def _recovered(self) -> int | None:
        while True:
            try:
                return await self._partition.recover()
            except Exception as error:
                if not is_transient(error) and not isinstance(error, (KafkaError, OSError, TimeoutError)):
                    raise
                log.warning(
                    "waiting to recover", topic=self._place.topic, partition=self._place.partition, error=repr(error)
                )
                await asyncio.sleep(0.5)

    async def _seek(self, offset: int | None) -> None:
        while not self._queue.empty():
            self._queue.get_nowait()
        if self._mine():
            await self._check_log(offset)
            self._consumer.seek(self._place, self._begins_at if offset is None else offset)
            self._resume()

    async def _check_log(self, offset: int | None) -> None:
        self._begins_at = (await self._consumer.beginning_offsets([self._place]))[self._place]
        if offset is None:
            return
        end = (await self._consumer.end_offsets([self._place]))[self._place]
        if not self._begins_at <= offset <= end:
            raise DataGone(
                f"{self._place.topic}/{self._place.partition}: handled up to {offset}, but the log holds "
                f"{self._begins_at} to {end}. "
                "It was truncated or replaced by another one: restore it, or set the partition's progress by hand."
            )

    def _mine(self) -> bool:
        return self._place in self._consumer.assignment()

    def _pause(self) -> None:
        if self._mine():
            self._consumer.pause(self._place)

    def _resume(self) -> None:
        if self._mine():
            self._consumer.resume(self._place)


class _Rebalance(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka has no types
    """Keeps no lock: a listener that waits can hold up the whole group."""

    def __init__(self, processor: Processor) -> None:
        self._processor = processor

    async def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
        await self._processor.release(set(revoked))

    async def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        self._processor.own(set(assigned))

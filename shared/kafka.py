"""Kafka behind one door: topics, consumers, and a producer that outlives its broker."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable

import structlog
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError, TopicAlreadyExistsError
from aiokafka.partitioner import DefaultPartitioner

from shared.records import Outgoing, encode_headers
from shared.settings import Settings
from shared.topics import all_topics

log = structlog.get_logger(__name__)
# Longer than the client's own time-out: a producer that another task found broken leaves its waiters without an answer.
_PATIENCE = 15.0
_RECORD_BYTES = 8_000_000
_BATCH_BYTES = 1_000_000  # the client's default of 16 KB starves those who wait on one key
_partitioner = DefaultPartitioner()


async def cluster_id(settings: Settings) -> str:
    """The log's identity: another one means that offsets start anew."""
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.kafka, request_timeout_ms=5000)
    await admin.start()
    try:
        return str((await admin.describe_cluster()).get("cluster_id") or "unnamed")
    finally:
        await admin.close()


async def create_topics(settings: Settings) -> None:
    """Create the topics that are missing. The embedded broker makes them by itself, with four partitions each."""
    if settings.kafka_embedded:
        return
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.kafka, request_timeout_ms=10_000)
    await admin.start()
    try:
        missing = set(all_topics(settings.topic_prefix)) - set(await admin.list_topics())
        # A webhook may be as large as the gateway lets it in (5 MiB); Kafka's default would refuse it at 1 MB.
        config = {"max.message.bytes": str(_RECORD_BYTES)}
        new = [
            NewTopic(name, settings.partitions, settings.replication, topic_configs=config) for name in sorted(missing)
        ]
        if new:
            await admin.create_topics(new)
    except TopicAlreadyExistsError:
        log.debug("another process created the topics first")
    finally:
        await admin.close()


def consumer(settings: Settings, *topics: str, group: str | None, reset: str = "earliest") -> AIOKafkaConsumer:
    """A consumer that never commits by itself."""
    return AIOKafkaConsumer(
        *topics,
        bootstrap_servers=settings.kafka,
        group_id=group,
        enable_auto_commit=False,
        auto_offset_reset=reset,
        max_poll_records=settings.batch_size,
        fetch_max_wait_ms=100,
        session_timeout_ms=10_000,
        heartbeat_interval_ms=3_000,
        max_poll_interval_ms=300_000,
        max_partition_fetch_bytes=_RECORD_BYTES,
        metadata_max_age_ms=30_000,
        group_instance_id=settings.instance or None if group else None,
    )


class Producer:
    """acks=all and idempotent. Made anew when it breaks, since a fatal error leaves aiokafka's producer useless."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._producer: AIOKafkaProducer | None = None
        self._lock = asyncio.Lock()

    async def start(self) -> None:
        """Connect. Raises `KafkaError` when no broker answers."""
        await self._connected()

    async def stop(self) -> None:
        """Disconnect, sending what waits."""
        producer, self._producer = self._producer, None
        if producer:
            await producer.stop()

    async def _connected(self) -> AIOKafkaProducer:
        if self._producer is None:
            async with self._lock:
                if self._producer is None:
                    self._producer = await self._open()
        return self._producer

    async def _open(self) -> AIOKafkaProducer:
        producer = AIOKafkaProducer(
            bootstrap_servers=self._settings.kafka,
            acks="all",
            enable_idempotence=True,
            max_batch_size=_BATCH_BYTES,
            max_request_size=_RECORD_BYTES,
            request_timeout_ms=10_000,
            metadata_max_age_ms=30_000,
        )
        try:
            await producer.start()
        except BaseException:
            await producer.stop()
            raise
        return producer

    async def _broken(self, producer: AIOKafkaProducer) -> None:
        async with self._lock:
            if self._producer is producer:
                self._producer = None
                asyncio.get_running_loop().create_task(_close(producer))

    async def ping(self) -> None:
        """Ask a broker for its metadata. Raises `KafkaError` or `OSError` when none answers."""
        producer = await self._connected()
        await producer.client.fetch_all_metadata()

    def topic(self, name: str) -> str:
        """A topic's full name."""
        return self._settings.topic_prefix + name

    async def partitions(self, topic: str) -> int:
        """How many partitions a topic (without prefix) has."""
        producer = await self._connected()
        return len(await producer.partitions_for(self.topic(topic)))

    async def send(self, record: Outgoing) -> None:
        """Publish one record and wait for all replicas. Raises `KafkaError` or `TimeoutError`."""
        producer = await self._connected()
        try:
            async with asyncio.timeout(_PATIENCE):
                await producer.send_and_wait(
                    self.topic(record.topic),
                    record.value,
                    key=record.key,
                    headers=encode_headers(record.headers),
                    partition=record.partition,
                )
        except (KafkaError, TimeoutError):
            await self._broken(producer)
            raise

    async def publish(self, records: Iterable[Outgoing]) -> None:
        """Publish records in whole batches per target partition, each partition's in order. Raises `KafkaError`.

        A partition's next batch leaves only when the one before is acknowledged: whoever skips by sequence
        (`shared/partition.py`) relies on it.
        """
        producer = await self._connected()
        targets: dict[tuple[str, int], list[Outgoing]] = defaultdict(list)
        try:
            for record in records:
                targets[await self._target(producer, record)].append(record)
            results = await asyncio.gather(
                *(_fill(producer, *target, chunk) for target, chunk in targets.items()), return_exceptions=True
            )
            for result in results:
                if isinstance(result, BaseException):
                    raise result
        except (KafkaError, TimeoutError):
            await self._broken(producer)
            raise

    async def _target(self, producer: AIOKafkaProducer, record: Outgoing) -> tuple[str, int]:
        topic = self.topic(record.topic)
        if record.partition is not None:
            return topic, record.partition
        partitions = sorted(await producer.partitions_for(topic))
        return topic, _partitioner(record.key, partitions, partitions)


async def _fill(producer: AIOKafkaProducer, topic: str, partition: int, records: list[Outgoing]) -> None:
    batch = producer.create_batch()
    for record in records:
        fields = {
            "key": record.key,
            "value": record.value,
            "headers": encode_headers(record.headers),
            "timestamp": None,
        }
        if batch.append(**fields) is None:
            await _ship(producer, batch, topic, partition)
            batch = producer.create_batch()
            batch.append(**fields)
    await _ship(producer, batch, topic, partition)


async def _ship(producer: AIOKafkaProducer, batch: object, topic: str, partition: int) -> None:
    async with asyncio.timeout(_PATIENCE):
        acknowledged = await producer.send_batch(batch, topic, partition=partition)
        await acknowledged


async def _close(producer: AIOKafkaProducer) -> None:
    try:
        await asyncio.wait_for(producer.stop(), 5)
    except Exception as error:  # noqa: BLE001  # it is being thrown away
        log.debug("closing a broken producer", error=str(error))

"""What runs in every service's process: the processor, its effects, its clock; and what /readyz says of them."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

import structlog
from aiokafka.errors import KafkaError
from pymongo.errors import PyMongoError

from shared.documents import Document
from shared.effects import EffectRunner, Effects
from shared.handlers import Handlers
from shared.kafka import Producer, create_topics
from shared.mongo import Migration, connect, database, prepare
from shared.processor import Processor, State
from shared.scheduler import Scheduler, Tick
from shared.settings import Settings
from shared.topics import Service

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ServiceApp:
    """What a service is made of."""

    service: Service
    handlers: Handlers
    effects: Effects | None = None
    documents: Sequence[type[Document]] = ()
    migrations: Mapping[str, Migration] = field(default_factory=dict)
    ticks: Sequence[Tick] = ()


@dataclass(frozen=True, slots=True)
class Dependency:
    """The state of something the process needs."""

    ok: bool
    detail: str


class Runtime:
    """A service at work."""

    def __init__(self, app: ServiceApp, settings: Settings) -> None:
        self.app, self.settings = app, settings
        self.client = connect(settings)
        self.database = database(self.client, settings, app.service)
        self.producer = Producer(settings)
        self.runner = EffectRunner(app.effects, self.database, self.producer, settings) if app.effects else None
        wake = self.runner.wake if self.runner else lambda: None
        self.processor = Processor(settings, app.handlers, self.client, self.database, self.producer, jobs_written=wake)
        self.scheduler = Scheduler(app.ticks, self.database, self.producer)

    async def start(self) -> None:
        """Wait for Kafka and MongoDB, create what is missing, begin."""
        await self._wait("kafka", self.settings.kafka, lambda: create_topics(self.settings))
        await self._wait("kafka", self.settings.kafka, self.producer.start)
        await self._wait(
            "mongo", "VOUCH_MONGO_URI", lambda: prepare(self.database, self.app.documents, self.app.migrations)
        )
        await self.processor.start()
        if self.runner:
            await self.runner.start()
        await self.scheduler.start()

    async def stop(self) -> None:
        """End in the order that loses least time: no new work, then what runs, then the connections."""
        await self.scheduler.stop()
        await self.processor.stop()
        if self.runner:
            await self.runner.stop()
        await self.producer.stop()
        self.client.close()

    async def _wait(self, name: str, where: str, attempt: Callable[[], Awaitable[object]]) -> None:
        waited = 0
        while True:
            try:
                await attempt()
                return
            except (KafkaError, PyMongoError, OSError, TimeoutError) as error:
                if waited % 10 == 0:
                    log.warning(f"waiting for {name}", where=where, error=str(error)[:200])
                waited += 1
                await asyncio.sleep(0.5)

    async def dependencies(self) -> dict[str, Dependency]:
        """What the process needs and how it is, each by name."""
        mongo, kafka = await asyncio.gather(self._mongo(), self._kafka())
        processor = self.processor
        return {
            "mongo": mongo,
            "kafka": kafka,
            "processor": Dependency(processor.state is State.RUNNING, processor.reason),
        }

    async def _mongo(self) -> Dependency:
        try:
            async with asyncio.timeout(2.5):
                await self.client.admin.command("ping")
            return Dependency(True, "answers")
        except (PyMongoError, TimeoutError) as error:
            return Dependency(False, f"does not answer: {type(error).__name__}")

    async def _kafka(self) -> Dependency:
        try:
            async with asyncio.timeout(2.5):
                await self.producer.ping()
            return Dependency(True, "answers")
        except (KafkaError, OSError, TimeoutError) as error:
            return Dependency(False, f"does not answer: {type(error).__name__}")

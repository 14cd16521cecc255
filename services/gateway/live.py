"""Events as they happen: to the directory of this process, and to the people who watch (server-sent events)."""

import asyncio
import json
from collections import defaultdict
from collections.abc import AsyncIterator
from dataclasses import dataclass

import structlog
from aiokafka.errors import KafkaError
from faststream import AckPolicy
from faststream.exceptions import FastStreamException
from faststream.kafka import KafkaBroker, KafkaMessage
from prometheus_client import Gauge
from pydantic import ValidationError
from pymongo.errors import PyMongoError

from services.gateway.directory import Directory
from shared.contracts.base import Message, registry
from shared.kafka import create_topics
from shared.records import Header, Headers, decode_headers
from shared.settings import Settings
from shared.topics import Topic

log = structlog.get_logger(__name__)
WATCHERS = Gauge("vouch_live_watchers", "Open live streams.")
TOPICS = (Topic.EVENTS_GATEWAY, Topic.EVENTS_UGC, Topic.EVENTS_AMBASSADORS, Topic.EVENTS_REWARDS)
_BACKLOG = 500
_HEARTBEAT = 15.0
_REFRESH = 30.0
_SETTLING = 2.0


@dataclass(frozen=True, slots=True)
class LiveEvent:
    """One event as a watcher gets it."""

    id: str
    type: str
    at: str
    data: str

    @property
    def frame(self) -> str:
        """The event in the event-stream format (HTML Living Standard, 9.2)."""
        return f"id: {self.id}\nevent: {self.type}\ndata: {self.data}\n\n"


class LiveHub:
    """Hands each brand's events to those who watch it. A watcher who can't keep up is sent away, and comes back."""

    def __init__(self) -> None:
        self._watchers: dict[str, set[asyncio.Queue[LiveEvent | None]]] = defaultdict(set)

    def publish(self, brand_id: str, event: LiveEvent) -> None:
        """To everybody who watches the brand."""
        for queue in tuple(self._watchers.get(brand_id, ())):
            if queue.full():
                self._dismiss(brand_id, queue)
            else:
                queue.put_nowait(event)

    def _dismiss(self, brand_id: str, queue: "asyncio.Queue[LiveEvent | None]") -> None:
        self._watchers[brand_id].discard(queue)
        queue.get_nowait()
        queue.put_nowait(None)

    def close(self) -> None:
        """End every stream: the process stops."""
        for brand_id, queues in self._watchers.items():
            for queue in tuple(queues):
                if queue.full():
                    self._dismiss(brand_id, queue)
                else:
                    queue.put_nowait(None)

    async def watch(self, brand_id: str, types: frozenset[str]) -> AsyncIterator[str]:
        """The brand's events of these types (empty: all) as frames, with a comment when all is quiet."""
        queue: asyncio.Queue[LiveEvent | None] = asyncio.Queue(_BACKLOG)
        self._watchers[brand_id].add(queue)
        WATCHERS.inc()
        try:
            yield "retry: 2000\n: watching\n\n"
            while True:
                try:
                    event = await asyncio.wait_for(queue.get(), _HEARTBEAT)
                except TimeoutError:
                    yield ": still here\n\n"
                    continue
                if event is None:
                    return
                if not types or event.type in types:
                    yield event.frame
        finally:
            WATCHERS.dec()
            self._watchers[brand_id].discard(queue)
            if not self._watchers[brand_id]:
                del self._watchers[brand_id]


class Listener:
    """Reads all partitions of `events.*` from their ends, without a group: every process hears everything."""

    def __init__(self, settings: Settings, directory: Directory, hub: LiveHub) -> None:
        self._settings, self._directory, self._hub = settings, directory, hub
        self._task: asyncio.Task[None] | None = None
        self._stale = True
        self._broker: KafkaBroker | None = None

    async def start(self) -> None:
        """Listen and refresh in the background, however long Kafka and MongoDB stay away."""
        self._task = asyncio.create_task(self._live())

    @property
    def listening(self) -> bool:
        """Whether events are heard as they happen."""
        return self._broker is not None

    async def stop(self) -> None:
        """Stop listening."""
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if self._broker:
            await self._broker.stop()

    async def _live(self) -> None:
        while True:
            connected = await self._connect()
            await self._refresh()
            if connected:
                # The client looks up where a topic ends only when it first reads: hear what was said meanwhile, too.
                await asyncio.sleep(_SETTLING)
                await self._refresh()
            for _ in range(int(_REFRESH)):
                await asyncio.sleep(1)
                if self._stale:
                    break

    async def _connect(self) -> bool:
        """Whether we have just begun to listen."""
        if self._broker:
            return False
        broker = self._subscribed()
        try:
            async with asyncio.timeout(10):
                await create_topics(
                    self._settings
                )  # a consumer of topics that aren't there hears of them minutes later
                await broker.start()
            self._broker = broker
            return True
        except (KafkaError, FastStreamException, OSError, TimeoutError) as error:
            log.warning("can't listen to events yet", error=repr(error)[:200])
            await broker.stop()
            return False

    async def _refresh(self) -> None:
        try:
            self._stale = False
            async with asyncio.timeout(20):
                await self._directory.load()
        except (PyMongoError, TimeoutError) as error:
            self._stale = True
            log.warning("the directory keeps what it knows", error=repr(error)[:200])

    def _subscribed(self) -> KafkaBroker:
        broker = KafkaBroker(self._settings.kafka, logger=None)
        names = [self._settings.topic_prefix + topic for topic in TOPICS]
        subscriber = broker.subscriber(
            *names, group_id=None, auto_offset_reset="latest", ack_policy=AckPolicy.MANUAL, decoder=_untouched
        )

        @subscriber
        async def hear(message: KafkaMessage) -> None:
            raw = message.raw_message
            assert not isinstance(raw, tuple)  # a tuple only where records come in batches
            try:
                await self.hear(raw.value or b"", decode_headers(raw.headers))
            except Exception:
                log.exception("an event could not be passed on")  # the next one may

        return broker

    async def hear(self, value: bytes, headers: Headers) -> None:
        """One event's record."""
        kind = headers.get(Header.TYPE, "")
        data = value.decode("utf-8", "replace")
        event = LiveEvent(headers.get(Header.ID, ""), kind, headers.get(Header.AT, ""), _for_people(data))
        self._hub.publish(headers.get(Header.BRAND, ""), event)
        model = registry.get(kind)
        if model is None or model.topic not in (Topic.EVENTS_GATEWAY, Topic.EVENTS_AMBASSADORS):
            return
        await self._teach(model, value)

    async def _teach(self, model: type[Message], value: bytes) -> None:
        try:
            await self._directory.hear(model.model_validate_json(value))
        except ValidationError as error:
            log.warning("an event that can't be read", type=model.__name__, error=str(error)[:300])
        except PyMongoError:
            self._stale = True


async def _untouched(message: KafkaMessage) -> bytes:
    """Contracts are read by their own models, not by FastStream."""
    return message.body


_SECRET_FIELDS = frozenset({"sealed_token", "sealed_secrets", "sealed_secret", "sealed_refresh_token"})


def _for_people(data: str) -> str:
    """The event without what is sealed, on one line."""
    try:
        content = json.loads(data)
    except ValueError:
        return "{}"
    if isinstance(content, dict):
        content = {name: value for name, value in content.items() if name not in _SECRET_FIELDS}
    return json.dumps(content, ensure_ascii=False)

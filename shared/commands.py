"""Commands from a process at the edge: produced, then awaited on this process's partition of the replies topic."""

import asyncio
import json
import zlib
from typing import Any

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from shared.contracts.base import Command
from shared.effects import instance_name
from shared.errors import Reply
from shared.kafka import Producer, consumer
from shared.records import Header, decode_headers, outgoing
from shared.settings import Settings
from shared.telemetry import trace_header
from shared.topics import Topic

log = structlog.get_logger(__name__)


class CommandBus:
    """Sends commands and matches their replies. One per process."""

    def __init__(self, settings: Settings, producer: Producer) -> None:
        self._settings, self._producer = settings, producer
        self._instance = instance_name()
        self._partition = 0
        self._waiting: dict[str, list[asyncio.Future[Reply]]] = {}
        self._task: asyncio.Task[None] | None = None
        self._ready = asyncio.Event()

    async def start(self) -> None:
        """Begin to listen for replies; goes on trying while Kafka is away."""
        self._task = asyncio.create_task(self._listen())

    async def stop(self) -> None:
        """Stop listening. Whoever still waits gets None."""
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def execute(
        self,
        command: Command,
        *,
        actor: str,
        command_id: str,
        fingerprint: str | None = None,
        correlation_id: str | None = None,
        timeout: float | None = None,
    ) -> Reply | None:
        """The command's outcome, or None when it isn't known in time (it still takes effect).

        Repeating a `command_id` returns the first outcome. Raises `KafkaError` when no broker took the command.
        """
        async with asyncio.timeout(3):
            await self._ready.wait()
        future: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(command_id, []).append(future)
        try:
            await self.send(
                command,
                actor=actor,
                command_id=command_id,
                fingerprint=fingerprint,
                correlation_id=correlation_id,
                reply=True,
            )
            return await asyncio.wait_for(future, timeout or self._settings.command_timeout)
        except TimeoutError:
            return None
        finally:
            self._forget(command_id, future)

    async def send(
        self,
        command: Command,
        *,
        actor: str,
        command_id: str | None = None,
        fingerprint: str | None = None,
        correlation_id: str | None = None,
        reply: bool = False,
    ) -> None:
        """Produce a command durably without waiting for its outcome. Raises `KafkaError`."""
        extra = {Header.REPLY_TO: f"{self._instance}/{self._partition}"} if reply else {}
        if fingerprint:
            extra[Header.FINGERPRINT] = fingerprint
        record = outgoing(
            command, id=command_id, actor=actor, correlation_id=correlation_id, trace=trace_header(), extra=extra
        )
        await self._producer.send(record)

    def _forget(self, command_id: str, future: asyncio.Future[Reply]) -> None:
        waiting = self._waiting.get(command_id, [])
        if future in waiting:
            waiting.remove(future)
        if not waiting:
            self._waiting.pop(command_id, None)

    async def _listen(self) -> None:
        while True:
            try:
                replies = await self._tuned()
                try:
                    async for record in replies:
                        self._deliver(record)
                finally:
                    self._ready.clear()
                    await replies.stop()
            except (KafkaError, OSError, TimeoutError) as error:
                log.warning("can't listen for replies; trying again", error=repr(error))
                await asyncio.sleep(1)

    async def _tuned(self) -> AIOKafkaConsumer:
        """A consumer at the end of this process's partition of the replies topic."""
        topic = self._producer.topic(Topic.REPLIES)
        self._partition = zlib.crc32(self._instance.encode()) % await self._producer.partitions(Topic.REPLIES)
        replies = consumer(self._settings, group=None, reset="latest")
        await replies.start()
        place = TopicPartition(topic, self._partition)
        replies.assign([place])
        await replies.seek_to_end(place)
        await replies.position(place)  # without this the seek is lazy, and a quick reply would be missed
        self._ready.set()
        return replies

    def _deliver(self, record: Any) -> None:
        headers = decode_headers(record.headers)
        if headers.get("to") != self._instance:
            return
        for future in self._waiting.get(headers.get(Header.ID, ""), []):
            if not future.done():
                future.set_result(Reply.model_validate(json.loads(record.value)))

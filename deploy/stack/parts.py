"""The parts of a stack: how each is started and how one knows that it is ready."""

import asyncio
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import aiohttp

from deploy.stack import kafka, mongod
from deploy.stack.datadir import DataDir
from deploy.stack.options import Options
from deploy.stack.ports import HOST

Say = Callable[[str], None]
PROBE_TIMEOUT = aiohttp.ClientTimeout(total=5)


class Part(Protocol):
    """One process of the stack.

    `prepare` may take long and says what it does; `command` and `env` are asked anew at each start; `ready` answers
    at once. `needs` names the parts that must be ready first; `grace` is the seconds it gets to end by itself.
    """

    name: str
    port: int | None
    needs: tuple[str, ...]
    grace: float
    patience: float

    @property
    def address(self) -> str | None: ...

    async def prepare(self, say: Say) -> None: ...

    def command(self) -> list[str]: ...

    def env(self) -> Mapping[str, str]: ...

    async def ready(self) -> bool: ...


@dataclass
class Mongod:
    directory: DataDir
    port: int | None
    name: str = "mongod"
    needs: tuple[str, ...] = ()
    grace: float = 20
    patience: float = 90

    @property
    def address(self) -> str:
        return mongod.uri(self._port)

    @property
    def _port(self) -> int:
        assert self.port is not None
        return self.port

    async def prepare(self, say: Say) -> None:
        mongod.find_binary()

    def command(self) -> list[str]:
        return mongod.command(mongod.find_binary(), self.directory.root / "mongo", self._port)

    def env(self) -> Mapping[str, str]:
        return {}

    async def ready(self) -> bool:
        return await mongod.ready(self._port)


@dataclass
class ApacheKafka:
    directory: DataDir
    port: int | None
    controller_port: int
    name: str = "kafka"
    needs: tuple[str, ...] = ()
    grace: float = 20
    patience: float = 120
    _broker: kafka.Apache | None = None

    @property
    def address(self) -> str:
        return f"{HOST}:{self.port}"

    @property
    def _made(self) -> kafka.Apache:
        assert self._broker, "prepare comes first"
        return self._broker

    async def prepare(self, say: Say) -> None:
        assert self.port is not None
        libraries = await asyncio.to_thread(kafka.jars, say)
        data = self.directory.root / "kafka"
        self._broker = kafka.Apache(kafka.find_java(), libraries, data, self.port, self.controller_port)
        await asyncio.to_thread(self._broker.prepare)

    def command(self) -> list[str]:
        return self._made.command()

    def env(self) -> Mapping[str, str]:
        return {}

    async def ready(self) -> bool:
        return await kafka.ready(self.address)


@dataclass
class EmbeddedKafka:
    """Has another address after each start, since librdkafka picks the port."""

    directory: DataDir
    name: str = "kafka"
    port: int | None = None
    needs: tuple[str, ...] = ()
    grace: float = 5
    patience: float = 30

    @property
    def _file(self) -> Path:
        return self.directory.root / "run" / "embedded-broker"

    @property
    def address(self) -> str:
        return self._file.read_text()

    async def prepare(self, say: Say) -> None:
        self._file.unlink(missing_ok=True)

    def command(self) -> list[str]:
        return [sys.executable, "-m", "deploy.stack.embedded", str(self._file)]

    def env(self) -> Mapping[str, str]:
        return {}

    async def ready(self) -> bool:
        return self._file.exists() and await kafka.ready(self.address)


@dataclass
class Web:
    """A process of ours that answers GET `probe` with 200 once it can work."""

    name: str
    port: int | None
    arguments: list[str]
    environment: Callable[[], Mapping[str, str]]
    needs: tuple[str, ...] = ()
    probe: str = "/readyz"
    grace: float = 15
    patience: float = 180

    @property
    def address(self) -> str:
        return f"http://{HOST}:{self.port}"

    async def prepare(self, say: Say) -> None:
        return None

    def command(self) -> list[str]:
        return [sys.executable, "-m", *self.arguments]

    def env(self) -> Mapping[str, str]:
        return self.environment()

    async def ready(self) -> bool:
        try:
            async with (
                aiohttp.ClientSession(timeout=PROBE_TIMEOUT) as client,
                client.get(self.address + self.probe) as answer,
            ):
                return answer.status == 200
        except (aiohttp.ClientError, TimeoutError):
            return False


@dataclass
class Background:
    """A process of ours without a port: ready as soon as it runs."""

    name: str
    arguments: list[str]
    environment: Callable[[], Mapping[str, str]]
    needs: tuple[str, ...] = ()
    port: int | None = None
    grace: float = 10
    patience: float = 30
    address: str | None = field(default=None)

    async def prepare(self, say: Say) -> None:
        return None

    def command(self) -> list[str]:
        return [sys.executable, "-m", *self.arguments]

    def env(self) -> Mapping[str, str]:
        return self.environment()

    async def ready(self) -> bool:
        return True


def listening(options: Options, parts: list[Part]) -> dict[str, int]:
    """Every port the parts will listen on, by a name that a person understands."""
    found = {part.name: part.port for part in parts if part.port is not None}
    if any(isinstance(part, ApacheKafka) for part in parts):
        found["kafka's controller"] = options.port_of("kafka-controller")
    return found

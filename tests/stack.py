"""Real Kafka and real MongoDB for tests.

Which ones, in this order: those named by VOUCH_TEST_MONGO_URI and VOUCH_TEST_KAFKA; containers (testcontainers) where
a Docker engine answers; else native processes on free loopback ports, ended with the test run also when that is killed.
KAFKA=embedded|apache|auto chooses the broker (auto: Apache Kafka where it can be had, else the embedded one).
"""

import asyncio
import os
import shutil
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, Protocol

from deploy.stack import kafka, mongod, ports, processes
from deploy.stack.errors import StackError
from deploy.stack.processes import Recorded

Kind = Literal["apache", "embedded"]
START_SECONDS = 90


class Server(Protocol):
    """A server under test. `kill` is SIGKILL; `start` after it comes back on the same address with the same data."""

    @property
    def address(self) -> str: ...

    def start(self) -> None: ...

    def kill(self) -> None: ...


class NativeServer:
    """A server process of our own that dies with the test run."""

    def __init__(self, name: str, directory: Path) -> None:
        self.name = name
        self.directory = directory
        self._record = directory / f"{name}.json"
        self._log = directory / f"{name}.log"
        self._child: Any = None

    @property
    def address(self) -> str:
        raise NotImplementedError

    def command(self) -> list[str]:
        raise NotImplementedError

    async def ready(self) -> bool:
        raise NotImplementedError

    def start(self) -> None:
        self._child = processes.spawn(self.command(), record=self._record, log=self._log, die_with_parent=True)
        try:
            wait_until(self.ready, lambda: self._child.poll() is None)
        except StackError as error:
            lines = "\n".join(processes.tail(self._log))
            raise StackError(f"{self.name} did not get ready: {error}\n{lines}") from None

    def kill(self) -> None:
        self.send(signal.SIGKILL)
        self._child.wait()

    def stop(self) -> None:
        """A shutdown in good order (SIGTERM)."""
        self.send(signal.SIGTERM)
        self._child.wait(60)

    def send(self, number: signal.Signals) -> None:
        """SIGSTOP and SIGCONT make a server hang and go on."""
        recorded = Recorded.read(self._record)
        if recorded:
            processes.send(recorded, number)


class Mongod(NativeServer):
    """`address` is the connection string."""

    def __init__(self, directory: Path) -> None:
        super().__init__("mongod", directory)
        (self.port,) = ports.free_ports(1)

    @property
    def address(self) -> str:
        return mongod.uri(self.port)

    def command(self) -> list[str]:
        return mongod.command(mongod.find_binary(), self.directory / "mongo", self.port)

    async def ready(self) -> bool:
        return await mongod.ready(self.port)


class ApacheKafka(NativeServer):
    """`address` is host:port."""

    def __init__(self, directory: Path) -> None:
        super().__init__("kafka", directory)
        port, controller = ports.free_ports(2)
        self._broker = kafka.Apache(kafka.find_java(), kafka.jars(), directory / "kafka", port, controller)

    @property
    def address(self) -> str:
        return self._broker.bootstrap

    def command(self) -> list[str]:
        self._broker.prepare()
        return self._broker.command()

    async def ready(self) -> bool:
        return await kafka.ready(self.address)


class EmbeddedKafka(NativeServer):
    """librdkafka's mock cluster. After `kill` and `start` it has another address and an empty log."""

    def __init__(self, directory: Path) -> None:
        super().__init__("embedded", directory)
        self._address = directory / "address"

    @property
    def address(self) -> str:
        return self._address.read_text()

    def command(self) -> list[str]:
        self._address.unlink(missing_ok=True)
        return [sys.executable, "-m", "deploy.stack.embedded", str(self._address)]

    async def ready(self) -> bool:
        return self._address.exists()


def wait_until(ready: Callable[[], Awaitable[bool]], alive: Callable[[], bool]) -> None:
    """Poll until `ready`; raises StackError when the process ended or START_SECONDS have passed."""
    deadline = time.monotonic() + START_SECONDS
    while not asyncio.run(_answer(ready)):
        if not alive():
            raise StackError("the process ended")
        if time.monotonic() > deadline:
            raise StackError(f"no answer within {START_SECONDS} s")
        time.sleep(0.1)


async def _answer(ready: Callable[[], Awaitable[bool]]) -> bool:
    return await ready()


@lru_cache
def docker_answers() -> bool:
    try:
        import docker

        client = docker.from_env(timeout=3)
        try:
            return bool(client.ping())
        finally:
            client.close()
    except Exception:  # noqa: BLE001 - whatever is wrong with Docker, the native servers do
        return False


@lru_cache
def kafka_kind() -> Kind:
    """The broker these tests run on. Raises StackError when KAFKA=apache was asked for and can't be had."""
    wanted = os.environ.get("KAFKA", "auto")
    if wanted not in {"auto", "apache", "embedded"}:
        raise StackError(f"KAFKA={wanted} is not known; use KAFKA=apache, embedded or auto.")
    if wanted == "embedded":
        return "embedded"
    if docker_answers() or os.environ.get("VOUCH_TEST_KAFKA"):
        return "apache"
    try:
        kafka.find_java()
        kafka.jars()
    except kafka.KafkaUnavailable:
        if wanted == "apache":
            raise
        return "embedded"
    return "apache"


@contextmanager
def running(server: NativeServer) -> Iterator[NativeServer]:
    """Started now, killed at the end, its directory removed."""
    server.directory.mkdir(parents=True, exist_ok=True)
    server.start()
    try:
        yield server
    finally:
        server.kill()
        shutil.rmtree(server.directory, ignore_errors=True)


@contextmanager
def any_mongo(directory: Path) -> Iterator[str]:
    """A connection string of a replica set."""
    given = os.environ.get("VOUCH_TEST_MONGO_URI")
    if given:
        yield given
    elif docker_answers():
        with mongo_container() as uri:
            yield uri
    else:
        with running(Mongod(directory)) as server:
            yield server.address


@contextmanager
def any_kafka(directory: Path) -> Iterator[str]:
    """Bootstrap servers of a broker of `kafka_kind()`."""
    given = os.environ.get("VOUCH_TEST_KAFKA")
    if kafka_kind() == "embedded":
        with running(EmbeddedKafka(directory)) as server:
            yield server.address
    elif given:
        yield given
    elif docker_answers():
        with kafka_container() as bootstrap:
            yield bootstrap
    else:
        with running(ApacheKafka(directory)) as server:
            yield server.address


@contextmanager
def mongo_container() -> Iterator[str]:
    """MongoDB in Docker as a replica set of one, whose member is named by the address we reach it at."""
    from testcontainers.core.container import DockerContainer

    (port,) = ports.free_ports(1)
    command = f"mongod --replSet {mongod.REPLICA_SET} --bind_ip_all --port {port}"
    with DockerContainer("mongo:7").with_bind_ports(port, port).with_command(command):
        wait_until(lambda: mongod.ready(port), lambda: True)
        yield mongod.uri(port)


@contextmanager
def kafka_container() -> Iterator[str]:
    """Apache Kafka in Docker, one KRaft node."""
    from testcontainers.core.container import DockerContainer

    port, controller = ports.free_ports(2)
    broker = kafka.Apache("java", Path("/"), Path("/tmp/kafka"), port, controller)
    settings = {
        **broker.properties(),
        "listeners": f"PLAINTEXT://:{port},CONTROLLER://:{controller}",
        "log.dirs": "/tmp/kafka/log",
    }
    container = DockerContainer(f"apache/kafka:{kafka.version()}").with_bind_ports(port, port)
    for key, value in settings.items():
        container = container.with_env(f"KAFKA_{key.upper().replace('.', '_')}", str(value))
    with container:
        wait_until(lambda: kafka.ready(broker.bootstrap), lambda: True)
        yield broker.bootstrap

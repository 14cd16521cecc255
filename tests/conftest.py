"""Fixtures that every test may use. What they start is described in tests/stack.py."""

import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from pymongo import MongoClient

from deploy.stack.errors import StackError
from tests import stack

# How long an example takes says something of the machine, not of the code.
settings.register_profile("vouch", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("vouch")


KAFKA_FIXTURES = {"kafka", "kafka_kind", "own_kafka"}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what uses Kafka with `broker`; skip tests marked `apache`, with the reason, on the embedded broker."""
    for item in items:
        if KAFKA_FIXTURES & set(getattr(item, "fixturenames", ())):
            item.add_marker("broker")
    if any(item.get_closest_marker("broker") or item.get_closest_marker("apache") for item in items):
        skip_without_apache(items)


def skip_without_apache(items: list[pytest.Item]) -> None:
    """Asking for the kind of broker may fetch it: here, rather than within some test's time limit."""
    try:
        kind = stack.kafka_kind()
    except StackError as error:
        raise pytest.UsageError(str(error)) from None
    if kind == "embedded":
        reason = "needs restarts or rebalances of a real Apache Kafka; this run is on the embedded broker"
        for item in items:
            if item.get_closest_marker("apache"):
                item.add_marker(pytest.mark.skip(reason=reason))


def pytest_report_header() -> str:
    return f"servers: real ones, started when a test asks for them (KAFKA={os.environ.get('KAFKA', 'auto')})"


@pytest.fixture(scope="session")
def kafka_kind() -> stack.Kind:
    """`apache` or `embedded`."""
    return stack.kafka_kind()


@pytest.fixture(scope="session")
def mongo_uri(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Connection string of a replica set shared by the whole run. Use `database_prefix` for names of your own."""
    with stack.any_mongo(tmp_path_factory.mktemp("mongod")) as uri:
        yield uri


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Bootstrap servers of the broker shared by the whole run. Use `topic_prefix` for topics of your own."""
    with stack.any_kafka(tmp_path_factory.mktemp("kafka")) as bootstrap:
        yield bootstrap


@pytest.fixture
def topic_prefix() -> str:
    """Before each topic and group name of one test, e.g. `t3f2a91c0.`."""
    return f"t{uuid.uuid4().hex[:8]}."


@pytest.fixture
def database_prefix(mongo_uri: str) -> Iterator[str]:
    """Before each database name of one test, e.g. `t3f2a91c0_`; such databases are dropped afterwards."""
    prefix = f"t{uuid.uuid4().hex[:8]}_"
    yield prefix
    with MongoClient[dict[str, object]](mongo_uri) as client:
        for name in client.list_database_names():
            if name.startswith(prefix):
                client.drop_database(name)


@pytest.fixture
def own_mongod(tmp_path: Path) -> Iterator[stack.NativeServer]:
    """A mongod for one test that may kill(), stop(), start() or send(SIGSTOP) it; it keeps address and data."""
    with stack.running(stack.Mongod(tmp_path / "own-mongod")) as server:
        yield server


@pytest.fixture
def own_kafka(tmp_path: Path) -> Iterator[stack.NativeServer]:
    """An Apache Kafka for one test (mark it `apache`) that may kill(), stop(), start() it; it keeps address and log."""
    with stack.running(stack.ApacheKafka(tmp_path / "own-kafka")) as server:
        yield server

"""The door's promise: durable or refused; and a spool that keeps the order of a key."""

import asyncio
from typing import Any

import pytest
from aiokafka.errors import KafkaConnectionError, MessageSizeTooLargeError
from hypothesis import given
from hypothesis import strategies as st
from pymongo.errors import AutoReconnect

from services.gateway.door import Door
from services.gateway.spool import Spool
from shared.problems import ProblemError
from shared.records import Outgoing


class Kafka:
    """A log that can be away, hang, or refuse a size."""

    def __init__(self) -> None:
        self.log: list[Outgoing] = []
        self.away = False
        self.hangs = False
        self.too_big: set[bytes] = set()

    async def send(self, record: Outgoing) -> None:
        if self.hangs:
            await asyncio.sleep(60)
        if self.away:
            raise KafkaConnectionError
        if record.value in self.too_big:
            raise MessageSizeTooLargeError
        self.log.append(record)

    async def publish(self, records: list[Outgoing]) -> None:
        for record in records:
            await self.send(record)


class Store:
    """MongoDB that can be away."""

    def __init__(self) -> None:
        self.rows: dict[str, dict[str, Any]] = {}
        self.aside: list[str] = []
        self.away = False

    async def add(self, id: str, record: dict[str, Any]) -> None:
        await asyncio.sleep(0)
        if self.away:
            raise AutoReconnect("gone")
        self.rows[id] = {"_id": id, "record": record}

    async def first(self, limit: int) -> list[dict[str, Any]]:
        rows = [self.rows[id] for id in sorted(self.rows)[:limit]]
        await asyncio.sleep(0)
        return rows

    async def remove(self, ids: list[str]) -> None:
        for id in ids:
            self.rows.pop(id, None)

    async def set_aside(self, row: dict[str, Any], reason: str) -> None:
        self.aside.append(row["_id"])
        self.rows.pop(row["_id"], None)

    async def depth(self) -> int:
        return len(self.rows)


def record(key: str, number: int) -> Outgoing:
    return Outgoing("ingress.shopify", key.encode(), f"{key}{number}".encode(), {})


def made() -> tuple[Kafka, Store, Spool, Door]:
    kafka, store = Kafka(), Store()
    spool = Spool(store, kafka, settle=0)  # type: ignore[arg-type]
    return kafka, store, spool, Door(kafka, spool, kafka_timeout=0.05, spool_timeout=0.05)  # type: ignore[arg-type]


async def test_all_is_well() -> None:
    kafka, store, _, door = made()
    assert await door.accept(record("a", 1)) == "kafka"
    assert (len(kafka.log), store.rows) == (1, {})


@pytest.mark.parametrize("how", ["away", "hangs"])
async def test_kafka_away_means_the_spool(how: str) -> None:
    kafka, store, spool, door = made()
    setattr(kafka, how, True)
    assert await door.accept(record("a", 1)) == "spool"
    assert (len(kafka.log), len(store.rows), spool.behind) == (0, 1, True)


async def test_while_something_waits_new_records_go_behind_it() -> None:
    kafka, store, spool, door = made()
    kafka.away = True
    await door.accept(record("a", 1))
    kafka.away = False
    assert await door.accept(record("a", 2)) == "spool"
    while not await spool._drain():
        pass
    assert [one.value for one in kafka.log] == [b"a1", b"a2"]
    assert await door.accept(record("a", 3)) == "kafka"
    assert store.rows == {}


async def test_both_away_is_refused_and_nothing_is_promised() -> None:
    kafka, store, _, door = made()
    kafka.away = store.away = True
    with pytest.raises(ProblemError) as refusal:
        await door.accept(record("a", 1))
    assert refusal.value.problem.status == 503
    assert refusal.value.headers
    kafka.away = False
    assert await door.accept(record("a", 1)) == "kafka", "nothing waits, so MongoDB isn't needed"


async def test_what_kafka_will_never_take_is_refused_at_the_door_and_set_aside_in_the_spool() -> None:
    kafka, store, spool, door = made()
    kafka.too_big = {b"a1"}
    with pytest.raises(ProblemError) as refusal:
        await door.accept(record("a", 1))
    assert refusal.value.problem.status == 413
    kafka.away = True
    await door.accept(record("a", 1))
    await door.accept(record("a", 2))
    kafka.away = False
    while not await spool._drain():
        pass
    assert [one.value for one in kafka.log] == [b"a2"]
    assert len(store.aside) == 1


Step = st.sampled_from(["a", "b", "down", "up", "drain"])


@given(st.lists(Step, max_size=40))
def test_every_accepted_record_reaches_kafka_in_the_order_of_its_key(steps: list[str]) -> None:
    async def play() -> None:
        kafka, _, spool, door = made()
        accepted: dict[str, list[bytes]] = {"a": [], "b": []}
        for number, step in enumerate(steps):
            if step in accepted:
                await door.accept(record(step, number))
                accepted[step].append(f"{step}{number}".encode())
            elif step == "drain" and not kafka.away:
                await spool._drain()
            else:
                kafka.away = step == "down" or (kafka.away and step == "drain")
        kafka.away = False
        while not await spool._drain():
            pass
        for key, values in accepted.items():
            assert [one.value for one in kafka.log if one.key == key.encode()] == values
        assert not spool.behind

    asyncio.run(play())


async def test_a_record_put_while_the_drainer_looks_is_not_overtaken() -> None:
    kafka, store, spool, door = made()
    spool.behind = True
    looking = asyncio.create_task(spool._drain())
    await asyncio.sleep(0)
    await door.accept(record("a", 1))
    await looking
    assert spool.behind, "the spool may hold what the drainer did not see"
    assert store.rows
    assert kafka.log == []

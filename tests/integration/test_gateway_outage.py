"""Scenarios 3 and 4: what the door does when Kafka, or Kafka and MongoDB, are away."""

import asyncio
import time
from collections.abc import AsyncIterator
from signal import SIGCONT, SIGSTOP

import httpx
import pytest

from shared.kafka import consumer
from shared.settings import Settings
from tests.integration.gateway_running import (
    Door,
    Tenant,
    gateway_running,
    local,
    ready,
    shopify_delivery,
    tenant,
    until,
)
from tests.stack import NativeServer

pytestmark = [pytest.mark.apache, pytest.mark.timeout(240)]
SHOP = "vouch-demo.myshopify.com"
UNDER = 5.0  # what senders of webhooks wait: part of the contract, not a measurement


@pytest.fixture
def settings(own_mongod: NativeServer, own_kafka: NativeServer) -> Settings:
    return local(own_mongod.address, own_kafka.address, "vouch.", "vouch_")


@pytest.fixture
async def door(settings: Settings) -> AsyncIterator[Door]:
    async with gateway_running(settings) as running:
        await ready(running)
        yield running


async def deliver(door: Door, order: int, revision: int) -> httpx.Response:
    """One webhook about an order; its answer must come within five seconds."""
    payload = {"id": order, "revision": revision}
    delivery = shopify_delivery(payload, topic="orders/updated", shop=SHOP, webhook_id=f"{order}-{revision}")
    began = time.monotonic()
    answer = await door.http.post("/webhooks/shopify", **delivery)
    assert time.monotonic() - began < UNDER
    return answer


async def known_tenant(door: Door) -> Tenant:
    """A tenant whose first webhook has been taken, so that the door knows it."""
    brand = await tenant(door)
    assert (await deliver(door, 1, 0)).status_code == 200
    return brand


async def first_seen(settings: Settings) -> dict[str, list[str]]:
    """Dedupe ids per key, in the order in which each is read first."""
    reader = consumer(settings, f"{settings.topic_prefix}ingress.shopify", group=None)
    await reader.start()
    found: dict[str, list[str]] = {}
    try:
        while batches := await reader.getmany(timeout_ms=2000):
            for record in (record for records in batches.values() for record in records):
                line, id = found.setdefault(record.key.decode(), []), dict(record.headers)["dedupe"].decode()
                if id not in line:
                    line.append(id)
    finally:
        await reader.stop()
    return found


async def drained(door: Door) -> bool:
    return not door.gateway.spool.behind


@pytest.mark.parametrize("how", ["killed", "hanging"])
async def test_s03_kafka_down_at_ingress(door: Door, own_kafka: NativeServer, settings: Settings, how: str) -> None:
    brand = await known_tenant(door)
    if how == "killed":
        await asyncio.to_thread(own_kafka.kill)
    else:
        await asyncio.to_thread(own_kafka.send, SIGSTOP)
    orders = (5001, 5002, 5003)
    for revision in range(1, 6):
        answers = await asyncio.gather(*(deliver(door, order, revision) for order in orders))
        assert {answer.status_code for answer in answers} == {200}
    assert (await door.http.get("/readyz")).status_code == 503
    if how == "killed":
        await asyncio.to_thread(own_kafka.start)
    else:
        await asyncio.to_thread(own_kafka.send, SIGCONT)
    for order in orders:  # these go behind what waits
        assert (await deliver(door, order, 6)).status_code == 200
    await until(lambda: drained(door), "the spool drains by itself", 90)
    for order in orders:
        assert (await deliver(door, order, 7)).status_code == 200
    lines = await first_seen(settings)
    for order in orders:
        assert lines[f"{brand.id}:{order}"] == [f"{SHOP}/{order}-{revision}" for revision in range(1, 8)]


async def test_s04_mongo_and_kafka_down_at_ingress(
    door: Door, own_kafka: NativeServer, own_mongod: NativeServer, settings: Settings
) -> None:
    brand = await known_tenant(door)
    await asyncio.to_thread(own_kafka.kill)
    await asyncio.to_thread(own_mongod.kill)
    answers = await asyncio.gather(*(deliver(door, 6001, revision) for revision in range(3)))
    assert {answer.status_code for answer in answers} == {503}
    assert {answer.headers["Content-Type"] for answer in answers} == {"application/problem+json"}
    assert all(answer.headers["Retry-After"] for answer in answers)
    ready = await door.http.get("/readyz")
    assert ready.status_code == 503
    assert not ready.json()["dependencies"]["mongo"]["ok"]
    assert not ready.json()["dependencies"]["kafka"]["ok"]
    await asyncio.to_thread(own_mongod.start)
    await asyncio.to_thread(own_kafka.start)

    async def taken() -> bool:
        return (await deliver(door, 6001, 9)).status_code == 200

    await until(taken, "the sender's retry succeeds", 60)
    await until(lambda: drained(door), "nothing waits any more", 90)
    lines = await first_seen(settings)
    assert lines[f"{brand.id}:6001"][-1] == f"{SHOP}/6001-9"


async def test_mongo_down_alone_stops_no_webhook(door: Door, own_mongod: NativeServer) -> None:
    await known_tenant(door)
    await asyncio.to_thread(own_mongod.send, SIGSTOP)
    try:
        answers = [await deliver(door, 7001, revision) for revision in range(3)]
    finally:
        await asyncio.to_thread(own_mongod.send, SIGCONT)
    assert {answer.status_code for answer in answers} == {200}
    assert (await door.http.post("/webhooks/telegram/con_unknown", content=b"{}")).status_code == 404


async def test_what_cannot_be_known_is_not_denied(door: Door, own_mongod: NativeServer) -> None:
    await known_tenant(door)
    await asyncio.to_thread(own_mongod.kill)
    unknown = await door.http.post("/webhooks/telegram/con_unknown", content=b"{}")
    key = await door.call("GET", "/v1/admin/brand", "vk_unknown")
    await asyncio.to_thread(own_mongod.start)
    assert (unknown.status_code, key.status_code) == (503, 503)

"""Settings with topics of the test's own, and a running counter service."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from shared.contracts.rewards import ChangeCampaign
from shared.kafka import Producer
from shared.mongo import connect
from shared.records import outgoing
from shared.runtime import Runtime
from shared.settings import Settings
from tests.integration.platform.counter import counter_app
from tests.settings import settings_for

Started = Callable[..., Any]


@pytest.fixture
def settings(mongo_uri: str, kafka: str, kafka_kind: str, topic_prefix: str, database_prefix: str) -> Settings:
    return settings_for(mongo_uri, kafka, topic_prefix, database_prefix, kafka_embedded=kafka_kind == "embedded")


@asynccontextmanager
async def running(settings: Settings, broken: set[str] | None = None) -> AsyncIterator[Runtime]:
    """The counter service in this process."""
    runtime = Runtime(counter_app(broken), settings)
    await runtime.start()
    try:
        yield runtime
    finally:
        await runtime.stop()


async def wish(settings: Settings, *campaigns: str, ids: list[str] | None = None) -> None:
    """Produce one `ChangeCampaign` a name."""
    producer = Producer(settings)
    await producer.start()
    wishes = [ChangeCampaign(brand_id="brd_1", campaign_id=name, action="pause") for name in campaigns]
    await producer.publish([outgoing(wish, id=ids[n] if ids else None) for n, wish in enumerate(wishes)])
    await producer.stop()


async def counts(settings: Settings) -> dict[str, int]:
    """What has been counted so far."""
    client = connect(settings)
    rows = await client[f"{settings.database_prefix}rewards"]["counters"].find({}).to_list(None)
    client.close()
    return {raw["_id"]: raw["count"] for raw in rows}


async def until(holds: Callable[[], Awaitable[bool]], what: str, seconds: float = 40) -> None:
    """Wait for something to become true; fails with `what` when it doesn't."""
    for _ in range(int(seconds / 0.1)):
        if await holds():
            return
        await asyncio.sleep(0.1)
    pytest.fail(f"not within {seconds} s: {what}")

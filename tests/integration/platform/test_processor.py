"""The processor on real Kafka and real MongoDB: scenarios 5 to 9, answers, refusals, order."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from shared.commands import CommandBus
from shared.contracts.rewards import ChangeCampaign
from shared.kafka import Producer, consumer, create_topics
from shared.processor import State
from shared.records import decode_headers, replayed
from shared.settings import Settings
from tests.integration.platform.conftest import counts, running, until, wish
from tests.settings import environment


@asynccontextmanager
async def process(settings: Settings, *arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """The counter service as a process of its own."""
    command = [sys.executable, "-m", "tests.integration.platform.counter", *arguments]
    child = await asyncio.create_subprocess_exec(
        *command, env=os.environ | environment(settings), stderr=asyncio.subprocess.DEVNULL
    )
    try:
        yield child
    finally:
        if child.returncode is None:
            child.kill()
        await child.wait()


async def everything_once(settings: Settings, names: list[str]) -> None:
    """Each wish was counted once and each event heard once; and it stays so."""
    wanted = {name: names.count(name) for name in names}
    expected = wanted | {f"heard:{name}": count for name, count in wanted.items()}

    async def complete() -> bool:
        now = await counts(settings)
        return all(now.get(name, 0) >= count for name, count in expected.items())

    await until(complete, f"all of {len(names)} wishes and their events")
    await asyncio.sleep(0.5)
    assert await counts(settings) == expected


@pytest.mark.parametrize("point", ["after-commit", "before-commit"])
async def test_s05_crash_after_the_commit_before_the_publish_is_published_on_recovery(
    settings: Settings, point: str
) -> None:
    await create_topics(settings)
    names = [f"c{n % 7}" for n in range(40)]
    await wish(settings, *names)
    async with process(settings, point) as child:
        assert await asyncio.wait_for(child.wait(), 40) == -signal.SIGKILL
    async with running(settings):
        await everything_once(settings, names)


async def test_s06_crash_after_the_publish_before_the_clean_up_has_one_effect(settings: Settings) -> None:
    await create_topics(settings)
    names = [f"c{n % 7}" for n in range(40)]
    await wish(settings, *names)
    async with process(settings, "after-publish") as child:
        assert await asyncio.wait_for(child.wait(), 40) == -signal.SIGKILL
    assert await events_published(settings) >= 1
    async with running(settings) as runtime:
        await everything_once(settings, names)
        assert await runtime.database["outbox"].count_documents({}) == 0
    assert await events_published(settings) > len(names), "the crash did not make anything be published twice"


async def events_published(settings: Settings) -> int:
    """Records on events.rewards, doubled ones included."""
    return len(await read(settings, "events.rewards"))


async def read(settings: Settings, topic: str, seconds: float = 2) -> list[Any]:
    reader = consumer(settings, settings.topic_prefix + topic, group=None)
    await reader.start()
    records: list[Any] = []
    while batch := await reader.getmany(timeout_ms=int(seconds * 1000)):
        records += [record for part in batch.values() for record in part]
    await reader.stop()
    return records


@pytest.mark.apache
async def test_s07_kill_9_and_rebalances_in_the_middle_have_one_effect(settings: Settings) -> None:
    await create_topics(settings)
    names = [f"c{n % 23}" for n in range(3000)]
    small = settings.model_copy(update={"batch_size": 20})
    async with process(small) as first, process(small) as second:
        feeding = asyncio.create_task(feed(settings, names))
        for child in (first, second):
            await asyncio.sleep(2)
            child.kill()
        await feeding
    async with running(settings):
        await everything_once(settings, names)


async def feed(settings: Settings, names: list[str]) -> None:
    for start in range(0, len(names), 100):
        await wish(settings, *names[start : start + 100])
        await asyncio.sleep(0.1)


async def test_s08_a_poison_message_is_buried_the_partition_moves_on_and_its_replay_has_one_effect(
    settings: Settings,
) -> None:
    await create_topics(settings)
    broken = {"poison"}
    async with running(settings, broken):
        await wish(settings, "good", "poison", "good", "poison-not", "good")

        async def moved_on() -> bool:
            return (await counts(settings)).get("heard:good") == 3

        await until(moved_on, "the records behind the poison")
        assert "poison" not in await counts(settings)
        (letter,) = await read(settings, "dlq.rewards")
        headers = decode_headers(letter.headers)
        assert (headers["dlq-topic"], headers["dlq-error"]) == ("commands.rewards", "RuntimeError: cannot count poison")
        assert headers["dlq-partition"].isdigit()
        assert headers["dlq-offset"].isdigit()
        assert "counter.py" in headers["dlq-trace"]
        broken.clear()
        producer = Producer(settings)
        for _ in range(2):
            await producer.publish([replayed(headers, letter.key, letter.value)])
        await producer.stop()

        async def mended() -> bool:
            return (await counts(settings)).get("heard:poison") == 1

        await until(mended, "the replayed record's effect")
        await asyncio.sleep(0.5)
        assert (await counts(settings))["poison"] == 1


async def test_s09_a_bad_deploy_stops_and_buries_nothing(settings: Settings) -> None:
    await create_topics(settings)
    names = [f"c{n}" for n in range(30)]
    await wish(settings, *names)
    async with running(settings, {"*"}) as bad:

        async def stopped() -> bool:
            return bad.processor.state is State.STOPPED

        await until(stopped, "the processor's stop")
        assert "records failed" in bad.processor.reason
        assert (await bad.dependencies())["processor"].ok is False
    assert await counts(settings) == {}
    async with running(settings):
        await everything_once(settings, names)
    assert await read(settings, "dlq.rewards") == []


async def test_a_bad_deploy_that_meets_its_records_one_by_one_stops_too(settings: Settings) -> None:
    await create_topics(settings)
    async with running(settings, {"*"}) as bad:
        for number in range(12):
            await wish(settings, f"c{number}")

        async def stopped() -> bool:
            return bad.processor.state is State.STOPPED

        await until(stopped, "the processor's stop")
    assert await read(settings, "dlq.rewards") == []


async def test_commands_are_answered_once_and_repeated_answers_are_the_first(settings: Settings) -> None:
    async with running(settings) as runtime:
        bus = CommandBus(settings, runtime.producer)
        await bus.start()
        command = ChangeCampaign(brand_id="brd_1", campaign_id="c", action="pause")
        first = await bus.execute(command, command_id="one", fingerprint="f", actor="test", timeout=20)
        await bus.execute(command, command_id="two", fingerprint="f", actor="test", timeout=20)
        again = await bus.execute(command, command_id="one", fingerprint="f", actor="test", timeout=20)
        other = await bus.execute(command, command_id="one", fingerprint="g", actor="test", timeout=20)
        refused = await bus.execute(
            command.model_copy(update={"campaign_id": "no"}), command_id="three", actor="test", timeout=20
        )
        await bus.stop()
    assert first is not None
    assert again is not None
    assert other is not None
    assert refused is not None
    assert first.body == again.body == {"count": 1}
    assert (other.status, other.body["type"]) == (422, "/problems/idempotency-key-reused")
    assert (refused.status, refused.body["title"]) == (409, "No")
    assert "no" not in await counts(settings), "a refused command left something behind"


async def test_what_is_asked_a_hundred_times_at_once_happens_once(settings: Settings) -> None:
    async with running(settings):
        await asyncio.gather(*(wish(settings, "c", ids=["same"]) for _ in range(100)))
        await everything_once(settings, ["c"])

"""The rewards process killed while it makes codes: every grant gets exactly one."""

import asyncio
import os
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from shared.settings import Settings
from tests.integration.devstore_running import SHOP, free_port
from tests.integration.rewards_stage import Stage, attributed, stage_settings, staged, until
from tests.settings import environment

GRANTS = 30


@asynccontextmanager
async def process(settings: Settings) -> AsyncIterator[asyncio.subprocess.Process]:
    """`python -m services.rewards` as a process of its own; killed at the end."""
    settings = settings.model_copy(update={"http_port": free_port()})
    started = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "services.rewards", env={**os.environ, **environment(settings)}
    )
    try:
        yield started
    finally:
        if started.returncode is None:
            started.kill()
        await started.wait()


@pytest.mark.apache
@pytest.mark.timeout(300)
async def test_kill_9_while_codes_are_made(
    mongo_uri: str,
    kafka: str,
    kafka_kind: str,
    topic_prefix: str,
    database_prefix: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings = stage_settings(mongo_uri, kafka, kafka_kind, topic_prefix, database_prefix)
    async with staged(settings, tmp_path / "devstore.sqlite", monkeypatch) as stage:
        settings = stage.runtime.settings
        customer = await stage.customer()
        await stage.campaign()
        await _retire(stage)
        # The shop does the work and takes its time to say so: whoever is killed meanwhile does not know.
        slow = {"target": "admin", "match": "discountCodeBasicCreate", "kind": "timeout_after", "seconds": 0.4}
        await stage.store.dev("PUT", "/faults", [slow])
        await stage.say(*(attributed(customer, str(9000 + number)) for number in range(GRANTS)))
        for codes in (3, 12):
            async with process(settings) as victim:
                await until(lambda codes=codes: _made(stage, codes), f"{codes} codes")  # type: ignore[misc]
                victim.kill()
            await _let_leases_run_out(stage)
        async with process(settings):
            await until(lambda: _issued(stage), "every grant is issued", 120)
        made = Counter(code["code"] for code in await stage.codes())
        assert made == Counter(str(grant.code) for grant in await stage.grants())
        assert len(made) == GRANTS


async def _retire(stage: Stage) -> None:
    """The service in this process stops working; its producer and database stay."""
    await stage.runtime.scheduler.stop()
    await stage.runtime.processor.stop()
    assert stage.runtime.runner
    await stage.runtime.runner.stop()


async def _let_leases_run_out(stage: Stage) -> None:
    """A dead process's jobs are taken over when its lease ends, a minute later: now."""
    await stage.runtime.database["effects"].update_many({"state": "running"}, {"$set": {"lease": datetime.now(UTC)}})


async def _made(stage: Stage, codes: int) -> bool:
    return len(await stage.codes()) >= codes


async def _issued(stage: Stage) -> bool:
    return await stage.statuses(SHOP) == ["issued"] * GRANTS

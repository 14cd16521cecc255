"""`kill -9` under load: every accepted webhook and command has its effect exactly once, and the books agree."""

import os
import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos.load import Load, check
from tests.live import LiveStack, eventually, live_stack

PARTS = ["gateway", "ugc", "ambassadors", "rewards", "kafka", "mongod"]
pytestmark = [pytest.mark.apache, pytest.mark.timeout(1800)]


@pytest.fixture
def victim(tmp_path: Path) -> Iterator[LiveStack]:
    """A stack of this test's own."""
    with live_stack(tmp_path / "vouch", "apache") as stack:
        yield stack


def strike(live: LiveStack, part: str, chance: random.Random) -> None:
    """Kill one part at a random moment, then wait until the stack is whole again."""
    time.sleep(chance.uniform(0.5, 3))
    before = live.pids()[part]
    live.kill(part)
    began = time.monotonic()
    eventually(lambda: live.pids().get(part, before) != before, f"{part} restarted", 90)
    eventually(lambda: all(p["state"] == "ready" for p in live.status()["parts"]), "the stack whole again", 90)
    print(f"{part} killed; whole again after {time.monotonic() - began:.1f} s", flush=True)


def campaign(live: LiveStack, rounds: int, seed: int) -> None:
    chance = random.Random(seed)
    load = Load(live, seed)
    load.start()
    for _ in range(rounds):
        for part in chance.sample(PARTS, len(PARTS)):
            strike(live, part, chance)
    log = load.stop()
    print(
        f"{rounds * len(PARTS)} kills survived: {len(log.mentions)} mentions, {len(log.orders)} orders, "
        f"{len(log.refunded)} refunds, {len(log.people)} commands"
    )
    assert len(log.mentions) > 10 * rounds
    assert len(log.orders) > 10 * rounds
    check(live, log, load.ambassador)


def test_each_part_killed_once_under_load(victim: LiveStack) -> None:
    campaign(victim, rounds=1, seed=7)


@pytest.mark.long
def test_each_part_killed_again_and_again_under_load(victim: LiveStack) -> None:
    """VOUCH_CHAOS_ROUNDS says how often (6 kills a round)."""
    campaign(
        victim,
        rounds=int(os.environ.get("VOUCH_CHAOS_ROUNDS", "10")),
        seed=int(os.environ.get("VOUCH_CHAOS_SEED", "1")),
    )


def test_the_supervisor_killed_and_started_again_loses_nothing(victim: LiveStack) -> None:
    load = Load(victim, 3)
    load.start()
    time.sleep(3)
    victim.kill("supervisor")
    time.sleep(2)
    victim.up()
    time.sleep(2)
    check(victim, load.stop(), load.ambassador)
    victim.down()

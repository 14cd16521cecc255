"""The supervisor: what dies is started again, what is killed is recovered, and nothing is left behind."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import psutil
import pytest

from deploy.stack import control, ports
from deploy.stack.datadir import DataDir
from deploy.stack.errors import StackError
from deploy.stack.processes import PROJECT, Recorded
from deploy.stack.snapshot import Phase, Snapshot, State

PATIENCE = 60


class Stack:
    """A small stack in a directory of its own, run as a program."""

    def __init__(self, root: Path, port: int | None = None) -> None:
        self.directory = DataDir.named(root)
        self.port = port or base_port()
        self.children: list[subprocess.Popen[bytes]] = []

    def up(self, *services: str) -> "subprocess.Popen[bytes]":
        command = [sys.executable, "-m", "tests.small_stack", "up", str(self.directory.root), str(self.port), *services]
        child = subprocess.Popen(command, cwd=PROJECT, stderr=subprocess.PIPE)
        self.children.append(child)
        return child

    def snapshot(self) -> Snapshot | None:
        return control.look(self.directory)

    def wait_for(self, condition: Callable[[Snapshot], bool]) -> Snapshot:
        return until(lambda: next((found for found in [self.snapshot()] if found and condition(found)), None))

    def ready(self) -> Snapshot:
        return self.wait_for(lambda snapshot: snapshot.phase is Phase.READY)

    def pid(self, part: str) -> int:
        recorded = self.directory.records()[part]
        assert recorded.alive()
        return recorded.pid

    def clean_up(self) -> None:
        if self.directory.is_ours:
            control.down(self.directory, grace=1)
        for child in self.children:
            child.kill()
            child.wait()
            if child.stderr:
                child.stderr.close()


def base_port() -> int:
    return min(ports.free_ports(1)[0], 60_000)


T = TypeVar("T")


def until(probe: Callable[[], T | None]) -> T:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        found = probe()
        if found is not None:
            return found
        time.sleep(0.05)
    raise AssertionError("it never came true")


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    made = Stack(tmp_path / "data")
    yield made
    made.clean_up()


def gone(pids: list[int]) -> bool:
    return not any(psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE for pid in pids)


def living_after(restarts: int) -> Callable[[Snapshot], bool]:
    """Whether the first part runs again after so many restarts."""
    return lambda found: found.parts[0].restarts == restarts and found.parts[0].pid is not None


def pids_of(snapshot: Snapshot) -> list[int]:
    return [part.pid for part in snapshot.parts if part.pid]


def test_what_dies_is_started_again(stack: Stack) -> None:
    stack.up("one", "two")
    stack.ready()
    killed = stack.pid("one")
    os.kill(killed, signal.SIGKILL)
    after = stack.wait_for(lambda found: found.parts[0].restarts == 1 and found.parts[0].state is State.READY)
    assert after.parts[0].pid != killed
    assert after.notices == ["one was killed by signal 9; starting it again."]
    assert after.parts[1].restarts == 0


def test_a_crash_loop_is_said_with_the_log(stack: Stack) -> None:
    stack.up("one")
    stack.ready()
    for restarts in range(4):
        before = stack.wait_for(living_after(restarts))
        os.kill(before.parts[0].pid or 0, signal.SIGKILL)
    found = stack.wait_for(lambda found: any("times in a row" in notice for notice in found.notices))
    assert "The end of" in found.notices[-1]


def test_a_part_that_never_starts_fails_the_start_with_its_last_words(stack: Stack) -> None:
    child = stack.up("one", "broken")
    assert child.wait(PATIENCE) == 1
    assert child.stderr
    said = child.stderr.read().decode()
    assert "broken ended with exit code 1" in said
    assert "VOUCH_KAFKA is not set" in said
    found = stack.snapshot()
    assert found
    assert found.phase is Phase.FAILED
    assert pids_of(found) == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_everything(stack: Stack, number: signal.Signals) -> None:
    child = stack.up("one", "deaf")
    pids = pids_of(stack.ready())
    child.send_signal(number)
    assert child.wait(PATIENCE) == 0
    assert len(pids) == 2
    assert gone(pids)


def test_down_ends_everything_and_says_so(stack: Stack) -> None:
    stack.up("one", "two")
    pids = pids_of(stack.ready())
    assert sorted(control.down(stack.directory)) == ["one", "two"]
    assert gone(pids)
    assert control.down(stack.directory) == []
    found = stack.snapshot()
    assert found
    assert found.phase is Phase.STOPPED


def test_down_after_the_supervisor_was_killed(stack: Stack) -> None:
    child = stack.up("one", "deaf")
    pids = pids_of(stack.ready())
    child.kill()
    child.wait()
    assert not gone(pids)
    found = stack.snapshot()
    assert found
    assert found.phase is Phase.FAILED
    assert [part.detail for part in found.parts] == ["runs without a supervisor"] * 2
    assert sorted(control.down(stack.directory, grace=1)) == ["deaf", "one"]
    assert gone(pids)


def test_up_recovers_after_the_supervisor_was_killed(stack: Stack) -> None:
    child = stack.up("one", "two")
    before = pids_of(stack.ready())
    child.kill()
    child.wait()
    stack.up("one", "two")
    after = pids_of(stack.wait_for(lambda found: found.phase is Phase.READY and pids_of(found) != before))
    assert gone(before)
    assert not set(before) & set(after)


def test_a_supervisor_killed_while_starting_leaves_nothing_unknown(stack: Stack) -> None:
    """Whatever the moment: each process that lives on is recorded, so that down ends it."""
    for pause in (0.0, 0.05, 0.1, 0.2, 0.4, 0.8):
        child = stack.up("one", "two", "three")
        until(lambda: stack.directory.supervisor.exists() or None)
        time.sleep(pause)
        child.kill()
        child.wait()
        if stack.directory.is_ours:
            control.down(stack.directory)
        mine = [p for p in psutil.process_iter(["cmdline"]) if f"{stack.port + 1}" in (p.info["cmdline"] or [])]
        assert mine == []


def test_a_second_up_on_a_running_stack_is_refused(stack: Stack) -> None:
    first = stack.up("one")
    stack.ready()
    second = stack.up("one")
    assert second.wait(PATIENCE) == 1
    assert second.stderr
    said = second.stderr.read().decode()
    assert "already running" in said
    assert f"pid {first.pid}" in said
    assert first.poll() is None


def test_a_port_in_use_is_named_with_its_user(stack: Stack, tmp_path: Path) -> None:
    stack.up("one")
    stack.ready()
    other = Stack(tmp_path / "other", port=stack.port)
    child = other.up("one")
    assert child.wait(PATIENCE) == 1
    assert child.stderr
    said = child.stderr.read().decode()
    assert f"Port {stack.port}, which one needs, is in use by python" in said
    assert f"pid {stack.pid('one')}" in said
    assert "--port" in said
    other.clean_up()


def test_two_stacks_side_by_side(stack: Stack, tmp_path: Path) -> None:
    other = Stack(tmp_path / "other")
    stack.up("one")
    other.up("one")
    mine, theirs = pids_of(stack.ready()), pids_of(other.ready())
    control.down(other.directory)
    assert gone(theirs)
    assert not gone(mine)
    other.clean_up()


def test_a_reused_pid_is_never_ended(stack: Stack) -> None:
    stack.directory.open()
    innocent = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        recorded = Recorded.of(innocent.pid, ["one"])
        Recorded(innocent.pid, recorded.started - 100, ("one",)).write(stack.directory.record("one"))
        assert control.down(stack.directory) == []
        assert innocent.poll() is None
    finally:
        innocent.kill()
        innocent.wait()


def test_down_where_there_is_no_stack(tmp_path: Path) -> None:
    with pytest.raises(StackError, match="There is no stack in"):
        control.down(DataDir.named(tmp_path))

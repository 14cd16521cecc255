"""What is done to a stack from outside its supervisor, or before and after it: ending it and looking at it."""

import signal
import time
from collections.abc import Collection

from deploy.stack import processes
from deploy.stack.datadir import DataDir, read_json
from deploy.stack.errors import StackError
from deploy.stack.processes import Recorded
from deploy.stack.snapshot import Phase, Snapshot, State

STAGES: tuple[tuple[str, ...], ...] = (
    ("traffic",),
    ("gateway", "ugc", "ambassadors", "rewards"),
    ("devstore", "devnet"),
    ("kafka",),
    ("mongod",),
)
GRACE = 20.0
DOWN_SECONDS = 90.0


def ending_order(names: Collection[str]) -> list[list[str]]:
    """The names in stages: those of one stage end beside each other, and none before those that use it."""
    staged = [[name for name in stage if name in names] for stage in STAGES]
    unknown = sorted(set(names) - {name for stage in STAGES for name in stage})
    return [stage for stage in [unknown, *staged] if stage]


def end_recorded(directory: DataDir, grace: float = GRACE) -> list[str]:
    """End every recorded process that still runs, users before what they use. Returns the parts that were ended."""
    records = directory.records()
    ended = []
    for stage in ending_order(records):
        living = [name for name in stage if records[name].alive()]
        for name in living:
            processes.send(records[name], signal.SIGTERM)
        for name in living:
            processes.end(records[name], grace=grace)
        ended += living
    for name in records:
        directory.record(name).unlink(missing_ok=True)
    return ended


def down(directory: DataDir, grace: float = GRACE) -> list[str]:
    """End a stack, whether its supervisor lives or not. Returns the parts that were ended; empty when nothing ran."""
    if not directory.is_ours:
        raise StackError(f"There is no stack in {directory.root} (no stack.json). Name its directory with --data-dir.")
    supervisor = Recorded.read(directory.supervisor)
    living = [name for name, recorded in directory.records().items() if recorded.alive()]
    if supervisor and supervisor.alive():
        processes.send(supervisor, signal.SIGTERM)
        if not processes.wait_until_gone(supervisor, DOWN_SECONDS):
            processes.end(supervisor, grace=0)
    _wait_for_launchers(directory)
    end_recorded(directory, grace)
    _mark_stopped(directory)
    return living


def _wait_for_launchers(directory: DataDir) -> None:
    """A launcher whose supervisor was killed ends by itself; give one that is just starting the moment it needs."""
    if Recorded.read(directory.supervisor):
        time.sleep(0.5)
        directory.supervisor.unlink(missing_ok=True)


def _mark_stopped(directory: DataDir) -> None:
    snapshot = Snapshot.read(directory.snapshot)
    if snapshot:
        snapshot.phase = Phase.STOPPED
        snapshot.parts = [part.model_copy(update={"state": State.STOPPED, "pid": None}) for part in snapshot.parts]
        snapshot.write(directory.snapshot)


def look(directory: DataDir) -> Snapshot | None:
    """The last snapshot, corrected by what really runs. None when there never was a stack here."""
    snapshot = Snapshot.read(directory.snapshot)
    if snapshot is None:
        return None
    supervisor = Recorded.read(directory.supervisor)
    if not (supervisor and supervisor.alive()):
        _without_supervisor(snapshot, directory)
    return snapshot


def _without_supervisor(snapshot: Snapshot, directory: DataDir) -> None:
    records = directory.records()
    for part in snapshot.parts:
        recorded = records.get(part.name)
        if recorded and recorded.alive():
            part.detail = "runs without a supervisor"
        elif part.state is not State.STOPPED:
            part.state, part.pid = State.GONE, None
    if snapshot.phase not in {Phase.STOPPED, Phase.FAILED}:
        snapshot.phase = Phase.FAILED
        snapshot.activity = "The supervisor is gone. `vouch up` recovers the stack, `vouch down` ends what is left."


def is_well(snapshot: Snapshot | None) -> bool:
    """Whether every part is ready."""
    if snapshot is None or snapshot.phase is not Phase.READY:
        return False
    return all(part.state is State.READY for part in snapshot.parts)


def update_address(directory: DataDir, kafka: str) -> None:
    """Tell the readers of vouch.json where the embedded broker is now."""
    directory.remember(directory.vouch_json, read_json(directory.vouch_json) | {"kafka": kafka})

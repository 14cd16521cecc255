"""Processes known by pid and start time, so that a pid the system gave to somebody else is never signalled."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from deploy.stack.errors import StackError

PROJECT = Path(__file__).resolve().parents[2]
START_TIME_TOLERANCE = 0.05  # seconds; psutil derives the start time from clock ticks of 10 ms


@dataclass(frozen=True, slots=True)
class Recorded:
    """A process as it was when it started. `started` is in seconds since the epoch, as psutil reports it."""

    pid: int
    started: float
    command: tuple[str, ...]

    @classmethod
    def of(cls, pid: int, command: Sequence[str]) -> "Recorded":
        return cls(pid, psutil.Process(pid).create_time(), tuple(command))

    @classmethod
    def read(cls, path: Path) -> "Recorded | None":
        """None where there is no record, or only the torn half of one (the process never got to run then)."""
        try:
            found = json.loads(path.read_text())
            return cls(int(found["pid"]), float(found["started"]), tuple(found["command"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def write(self, path: Path) -> None:
        write_atomically(path, json.dumps(asdict(self)))

    def process(self) -> psutil.Process | None:
        """The live process this record speaks of; None when it is gone, a zombie, or the pid is somebody else's."""
        try:
            process = psutil.Process(self.pid)
            same = abs(process.create_time() - self.started) < START_TIME_TOLERANCE
            return process if same and process.status() != psutil.STATUS_ZOMBIE else None
        except psutil.NoSuchProcess:
            return None

    def alive(self) -> bool:
        return self.process() is not None


def write_atomically(path: Path, text: str, *, mode: int = 0o644) -> None:
    """Whoever reads `path` sees the old text or the new one, also across a crash. `mode` holds from the first byte."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def spawn(
    command: Sequence[str],
    *,
    record: Path,
    log: Path,
    env: Mapping[str, str] | None = None,
    die_with_parent: bool = False,
) -> subprocess.Popen[bytes]:
    """Start `command` in its own session; output is appended to `log`, the pid is in `record` before it runs."""
    launcher = [sys.executable, "-m", "deploy.stack.launch", *(["--die-with-parent"] if die_with_parent else [])]
    record.parent.mkdir(parents=True, exist_ok=True)
    record.unlink(missing_ok=True)
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        return subprocess.Popen(
            [*launcher, str(os.getpid()), str(record), *command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env={**os.environ, **(env or {}), "PYTHONUNBUFFERED": "1"},
            cwd=PROJECT,
            start_new_session=True,
        )


def send(recorded: Recorded, number: signal.Signals) -> None:
    process = recorded.process()
    if process is not None:
        try:
            process.send_signal(number)
        except psutil.NoSuchProcess:
            return


def end(recorded: Recorded, *, grace: float) -> None:
    """Ask politely (SIGTERM), wait `grace` seconds, then insist (SIGKILL). Returns once the process is gone."""
    send(recorded, signal.SIGTERM)
    if not wait_until_gone(recorded, grace):
        send(recorded, signal.SIGKILL)
        if not wait_until_gone(recorded, 10):
            raise StackError(f"Process {recorded.pid} ({recorded.command[0]}) does not end, not even by SIGKILL.")


def wait_until_gone(recorded: Recorded, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while recorded.alive():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def tail(log: Path, lines: int = 12) -> list[str]:
    """The last lines of a log, for the sentence that says why a part did not start."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - 64_000))
            return file.read().decode(errors="replace").splitlines()[-lines:]
    except OSError:
        return []

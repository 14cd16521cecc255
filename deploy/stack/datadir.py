"""The data directory of one stack: what lies where, whose it is, and the secrets made once for it.

DIR/stack.json      marks the directory as ours: format, and the kind of broker it was last used with
DIR/secrets.json    master key and operator token (0600)
DIR/seed.json       what the demo's seeding got back from the API (0600; keys are shown only once)
DIR/vouch.json      all a program needs to use the running demo (0600)
DIR/run/            pid records, the supervisor's lock, its snapshot
DIR/logs/           one log per part
DIR/mongo, kafka, devstore, devnet
"""

import base64
import fcntl
import json
import os
import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deploy.stack.errors import StackError
from deploy.stack.processes import Recorded, write_atomically

FORMAT = 1
OWNER_ONLY = 0o600
ROTATE_BYTES = 10_000_000


@dataclass(frozen=True, slots=True)
class Secrets:
    """`master_key` is base64 of 32 random bytes."""

    master_key: str
    operator_token: str


@dataclass(frozen=True, slots=True)
class DataDir:
    """Paths are absolute. `open` makes or checks the directory; the constructor only names it."""

    root: Path

    @classmethod
    def named(cls, path: Path) -> "DataDir":
        return cls(path.expanduser().resolve())

    def open(self) -> None:
        """Make the directory, or check that it is one of ours. Raises StackError when it is not."""
        if self.root.exists() and not self.root.is_dir():
            raise StackError(f"{self.root} is a file. Name another directory with --data-dir.")
        if self.is_new:
            self._create()
        self._check()

    @property
    def is_new(self) -> bool:
        return not self.root.exists() or not any(self.root.iterdir())

    def _create(self) -> None:
        try:
            self.root.mkdir(parents=True, exist_ok=True, mode=0o700)
            self.note(format=FORMAT)
        except OSError as error:
            raise StackError(f"{self.root} can't be written ({error.strerror}). Name another --data-dir.") from error

    def _check(self) -> None:
        if not self._marker.exists():
            raise StackError(
                f"{self.root} is not empty and was not made by Vouch (it has no stack.json), so nothing in it is "
                f"touched. Name an empty or new directory with --data-dir."
            )
        found = self.notes().get("format")
        if found != FORMAT:
            raise StackError(
                f"{self.root} has data of format {found}, and this Vouch reads format {FORMAT}. Use the Vouch that "
                f"wrote it, or start afresh with another --data-dir."
            )

    @property
    def is_ours(self) -> bool:
        return self._marker.exists()

    def notes(self) -> dict[str, Any]:
        """What stack.json says; empty when it can't be read."""
        return read_json(self._marker)

    def note(self, **facts: Any) -> None:
        write_atomically(self._marker, json.dumps(self.notes() | facts, indent=2) + "\n")

    def secrets(self) -> Secrets:
        """The stack's secrets, made at the first call, readable by the owner alone."""
        path = self.root / "secrets.json"
        if not path.exists():
            made = {
                "master_key": base64.b64encode(secrets.token_bytes(32)).decode(),
                "operator_token": secrets.token_urlsafe(32),
            }
            write_atomically(path, json.dumps(made, indent=2) + "\n", mode=OWNER_ONLY)
        found = read_json(path)
        try:
            return Secrets(found["master_key"], found["operator_token"])
        except KeyError:
            raise StackError(f"{path} is damaged: without it sealed data in this directory can't be read.") from None

    def remember(self, file: Path, facts: Mapping[str, Any]) -> None:
        """Write a JSON file that only the owner may read."""
        write_atomically(file, json.dumps(facts, indent=2, ensure_ascii=False) + "\n", mode=OWNER_ONLY)

    @property
    def _marker(self) -> Path:
        return self.root / "stack.json"

    @property
    def seed(self) -> Path:
        return self.root / "seed.json"

    @property
    def vouch_json(self) -> Path:
        return self.root / "vouch.json"

    @property
    def snapshot(self) -> Path:
        return self.root / "run" / "snapshot.json"

    @property
    def supervisor(self) -> Path:
        return self.root / "run" / "supervisor.json"

    def record(self, part: str) -> Path:
        return self.root / "run" / "parts" / f"{part}.json"

    def records(self) -> dict[str, Recorded]:
        """The recorded processes of all parts, by part; those that are gone included."""
        found = {path.stem: Recorded.read(path) for path in sorted((self.root / "run" / "parts").glob("*.json"))}
        return {part: recorded for part, recorded in found.items() if recorded}

    def log(self, part: str) -> Path:
        return self.root / "logs" / f"{part}.log"

    def logs(self) -> list[str]:
        return sorted(path.stem for path in (self.root / "logs").glob("*.log"))

    def rotate(self, part: str) -> None:
        """Set a log that has grown large aside, keeping one former."""
        log = self.log(part)
        if log.exists() and log.stat().st_size > ROTATE_BYTES:
            shutil.move(log, log.with_suffix(".log.1"))

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Held by the supervisor for its life; the system releases it however the supervisor ends."""
        path = self.root / "run" / "lock"
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise StackError(self._running()) from None
            Recorded.of(os.getpid(), ["vouch", "up"]).write(self.supervisor)
            try:
                yield
            finally:
                self.supervisor.unlink(missing_ok=True)

    def _running(self) -> str:
        recorded = Recorded.read(self.supervisor)
        pid = f" (supervisor pid {recorded.pid})" if recorded else ""
        url = read_json(self.snapshot).get("gateway_url")
        at = f" at {url}" if url else ""
        return (
            f"A stack is already running from {self.root}{at}{pid}. `vouch status` shows it and `vouch down` ends it; "
            f"for a second one beside it use another --data-dir and --port."
        )


def read_json(path: Path) -> dict[str, Any]:
    """Empty when there is no such file or it is not a JSON object."""
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}

"""What a stack is doing, as the supervisor writes it to DIR/run/snapshot.json and `vouch status --json` prints it."""

from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

from pydantic import AwareDatetime, BaseModel, Field, ValidationError

from deploy.stack.processes import write_atomically


class Phase(StrEnum):
    STARTING = "starting"
    READY = "ready"
    FAILED = "failed"
    STOPPING = "stopping"
    STOPPED = "stopped"


class State(StrEnum):
    WAITING = "waiting"
    STARTING = "starting"
    READY = "ready"
    RESTARTING = "restarting"
    CRASH_LOOP = "crash_loop"
    STOPPED = "stopped"
    GONE = "gone"


def now() -> datetime:
    return datetime.now(UTC)


class PartState(BaseModel):
    """One process. `took` is the seconds from its start to its readiness."""

    name: str
    state: State = State.WAITING
    pid: int | None = None
    port: int | None = None
    address: str | None = None
    restarts: int = 0
    since: AwareDatetime = Field(default_factory=now)
    took: float | None = None
    detail: str | None = None


class Snapshot(BaseModel):
    """The whole stack. `notices` only grows: what happened that a person should know, oldest first."""

    phase: Phase = Phase.STARTING
    activity: str | None = None
    started_at: AwareDatetime = Field(default_factory=now)
    gateway_url: str
    kafka: str
    demo: bool
    parts: list[PartState] = []
    notices: list[str] = []

    def write(self, path: Path) -> None:
        write_atomically(path, self.model_dump_json(indent=2))

    @classmethod
    def read(cls, path: Path) -> "Snapshot | None":
        try:
            return cls.model_validate_json(path.read_bytes())
        except (OSError, ValidationError):
            return None

"""Shows on a terminal, or line by line in a log, what the supervisor does."""

from rich.console import Console
from rich.markup import escape
from rich.status import Status
from rich.table import Table

from deploy.stack.snapshot import PartState, Phase, Snapshot, State

COLOURS = {
    State.READY: "green",
    State.STARTING: "yellow",
    State.WAITING: "dim",
    State.RESTARTING: "red",
    State.CRASH_LOOP: "bold red",
    State.GONE: "red",
    State.STOPPED: "dim",
}

UNDER_WAY = {State.WAITING, State.STARTING, State.RESTARTING}


class Progress:
    """Feed it each snapshot; it prints what is new and keeps one line on what is under way."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._status: Status | None = None
        self._said: set[tuple[str, int]] = set()
        self._notices: list[str] = []
        self._phase = Phase.STARTING
        self._last_line = ""

    def show(self, snapshot: Snapshot) -> None:
        for part in snapshot.parts:
            self._part(part)
        for notice in [text for text in snapshot.notices if text not in self._notices]:
            self._console.print(f"[yellow]![/] {escape(notice)}", soft_wrap=True)
        self._notices = list(snapshot.notices)
        self._under_way(snapshot)
        if snapshot.phase is not self._phase:
            self._phase = snapshot.phase
            self._phase_changed(snapshot)

    def _part(self, part: PartState) -> None:
        if part.state is State.READY and (part.name, part.restarts) not in self._said:
            self._said.add((part.name, part.restarts))
            where = f"  [dim]{escape(part.address or '')}[/]"
            again = " again" if part.restarts else ""
            self._console.print(
                f"[green]✓[/] {part.name:<12} ready{again} after {part.took:>4} s{where}", soft_wrap=True
            )

    def _under_way(self, snapshot: Snapshot) -> None:
        line = activity(snapshot) if snapshot.phase in {Phase.STARTING, Phase.STOPPING} else ""
        if self._console.is_terminal:
            self._spin(line)
        elif line and not set(line.split()) <= set(self._last_line.split()):
            self._console.print(f"  {escape(line)}", style="dim", soft_wrap=True)
            self._last_line = line

    def _spin(self, line: str) -> None:
        if not line:
            self.close()
        elif self._status is None:
            self._status = self._console.status(escape(line))
            self._status.start()
        else:
            self._status.update(escape(line))

    def _phase_changed(self, snapshot: Snapshot) -> None:
        if snapshot.phase is Phase.READY:
            self._console.print(f"\n[bold green]Vouch is ready[/] at [link]{snapshot.gateway_url}[/link]")
        elif snapshot.phase is Phase.STOPPED:
            self._console.print("Everything has ended.")

    def close(self) -> None:
        if self._status:
            self._status.stop()
            self._status = None


def activity(snapshot: Snapshot) -> str:
    """What is being waited for, e.g. «starting mongod, kafka (fetching Apache Kafka …)»."""
    if snapshot.phase is Phase.STOPPING:
        living = [part.name for part in snapshot.parts if part.state is not State.STOPPED]
        return f"ending {', '.join(living)}" if living else ""
    if snapshot.activity:
        return snapshot.activity
    starting = [part for part in snapshot.parts if part.state in UNDER_WAY]
    names = [
        f"{part.name} ({part.detail})" if part.detail and part.state is State.STARTING else part.name
        for part in starting
    ]
    return f"starting {', '.join(names)}" if names else ""


def table(snapshot: Snapshot) -> Table:
    """`vouch status` for people."""
    made = Table("part", "state", "pid", "port", "restarts", "since", "", box=None, header_style="dim")
    for part in snapshot.parts:
        made.add_row(
            part.name,
            f"[{COLOURS[part.state]}]{part.state}[/]",
            str(part.pid or "–"),
            str(part.port or "–"),
            str(part.restarts),
            part.since.astimezone().strftime("%H:%M:%S"),
            escape(part.detail or ""),
        )
    return made

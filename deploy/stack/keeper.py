"""Keeps one part of the stack running: starts it, waits for it, starts it again when it dies."""

import asyncio
import subprocess
import time
from collections import deque
from collections.abc import Callable

from deploy.stack import processes
from deploy.stack.datadir import DataDir
from deploy.stack.errors import StackError
from deploy.stack.parts import Part
from deploy.stack.snapshot import PartState, State, now

FIRST_PAUSE = 0.25
LONGEST_PAUSE = 30.0
STEADY_SECONDS = 60.0  # a part that was ready this long is no longer suspected of a crash loop
LOOP_DEATHS = 4
POLL = 0.1
PROBE_EVERY = 0.3


class Keeper:
    """One part's life. `changed` is called after each change of `state`, `notice` with what a person should know."""

    def __init__(
        self, part: Part, directory: DataDir, changed: Callable[[], None], notice: Callable[[str], None]
    ) -> None:
        self.part = part
        self.state = PartState(name=part.name, port=part.port)
        self.is_ready = asyncio.Event()
        self.failed: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._directory = directory
        self._changed = changed
        self._notice = notice
        self._child: subprocess.Popen[bytes] | None = None
        self._ending = False
        self._wanted = False  # a death that we asked for
        self._was_ready = False
        self._deaths: deque[float] = deque(maxlen=LOOP_DEATHS)

    async def run(self, ready_before: list["Keeper"]) -> None:
        """Until `end`. A part that never gets ready sets `failed`; one that was ready is restarted for ever."""
        try:
            for keeper in ready_before:
                await keeper.is_ready.wait()
            while not self._ending:
                await self._live()
        except StackError as error:
            self._fail(error)

    async def outcome(self) -> None:
        """Returns once the part is ready. Raises StackError when it can't get there."""
        ready: asyncio.Future[bool] = asyncio.ensure_future(self.is_ready.wait())
        try:
            await asyncio.wait({ready, self.failed}, return_when=asyncio.FIRST_COMPLETED)
            if self.failed.done():
                self.failed.result()
        finally:
            ready.cancel()

    async def _live(self) -> None:
        await self._start()
        await self._watch()
        if not self._ending:
            await self._mourn()

    async def _start(self) -> None:
        self._enter(State.STARTING, detail=None)
        await self.part.prepare(self._say)
        if self._ending:
            return
        self._directory.rotate(self.part.name)
        self._child = processes.spawn(
            self.part.command(),
            record=self._directory.record(self.part.name),
            log=self._directory.log(self.part.name),
            env=self.part.env(),
        )
        self._wanted = False
        self._enter(State.STARTING, pid=self._child.pid, detail=None)

    async def _watch(self) -> None:
        """Returns when the process has ended."""
        began = time.monotonic()
        while self._child and self._child.poll() is None:
            starting = self.state.state is State.STARTING
            if starting:
                await self._probe(began)
            await asyncio.sleep(PROBE_EVERY if starting else POLL)

    async def _probe(self, began: float) -> None:
        took = time.monotonic() - began
        if await self.part.ready():
            self._was_ready = True
            self._enter(State.READY, took=round(took, 1), address=self.part.address, detail=None)
            self.is_ready.set()
        elif took > self.part.patience:
            self._notice(f"{self.part.name} does not get ready within {self.part.patience:.0f} s and is started anew.")
            await self.restart()

    async def _mourn(self) -> None:
        """Say that the process died, and pause before the next try: longer each time it dies soon again."""
        assert self._child
        how = describe_exit(self._child.returncode)
        self.is_ready.clear()
        self.state.restarts += 1
        if self._wanted:
            return
        if self._steady():
            self._deaths.clear()
        self._deaths.append(time.monotonic())
        if not self._was_ready and len(self._deaths) == LOOP_DEATHS - 1:
            raise StackError(self._obituary(how))
        self._complain(how)
        await self._pause()

    def _steady(self) -> bool:
        return self.state.state is State.READY and (now() - self.state.since).total_seconds() > STEADY_SECONDS

    def _complain(self, how: str) -> None:
        if len(self._deaths) == LOOP_DEATHS:
            self._enter(State.CRASH_LOOP, pid=None, detail=how)
            self._notice(self._obituary(f"{how}, {LOOP_DEATHS} times in a row; it is tried again every now and then"))
            self._deaths.popleft()
        else:
            looping = self.state.state is State.CRASH_LOOP
            self._enter(State.CRASH_LOOP if looping else State.RESTARTING, pid=None, detail=how)
            self._notice(f"{self.part.name} {how}; starting it again.")

    async def _pause(self) -> None:
        seconds = min(LONGEST_PAUSE, FIRST_PAUSE * 4 ** (len(self._deaths) - 1))
        for _ in range(int(seconds / POLL)):
            if not self._ending:
                await asyncio.sleep(POLL)

    def _obituary(self, how: str) -> str:
        log = self._directory.log(self.part.name)
        lines = "\n    ".join(processes.tail(log))
        return f"{self.part.name} {how}. The end of {log}:\n    {lines}"

    async def restart(self) -> None:
        """End the process; `run` starts it again."""
        self._wanted = True
        self.is_ready.clear()
        await self._end_child()

    async def end(self) -> None:
        """Ask the process to end, insist after its grace, and return when it is gone."""
        self._ending = True
        await self._end_child()
        self._directory.record(self.part.name).unlink(missing_ok=True)
        self._enter(State.STOPPED, pid=None)

    async def _end_child(self) -> None:
        child = self._child
        if child and child.poll() is None:
            child.terminate()
            try:
                await asyncio.to_thread(child.wait, self.part.grace)
            except subprocess.TimeoutExpired:
                child.kill()
                await asyncio.to_thread(child.wait)

    def _fail(self, error: StackError) -> None:
        self._enter(State.STOPPED, pid=None, detail=str(error).splitlines()[0])
        if not self.failed.done():
            self.failed.set_exception(error)

    def _say(self, text: str) -> None:
        self.state.detail = text
        self._changed()

    def _enter(self, state: State, **facts: object) -> None:
        self.state = self.state.model_copy(update={"state": state, "since": now(), **facts})
        self._changed()


def describe_exit(code: int) -> str:
    """«ended with exit code 1», «was killed by signal 9»."""
    return f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"

"""The one process that starts every part of a stack, keeps it running and ends it."""

import asyncio
import contextlib
import signal
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from deploy.stack import control
from deploy.stack.datadir import DataDir
from deploy.stack.errors import StackError
from deploy.stack.keeper import Keeper
from deploy.stack.options import Options
from deploy.stack.parts import Part, Say, listening
from deploy.stack.plan import Plan, make_plan
from deploy.stack.ports import require_free
from deploy.stack.snapshot import Phase, Snapshot, State

ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


Planner = Callable[[Options, DataDir, Say], Awaitable[Plan]]


class Supervisor:
    """Use once: `await Supervisor(options, show).run()`. `show` gets each new snapshot."""

    def __init__(self, options: Options, show: Callable[[Snapshot], None], plan: Planner = make_plan) -> None:
        self.options = options
        self._make_plan = plan
        self.directory = DataDir.named(options.data_dir)
        self.snapshot = Snapshot(gateway_url=options.url("gateway"), kafka=options.kafka, demo=options.demo)
        self._show = show
        self._keepers: dict[str, Keeper] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._stop = asyncio.Event()
        self._kafka_address: str | None = None

    async def run(self) -> None:
        """Until SIGINT, SIGTERM or SIGHUP. Raises StackError when the stack does not get ready; nothing runs then."""
        self.directory.open()
        with self.directory.locked():
            self._listen_to_signals()
            try:
                await self._until_stopped(self._start())
                await self._stop.wait()
            except StackError as error:
                self._enter(Phase.FAILED, str(error).splitlines()[0])
                raise
            finally:
                await self._end()

    async def _until_stopped(self, work: Coroutine[Any, Any, None]) -> None:
        """Do `work`, but drop it when a signal asks us to end."""
        task = asyncio.create_task(work)
        stop = asyncio.create_task(self._stop.wait())
        await asyncio.wait({task, stop}, return_when=asyncio.FIRST_COMPLETED)
        stop.cancel()
        if not task.done():
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    async def _start(self) -> None:
        self.directory.vouch_json.unlink(missing_ok=True)
        self._enter(Phase.STARTING, "clearing up what an earlier run left")
        await asyncio.to_thread(control.end_recorded, self.directory)
        plan = await self._make_plan(self.options, self.directory, self._say)
        require_free(listening(self.options, plan.parts))
        self.snapshot.kafka = plan.kafka_kind if plan.kafka_kind != "external" else self.options.kafka
        self.snapshot.notices += plan.notices
        self._enter(Phase.STARTING, None)
        await self._start_parts([*plan.servers, *plan.services], plan)
        self._kafka_address = plan.kafka_address
        if self.options.demo:
            await self._seed(plan)
        await self._start_parts(plan.late, plan)
        self._enter(Phase.READY, None)

    async def _start_parts(self, parts: list[Part], plan: Plan) -> None:
        """Start parts beside each other and wait for all. Raises the StackError of the first that fails."""
        await asyncio.gather(*(self._keep(part, plan).outcome() for part in parts))

    def _keep(self, part: Part, plan: Plan) -> Keeper:
        keeper = Keeper(part, self.directory, lambda: self._part_changed(plan), self._notice)
        needed = [self._keepers[name] for name in part.needs]
        self._keepers[part.name] = keeper
        self._tasks.append(asyncio.create_task(keeper.run(needed), name=part.name))
        return keeper

    def _part_changed(self, plan: Plan) -> None:
        broker = self._keepers.get("kafka")
        if broker and broker.state.state is State.READY and self._kafka_address not in {None, broker.state.address}:
            self._tasks.append(asyncio.create_task(self._move_to_new_broker(plan)))
        self._publish()

    async def _move_to_new_broker(self, plan: Plan) -> None:
        """The embedded broker came back elsewhere with an empty log: start whoever uses it with the new address."""
        self._kafka_address = plan.kafka_address
        self._notice("The embedded broker lost its log when it ended. The services start again on an empty one.")
        await asyncio.gather(
            *(self._keepers[part.name].restart() for part in plan.services if part.name in self._keepers)
        )
        if self.directory.vouch_json.exists():
            control.update_address(self.directory, plan.kafka_address)

    async def _seed(self, plan: Plan) -> None:
        from deploy.demo import Place, seed

        place = Place(
            directory=self.directory,
            operator_token=self.directory.secrets().operator_token,
            gateway_url=self.options.url("gateway"),
            devstore_url=self.options.url("devstore"),
            devnet_url=self.options.url("devnet"),
            mongo_uri=plan.mongo_uri,
            kafka=plan.kafka_address,
        )
        await seed(place, self._say)
        self._say(None)

    async def _end(self) -> None:
        """Traffic first, then services, then what they need; the database last."""
        if self.snapshot.phase is not Phase.FAILED:
            self._enter(Phase.STOPPING, None)
        for names in control.ending_order(self._keepers):
            await asyncio.gather(*(self._keepers[name].end() for name in names))
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self.snapshot.phase is not Phase.FAILED:
            self._enter(Phase.STOPPED, None)

    def _listen_to_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in ENDINGS:
            loop.add_signal_handler(number, self._stop.set)

    def _say(self, activity: str | None) -> None:
        self.snapshot.activity = activity
        self._publish()

    def _notice(self, text: str) -> None:
        self.snapshot.notices.append(text)
        del self.snapshot.notices[:-200]
        self._publish()

    def _enter(self, phase: Phase, activity: str | None) -> None:
        self.snapshot.phase = phase
        self._say(activity)

    def _publish(self) -> None:
        self.snapshot.parts = [keeper.state for keeper in self._keepers.values()]
        self.snapshot.write(self.directory.snapshot)
        self._show(self.snapshot)

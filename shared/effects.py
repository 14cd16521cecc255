"""Calls to the outside world (Shopify, a network, an LLM) as durable jobs.

A handler writes the job in its transaction (`UnitOfWork.effect`); a runner claims it under a lease, makes the call and
records the outcome as messages of their own. The outcome is stored before it is published, so a crash publishes it
again instead of calling again. A job that was under way when its process died comes back marked `uncertain`: whoever
implements the effect reads back or parks it where the other side has no idempotency.

Jobs wait per lane (one shop, one connection): an outage or a rate limit of one holds up nobody else.
"""

import asyncio
import base64
import random
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from time import perf_counter
from typing import Any

import aiohttp
import structlog
from aiokafka.errors import KafkaError
from pymongo import ASCENDING, IndexModel, ReturnDocument

from shared.contracts.base import Message
from shared.ids import new_id
from shared.kafka import Producer
from shared.mongo import Collection, Database, Raw, ReadOnly, is_transient
from shared.records import Outgoing, outgoing
from shared.security.sealing import Sealer
from shared.settings import Settings
from shared.telemetry import EFFECT_SECONDS, EFFECTS, effect_span, trace_header
from shared.topics import Service
from shared.unit_of_work import JOBS

log = structlog.get_logger(__name__)
LEASE = timedelta(seconds=60)  # well above what a call may take, also while MongoDB is away
_KEEP = timedelta(days=30)
_MAX_BACKOFF = 300.0


class RetryLater(Exception):
    """Try this job again. `uncertain`: the call may have had its effect; `whole_lane`: its lane waits too."""

    def __init__(self, seconds: float, reason: str, *, uncertain: bool = False, whole_lane: bool = False) -> None:
        super().__init__(reason)
        self.seconds, self.reason, self.uncertain, self.whole_lane = seconds, reason, uncertain, whole_lane


@dataclass(frozen=True, slots=True)
class Resources:
    """What an effect may use. The database is the service's own, for reading."""

    mongo: ReadOnly
    settings: Settings
    http: aiohttp.ClientSession
    sealer: Sealer

    def unseal(self, brand_id: str, sealed: str) -> str:
        """A secret in clear. Raises `Unsealable`."""
        return self.sealer.unseal(brand_id, sealed)


@dataclass(slots=True)
class Job:
    """One call to make. `tries` counts from 1; `state` is what earlier tries remembered."""

    id: str
    kind: str
    brand_id: str
    payload: Raw
    tries: int
    uncertain: bool
    created_at: datetime
    correlation_id: str
    trace: str | None
    state: Raw = field(default_factory=dict)
    _save: Callable[[Raw], Awaitable[None]] | None = None

    async def remember(self, **notes: Any) -> None:
        """Keep notes for later tries, durably, before going on."""
        self.state = {**self.state, **notes}
        if self._save:
            await self._save(self.state)


Effect = Callable[[Job, Resources], Awaitable[Sequence[Message]]]


class Effects:
    """A service's effects by kind."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.kinds: dict[str, Effect] = {}
        self.concurrency: dict[str, int] = {}

    def on(self, kind: str, *, concurrency: int = 4) -> Callable[[Effect], Effect]:
        """Register what makes the calls of a kind; at most `concurrency` of them at once in a process."""

        def register(effect: Effect) -> Effect:
            if kind in self.kinds:
                raise TypeError(f"{self.service} has two effects called {kind}")
            self.kinds[kind], self.concurrency[kind] = effect, concurrency
            return effect

        return register


class EffectRunner:
    """Claims and runs jobs; any number of processes may run one."""

    def __init__(self, effects: Effects, database: Database, producer: Producer, settings: Settings) -> None:
        self._effects, self._producer, self._settings = effects, producer, settings
        self._database, self._jobs = database, database[JOBS]
        self._lanes: Collection = database["lanes"]
        self._name = settings.instance or new_id("run")
        self._running: set[str] = set()
        self._wake = asyncio.Event()
        self._slots = {kind: asyncio.Semaphore(limit) for kind, limit in effects.concurrency.items()}
        self._tasks: set[asyncio.Task[None]] = set()
        self._loops: list[asyncio.Task[None]] = []
        self._http: aiohttp.ClientSession | None = None

    async def start(self) -> None:
        """Create indexes and begin in the background."""
        await self._jobs.create_indexes(
            [
                IndexModel([("kind", ASCENDING), ("state", ASCENDING), ("due", ASCENDING)]),
                IndexModel([("done_at", ASCENDING)], expireAfterSeconds=int(_KEEP.total_seconds())),
            ]
        )
        await self._take_up_again()
        self._http = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=20, connect=5))
        self._loops = [asyncio.create_task(self._run_kind(kind)) for kind in self._effects.kinds]

    async def _take_up_again(self) -> None:
        """A process of our name died with jobs in its hands: no need to wait for their leases."""
        ours = {"state": "running", "owner": {"$regex": f"^{re.escape(self._name)}/"}}
        await self._jobs.update_many(ours, {"$set": {"lease": datetime.now(UTC)}})

    async def stop(self) -> None:
        """Stop claiming, give what runs five seconds to end."""
        for loop in self._loops:
            loop.cancel()
        await asyncio.gather(*self._loops, return_exceptions=True)
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=5)
        for task in self._tasks:
            task.cancel()
        if self._http:
            await self._http.close()

    def wake(self) -> None:
        """A batch wrote jobs: don't wait for the next look."""
        self._wake.set()

    async def _run_kind(self, kind: str) -> None:
        while True:
            try:
                await self._slots[kind].acquire()
                job = await self._claim(kind)
                if job is None:
                    self._slots[kind].release()
                    await self._rest()
                    continue
                task = asyncio.create_task(self._run(job))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
                task.add_done_callback(lambda _: self._slots[kind].release())
            except asyncio.CancelledError:
                raise
            except Exception as error:
                self._slots[kind].release()
                if not is_transient(error):
                    log.exception("effect runner", kind=kind)
                await asyncio.sleep(1)

    async def _rest(self) -> None:
        try:
            await asyncio.wait_for(self._wake.wait(), 0.5)
            await asyncio.sleep(0)
            self._wake.clear()
        except TimeoutError:
            return

    async def _claim(self, kind: str) -> Raw | None:
        """The oldest due job of a lane that isn't held, or one whose owner let its lease run out."""
        now = datetime.now(UTC)
        held = [raw["_id"] async for raw in self._lanes.find({"until": {"$gt": now}}, {"_id": 1})]
        # Each claim has an owner of its own, so that nothing said late of an earlier one can touch it.
        owner = f"{self._name}/{new_id('claim')}"
        claim: Raw = {"$set": {"state": "running", "owner": owner, "lease": now + LEASE}, "$inc": {"tries": 1}}
        ready: Raw
        for ready in (
            {"kind": kind, "state": "pending", "due": {"$lte": now}, "lane": {"$nin": held}},
            {"kind": kind, "state": "running", "lease": {"$lte": now}, "_id": {"$nin": list(self._running)}},
        ):
            crashed: Raw = {"uncertain": True} if ready["state"] == "running" else {}
            change = {**claim, "$set": {**claim["$set"], **crashed}}
            raw = await self._jobs.find_one_and_update(
                ready, change, sort=[("due", ASCENDING)], return_document=ReturnDocument.AFTER
            )
            if raw:
                return raw
        return None

    async def _run(self, raw: Raw) -> None:
        kind, began = raw["kind"], perf_counter()
        self._running.add(raw["_id"])
        beat = asyncio.create_task(self._keep_lease(raw))
        try:
            with (
                effect_span(kind, raw["brand_id"], raw.get("trace")),
                structlog.contextvars.bound_contextvars(correlation_id=raw["correlation_id"], effect=raw["_id"]),
            ):
                outcome = await self._call(raw)
        finally:
            beat.cancel()
            self._running.discard(raw["_id"])
        EFFECTS.labels(self._effects.service, kind, outcome).inc()
        EFFECT_SECONDS.labels(self._effects.service, kind).observe(perf_counter() - began)

    async def _call(self, raw: Raw) -> str:
        try:
            records = raw.get("outcome")
            if records is None:
                records = await self._outcome(raw)
            await self._publish(raw, [Outgoing.of_raw(record) for record in records])
            return "done"
        except RetryLater as later:
            await self._later(raw, later)
            return "later"
        except asyncio.CancelledError:
            raise
        except Exception as error:  # noqa: BLE001  # whatever it is, the job must not be lost
            log.warning("effect failed", kind=raw["kind"], tries=raw["tries"], error=repr(error))
            delay = min(_MAX_BACKOFF, 2.0 ** min(raw["tries"], 9)) * random.uniform(0.5, 1.0)  # jitter
            await self._later(raw, RetryLater(delay, repr(error), uncertain=True))
            return "failed"

    async def _outcome(self, raw: Raw) -> list[Raw]:
        job = self._job(raw)
        messages = await self._effects.kinds[raw["kind"]](job, self._resources())
        records = [
            outgoing(
                message,
                id=f"{raw['_id']}/{number}",
                correlation_id=job.correlation_id,
                trace=trace_header() or job.trace,
            ).raw()
            for number, message in enumerate(messages)
        ]
        await self._update(raw, {"$set": {"outcome": records}})
        return records

    async def _update(self, raw: Raw, change: Raw) -> None:
        """Change a job that is still ours; while MongoDB is away, wait: what happened outside is known by now.

        A job that isn't ours any more is left alone: it is done, or its lease ran out and another process has it.
        """
        while True:
            try:
                await self._jobs.update_one({"_id": raw["_id"], "owner": raw["owner"]}, change)
                return
            except Exception as error:
                if not is_transient(error):
                    raise
                log.warning("can't record a job; trying again", effect=raw["_id"], error=repr(error)[:200])
                await asyncio.sleep(0.5)

    def _job(self, raw: Raw) -> Job:
        async def save(state: Raw) -> None:
            await self._update(raw, {"$set": {"memory": state}})

        return Job(
            raw["_id"],
            raw["kind"],
            raw["brand_id"],
            raw["payload"],
            raw["tries"],
            bool(raw.get("uncertain")),
            raw["created_at"],
            raw["correlation_id"],
            raw.get("trace"),
            raw.get("memory") or {},
            save,
        )

    def _resources(self) -> Resources:
        assert self._http
        return Resources(ReadOnly(self._database), self._settings, self._http, Sealer(self._settings.key_bytes))

    async def _publish(self, raw: Raw, records: list[Outgoing]) -> None:
        while True:
            try:
                await self._producer.publish(records)
                break
            except (KafkaError, OSError, TimeoutError) as error:
                log.warning("can't publish an effect's outcome; trying again", error=repr(error))
                await asyncio.sleep(1)
        done = {
            "$set": {"state": "done", "done_at": datetime.now(UTC)},
            "$unset": {"outcome": "", "lease": "", "owner": "", "payload": ""},
        }
        await self._update(raw, done)

    async def _later(self, raw: Raw, later: RetryLater) -> None:
        due = datetime.now(UTC) + timedelta(seconds=max(0.0, later.seconds))
        change: Raw = {"state": "pending", "due": due, "last_error": later.reason[:1000]}
        if later.uncertain:
            change["uncertain"] = True
        await self._update(raw, {"$set": change})
        if later.whole_lane and raw.get("lane"):
            await self._lanes.update_one(
                {"_id": raw["lane"]}, {"$set": {"until": due, "reason": later.reason[:200]}}, upsert=True
            )

    async def _keep_lease(self, raw: Raw) -> None:
        while True:
            await asyncio.sleep(LEASE.total_seconds() / 3)
            await self._update(raw, {"$set": {"lease": datetime.now(UTC) + LEASE}})


def instance_name() -> str:
    """A short random name of this process, for reply addresses and leases."""
    return base64.b32encode(random.randbytes(5)).decode().lower()  # a name, not a secret

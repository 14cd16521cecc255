"""All that one batch reads, changes and emits, inside one MongoDB transaction.

Documents are read once and kept in an identity map; changes are collected and written in bulk at the end. Each
record is a savepoint: what a refused or failed record changed is undone without losing the rest of the batch.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar, cast

from pymongo import DeleteOne, ReplaceOne, UpdateOne

from shared.contracts.base import Message
from shared.documents import Document
from shared.mongo import Database, Raw, Session
from shared.records import Headers, Meta, Outgoing, outgoing
from shared.telemetry import trace_header

D = TypeVar("D", bound=Document)
Key = tuple[str, str]
Write = ReplaceOne[Raw] | UpdateOne | DeleteOne
JOBS = "effects"


class UnitOfWork:
    """One batch's work. Created by the processor; handlers get it and never commit."""

    def __init__(self, database: Database, session: Session, now: datetime | None = None) -> None:
        self.now = now or datetime.now(UTC)
        self._database, self._session = database, session
        self._known: dict[Key, Document | None] = {}
        self._dirty: dict[Key, Document | None] = {}
        self._sums: dict[Key, tuple[dict[str, int], Raw]] = {}
        self._undo: list[Callable[[], None]] = []
        self._flushed: set[Key] = set()
        self._unsafe = False
        self._meta: Meta | None = None
        self.outbox: list[Outgoing] = []
        self.jobs: dict[str, Raw] = {}
        self.cancelled: set[str] = set()

    # -- reading -------------------------------------------------------------------------------------------------
    async def get(self, model: type[D], id: str) -> D | None:
        """The document, with what this batch has done to it; None when there is none."""
        key = (model.collection, id)
        if key not in self._known:
            await self._fetch(model, [id])
        return cast("D | None", self._known[key])

    async def get_many(self, model: type[D], ids: Iterable[str]) -> dict[str, D]:
        """Those of the documents that exist, by id."""
        wanted = list(dict.fromkeys(ids))
        await self._fetch(model, [id for id in wanted if (model.collection, id) not in self._known])
        found = {id: self._known[(model.collection, id)] for id in wanted}
        return {id: cast("D", document) for id, document in found.items() if document is not None}

    async def _fetch(self, model: type[D], ids: list[str]) -> None:
        if not ids:
            return
        cursor = self._database[model.collection].find({"_id": {"$in": ids}}, session=self._session)
        rows = {raw["_id"]: model.load(raw) for raw in await cursor.to_list(None)}
        for id in ids:
            self._known[(model.collection, id)] = rows.get(id)

    async def find(
        self, model: type[D], filter: Mapping[str, Any], *, sort: list[tuple[str, int]] | None = None, limit: int = 0
    ) -> list[D]:
        """Matching documents, this batch's own changes included (they are written first)."""
        await self._flush(model.collection)
        cursor = self._database[model.collection].find(dict(filter), session=self._session)
        if sort:
            cursor = cursor.sort(sort)
        found = [model.load(raw) for raw in await cursor.limit(limit).to_list(None)]
        for document in found:
            self._known[(model.collection, document.id)] = document
        return found

    async def find_one(
        self, model: type[D], filter: Mapping[str, Any], *, sort: list[tuple[str, int]] | None = None
    ) -> D | None:
        """The first matching document."""
        return next(iter(await self.find(model, filter, sort=sort, limit=1)), None)

    # -- changing ------------------------------------------------------------------------------------------------
    def save(self, document: Document) -> None:
        """Insert or replace the document when the batch ends."""
        self._put((document.collection, document.id), document)

    def delete(self, model: type[Document], id: str) -> None:
        """Delete the document when the batch ends."""
        self._put((model.collection, id), None)

    def _put(self, key: Key, document: Document | None) -> None:
        known, before = key in self._known, self._known.get(key)
        waiting, pending = key in self._dirty, self._dirty.get(key)

        def undo() -> None:
            if known:
                self._known[key] = before
            else:
                self._known.pop(key, None)
            if key not in self._flushed:
                self._dirty.pop(key, None)
                if waiting:
                    self._dirty[key] = pending
            elif known:
                self._dirty[key] = before  # a query of this record already wrote it: write it back
            else:
                self._unsafe = True  # overwritten without having been read: what was there is unknown

        self._undo.append(undo)
        self._known[key] = self._dirty[key] = document

    def increment(self, model: type[Document], id: str, inc: Mapping[str, int], on_insert: Mapping[str, Any]) -> None:
        """Add to counters of a roll-up document, which is made with `on_insert` when it isn't there.

        Never together with `save` on the same document: this one doesn't read it.
        """
        key = (model.collection, id)
        sums, _ = self._sums.setdefault(key, ({}, dict(on_insert)))
        for name, amount in inc.items():
            sums[name] = sums.get(name, 0) + amount
        self._undo.append(lambda: self._subtract(key, inc))

    def _subtract(self, key: Key, inc: Mapping[str, int]) -> None:
        sums, _ = self._sums.setdefault(key, ({}, {}))
        for name, amount in inc.items():
            sums[name] = sums.get(name, 0) - amount

    # -- saying --------------------------------------------------------------------------------------------------
    def emit(self, message: Message, *, extra: Headers | None = None) -> None:
        """Publish a message after the commit, exactly once in effect."""
        meta = self._meta
        record = outgoing(
            message, at=self.now, extra=extra,
            correlation_id=meta.correlation_id if meta else None,
            actor=meta.actor if meta else "system",
            trace=trace_header() or (meta.trace if meta else None),
        )  # fmt: skip
        self.send(record)

    def send(self, record: Outgoing) -> None:
        """Publish a ready-made record after the commit."""
        self.outbox.append(record)
        self._undo.append(lambda: self.outbox.remove(record))

    def effect(
        self,
        kind: str,
        effect_id: str,
        brand_id: str,
        payload: Raw,
        *,
        not_before: datetime | None = None,
        lane: str = "",
    ) -> None:
        """A durable job for the outside world; the same id never makes a second job.

        `lane` is what an outage or a rate limit is about (one shop, one connection): jobs of a lane wait together.
        """
        meta = self._meta
        if effect_id in self.jobs:
            return
        self.jobs[effect_id] = {
            "_id": effect_id, "kind": kind, "brand_id": brand_id, "payload": payload, "lane": lane, "state": "pending",
            "due": not_before or self.now, "tries": 0, "memory": {}, "created_at": self.now,
            "correlation_id": meta.correlation_id if meta else effect_id,
            "trace": trace_header() or (meta.trace if meta else None),
        }  # fmt: skip
        self._undo.append(lambda: self._drop_job(effect_id))

    def _drop_job(self, effect_id: str) -> None:
        self.jobs.pop(effect_id, None)

    def cancel_effect(self, effect_id: str) -> None:
        """Drop a job that has not begun; one that runs goes on."""
        self.cancelled.add(effect_id)
        self._undo.append(lambda: self.cancelled.discard(effect_id))

    # -- for the processor ---------------------------------------------------------------------------------------
    def begin(self, meta: Meta) -> None:
        """A record's savepoint begins."""
        self._meta = meta
        self._undo.clear()
        self._flushed.clear()

    def rollback(self) -> bool:
        """Undo what the present record did. False: it can't be told apart; the batch must be done without it."""
        self._unsafe = False
        for undo in reversed(self._undo):
            undo()
        self._undo.clear()
        return not self._unsafe

    async def flush(self) -> None:
        """Write everything. Called once, before the commit."""
        for collection in {key[0] for key in (*self._dirty, *self._sums)}:
            await self._flush(collection)
        await self._write_jobs()

    async def _flush(self, collection: str) -> None:
        writes: list[Write] = []
        for key in [key for key in self._dirty if key[0] == collection]:
            document = self._dirty.pop(key)
            self._flushed.add(key)
            writes.append(
                DeleteOne({"_id": key[1]})
                if document is None
                else ReplaceOne({"_id": key[1]}, document.dump(), upsert=True)
            )
        for key in [key for key in self._sums if key[0] == collection]:
            sums, on_insert = self._sums.pop(key)
            if any(sums.values()):
                writes.append(UpdateOne({"_id": key[1]}, {"$inc": sums, "$setOnInsert": on_insert}, upsert=True))
        if writes:
            await self._database[collection].bulk_write(writes, ordered=True, session=self._session)

    async def _write_jobs(self) -> None:
        for effect_id in self.cancelled:
            self.jobs.pop(effect_id, None)
        writes: list[Write] = [DeleteOne({"_id": effect_id, "state": "pending"}) for effect_id in self.cancelled]
        writes += [
            UpdateOne({"_id": id}, {"$setOnInsert": _without_id(job)}, upsert=True) for id, job in self.jobs.items()
        ]
        if writes:
            await self._database[JOBS].bulk_write(writes, ordered=True, session=self._session)

    @property
    def touched(self) -> dict[str, int]:
        """How many documents of each collection wait to be written (for traces)."""
        counts: dict[str, int] = defaultdict(int)
        for collection, _ in (*self._dirty, *self._sums):
            counts[collection] += 1
        return dict(counts)


def _without_id(job: Raw) -> Raw:
    return {name: value for name, value in job.items() if name != "_id"}

"""What the processor keeps beside a service's state: progress per partition, outbox, answers already given.

Collections: `progress` (one document a partition), `outbox` (one a batch that emitted something), `seen` (one a record
that came from outside the processors: its identity and, for a command, its answer).
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from pymongo import ASCENDING, IndexModel, InsertOne, ReturnDocument

from shared.mongo import Database, Raw, Session
from shared.records import Outgoing

SEEN_FOR = timedelta(days=14)
_OUTBOX_BYTES = 8_000_000  # half of what a document may hold


class Fenced(Exception):
    """The partition's progress is not where this owner left it: somebody else owns it, or already did the batch."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a partition has been handled, and the highest sequence seen of each origin."""

    id: str  # "<cluster id>/<topic>/<partition>"
    next: int | None  # the offset to handle next; None: nothing handled yet
    sequences: dict[str, int] = field(default_factory=dict)

    def advanced(self, next: int, sequences: dict[str, int]) -> "Progress":
        return Progress(self.id, next, sequences)


class ProgressStore:
    """Progress, outbox and answers of one service, in its own database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._progress, self._outbox, self._seen = database["progress"], database["outbox"], database["seen"]

    async def prepare(self) -> None:
        """Create the indexes."""
        await self._seen.create_indexes(
            [IndexModel([("at", ASCENDING)], expireAfterSeconds=int(SEEN_FOR.total_seconds()))]
        )
        await self._outbox.create_indexes([IndexModel([("place", ASCENDING), ("_id", ASCENDING)])])

    async def take_over(self, cluster: str, place: str, session: Session) -> Progress:
        """Become the partition's owner: its progress, once the former owner can't write any more.

        A process that was killed leaves its transaction open on the server, which would hold its documents for a
        minute (`transactionLifetimeLimitSeconds`); so the former owner's session is ended first. In a log that was
        never seen before (another cluster id: the embedded broker forgets its log when it ends) progress starts anew,
        but the sequences come along, so that what an outbox still publishes is recognised.
        """
        id = f"{cluster}/{place}"
        raw = await self._progress.find_one({"_id": id})
        if raw and raw.get("session"):
            await self._database.client.admin.command({"killSessions": [{"id": raw["session"]}]})
        own = {"session": cast("Raw", session.session_id)["id"], "at": datetime.now(UTC)}
        if raw is None:
            earlier = await self._progress.find_one({"place": place}, sort=[("at", -1)])
            own |= {"place": place, "next": None, "sequences": earlier["sequences"] if earlier else []}
        raw = await self._progress.find_one_and_update(
            {"_id": id}, {"$set": own}, upsert=True, return_document=ReturnDocument.AFTER
        )
        return Progress(id, raw["next"], _decode(raw["sequences"]))

    async def read(self, id: str) -> Progress:
        """The partition's progress as it is."""
        raw = await self._progress.find_one({"_id": id}) or {"next": None, "sequences": []}
        return Progress(id, raw["next"], _decode(raw["sequences"]))

    async def advance(self, before: Progress, after: Progress, session: Session) -> None:
        """Move from `before` to `after`, within the batch's transaction. Raises `Fenced`."""
        change = {"$set": {"next": after.next, "sequences": _encode(after.sequences), "at": datetime.now(UTC)}}
        result = await self._progress.update_one({"_id": before.id, "next": before.next}, change, session=session)
        if result.matched_count != 1:
            raise Fenced(before.id)

    async def put_outbox(self, place: str, first_offset: int, records: list[Outgoing], session: Session) -> list[str]:
        """Keep the batch's messages until they are published; several documents only where one can't hold them."""
        documents: list[Raw] = []
        for number, chunk in enumerate(_chunks(records)):
            documents.append(
                {
                    "_id": f"{place}/{first_offset:020d}/{number:04d}",
                    "place": place,
                    "records": [r.raw() for r in chunk],
                }
            )
        if documents:
            await self._outbox.insert_many(documents, session=session)
        return [document["_id"] for document in documents]

    async def left_over(self, place: str) -> list[tuple[str, list[Outgoing]]]:
        """What was committed but may not have been published, oldest first."""
        rows = await self._outbox.find({"place": place}).sort("_id", ASCENDING).to_list(None)
        return [(raw["_id"], [Outgoing.of_raw(record) for record in raw["records"]]) for raw in rows]

    async def published(self, ids: list[str]) -> None:
        """Forget what has been published."""
        if ids:
            await self._outbox.delete_many({"_id": {"$in": ids}})

    async def outbox_size(self) -> int:
        """Batches that wait to be published."""
        return await self._outbox.count_documents({})

    async def answers(self, ids: list[str], session: Session) -> dict[str, Raw]:
        """Which of these identities were handled before, with the answer that was given."""
        if not ids:
            return {}
        rows = await self._seen.find({"_id": {"$in": ids}}, session=session).to_list(None)
        return {raw["_id"]: raw for raw in rows}

    async def remember(self, answers: dict[str, Raw], session: Session) -> None:
        """Keep identities and answers, within the batch's transaction."""
        if answers:
            await self._seen.bulk_write([InsertOne({**raw, "_id": id}) for id, raw in answers.items()], session=session)


def _chunks(records: list[Outgoing]) -> list[list[Outgoing]]:
    chunks: list[list[Outgoing]] = []
    size = _OUTBOX_BYTES + 1
    for record in records:
        weight = len(record.value) + 500
        if size + weight > _OUTBOX_BYTES:
            chunks.append([])
            size = 0
        chunks[-1].append(record)
        size += weight
    return chunks


def _encode(sequences: dict[str, int]) -> list[Any]:
    """Origins have dots in their names, which MongoDB doesn't like in field names."""
    return [[origin, sequence] for origin, sequence in sequences.items()]


def _decode(raw: list[Any]) -> dict[str, int]:
    return {origin: int(sequence) for origin, sequence in raw}

"""The gateway's own collections outside the processor: what the directory reads, the requests' memory, the spool."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from pymongo import ASCENDING, IndexModel
from pymongo.errors import DuplicateKeyError

from services.gateway.models import AmbassadorLink, ApiKey, Brand, Connection, ShopApp
from shared.documents import Document
from shared.mongo import Database, Raw

D = TypeVar("D", bound=Document)
REQUESTS, SPOOL, UNSENDABLE = "requests", "spool", "spool_unsendable"
_REMEMBER = timedelta(days=14)


async def prepare(database: Database) -> None:
    """Create the indexes of the collections that are no documents of the processor."""
    await database[REQUESTS].create_indexes(
        [IndexModel([("at", ASCENDING)], expireAfterSeconds=int(_REMEMBER.total_seconds()))]
    )


class Doors:
    """Who may come in and where links lead, as the processor wrote it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def all(self, model: type[D], filter: Raw | None = None) -> list[D]:
        """Every document of a kind."""
        return [model.load(raw) async for raw in self._database[model.collection].find(filter or {})]

    async def one(self, model: type[D], id: str) -> D | None:
        """The document with this id."""
        raw = await self._database[model.collection].find_one({"_id": id})
        return model.load(raw) if raw else None

    def links(self, since: datetime | None) -> AsyncIterator[AmbassadorLink]:
        """Links that changed since then (None: all), oldest change first."""
        return self._links({"changed_at": {"$gte": since}} if since else {})

    async def _links(self, filter: Raw) -> AsyncIterator[AmbassadorLink]:
        async for raw in self._database[AmbassadorLink.collection].find(filter).sort("changed_at", ASCENDING):
            yield AmbassadorLink.load(raw)

    async def of_brand(self, brand_id: str) -> tuple[Brand | None, ShopApp | None, list[ApiKey], list[Connection]]:
        """One brand's doors."""
        mine = {"brand_id": brand_id}
        return (
            await self.one(Brand, brand_id),
            await self.one(ShopApp, brand_id),
            await self.all(ApiKey, mine),
            await self.all(Connection, mine),
        )


@dataclass(frozen=True, slots=True)
class KnownRequest:
    """A request that was taken on under an Idempotency-Key, or answered 202."""

    id: str
    brand_id: str
    actor: str
    service: str
    fingerprint: str
    at: datetime


class Requests:
    """What was asked under which Idempotency-Key. Answers are with the service that gave them."""

    def __init__(self, database: Database) -> None:
        self._requests = database[REQUESTS]

    async def begin(self, request: KnownRequest) -> KnownRequest | None:
        """Take a request on; returns the earlier one with this id, if there is one."""
        try:
            await self._requests.insert_one(_raw(request))
        except DuplicateKeyError:
            return await self.get(request.id)
        return None

    async def get(self, id: str) -> KnownRequest | None:
        raw = await self._requests.find_one({"_id": id})
        return (
            KnownRequest(id, raw["brand_id"], raw["actor"], raw["service"], raw["fingerprint"], raw["at"])
            if raw
            else None
        )

    async def take_over(self, known: KnownRequest) -> bool:
        """Whether the caller may try this request again; one of several who ask."""
        mine = {"_id": known.id, "at": known.at}
        return (await self._requests.update_one(mine, {"$set": {"at": datetime.now(UTC)}})).modified_count == 1

    async def note(self, request: KnownRequest) -> None:
        """Remember a request that was answered 202."""
        await self._requests.update_one({"_id": request.id}, {"$setOnInsert": _raw(request)}, upsert=True)

    async def forget(self, id: str) -> None:
        """The request was never sent: its key is free again."""
        await self._requests.delete_one({"_id": id})


def _raw(request: KnownRequest) -> dict[str, Any]:
    return {
        "_id": request.id,
        "brand_id": request.brand_id,
        "actor": request.actor,
        "service": request.service,
        "fingerprint": request.fingerprint,
        "at": request.at,
    }


class SpoolStore:
    """Ingress records that wait for Kafka, in order of their ids."""

    def __init__(self, database: Database) -> None:
        self._spool, self._unsendable = database[SPOOL], database[UNSENDABLE]

    async def add(self, id: str, record: Raw) -> None:
        """Durable on a majority when this returns."""
        await self._spool.insert_one({"_id": id, "record": record, "at": datetime.now(UTC)})

    async def first(self, limit: int) -> list[Raw]:
        """The oldest records."""
        return await self._spool.find({}).sort("_id", ASCENDING).limit(limit).to_list(None)

    async def remove(self, ids: Sequence[str]) -> None:
        await self._spool.delete_many({"_id": {"$in": list(ids)}})

    async def set_aside(self, row: Raw, reason: str) -> None:
        """Keep a record that Kafka will never take where a person finds it."""
        await self._unsendable.replace_one({"_id": row["_id"]}, {**row, "reason": reason}, upsert=True)
        await self._spool.delete_one({"_id": row["_id"]})

    async def depth(self) -> int:
        return await self._spool.estimated_document_count()

    async def oldest(self) -> datetime | None:
        raw = await self._spool.find_one({}, {"at": 1}, sort=[("_id", ASCENDING)])
        return raw["at"] if raw else None

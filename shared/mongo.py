"""MongoDB behind one door: only this module, the unit of work and the progress store know the driver (motor)."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar, cast

import structlog
from motor.motor_asyncio import (
    AsyncIOMotorClient,
    AsyncIOMotorClientSession,
    AsyncIOMotorCollection,
    AsyncIOMotorDatabase,
)
from pymongo import ReadPreference, WriteConcern
from pymongo.errors import (
    ConnectionFailure,
    ExecutionTimeout,
    NetworkTimeout,
    OperationFailure,
    PyMongoError,
    WriteConcernError,
)
from pymongo.read_concern import ReadConcern

from shared.documents import Document
from shared.settings import Settings
from shared.topics import Service

Raw = dict[str, Any]
Client = AsyncIOMotorClient[Raw]
Database = AsyncIOMotorDatabase[Raw]
Collection = AsyncIOMotorCollection[Raw]
Session = AsyncIOMotorClientSession
T = TypeVar("T")
log = structlog.get_logger(__name__)

_TRANSIENT_CODES = {11600, 11601, 11602, 10107, 13435, 13436, 189, 91, 112, 251}


def connect(settings: Settings, *, socket_timeout: float | None = None) -> Client:
    """A client that gives up on an unreachable server after two seconds instead of thirty.

    `socket_timeout`: seconds a server may be silent in the middle of an operation (None: as long as it takes).
    """
    return AsyncIOMotorClient(
        settings.mongo_uri,
        tz_aware=True,
        tzinfo=UTC,
        serverSelectionTimeoutMS=2000,
        connectTimeoutMS=2000,
        w="majority",
        retryWrites=True,
        appname="vouch",
        socketTimeoutMS=int(socket_timeout * 1000) if socket_timeout else None,
    )


def database(client: Client, settings: Settings, service: Service) -> Database:
    """The service's own database."""
    return client[f"{settings.database_prefix}{service}"]


def is_transient(error: BaseException) -> bool:
    """Whether the same operation may well succeed later: no server, fail-over, a write conflict."""
    # A write concern's error leaves the outcome open, which the progress document settles.
    if isinstance(error, (ConnectionFailure, NetworkTimeout, ExecutionTimeout, WriteConcernError)):
        return True
    if isinstance(error, PyMongoError) and (
        error.has_error_label("TransientTransactionError") or error.has_error_label("UnknownTransactionCommitResult")
    ):
        return True
    return isinstance(error, OperationFailure) and error.code in _TRANSIENT_CODES


async def transaction(session: Session, body: Callable[[Session], Awaitable[T]]) -> T:
    """Run `body` in one majority-committed snapshot transaction. Tries once; the caller decides about retries.

    A commit whose outcome is unknown is asked again (idempotent by the server's transaction number).
    """
    session.start_transaction(
        read_concern=ReadConcern("snapshot"),
        write_concern=WriteConcern("majority"),
        read_preference=ReadPreference.PRIMARY,
    )
    try:
        result = await body(session)
    except BaseException:
        if cast("bool", session.in_transaction):  # a property, whatever the type stubs say
            await _abort(session)
        raise
    await _commit(session)
    return result


async def _abort(session: Session) -> None:
    try:
        await session.abort_transaction()
    except PyMongoError:
        log.debug("abort failed; the server drops the transaction with the session")


async def _commit(session: Session) -> None:
    for attempt in range(5):
        try:
            return await session.commit_transaction()
        except PyMongoError as error:
            if not error.has_error_label("UnknownTransactionCommitResult") or attempt == 4:
                raise
            await asyncio.sleep(0.1 * 2**attempt)


class ReadOnly:
    """A service's database for those who may only read it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find_one(
        self, collection: str, filter: Mapping[str, Any], projection: Mapping[str, Any] | None = None
    ) -> Raw | None:
        return await self._database[collection].find_one(filter, projection)

    async def find(
        self,
        collection: str,
        filter: Mapping[str, Any],
        *,
        sort: list[tuple[str, int]] | None = None,
        limit: int = 0,
        projection: Mapping[str, Any] | None = None,
    ) -> list[Raw]:
        cursor = self._database[collection].find(filter, projection)
        if sort:
            cursor = cursor.sort(sort)
        return await cursor.limit(limit).to_list(None)

    def stream(self, collection: str, filter: Mapping[str, Any]) -> AsyncIterator[Raw]:
        """Every matching document, a batch at a time."""
        return aiter(self._database[collection].find(filter))

    async def aggregate(self, collection: str, pipeline: list[Mapping[str, Any]]) -> list[Raw]:
        if any(stage.keys() & {"$out", "$merge"} for stage in pipeline):
            raise ValueError("a read-only handle cannot write")
        return await self._database[collection].aggregate(pipeline).to_list(None)

    async def count(self, collection: str, filter: Mapping[str, Any]) -> int:
        return await self._database[collection].count_documents(filter)


Migration = Callable[[Database], Awaitable[None]]


async def prepare(database: Database, documents: Iterable[type[Document]], migrations: Mapping[str, Migration]) -> None:
    """Create declared indexes, then run each migration that has not run here (by name, in name order, once).

    A migration must be able to run again from the start: it is recorded only when it is done.
    """
    for document in documents:
        if document.indexes:
            await database[document.collection].create_indexes(document.indexes)
    ledger = database["migrations"]
    done = {raw["_id"] async for raw in ledger.find({}, {"_id": 1})}
    for name in sorted(set(migrations) - done):
        log.info("migrating", database=database.name, migration=name)
        await migrations[name](database)
        await ledger.update_one({"_id": name}, {"$set": {"at": datetime.now(UTC)}}, upsert=True)

"""One batch of one partition: from raw records to a committed transaction. What it decides, it decides in log order."""

import traceback
from dataclasses import dataclass, field, replace
from typing import Any

import structlog
from pydantic import ValidationError
from pymongo.errors import PyMongoError

from shared.contracts.base import Command
from shared.errors import Permanent, Refused, Reply, Transient
from shared.handlers import Handlers, Route
from shared.records import Header, Incoming, IngressRecord, Meta, dead_letter, reply_record
from shared.telemetry import record_span
from shared.topics import Topic
from shared.unit_of_work import UnitOfWork

log = structlog.get_logger(__name__)
_STRIDE = 1 << 20  # messages one record may emit; sequences are (offset × stride + n)


@dataclass(slots=True)
class Failure:
    """A record that could not be handled."""

    record: Incoming
    error: BaseException
    trace: str

    @property
    def permanent(self) -> bool:
        return isinstance(self.error, (Permanent, ValidationError))

    @property
    def summary(self) -> str:
        return f"{type(self.error).__name__}: {self.error}"


@dataclass(slots=True)
class Outcome:
    """What became of a batch."""

    handled: int = 0
    refused: int = 0
    repeated: int = 0
    ignored: int = 0
    failures: list[Failure] = field(default_factory=list)
    answers: dict[str, dict[str, Any]] = field(default_factory=dict)


class Inseparable(Exception):
    """A failed record overwrote what it had not read: its changes can't be undone, so the records go one at a time."""


class Batch:
    """Runs the handlers over records that were not handled before."""

    def __init__(self, handlers: Handlers, origin: str, known: dict[str, dict[str, Any]], uow: UnitOfWork) -> None:
        self._handlers, self._origin, self._known, self._uow = handlers, origin, known, uow
        self.outcome = Outcome()

    async def run(self, records: list[Incoming]) -> Outcome:
        """Handle each record; failures are collected, everything else goes on. Raises `Transient` and driver errors."""
        decoded = [(record, *self._decode(record)) for record in records]
        await self._prefetch([message for _, _, message in decoded])
        for record, meta, message in decoded:
            self._uow.begin(meta)
            sent = len(self._uow.outbox)
            await self._one(record, meta, message)
            self._stamp(record, sent)
        return self.outcome

    def bury(self, failures: list[Failure]) -> None:
        """Put what failed on the dead-letter topic, with the batch's other messages."""
        for failure in failures:
            self._uow.begin(_bare(failure.record))
            sent = len(self._uow.outbox)
            self._uow.send(dead_letter(failure.record, self._handlers.service, failure.summary, failure.trace))
            self._answer(_reply_to(failure.record), _BROKEN.reply)
            self._stamp(failure.record, sent)

    def _stamp(self, record: Incoming, first: int) -> None:
        outbox = self._uow.outbox
        for number, index in enumerate(range(first, len(outbox))):
            outbox[index] = outbox[index].stamped(self._origin, record.offset * _STRIDE + number)

    def _decode(self, record: Incoming) -> tuple[Meta, Any]:
        """The message, an ingress record, None for what this service doesn't care about, or a `Failure`."""
        try:
            meta = record.meta
            if Topic(record.topic) in self._handlers.ingress_routes:
                return meta, IngressRecord(record.value, record.headers, meta.brand_id, meta, record.key)
            route = self._route(record)
            return meta, route.model.model_validate_json(record.value) if route else None
        except (ValidationError, Permanent, UnicodeDecodeError) as error:
            return _bare(record), Failure(record, error, traceback.format_exc())

    def _route(self, record: Incoming) -> Route | None:
        name = record.headers.get(Header.TYPE, "")
        route = self._handlers.routes.get(name)
        if route is None and record.topic == Topic.commands(self._handlers.service):
            raise Permanent(f"{self._handlers.service} knows no command {name or '(no type header)'!r}")
        return route

    async def _prefetch(self, messages: list[Any]) -> None:
        wanted: dict[Any, list[str]] = {}
        for message in messages:
            route = self._handlers.routes.get(type(message).__name__)
            for model, id in route.prefetch(message) if route and route.prefetch else ():
                wanted.setdefault(model, []).append(id)
        for model, ids in wanted.items():
            await self._uow.get_many(model, ids)

    async def _one(self, record: Incoming, meta: Meta, message: Any) -> None:
        only = record.headers.get(Header.ONLY)
        if message is None or (only and only != self._handlers.service):
            self.outcome.ignored += 1
        elif isinstance(message, Failure):
            await self._failed(message)
        elif (known := self._answered(record)) is not None:
            self._repeat(meta, known)
        else:
            await self._handle(record, meta, message)

    def _answered(self, record: Incoming) -> dict[str, Any] | None:
        identity = record.dedupe_id
        return (self._known.get(identity) or self.outcome.answers.get(identity)) if identity else None

    def _repeat(self, meta: Meta, known: dict[str, Any]) -> None:
        """The same record again: the stored first answer, or 422 when the identity is used for something else."""
        self.outcome.repeated += 1
        if meta.fingerprint and known.get("fingerprint") not in (None, meta.fingerprint):
            reply = reused_key().reply
        else:
            reply = Reply(status=known.get("status", 200), body=known.get("body", {}))
        self._answer(meta, reply)

    async def _handle(self, record: Incoming, meta: Meta, message: Any) -> None:
        with (
            record_span(meta, record.headers),
            structlog.contextvars.bound_contextvars(correlation_id=meta.correlation_id),
        ):
            try:
                reply = await self._call(message, meta)
            except Refused as refusal:
                self._undo()
                self.outcome.refused += 1
                reply = refusal.reply
                log.info("refused", type=meta.type, status=refusal.status, reason=refusal.type)
            except (Transient, PyMongoError):
                raise
            except Exception as error:  # noqa: BLE001  # the record's own failure, judged with the batch
                log.warning(
                    "record failed",
                    type=meta.type,
                    topic=meta.topic,
                    partition=meta.partition,
                    offset=meta.offset,
                    error=repr(error),
                )
                return await self._failed(Failure(record, error, traceback.format_exc()))
            else:
                self.outcome.handled += 1
        self._remember(record, meta, reply)
        self._answer(meta, reply)

    async def _call(self, message: Any, meta: Meta) -> Reply:
        if isinstance(message, IngressRecord):
            await self._handlers.ingress_routes[Topic(meta.topic)](message, self._uow)
            return Reply()
        return await self._handlers.routes[type(message).__name__].handle(message, self._uow, meta) or Reply()

    def _remember(self, record: Incoming, meta: Meta, reply: Reply) -> None:
        if not (identity := record.dedupe_id):
            return
        answer: dict[str, Any] = {"at": self._uow.now, "brand_id": meta.brand_id}
        route = self._handlers.routes.get(meta.type)
        if route and issubclass(route.model, Command):
            answer |= {
                "status": reply.status,
                "body": reply.body,
                "fingerprint": meta.fingerprint,
                "type": meta.type,
                "actor": meta.actor,
            }
        self.outcome.answers[identity] = answer

    def _answer(self, meta: Meta, reply: Reply) -> None:
        record = reply_record(meta, reply.status, reply.body)
        if record:
            self._uow.send(record)

    async def _failed(self, failure: Failure) -> None:
        self._undo()
        self.outcome.failures.append(failure)

    def _undo(self) -> None:
        if not self._uow.rollback():
            raise Inseparable


def reused_key() -> Refused:
    """The refusal of an idempotency key that was used for another request."""
    return Refused(
        422, "idempotency-key-reused", "Idempotency-Key was used for another request",
        "Send a new Idempotency-Key, or repeat exactly the first request.",
    )  # fmt: skip


_BROKEN = Refused(
    500, "internal-error", "The command could not be handled",
    "It was put aside as a dead letter: nothing is lost, and it can be replayed once the cause is mended.",
)  # fmt: skip


def _reply_to(record: Incoming) -> Meta:
    """Meta of a record that failed, as far as its sender's address goes."""
    return replace(_bare(record), reply_to=record.headers.get(Header.REPLY_TO))


def _bare(record: Incoming) -> Meta:
    """Meta of a record whose headers may be the very thing that is wrong."""
    safe = {
        name: record.headers[name] for name in (Header.ID, Header.BRAND, Header.CORRELATION) if name in record.headers
    }
    return Incoming(
        record.topic, record.partition, record.offset, record.key, record.value, safe, record.timestamp
    ).meta

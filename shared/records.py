"""A message's travel: Kafka record headers, what a handler is told of them, and records on their way out."""

import json
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from pydantic_core import to_json

from shared.contracts.base import Command, Message
from shared.errors import Permanent
from shared.ids import new_id
from shared.topics import Service, Topic

Headers = dict[str, str]


class Header:
    """Names of the headers every record of Vouch may carry."""

    TYPE = "type"  # the message's class
    VERSION = "v"
    ID = "id"
    BRAND = "brand"
    AT = "at"  # RFC 3339
    CORRELATION = "corr"
    TRACE = "traceparent"  # W3C trace context
    ACTOR = "actor"
    ORIGIN = "origin"  # the partition that emitted it; absent on what comes from outside
    SEQUENCE = "seq"  # grows per origin
    DEDUPE = "dedupe"  # identity of a record that has no origin, when it isn't its id
    REPLY_TO = "reply-to"  # "<instance>/<partition of the replies topic>"
    FINGERPRINT = "fp"  # digest of a command's request, for idempotency keys
    ONLY = "only"  # a replayed dead letter is for this service alone
    DLQ = "dlq-"


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A record to publish. `partition` None = by key. `topic` is without prefix."""

    topic: str
    key: bytes | None
    value: bytes
    headers: Headers
    partition: int | None = None

    def stamped(self, origin: str, sequence: int) -> "Outgoing":
        """The record with its place in its origin's sequence."""
        return replace(self, headers={**self.headers, Header.ORIGIN: origin, Header.SEQUENCE: str(sequence)})

    def raw(self) -> dict[str, Any]:
        """As it is kept in the outbox."""
        return {"t": self.topic, "k": self.key, "v": self.value, "h": self.headers, "p": self.partition}

    @classmethod
    def of_raw(cls, raw: dict[str, Any]) -> "Outgoing":
        return cls(topic=raw["t"], key=raw["k"], value=raw["v"], headers=raw["h"], partition=raw["p"])


@dataclass(frozen=True, slots=True)
class Meta:
    """What a handler is told about the record it handles."""

    type: str
    id: str
    brand_id: str
    at: datetime
    correlation_id: str
    actor: str
    topic: str
    partition: int
    offset: int
    trace: str | None = None
    reply_to: str | None = None
    fingerprint: str | None = None


@dataclass(frozen=True, slots=True)
class Incoming:
    """A record as it was read: raw, with its headers decoded."""

    topic: str  # without prefix
    partition: int
    offset: int
    key: bytes | None
    value: bytes
    headers: Headers = field(default_factory=dict)
    timestamp: int = 0  # broker or producer time, milliseconds

    @property
    def origin(self) -> str | None:
        return self.headers.get(Header.ORIGIN)

    @property
    def sequence(self) -> int:
        return int(self.headers.get(Header.SEQUENCE, "0"))

    @property
    def dedupe_id(self) -> str | None:
        """Identity of a record from outside the processors; None when origin and sequence do the work."""
        if self.origin:
            return None
        return self.headers.get(Header.DEDUPE) or self.headers.get(Header.ID)

    @property
    def meta(self) -> Meta:
        get = self.headers.get
        identity = get(Header.ID) or f"{self.topic}/{self.partition}/{self.offset}"
        return Meta(
            type=get(Header.TYPE, ""),
            id=identity,
            brand_id=get(Header.BRAND, ""),
            at=self._at(),
            trace=get(Header.TRACE),
            correlation_id=get(Header.CORRELATION) or identity,
            actor=get(Header.ACTOR, "system"),
            topic=self.topic,
            partition=self.partition,
            offset=self.offset,
            reply_to=get(Header.REPLY_TO),
            fingerprint=get(Header.FINGERPRINT),
        )

    def _at(self) -> datetime:
        stated = self.headers.get(Header.AT)
        try:
            return datetime.fromisoformat(stated) if stated else datetime.fromtimestamp(self.timestamp / 1000, UTC)
        except ValueError as error:
            raise Permanent(f"header {Header.AT!r} is no RFC 3339 time: {stated!r}") from error


@dataclass(frozen=True, slots=True)
class IngressRecord:
    """What a handler of an ingress topic gets: the sender's body, byte for byte, and the gateway's headers."""

    body: bytes
    headers: Headers
    brand_id: str
    meta: Meta
    key: bytes | None = None


def decode_headers(raw: "list[tuple[str, bytes]] | tuple[tuple[str, bytes], ...]") -> Headers:
    """Kafka's header list as a mapping; the last of a repeated name counts."""
    return {name: (value or b"").decode("utf-8", "replace") for name, value in raw}


def encode_headers(headers: Headers) -> list[tuple[str, bytes]]:
    # str(): the driver takes no subclass of str (names of IngressHeader).
    return [(str(name), value.encode()) for name, value in headers.items()]


def outgoing(
    message: Message,
    *,
    id: str | None = None,
    at: datetime | None = None,
    correlation_id: str | None = None,
    actor: str = "system",
    trace: str | None = None,
    extra: Headers | None = None,
) -> Outgoing:
    """A message as a record. Without an id it gets a fresh one."""
    identity = id or new_id("cmd" if isinstance(message, Command) else "evt")
    headers = {
        Header.TYPE: type(message).__name__,
        Header.VERSION: str(message.version),
        Header.ID: identity,
        Header.BRAND: message.brand_id,
        Header.AT: (at or datetime.now(UTC)).isoformat(),
        Header.CORRELATION: correlation_id or identity,
        Header.ACTOR: actor,
    }
    if trace:
        headers[Header.TRACE] = trace
    return Outgoing(
        topic=message.topic, key=message.key.encode(), value=to_json(message), headers=headers | (extra or {})
    )


def reply_record(meta: Meta, status: int, body: dict[str, Any]) -> Outgoing | None:
    """The answer to a command, for the partition of the replies topic that its sender reads; None when nobody waits."""
    if not meta.reply_to:
        return None
    instance, _, partition = meta.reply_to.rpartition("/")
    headers = {Header.TYPE: "Reply", Header.ID: meta.id, Header.CORRELATION: meta.correlation_id, "to": instance}
    return Outgoing(
        Topic.REPLIES, meta.id.encode(), json.dumps({"status": status, "body": body}).encode(), headers, int(partition)
    )


def dead_letter(record: Incoming, service: Service, error: str, trace: str) -> Outgoing:
    """A record that cannot be handled, with where it was, why, and the trace; the original goes along untouched."""
    why = {
        "service": service.value,
        "topic": record.topic,
        "partition": str(record.partition),
        "offset": str(record.offset),
        "error": error[:2000],
        "trace": trace[-8000:],
        "at": datetime.now(UTC).isoformat(),
        "origin": record.headers.get(Header.ORIGIN, ""),
        "seq": record.headers.get(Header.SEQUENCE, ""),
    }
    kept = {
        k: v
        for k, v in record.headers.items()
        if k not in (Header.ORIGIN, Header.SEQUENCE) and not k.startswith(Header.DLQ)
    }
    headers = kept | {Header.DLQ + name: text for name, text in why.items()}
    return Outgoing(Topic.dead_letters(service), record.key, record.value, headers)


def replayed(headers: Headers, key: bytes | None, value: bytes) -> Outgoing:
    """A dead letter as the record it was, for the service that could not handle it. Replaying twice has one effect."""
    place = "/".join(headers[Header.DLQ + part] for part in ("topic", "partition", "offset"))
    kept = {name: text for name, text in headers.items() if not name.startswith(Header.DLQ)}
    kept[Header.ONLY] = headers[Header.DLQ + "service"]
    if Header.DEDUPE not in kept and not kept.get(Header.TYPE, "").strip():
        kept[Header.DEDUPE] = f"dlq:{place}"
    return Outgoing(headers[Header.DLQ + "topic"], key, value, kept)

"""What every social network is to Vouch: a port with one adapter per network.

An adapter turns the network's own shapes into the neutral form and back. It keeps no state and reads no settings:
`verify` and `parse` are pure, `publish`, `fetch`, `read_back` and `poll` talk to the network through an `HttpClient`.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Protocol

from pydantic import BaseModel, ConfigDict, Field

from shared.contracts.gateway import NetworkName
from shared.contracts.ugc import Media, MentionKind, NeutralMention
from shared.http import HttpClient
from shared.networks.eligibility import Eligibility
from shared.security.signatures import SignatureInvalid


class Frozen(BaseModel):
    model_config = ConfigDict(frozen=True)


class Connection(Frozen):
    """A brand's account on a network. `settings` may be shown; `secrets` are unsealed and must not be logged.

    A secret `x` in rotation has its predecessor in `x_previous`. Which names a network wants: `Network.needs`.
    """

    id: str
    brand_id: str
    network: NetworkName
    settings: dict[str, str] = Field(default_factory=dict)
    secrets: dict[str, str] = Field(default_factory=dict, repr=False)

    def accepted(self, name: str) -> list[str]:
        """The values of a secret that are good at present: the new one and, during a rotation, the old one."""
        found = (self.secrets.get(name), self.secrets.get(f"{name}_previous"))
        return [value for value in found if value]


class InboundRequest(Frozen):
    """An HTTP request as it came. Names of headers ignore case; a header or parameter may come more than once."""

    method: str
    headers: tuple[tuple[str, str], ...] = ()
    query: tuple[tuple[str, str], ...] = ()
    body: bytes = b""

    @classmethod
    def of(
        cls,
        method: str,
        headers: Iterable[tuple[str, str]] | Mapping[str, str] = (),
        query: Iterable[tuple[str, str]] | Mapping[str, str] = (),
        body: bytes = b"",
    ) -> "InboundRequest":
        return cls(method=method, headers=tuple(_items(headers)), query=tuple(_items(query)), body=body)

    def header(self, name: str) -> str | None:
        """The header's value. One that is given twice is refused: two readers would believe different ones."""
        return _one(self.headers, name, "header")

    def parameter(self, name: str) -> str | None:
        return _one(self.query, name, "parameter")


def _items(pairs: Iterable[tuple[str, str]] | Mapping[str, str]) -> Iterable[tuple[str, str]]:
    return pairs.items() if isinstance(pairs, Mapping) else pairs


def _one(pairs: tuple[tuple[str, str], ...], name: str, what: str) -> str | None:
    found = [value for key, value in pairs if key.lower() == name.lower()]
    if len(found) > 1:
        raise SignatureInvalid(f"The {what} {name} is given more than once.")
    return found[0] if found else None


class HandshakeResponse(Frozen):
    """The network asks whether we are there: answer with exactly this text, and record nothing."""

    body: str
    status: int = 200
    content_type: str = "text/plain"


class Deleted(Frozen):
    """Something that was said is gone, or hidden by the network. A later mention of the same id restores it."""

    external_id: str


class Ignored(Frozen):
    """A part of a delivery that is not a mention, and why."""

    kind: str
    reason: str


Parsed = NeutralMention | Deleted | Ignored


class InvalidPayload(Exception):
    """A verified body that is not of the network's shape. `pointer` is a JSON pointer (RFC 6901) into it."""

    def __init__(self, pointer: str, detail: str) -> None:
        super().__init__(f"{pointer or '/'}: {detail}")
        self.pointer, self.detail = pointer, detail


class OutboundReply(Frozen):
    """A reply on its way to a network. `id` identifies it in every try."""

    id: str = Field(examples=["rpl_01J9ZQ4Y3N8M5K7T2V6W1X0ABC"])
    target: str = Field(description="`external_id` of the mention that is answered.")
    kind: MentionKind
    text: str
    media: tuple[Media, ...] = ()
    created_at: datetime = Field(description="When the reply was first tried; bounds the search of `read_back`.")


class Published(Frozen):
    """The network has it. `permalink` where the network's addresses can be built."""

    external_id: str
    permalink: str | None = None


class PublishRefused(Exception):
    """The network said no. `permanent`: to this text or target, for good; else the token or account needs care."""

    def __init__(self, *, permanent: bool, reason: str) -> None:
        super().__init__(reason)
        self.permanent, self.reason = permanent, reason


class PublishRetry(Exception):
    """Nothing was posted; try again after `after` seconds."""

    def __init__(self, after: float, reason: str) -> None:
        super().__init__(reason)
        self.after, self.reason = after, reason


class PublishUncertain(Exception):
    """It may have been posted. Read back before any repetition; where that can't tell, a person looks."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class ReadBackUnsupported(Exception):
    """The network offers no way to look whether a reply is there."""


class FetchFailed(Exception):
    """What a webhook only named could not be fetched. `permanent`: it is gone or not ours to see."""

    def __init__(self, *, permanent: bool, reason: str) -> None:
        super().__init__(reason)
        self.permanent, self.reason = permanent, reason


class Limits(Frozen):
    """How much a network takes. None: no documented limit of that kind."""

    per_second: float | None = None
    per_target_per_second: float | None = None
    per_group_per_minute: int | None = None
    per_hour: int | None = None
    units_per_day: int | None = None
    units_per_reply: int = 0


class Needs(Frozen):
    """Names a connection of this network must have, and those it may have."""

    settings: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()


class Poll(Frozen):
    """What a poll found; hand `cursor` to the next one."""

    mentions: tuple[NeutralMention, ...]
    cursor: str | None


class Network(Protocol):
    """One social network. `name` is the same in URLs, records and documents."""

    name: NetworkName
    needs: Needs
    limits: Limits
    eligibility: Eligibility
    repeatable: bool
    """Whether publishing the same reply twice posts it once (the network dedupes by a key of ours)."""

    def verify(self, request: InboundRequest, connection: Connection) -> HandshakeResponse | None:
        """Whether the request is the network's. Raises SignatureMissing (400) or SignatureInvalid (401)."""

    def acknowledgement(self) -> str:
        """The body of the 200 that the network expects once the delivery is durable."""

    def delivery_id(self, request: InboundRequest) -> str:
        """The same for every repetition of one delivery; dedupes at the door. Never fails on a verified request."""

    def parse(self, body: bytes, headers: Mapping[str, str], connection: Connection) -> list[Parsed]:
        """What a verified delivery says, in its order. Raises InvalidPayload when its shape is wrong."""

    def needs_fetch(self, mention: NeutralMention) -> bool:
        """Whether the webhook only named the mention, so that `fetch` has to bring its text."""

    async def fetch(self, connection: Connection, mention: NeutralMention, client: HttpClient) -> NeutralMention:
        """The mention with its text. Raises FetchFailed."""

    async def publish(self, connection: Connection, reply: OutboundReply, client: HttpClient) -> Published:
        """Post the reply. Raises PublishRefused, PublishRetry or PublishUncertain."""

    async def read_back(self, connection: Connection, reply: OutboundReply, client: HttpClient) -> str | None:
        """The posted reply's id, or None when it is certainly not there. Raises ReadBackUnsupported or PublishRetry."""

    async def poll(self, connection: Connection, cursor: str | None, client: HttpClient) -> Poll:
        """What is new since `cursor`, for networks that push nothing; others answer an empty poll."""


class NetworkBase:
    """What adapters have in common; each overrides what it can do."""

    name: NetworkName
    needs: Needs = Needs()
    limits: Limits = Limits()
    eligibility: Eligibility
    repeatable: bool = False

    def __init__(self, api_url: str) -> None:
        self.api_url = api_url.rstrip("/")

    def acknowledgement(self) -> str:
        return ""

    def needs_fetch(self, mention: NeutralMention) -> bool:
        return False

    async def fetch(self, connection: Connection, mention: NeutralMention, client: HttpClient) -> NeutralMention:
        return mention

    async def read_back(self, connection: Connection, reply: OutboundReply, client: HttpClient) -> str | None:
        raise ReadBackUnsupported

    async def poll(self, connection: Connection, cursor: str | None, client: HttpClient) -> Poll:
        return Poll(mentions=(), cursor=cursor)

"""What the dev network knows: connections, posts, faults."""

import hashlib
from datetime import UTC, datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from shared.contracts.gateway import NetworkName
from shared.contracts.ugc import Media, MentionKind

FaultKind = Literal["429", "5xx", "5xx_after", "timeout_after", "timeout_before", "delay", "duplicate", "reorder"]


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class DevConnection(Strict):
    """A brand's account, as registered here: the names of settings and secrets are those of `shared/networks`.

    `strict`: replies to things that were not said here are refused, as on the real network. Otherwise they get an
    empty place in the threads, so that webhooks made by hand can be answered too.
    `limits`: whether the network's own rate limits apply.
    """

    id: str = Field(min_length=1)
    network: NetworkName
    webhook_url: str | None = None
    brand: str = "Brand"
    settings: dict[str, str] = Field(default_factory=dict)
    secrets: dict[str, str] = Field(default_factory=dict)
    strict: bool = False
    limits: bool = True

    @property
    def number(self) -> int:
        """A stable number of nine digits that network-like ids are made from."""
        return number_of(self.id)


def number_of(text: str) -> int:
    return 100_000_000 + int.from_bytes(hashlib.sha256(text.encode()).digest()[:6]) % 900_000_000


class Person(Strict):
    """Somebody on a network. Without an id, the handle or name makes one, always the same."""

    id: str | None = None
    handle: str | None = None
    name: str | None = None
    followers: int = 0

    @property
    def number(self) -> str:
        return self.id or str(number_of(self.handle or self.name or "anonymous"))


class PostForm(Strict):
    """`POST /_dev/post`: a person says something. `reply_to` is the id of a post in the threads.

    `mention` (Instagram): on somebody else's media, so the webhook carries ids only.
    """

    network: NetworkName
    connection: str | None = Field(None, description="Its id; needed when the network has several.")
    author: Person = Field(default_factory=lambda: Person(handle="anna", name="Anna"))
    text: str = ""
    kind: MentionKind | None = None
    reply_to: str | None = None
    media: list[Media] = Field(default_factory=list)
    mention: bool = False

    @field_validator("author", mode="before")
    @classmethod
    def _by_handle(cls, value: object) -> object:
        return {"handle": value, "name": value} if isinstance(value, str) else value


class EditForm(Strict):
    """`POST /_dev/edit`: the author changes their words."""

    connection: str
    id: str
    text: str


class DeleteForm(Strict):
    """`POST /_dev/delete`: the author takes it back."""

    connection: str
    id: str


class Post(BaseModel):
    """Something said on a network by a person, or by the brand in a reply."""

    network: NetworkName
    connection: str
    id: str
    number: int
    kind: MentionKind
    text: str
    author: Person
    by_brand: bool = False
    reply_to: str | None = None
    root: str
    media: list[Media] = Field(default_factory=list)
    mention: bool = False
    seen_elsewhere: bool = Field(False, description="Answered here, but not said here.")
    client_key: str | None = None
    created_at: datetime = Field(default_factory=lambda: datetime.now(UTC))
    edited_at: datetime | None = None
    deleted: bool = False


class Fault(Strict):
    """Something that goes wrong on purpose.

    On calls: `429`, `5xx` (nothing done), `5xx_after` and `timeout_after` (done, then no good answer),
    `timeout_before`, `delay`. On webhooks: `duplicate`, `delay` and
    `reorder` (held back for `seconds`, so that later ones overtake it).
    `times` counts down and then the fault is over; `path` limits it to calls whose path contains it.
    """

    network: NetworkName | Literal["*"] = "*"
    on: Literal["calls", "webhooks"] = "calls"
    kind: FaultKind
    probability: float = Field(1.0, ge=0, le=1)
    times: int | None = Field(None, ge=0)
    seconds: float = Field(3.0, ge=0, le=600)
    path: str = ""


class Faults(Strict):
    """`PUT /_dev/faults`: replaces all."""

    faults: list[Fault] = Field(default_factory=list)


class Delivery(BaseModel):
    """A webhook on its way. `attempts` that failed, `next_at` in Unix seconds."""

    id: int
    connection: str
    event: dict[str, object]
    attempts: int
    next_at: float

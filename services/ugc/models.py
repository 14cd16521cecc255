"""Documents of the service and their indexes. State machines live beside their aggregate (`mentions/`, `replies/`)."""

import hashlib
from datetime import datetime
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field
from pymongo import ASCENDING, DESCENDING, IndexModel

from shared.contracts.ambassadors import NetworkAccount
from shared.contracts.gateway import NetworkName
from shared.contracts.ugc import (
    Author,
    CatalogueProduct,
    CitedFact,
    Engagement,
    GuardrailHit,
    Media,
    MentionKind,
    MentionStatus,
    RejectionCode,
    ReplyStatus,
    RightsStatus,
    Understanding,
    Voice,
    VoiceFact,
)
from shared.documents import Document
from shared.ids import derived_id


def mention_id(brand_id: str, network: str, external_id: str) -> str:
    """A mention's identity: the same post is the same mention however often it is delivered."""
    return derived_id("men", brand_id, network, external_id)


def text_digest(text: str) -> str:
    """What an earlier version of a text is remembered by."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _index(*fields: str, partial: dict[str, Any] | None = None, newest: str | None = None) -> IndexModel:
    keys = [("brand_id", ASCENDING), *((name, ASCENDING) for name in fields)]
    if newest:
        keys.append((newest, DESCENDING))
    return IndexModel(keys, partialFilterExpression=partial) if partial else IndexModel(keys)


class Rights(BaseModel):
    """The right to show a mention outside the network: what was asked, what was answered, until when it holds."""

    model_config = ConfigDict(frozen=True)

    status: RightsStatus = "none"
    scope: str | None = None
    valid_days: int | None = None
    requested_at: datetime | None = None
    answered_by: str | None = None
    expires_at: datetime | None = None


class Mention(Document):
    """One thing somebody said. `version_at` orders its edits; a deleted one keeps its place but not its text."""

    collection: ClassVar[str] = "mentions"
    indexes: ClassVar[list[IndexModel]] = [
        _index(newest="posted_at"),
        _index("status", newest="posted_at"),
        _index("network", "author.id", newest="posted_at"),
        _index("products", newest="posted_at"),
        _index("person_id", newest="posted_at"),
        _index("rights.expires_at", partial={"rights.status": "granted"}),
        # The scheduler looks across brands.
        IndexModel([("rights.status", ASCENDING), ("rights.expires_at", ASCENDING)]),
    ]

    connection_id: str
    network: NetworkName
    external_id: str
    kind: MentionKind
    status: MentionStatus
    text: str
    author: Author
    person_id: str | None = None
    customer_id: str | None = None
    match_reason: str | None = None
    understanding: Understanding
    products: list[str] = Field(default_factory=list)
    challenges: list[str] = Field(default_factory=list)
    hashtags: list[str] = Field(default_factory=list)
    mentioned_handles: list[str] = Field(default_factory=list)
    media: list[Media] = Field(default_factory=list)
    engagement: Engagement = Field(default_factory=Engagement)
    permalink: str | None = None
    parent_external_id: str | None = None
    posted_at: datetime
    version_at: datetime
    recorded_at: datetime
    updated_at: datetime
    deleted: bool = False
    past_texts: list[str] = Field(default_factory=list, description="Digests of the words that edits replaced.")
    unseen: bool = Field(False, description="Deleted before its text ever arrived.")
    moderated_by: str = "automatic"
    moderation_reason: str | None = None
    rejection: RejectionCode | None = None
    rights: Rights = Field(default_factory=Rights)
    reply_id: str | None = None
    drafts: int = 0
    no_reply: str | None = Field(None, description="Why no reply was drafted.")


class Change(BaseModel):
    """One line of a reply's history."""

    model_config = ConfigDict(frozen=True)

    at: datetime
    actor: str
    change: str
    text: str | None = None
    reason: str | None = None


class ReplyDocument(Document):
    """A draft and what became of it."""

    collection: ClassVar[str] = "replies"
    indexes: ClassVar[list[IndexModel]] = [
        _index(newest="created_at"),
        _index("status", newest="created_at"),
        _index("mention_id"),
        _index("connection_id", newest="sent_at"),
        # The scheduler looks across brands.
        IndexModel([("status", ASCENDING), ("expires_at", ASCENDING)]),
    ]

    mention_id: str
    connection_id: str
    network: NetworkName
    target: str = Field(description="`external_id` of the mention it answers.")
    purpose: Literal["answer", "rights"] = "answer"
    status: ReplyStatus
    text: str
    language: str
    move: str
    generator: Literal["composer", "llm"] = "composer"
    facts: list[CitedFact] = Field(default_factory=list)
    media: list[Media] = Field(default_factory=list)
    guardrails: list[GuardrailHit] = Field(default_factory=list)
    needs_person: bool = False
    automatic: bool = False
    attempts: int = 0
    history: list[Change] = Field(default_factory=list)
    created_at: datetime
    updated_at: datetime
    expires_at: datetime | None = None
    sent_at: datetime | None = None
    external_id: str | None = None
    permalink: str | None = None
    reason: str | None = None
    superseded_by: str | None = None


class Product(Document):
    """A product of the catalogue; its id is `product_id(brand, number)`. The shop's part is ordered by `updated_at`."""

    collection: ClassVar[str] = "products"
    indexes: ClassVar[list[IndexModel]] = [_index("shop.title"), _index(newest="changed_at")]

    shop: CatalogueProduct | None = None
    aliases: list[str] = Field(default_factory=list)
    facts: list[VoiceFact] = Field(default_factory=list)
    changed_at: datetime


def product_key(brand_id: str, product_id: str) -> str:
    """A product document's id: Shopify numbers products per shop."""
    return f"{brand_id}:{product_id}"


class VoiceDocument(Document):
    """The brand's voice; its id is the brand id."""

    collection: ClassVar[str] = "voices"
    voice: Voice
    updated_at: datetime


class SaidByBrand(Document):
    """Lines of the brand's last drafts, newest last; its id is the brand id. Written by the brand's partition alone."""

    collection: ClassVar[str] = "said_by_brand"
    drafts: list[list[str]] = Field(default_factory=list)
    texts: list[str] = Field(default_factory=list)


class SaidToPerson(Document):
    """Lines and texts one person has been answered with. Written by the brand's partition alone."""

    collection: ClassVar[str] = "said_to_person"
    indexes: ClassVar[list[IndexModel]] = [_index()]
    lines: list[str] = Field(default_factory=list)
    texts: list[str] = Field(default_factory=list)


class Person(Document):
    """What this service copies of an ambassador; its id is the ambassador's. `keys` find them by account."""

    collection: ClassVar[str] = "people"
    indexes: ClassVar[list[IndexModel]] = [_index("keys")]
    name: str
    status: str
    customer_id: str | None = None
    accounts: list[NetworkAccount] = Field(default_factory=list)
    keys: list[str] = Field(default_factory=list)


class PollState(Document):
    """How far a polled connection has been read; its id is the connection's."""

    collection: ClassVar[str] = "polls"
    round: int = 0
    cursor: str | None = None
    due_at: datetime
    failed: str | None = None


documents: list[type[Document]] = [
    Mention,
    ReplyDocument,
    Product,
    VoiceDocument,
    SaidByBrand,
    SaidToPerson,
    Person,
    PollState,
]

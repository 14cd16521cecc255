"""Mentions, what was understood of them, replies, rights, the catalogue: owned by `services/ugc`."""

from datetime import datetime
from typing import ClassVar, Literal

from pydantic import Field, model_validator

from shared.contracts.base import Command, Event, Value
from shared.contracts.gateway import NetworkName
from shared.topics import Topic

MentionKind = Literal["post", "comment", "story", "video", "review", "message"]
MentionStatus = Literal["new", "approved", "rejected", "hidden", "featured"]
RejectionCode = Literal["SPAM", "PII", "TOXIC", "COMPETITOR", "OFF_TOPIC", "URL", "QUALITY"]
Intent = Literal["praise", "question", "complaint", "purchase", "idea", "recipe", "spam", "other"]
ReplyStatus = Literal[
    "proposed", "approved", "rejected", "superseded", "expired", "sending", "sent", "failed", "uncertain"
]
RightsStatus = Literal["none", "requested", "granted", "declined", "expired", "revoked"]


class Engagement(Value):
    """Counters as the network reports them; they may be updated later."""

    likes: int = Field(0, ge=0)
    comments: int = Field(0, ge=0)
    shares: int = Field(0, ge=0)
    views: int = Field(0, ge=0)


class Media(Value):
    """A picture, video or GIF by its address. Never fetched without the checks of `shared/http.py`."""

    type: Literal["image", "video", "gif"]
    url: str = Field(max_length=2048)


class Author(Value):
    """Who said it, as the network names them."""

    id: str | None = Field(
        None, max_length=256, description="The network's id of the author; some networks leave it out."
    )
    handle: str | None = Field(None, max_length=256)
    name: str | None = Field(None, max_length=256)
    followers: int = Field(0, ge=0)


class NeutralMention(Value):
    """One thing somebody said, in the form that is the same for every network."""

    external_id: str = Field(
        min_length=1,
        max_length=512,
        description="The network's id of the post, unique within the connection's network.",
    )
    kind: MentionKind
    text: str = Field("", max_length=20_000)
    author: Author = Field(default_factory=lambda: Author())
    permalink: str | None = Field(None, max_length=2048)
    posted_at: datetime = Field(description="When it was posted, UTC.")
    edited_at: datetime | None = Field(None, description="When this version of the text was written; orders edits.")
    media: list[Media] = Field(default_factory=list, max_length=50)
    hashtags: list[str] = Field(
        default_factory=list, description="Without '#', case-folded; derived from the text when empty."
    )
    mentioned_handles: list[str] = Field(default_factory=list)
    parent_external_id: str | None = Field(None, max_length=512)
    engagement: Engagement = Field(default_factory=lambda: Engagement())
    deleted: bool = False

    @model_validator(mode="after")
    def _aware(self) -> "NeutralMention":
        if self.posted_at.tzinfo is None:
            raise ValueError("posted_at needs a time zone, for example 2026-11-22T10:00:00Z")
        return self


class Sentiment(Value):
    """How the author feels: score −1 (bad) to 1 (good), and how sure we are, 0 to 1."""

    score: float = Field(ge=-1, le=1)
    confidence: float = Field(ge=0, le=1)


class ProductMatch(Value):
    """A product the text is about, and what in the text says so."""

    product_id: str
    score: float = Field(ge=0, le=1)
    evidence: str


class Understanding(Value):
    """The analyser's result; `analyser` is its version, so that results can be told apart and redone."""

    analyser: str = Field(examples=["2026.11"])
    language: str = Field(description="ISO 639-1, or 'und' when it cannot be told.", examples=["ru"])
    sentiment: Sentiment
    intent: Intent
    products: list[ProductMatch] = Field(default_factory=list)
    spam: float = Field(0, ge=0, le=1)
    toxicity: float = Field(0, ge=0, le=1)


class Voice(Value):
    """How the brand speaks, and the facts it may cite."""

    persona: str = Field(max_length=2000)
    tone: list[str] = Field(default_factory=list)
    do: list[str] = Field(default_factory=list)
    dont: list[str] = Field(default_factory=list)
    emoji: Literal["none", "few", "many"] = "few"
    languages: list[str] = Field(default_factory=lambda: ["ru", "en"])
    signature: str | None = None
    banned_words: list[str] = Field(default_factory=list)
    competitors: list[str] = Field(default_factory=list, description="Names that a reply never mentions.")
    allowed_links: list[str] = Field(
        default_factory=list, description="Hosts or address prefixes a reply may link to, beside the storefront."
    )
    facts: list["VoiceFact"] = Field(default_factory=list)
    policy: "ReplyPolicy" = Field(default_factory=lambda: ReplyPolicy())


class VoiceFact(Value):
    """Something true the brand may say, per language."""

    id: str
    text: dict[str, str] = Field(examples=[{"ru": "Зёрна обжариваем по вторникам.", "en": "We roast on Tuesdays."}])
    product_id: str | None = None


class ReplyPolicy(Value):
    """What may leave without a person's approval."""

    auto_send: bool = False


class _Command(Command):
    topic: ClassVar[Topic] = Topic.COMMANDS_UGC


class _MentionCommand(_Command):
    keyed_by: ClassVar[str] = "mention_id"
    mention_id: str = Field(examples=["men_k3v6…"])


class RecordMention(_MentionCommand):
    """Hear a mention (internal: from an ingress record, an import or a poll). An older edit than the known one is
    ignored.
    """

    connection_id: str
    network: NetworkName
    mention: NeutralMention


class ModerateMention(_MentionCommand):
    """A person decides about a mention."""

    action: Literal["approve", "reject", "feature", "hide"]
    reason: RejectionCode | None = None


class RequestRights(_MentionCommand):
    """Ask the author in the thread for the right to show the mention."""

    scope: str = Field("storefront", max_length=200)
    valid_days: int = Field(365, ge=1, le=3650)


class EditReply(_MentionCommand):
    """Change a proposed reply's text; the guardrails run again."""

    reply_id: str
    text: str = Field(min_length=1, max_length=4096)


class ApproveReply(_MentionCommand):
    """Send a proposed reply to the network."""

    reply_id: str


class RejectReply(_MentionCommand):
    """Do not send a proposed reply."""

    reply_id: str
    reason: str | None = Field(None, max_length=500)


class RegenerateReply(_MentionCommand):
    """Draft anew: the present draft is superseded."""

    reply_id: str


class ForgetMention(_MentionCommand):
    """The author took it back, or the network hid it (internal): the text goes, nothing is published any more."""

    connection_id: str
    network: NetworkName
    external_id: str


class DraftRequest(Value):
    """What a draft is made from, frozen when it was asked for."""

    connection_id: str
    network: NetworkName
    kind: MentionKind
    text: str
    language: str
    intent: Intent
    sentiment: float
    author: Author
    person_id: str | None = None
    products: list[str] = Field(default_factory=list)
    hashtags: list[str] = Field(default_factory=list)
    has_image: bool = False
    earlier_mentions: int = Field(0, description="How many earlier mentions of the author are known.")
    earlier_product: str | None = Field(None, description="A product the author spoke well of before.")
    max_length: int
    cautious: bool = Field(False, description="Something in the text wants a person's eye, whatever the policy says.")


class DraftReply(_Command):
    """Write a draft (internal). Keyed by the brand: one writer sees all its lines, so none is repeated."""

    keyed_by: ClassVar[str] = "brand_id"
    mention_id: str
    reply_id: str
    purpose: Literal["answer", "rights"] = "answer"
    request: DraftRequest


class CitedFact(Value):
    """A fact a reply cites, in the words it cites."""

    id: str
    text: str


class GuardrailHit(Value):
    """A guardrail that a text did not pass, and the words that caused it."""

    code: str
    detail: str
    found: str = ""


class DraftedReply(Value):
    """A finished draft."""

    text: str
    language: str
    move: str
    generator: Literal["composer", "llm"] = "composer"
    facts: list[CitedFact] = Field(default_factory=list)
    media: list[Media] = Field(default_factory=list)
    guardrails: list[GuardrailHit] = Field(default_factory=list)
    needs_person: bool = False
    auto_send: bool = Field(False, description="The brand's policy lets it leave by itself, if the network does too.")


class ProposeReply(_MentionCommand):
    """Take a finished draft (internal: from the brand's partition)."""

    reply_id: str
    purpose: Literal["answer", "rights"] = "answer"
    draft: DraftedReply


class SendReply(_MentionCommand):
    """Begin to send an approved reply (internal): eligibility and guardrails are checked once more."""

    reply_id: str


class ExpireReply(_MentionCommand):
    """The network's window for an answer has closed (internal: from the scheduler)."""

    reply_id: str


class AnswerRights(_MentionCommand):
    """The author answered the request for rights in the thread (internal)."""

    granted: bool
    external_id: str = Field(description="The answer's id on the network.")
    author_id: str | None = Field(None, description="Who answered; only the mention's own author can grant.")


class ExpireRights(_MentionCommand):
    """The right to show a mention has run out (internal: from the scheduler)."""


class PollConnection(_Command):
    """Look for what is new at a network that pushes nothing (internal: from the scheduler)."""

    keyed_by: ClassVar[str] = "connection_id"
    connection_id: str


class RecordPoll(_Command):
    """Where the next poll goes on (internal)."""

    keyed_by: ClassVar[str] = "connection_id"
    connection_id: str
    round: int
    cursor: str | None = None
    failed: str | None = Field(None, description="Why the poll found nothing out.")


class RecordReplyOutcome(_MentionCommand):
    """What came of publishing a reply (internal)."""

    reply_id: str
    outcome: Literal["sent", "failed", "uncertain"]
    external_id: str | None = None
    permalink: str | None = None
    reason: str | None = None


class SetVoice(_Command):
    """Replace the brand's voice."""

    keyed_by: ClassVar[str] = "brand_id"
    voice: Voice


class CatalogueProduct(Value):
    """A product as the shop has it."""

    product_id: str = Field(description="Shopify's numeric product id.", examples=["8001"])
    title: str
    titles: dict[str, str] = Field(
        default_factory=dict, description="Title per language, where the shop has translations."
    )
    handle: str
    product_type: str = ""
    tags: list[str] = Field(default_factory=list)
    collections: list[str] = Field(default_factory=list, description="Shopify's numeric collection ids.")
    image: str | None = None
    url: str | None = None
    updated_at: datetime
    deleted: bool = False


class RecordProduct(_Command):
    """Keep the catalogue current (internal: from the first sync or a products webhook)."""

    keyed_by: ClassVar[str] = "product_id"
    product_id: str
    product: CatalogueProduct


class DescribeProduct(_Command):
    """Add what the shop does not know: nicknames and facts."""

    keyed_by: ClassVar[str] = "product_id"
    product_id: str
    aliases: list[str] | None = None
    facts: list[VoiceFact] | None = None


class _Event(Event):
    topic: ClassVar[Topic] = Topic.EVENTS_UGC


class _MentionEvent(_Event):
    keyed_by: ClassVar[str] = "mention_id"
    mention_id: str


class MentionSummary(Value):
    """What other services need of a mention."""

    network: NetworkName
    external_id: str
    kind: MentionKind
    author: Author
    person_id: str | None = Field(None, description="The ambassador the author is known to be.")
    customer_id: str | None = Field(None, description="The Shopify customer the author is known to be.")
    language: str
    sentiment: Sentiment
    intent: Intent
    products: list[str] = Field(default_factory=list)
    hashtags: list[str] = Field(default_factory=list)
    posted_at: datetime
    engagement: Engagement = Field(default_factory=lambda: Engagement())


class MentionRecorded(_MentionEvent):
    """A new mention was heard and understood."""

    mention: MentionSummary


class MentionUpdated(_MentionEvent):
    """A mention was edited or its counters changed."""

    mention: MentionSummary


class MentionDeleted(_MentionEvent):
    """The author took it back: its text is gone, it is shown nowhere."""


class MentionApproved(_MentionEvent):
    """A mention passed moderation."""

    mention: MentionSummary
    automatic: bool = False


class MentionFeatured(_MentionEvent):
    """A mention was featured."""

    mention: MentionSummary


class MentionRejected(_MentionEvent):
    """A mention was rejected, with its code, or hidden (no code)."""

    reason: RejectionCode | None = None


class ReplyProposed(_MentionEvent):
    """A draft waits for a person (or for the policy)."""

    reply_id: str
    language: str
    move: str


class ReplyApproved(_MentionEvent):
    """A reply may leave."""

    reply_id: str


class ReplySettled(_MentionEvent):
    """A reply reached a final state."""

    reply_id: str
    status: ReplyStatus
    external_id: str | None = None


class RightsChanged(_MentionEvent):
    """The right to show a mention changed."""

    status: RightsStatus
    expires_at: datetime | None = None


class ProductChanged(_Event):
    """The catalogue's view of a product changed."""

    keyed_by: ClassVar[str] = "product_id"
    product_id: str
    title: str
    deleted: bool = False

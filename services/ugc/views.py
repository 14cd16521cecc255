"""What the gateway may read of this service: mentions, replies, the voice, products. Everything is one brand's."""

import re
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from services.ugc.models import Mention, Product, ReplyDocument, VoiceDocument, product_key
from services.ugc.replies.moves import default_voice
from shared.contracts.gateway import NetworkName
from shared.contracts.ugc import (
    Author,
    CitedFact,
    Engagement,
    GuardrailHit,
    Intent,
    Media,
    MentionKind,
    MentionStatus,
    RejectionCode,
    ReplyStatus,
    RightsStatus,
    Sentiment,
    Voice,
    VoiceFact,
)
from shared.mongo import Raw, ReadOnly
from shared.pages import Page, Paged, paginate


class _View(BaseModel):
    model_config = ConfigDict(frozen=True)


class MentionAuthor(Author):
    """Who said it, and who that is to the brand."""

    person_id: str | None = Field(
        None, description="The ambassador the author is known to be.", examples=["amb_01J9ZQ4Y3N8M5K7T2V6W1X0ABC"]
    )
    customer_id: str | None = Field(None, description="That ambassador's Shopify customer id.", examples=["7001"])
    match_reason: str | None = Field(
        None,
        description="Why these two are the same, or why no match was made.",
        examples=["the telegram id 42 belongs to ambassador Ann (verified)"],
    )


class RightsView(_View):
    """The right to show a mention outside its network."""

    status: RightsStatus = Field(description="Where the request stands.", examples=["granted"])
    scope: str | None = Field(None, description="What it covers.", examples=["storefront"])
    requested_at: datetime | None = Field(None, description="When the author was asked.")
    expires_at: datetime | None = Field(None, description="When a granted right ends.")


class MentionView(_View):
    """One thing somebody said about the brand."""

    id: str = Field(
        description="The mention's id; the same post has the same id for ever.",
        examples=["men_k3v6q2n7r4t5w8x9y0z1a2b3c4"],
    )
    network: NetworkName = Field(description="Where it was said.", examples=["telegram"])
    connection_id: str = Field(
        description="The connection it arrived through.", examples=["con_01J9ZQ4Y3N8M5K7T2V6W1X0ABC"]
    )
    external_id: str = Field(description="The network's id of it.", examples=["-100200:45"])
    kind: MentionKind = Field(description="What it is.", examples=["comment"])
    status: MentionStatus = Field(description="Where moderation stands.", examples=["approved"])
    text: str = Field(
        description="What was said; empty when the author took it back.", examples=["Лучший кофе в городе!"]
    )
    language: str = Field(description="ISO 639-1, or 'und' when it can't be told.", examples=["ru"])
    sentiment: Sentiment = Field(description="How the author feels.")
    intent: Intent = Field(description="What the author wants.", examples=["praise"])
    spam: float = Field(description="How surely it is spam, 0 to 1.", examples=[0.0])
    toxicity: float = Field(description="How surely it is obscene or insulting, 0 to 1.", examples=[0.0])
    products: list[str] = Field(description="Shopify ids of the products it is about.", examples=[["8001"]])
    challenges: list[str] = Field(description="Challenges it takes part in.", examples=[[]])
    hashtags: list[str] = Field(description="Without '#', case-folded.", examples=[["coffee"]])
    media: list[Media] = Field(description="Pictures, videos, GIFs.")
    engagement: Engagement = Field(description="Counters as the network last reported them.")
    author: MentionAuthor = Field(description="Who said it.")
    posted_at: datetime = Field(description="When it was posted.")
    permalink: str | None = Field(None, description="Its address on the network.")
    parent_external_id: str | None = Field(None, description="What it answers.")
    rights: RightsView = Field(description="The right to show it.")
    reply_id: str | None = Field(
        None, description="The latest draft or reply.", examples=["rpl_k3v6q2n7r4t5w8x9y0z1a2b3c4"]
    )
    no_reply: str | None = Field(None, description="Why no reply was drafted.", examples=["window_closed"])
    rejection: RejectionCode | None = Field(
        None, description="Why it was rejected, as a short code.", examples=["SPAM"]
    )
    moderation_reason: str | None = Field(
        None, description="Why it was decided so, or waits.", examples=["a complaint"]
    )
    deleted: bool = Field(description="The author took it back.", examples=[False])
    analyser: str = Field(description="Version of the analyser.", examples=["2026.11"])


class HistoryLine(_View):
    """One change of a reply."""

    at: datetime = Field(description="When.")
    actor: str = Field(
        description="Who: a key, the policy, the composer, the system.", examples=["key:key_01J9ZQ4Y3N8M5K7T2V6W1X0ABC"]
    )
    change: str = Field(description="What happened.", examples=["approve"])
    text: str | None = Field(None, description="The text it got, when that changed.")
    reason: str | None = Field(None, description="Why, where it was said.")


class ReplyView(_View):
    """A draft and what became of it."""

    id: str = Field(description="The reply's id.", examples=["rpl_k3v6q2n7r4t5w8x9y0z1a2b3c4"])
    mention_id: str = Field(description="What it answers.", examples=["men_k3v6q2n7r4t5w8x9y0z1a2b3c4"])
    network: NetworkName = Field(description="Where it goes.", examples=["telegram"])
    purpose: str = Field(description="`answer`, or `rights`: a request to the author.", examples=["answer"])
    status: ReplyStatus = Field(description="Where it stands.", examples=["proposed"])
    text: str = Field(description="What it says.", examples=["Анна, как приятно это читать! Хорошего вам дня!"])
    language: str = Field(description="ISO 639-1.", examples=["ru"])
    move: str = Field(description="The playbook's move.", examples=["thank"])
    generator: str = Field(description="Who wrote the draft.", examples=["composer"])
    facts: list[CitedFact] = Field(description="What it cites.")
    media: list[Media] = Field(description="What goes with it.")
    guardrails: list[GuardrailHit] = Field(
        description="What the guardrails found wrong; such a draft can't be approved unedited."
    )
    needs_person: bool = Field(
        description="Never sent by the policy alone: a complaint, an open question, a suspicious text.",
        examples=[False],
    )
    automatic: bool = Field(description="Approved by the brand's policy.", examples=[False])
    history: list[HistoryLine] = Field(description="Every change, oldest first.")
    created_at: datetime = Field(description="When it was drafted.")
    updated_at: datetime = Field(description="When it last changed.")
    expires_at: datetime | None = Field(None, description="When the network's window for an answer closes.")
    sent_at: datetime | None = Field(None, description="When the network took it.")
    external_id: str | None = Field(None, description="The network's id of the posted reply.")
    permalink: str | None = Field(None, description="Its address on the network.")
    reason: str | None = Field(None, description="Why it is in this state.")
    superseded_by: str | None = Field(None, description="The draft that took its place.")


class ProductView(_View):
    """A product as Vouch knows it: the shop's part, and what marketers added."""

    id: str = Field(description="Shopify's product id.", examples=["8001"])
    title: str = Field(description="The shop's title.", examples=["Ethiopia Yirgacheffe"])
    titles: dict[str, str] = Field(
        description="Title per language, where the shop has translations.", examples=[{"ru": "Эфиопия Иргачефф"}]
    )
    aliases: list[str] = Field(description="What people call it.", examples=[["иргачиф"]])
    handle: str = Field(description="Its name in addresses.", examples=["ethiopia-yirgacheffe"])
    collections: list[str] = Field(description="Shopify ids of its collections.", examples=[["9001"]])
    product_type: str = Field(description="The shop's type.", examples=["coffee"])
    image: str | None = Field(None, description="Its picture.")
    url: str | None = Field(None, description="Its page at the storefront.")
    facts: list[VoiceFact] = Field(description="What replies may say of it.")
    updated_at: datetime = Field(description="The shop's last change.")


def mention_view(mention: Mention) -> MentionView:
    """A mention in the shape of the API."""
    understood, author = mention.understanding, mention.author.model_dump()
    who = {"person_id": mention.person_id, "customer_id": mention.customer_id, "match_reason": mention.match_reason}
    kept = mention.model_dump(
        include={
            "id",
            "network",
            "connection_id",
            "external_id",
            "kind",
            "status",
            "text",
            "products",
            "challenges",
            "hashtags",
            "posted_at",
            "permalink",
            "parent_external_id",
            "reply_id",
            "no_reply",
            "rejection",
            "moderation_reason",
            "deleted",
        }
    )
    return MentionView(
        **kept,
        media=mention.media,
        engagement=mention.engagement,
        author=MentionAuthor(**author, **who),
        rights=RightsView(**mention.rights.model_dump(include={"status", "scope", "requested_at", "expires_at"})),
        language=understood.language,
        sentiment=understood.sentiment,
        intent=understood.intent,
        spam=understood.spam,
        toxicity=understood.toxicity,
        analyser=understood.analyser,
    )


def reply_view(reply: ReplyDocument) -> ReplyView:
    """A reply in the shape of the API."""
    return ReplyView.model_validate(
        {name: value for name, value in reply.model_dump().items() if name in ReplyView.model_fields}
    )


def product_view(product: Product) -> ProductView:
    """A product in the shape of the API. Only for products the shop has."""
    assert product.shop
    shop = product.shop.model_dump(exclude={"product_id", "deleted", "tags"})
    return ProductView(id=product.shop.product_id, **shop, aliases=product.aliases, facts=product.facts)


async def mentions(
    db: ReadOnly,
    brand_id: str,
    page: Page,
    *,
    status: MentionStatus | None = None,
    network: NetworkName | None = None,
    sentiment: str | None = None,
    intent: Intent | None = None,
    product: str | None = None,
    challenge: str | None = None,
    author: str | None = None,
    q: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> Paged[MentionView]:
    """Mentions, newest first. `sentiment`: positive, neutral or negative; `author`: handle, name, network id or
    person id.
    """
    query: Raw = {"brand_id": brand_id, "unseen": {"$ne": True}}
    exact = {
        "status": status,
        "network": network,
        "understanding.intent": intent,
        "products": product,
        "challenges": challenge,
    }
    query |= {name: value for name, value in exact.items() if value is not None}
    if sentiment in _SENTIMENTS:
        query["understanding.sentiment.score"] = _SENTIMENTS[sentiment]
    if author:
        query["$or"] = [
            {name: author.lstrip("@")} for name in ("author.id", "author.handle", "author.name", "person_id")
        ]
    if q:
        query["text"] = {"$regex": re.escape(q[:200]), "$options": "i"}
    if since or until:
        query["posted_at"] = {name: value for name, value in (("$gte", since), ("$lt", until)) if value}
    return await paginate(
        db, Mention.collection, query, page, lambda raw: mention_view(Mention.load(raw)), by="posted_at"
    )


_SENTIMENTS: dict[str, Any] = {
    "positive": {"$gt": 0.2},
    "neutral": {"$gte": -0.2, "$lte": 0.2},
    "negative": {"$lt": -0.2},
}


async def mention(db: ReadOnly, brand_id: str, id: str) -> MentionView | None:
    """One mention of the brand, or None."""
    raw = await db.find_one(Mention.collection, {"_id": id, "brand_id": brand_id, "unseen": {"$ne": True}})
    return mention_view(Mention.load(raw)) if raw else None


async def replies(
    db: ReadOnly, brand_id: str, page: Page, *, status: ReplyStatus | None = None, mention_id: str | None = None
) -> Paged[ReplyView]:
    """Replies, newest first."""
    query = {"brand_id": brand_id} | {
        name: value for name, value in (("status", status), ("mention_id", mention_id)) if value
    }
    return await paginate(
        db, ReplyDocument.collection, query, page, lambda raw: reply_view(ReplyDocument.load(raw)), by="created_at"
    )


async def reply(db: ReadOnly, brand_id: str, id: str) -> ReplyView | None:
    """One reply of the brand, or None. Commands about it need its `mention_id`."""
    raw = await db.find_one(ReplyDocument.collection, {"_id": id, "brand_id": brand_id})
    return reply_view(ReplyDocument.load(raw)) if raw else None


async def voice(db: ReadOnly, brand_id: str) -> Voice:
    """The brand's voice, or the default one."""
    raw = await db.find_one(VoiceDocument.collection, {"_id": brand_id, "brand_id": brand_id})
    return VoiceDocument.load(raw).voice if raw else default_voice()


async def products(db: ReadOnly, brand_id: str, page: Page, *, q: str | None = None) -> Paged[ProductView]:
    """The catalogue by title, without what is gone."""
    query: Raw = {"brand_id": brand_id, "shop": {"$ne": None}, "shop.deleted": False}
    if q:
        query["shop.title"] = {"$regex": re.escape(q[:200]), "$options": "i"}
    return await paginate(
        db, Product.collection, query, page, lambda raw: product_view(Product.load(raw)), newest_first=False
    )


async def product(db: ReadOnly, brand_id: str, id: str) -> ProductView | None:
    """One product by Shopify's id, or None."""
    raw = await db.find_one(
        Product.collection, {"_id": product_key(brand_id, id), "brand_id": brand_id, "shop.deleted": False}
    )
    return product_view(Product.load(raw)) if raw else None


class Counts(_View):
    """How many mentions and replies there are in each state: what waits for a person."""

    mentions: dict[str, int] = Field(description="Mentions by status.", examples=[{"new": 3, "approved": 120}])
    replies: dict[str, int] = Field(
        description="Replies by status.", examples=[{"proposed": 5, "sent": 80, "uncertain": 1}]
    )


async def counts(db: ReadOnly, brand_id: str) -> Counts:
    """Counts by status."""
    return Counts(
        mentions=await _by_status(db, Mention.collection, brand_id),
        replies=await _by_status(db, ReplyDocument.collection, brand_id),
    )


async def _by_status(db: ReadOnly, collection: str, brand_id: str) -> dict[str, int]:
    stages: list[Any] = [
        {"$match": {"brand_id": brand_id, "unseen": {"$ne": True}}},
        {"$group": {"_id": "$status", "count": {"$sum": 1}}},
    ]
    return {raw["_id"]: raw["count"] for raw in await db.aggregate(collection, stages)}

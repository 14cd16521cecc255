"""A mention's document through its deliveries. Pure."""

from datetime import datetime

from services.ugc.mentions import rights
from services.ugc.mentions.versions import Arrival, compare, highest, version_at
from services.ugc.models import Mention, text_digest
from services.ugc.understanding.analyser import VERSION
from services.ugc.understanding.text import hashtags
from shared.contracts.ugc import (
    Author,
    Engagement,
    ForgetMention,
    NeutralMention,
    RecordMention,
    Sentiment,
    Understanding,
)

_NOTHING = Understanding(analyser=VERSION, language="und", sentiment=Sentiment(score=0, confidence=0), intent="other")


def hear_first(message: RecordMention, at: datetime) -> Mention:
    """A new mention, not yet understood."""
    heard = message.mention
    return Mention(
        id=message.mention_id,
        brand_id=message.brand_id,
        connection_id=message.connection_id,
        network=message.network,
        external_id=heard.external_id,
        kind=heard.kind,
        status="new",
        text=heard.text,
        author=heard.author,
        understanding=_NOTHING,
        hashtags=_tags(heard),
        mentioned_handles=heard.mentioned_handles,
        media=list(heard.media),
        engagement=heard.engagement,
        permalink=heard.permalink,
        parent_external_id=heard.parent_external_id,
        posted_at=heard.posted_at,
        version_at=version_at(heard),
        recorded_at=at,
        updated_at=at,
    )


def hear_again(known: Mention, heard: NeutralMention, at: datetime) -> tuple[Mention, Arrival]:
    """The mention after another delivery, and what was new in it."""
    arrival = compare(known, heard)
    if not arrival.anything:
        return known, arrival
    update: dict[str, object] = {"engagement": highest(known.engagement, heard.engagement), "updated_at": at}
    if arrival.text or arrival.restored:
        update |= {
            "text": heard.text,
            "past_texts": _replaced(known, heard),
            "hashtags": _tags(heard),
            "mentioned_handles": heard.mentioned_handles,
            "media": list(heard.media),
            "version_at": version_at(heard),
            "deleted": False,
            "author": heard.author if heard.author.id else known.author,
            "permalink": heard.permalink or known.permalink,
        }
    return known.model_copy(update=update), arrival


def _replaced(known: Mention, heard: NeutralMention) -> list[str]:
    return (
        [*known.past_texts, text_digest(known.text)][-20:]
        if known.text != heard.text and known.text
        else known.past_texts
    )


def nothing_left(known: Mention, at: datetime) -> Mention:
    """What stays of a mention its author took back: that it was, not what it said."""
    return known.model_copy(
        update={
            "deleted": True,
            "text": "",
            "past_texts": [],
            "media": [],
            "hashtags": [],
            "mentioned_handles": [],
            "permalink": None,
            "products": [],
            "understanding": known.understanding.model_copy(update={"products": []}),
            "status": "hidden",
            "rights": rights.lost(known.rights, "deleted"),
            "updated_at": at,
        }
    )


def tombstone(message: ForgetMention | RecordMention, at: datetime) -> Mention:
    """A deletion that came before the mention: its late arrival will find it gone."""
    external_id = message.mention.external_id if isinstance(message, RecordMention) else message.external_id
    return Mention(
        id=message.mention_id,
        brand_id=message.brand_id,
        connection_id=message.connection_id,
        network=message.network,
        external_id=external_id,
        kind="comment",
        status="hidden",
        text="",
        author=Author(),
        understanding=_NOTHING,
        engagement=Engagement(),
        posted_at=at,
        version_at=at,
        recorded_at=at,
        updated_at=at,
        deleted=True,
        unseen=True,
    )


def _tags(heard: NeutralMention) -> list[str]:
    """Hashtags as the network lists them, or as the text has them."""
    return [tag.lstrip("#").casefold() for tag in heard.hashtags] or list(hashtags(heard.text))

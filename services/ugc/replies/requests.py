"""From a mention to a draft on its way: whether to answer at all, and what the draft is made from."""

from typing import Literal

from services.ugc.mentions.moderation import speaks_to_machine
from services.ugc.models import Mention, ReplyDocument
from services.ugc.networks import networks
from services.ugc.replies.states import advance, allows
from services.ugc.repository import earlier_mentions
from shared.contracts.ugc import DraftReply, DraftRequest, ReplySettled
from shared.errors import Refused
from shared.ids import derived_id
from shared.unit_of_work import UnitOfWork

_NOT_ANSWERED = frozenset({"rejected", "hidden"})
_TOXIC = 0.5


def publish_effect(reply: ReplyDocument) -> str:
    """The id of the job that publishes a reply: one per approval, so that no approval posts twice."""
    return f"publish:{reply.id}:{reply.attempts}"


def refusal(mention: Mention, uow: UnitOfWork) -> str | None:
    """Why a mention gets no reply, or None."""
    if mention.status in _NOT_ANSWERED or mention.deleted:
        return f"mention_{'deleted' if mention.deleted else mention.status}"
    if not mention.text.strip() and not mention.media:
        return "nothing_said"
    return networks()[mention.network].eligibility.refusal(mention.kind, mention.posted_at, uow.now)


def draft_id(mention: Mention) -> str:
    """The id of the draft that was asked for last."""
    return derived_id("rpl", mention.id, str(mention.drafts))


async def ask_for_draft(mention: Mention, uow: UnitOfWork) -> Mention:
    """Ask the brand's partition for an answer; the mention says which it expects, or why there is none."""
    why_not = refusal(mention, uow)
    if why_not:
        return mention.model_copy(update={"no_reply": why_not})
    asked = mention.model_copy(update={"drafts": mention.drafts + 1, "no_reply": None})
    await _ask(asked, "answer", uow)
    return asked.model_copy(update={"reply_id": draft_id(asked)})


async def ask_for_rights(mention: Mention, uow: UnitOfWork) -> Mention:
    """Ask for the draft of a request for rights, beside the answer the mention may have. 409 where it could not be
    sent.
    """
    why_not = refusal(mention, uow)
    if why_not:
        raise Refused(409, "reply-not-eligible", "The network does not take a request here", why_not)
    asked = mention.model_copy(update={"drafts": mention.drafts + 1})
    await _ask(asked, "rights", uow)
    return asked


async def _ask(mention: Mention, purpose: Literal["answer", "rights"], uow: UnitOfWork) -> None:
    request = await _request(mention, uow)
    uow.emit(
        DraftReply(
            brand_id=mention.brand_id,
            mention_id=mention.id,
            reply_id=draft_id(mention),
            purpose=purpose,
            request=request,
        )
    )


async def _request(mention: Mention, uow: UnitOfWork) -> DraftRequest:
    rule = networks()[mention.network].eligibility.rule(mention.kind)
    assert rule
    understood, earlier = mention.understanding, await earlier_mentions(uow, mention)
    liked = (one.products[0] for one in earlier if one.products and one.understanding.sentiment.score > 0.2)
    return DraftRequest(
        connection_id=mention.connection_id,
        network=mention.network,
        kind=mention.kind,
        text=mention.text,
        language=understood.language,
        intent=understood.intent,
        sentiment=understood.sentiment.score,
        author=mention.author,
        person_id=mention.person_id,
        products=mention.products,
        hashtags=mention.hashtags,
        has_image=any(media.type == "image" for media in mention.media),
        earlier_mentions=len(earlier),
        earlier_product=next(liked, None),
        max_length=rule.max_length,
        cautious=speaks_to_machine(mention.text) or mention.status == "new" or understood.toxicity >= _TOXIC,
    )


async def stop_replies(mention: Mention, why: str, uow: UnitOfWork) -> None:
    """Supersede whatever waits to be sent for the mention. One on its way is called back by the effect itself, which
    looks at the mention right before it posts."""
    for reply in await uow.find(ReplyDocument, {"brand_id": mention.brand_id, "mention_id": mention.id}):
        if reply.purpose == "rights" and "edited" in why:
            continue
        if allows(reply, "supersede"):
            uow.save(advance(reply, "supersede", uow.now, "system", reason=why))
            uow.emit(
                ReplySettled(brand_id=reply.brand_id, mention_id=mention.id, reply_id=reply.id, status="superseded")
            )

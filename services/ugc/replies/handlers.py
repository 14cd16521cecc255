"""A reply's way: proposed, edited, approved by a person or by policy, sent, settled."""

from datetime import datetime

from services.ugc.mentions.handlers import existing
from services.ugc.models import Change, Mention, ReplyDocument
from services.ugc.networks import networks
from services.ugc.registry import handlers
from services.ugc.replies.guardrails import Limits, Violation, check
from services.ugc.replies.requests import ask_for_draft, ask_for_rights, draft_id, publish_effect, refusal
from services.ugc.replies.states import advance, allows
from services.ugc.repository import own_links, products_of, voice_of
from services.ugc.views import reply_view
from shared.brands import Connection as KnownConnection
from shared.contracts.ugc import (
    ApproveReply,
    EditReply,
    ExpireReply,
    ProposeReply,
    RecordReplyOutcome,
    RegenerateReply,
    RejectReply,
    ReplyApproved,
    ReplyProposed,
    ReplySettled,
    SendReply,
)
from shared.errors import Refused, Reply
from shared.records import Meta
from shared.unit_of_work import UnitOfWork

PUBLISH = "publish_reply"


@handlers.on(ProposeReply, prefetch=lambda m: [(Mention, m.mention_id)])
async def propose_reply(message: ProposeReply, uow: UnitOfWork, meta: Meta) -> None:
    """Take a draft, unless the mention has changed meanwhile; send it on where policy and network let it leave by
    itself.
    """
    mention = await uow.get(Mention, message.mention_id)
    if (
        mention is None
        or refusal(mention, uow)
        or not _expected(mention, message)
        or await uow.get(ReplyDocument, message.reply_id)
    ):
        return
    reply = _proposed(message, mention, uow.now)
    uow.emit(
        ReplyProposed(
            brand_id=reply.brand_id, mention_id=mention.id, reply_id=reply.id, language=reply.language, move=reply.move
        )
    )
    if message.draft.auto_send and await _may_leave_alone(mention, reply, uow):
        reply = advance(reply, "approve", uow.now, "policy:auto_send", automatic=True, attempts=1)
        _approved(reply, uow)
    uow.save(reply)


def _expected(mention: Mention, message: ProposeReply) -> bool:
    """Whether this is the draft the mention waits for: a later one may have been asked for in the meantime."""
    return mention.reply_id == message.reply_id if message.purpose == "answer" else mention.rights.status == "requested"


def _proposed(message: ProposeReply, mention: Mention, at: datetime) -> ReplyDocument:
    draft = message.draft
    rule = networks()[mention.network].eligibility.rule(mention.kind)
    return ReplyDocument(
        id=message.reply_id,
        brand_id=message.brand_id,
        mention_id=mention.id,
        connection_id=mention.connection_id,
        network=mention.network,
        target=mention.external_id,
        purpose=message.purpose,
        status="proposed",
        text=draft.text,
        language=draft.language,
        move=draft.move,
        generator=draft.generator,
        facts=draft.facts,
        media=draft.media,
        guardrails=draft.guardrails,
        needs_person=draft.needs_person,
        history=[Change(at=at, actor=draft.generator, change="propose", text=draft.text)],
        created_at=at,
        updated_at=at,
        expires_at=mention.posted_at + rule.window if rule and rule.window else None,
    )


async def _may_leave_alone(mention: Mention, reply: ReplyDocument, uow: UnitOfWork) -> bool:
    connection = await uow.get(KnownConnection, mention.connection_id)
    consent = bool(connection and connection.settings.get("automation") == "on")
    rules = networks()[mention.network].eligibility
    return (
        rules.refusal(mention.kind, mention.posted_at, uow.now, text=reply.text, automatic=True, consent=consent)
        is None
    )


def _approved(reply: ReplyDocument, uow: UnitOfWork) -> None:
    uow.emit(ReplyApproved(brand_id=reply.brand_id, mention_id=reply.mention_id, reply_id=reply.id))
    uow.emit(SendReply(brand_id=reply.brand_id, mention_id=reply.mention_id, reply_id=reply.id))


async def _reply(id: str, mention_id: str, brand_id: str, uow: UnitOfWork) -> ReplyDocument:
    reply = await uow.get(ReplyDocument, id)
    if reply is None or reply.brand_id != brand_id or reply.mention_id != mention_id:
        raise Refused(404, "reply-not-found", "No such reply")
    return reply


async def _violations(reply: ReplyDocument, text: str, uow: UnitOfWork) -> list[Violation]:
    """What the guardrails say of a text in this reply's place."""
    mention = await existing(reply.mention_id, reply.brand_id, uow)
    voice, products = await voice_of(uow, reply.brand_id), await products_of(uow, reply.brand_id, mention.products)
    rule = networks()[mention.network].eligibility.rule(mention.kind)
    known = [*voice.facts, *(fact for product in products for fact in product.facts)]
    limits = Limits(
        voice=voice,
        max_length=rule.max_length if rule else 0,
        language=reply.language,
        facts=tuple(text for fact in known for text in fact.text.values()),
        links=await own_links(uow, reply.brand_id, products),
        complaint=reply.move == "apologise",
    )
    return check(text, limits)


def _refuse(violations: list[Violation]) -> Refused:
    errors = [
        {"pointer": "/text", "detail": f"{one.code}: {one.detail}" + (f" ({one.found})" if one.found else "")}
        for one in violations
    ]
    return Refused(
        422,
        "reply-fails-guardrails",
        "The text may not leave like this",
        "Change what is named below and try again.",
        errors,
    )


def _body(reply: ReplyDocument) -> Reply:
    return Reply(body=reply_view(reply).model_dump(mode="json"))


@handlers.on(EditReply, prefetch=lambda m: [(Mention, m.mention_id), (ReplyDocument, m.reply_id)])
async def edit_reply(message: EditReply, uow: UnitOfWork, meta: Meta) -> Reply:
    """Take a person's text if the guardrails let it pass; else 422 with what to change."""
    reply = await _reply(message.reply_id, message.mention_id, message.brand_id, uow)
    if allows(reply, "edit") and (violations := await _violations(reply, message.text, uow)):
        raise _refuse(violations)
    edited = advance(
        reply, "edit", uow.now, meta.actor, text=message.text, guardrails=[], facts=_still_cited(reply, message.text)
    )
    uow.save(edited)
    return _body(edited)


def _still_cited(reply: ReplyDocument, text: str) -> list[object]:
    return [
        fact
        for fact in reply.facts
        if fact.text in text or (fact.id.startswith("url:") and fact.text.split()[-1] in text)
    ]


@handlers.on(ApproveReply, prefetch=lambda m: [(Mention, m.mention_id), (ReplyDocument, m.reply_id)])
async def approve_reply(message: ApproveReply, uow: UnitOfWork, meta: Meta) -> Reply:
    """Let a draft leave. A failed or uncertain one that a person has looked into is sent once more."""
    reply = await _reply(message.reply_id, message.mention_id, message.brand_id, uow)
    if allows(reply, "approve"):
        await _check_leaving(reply, uow)
    approved = advance(reply, "approve", uow.now, meta.actor, automatic=False, attempts=reply.attempts + 1)
    uow.save(approved)
    _approved(approved, uow)
    return _body(approved)


async def _check_leaving(reply: ReplyDocument, uow: UnitOfWork) -> None:
    if violations := await _violations(reply, reply.text, uow):
        raise _refuse(violations)
    mention = await existing(reply.mention_id, reply.brand_id, uow)
    if why_not := _closed(mention, reply, uow.now):
        raise Refused(409, "reply-not-eligible", "The network does not take this reply", why_not)


def _closed(mention: Mention, reply: ReplyDocument, now: datetime) -> str | None:
    """Why a reply can't be sent now, or None: deleted, out of the network's window, too long."""
    if mention.deleted:
        return "mention_deleted"
    return networks()[mention.network].eligibility.refusal(mention.kind, mention.posted_at, now, text=reply.text)


@handlers.on(SendReply, prefetch=lambda m: [(Mention, m.mention_id), (ReplyDocument, m.reply_id)])
async def send_reply(message: SendReply, uow: UnitOfWork, meta: Meta) -> None:
    """Begin to send: eligibility and guardrails hold now as well, or the reply does not leave."""
    reply, mention = await uow.get(ReplyDocument, message.reply_id), await uow.get(Mention, message.mention_id)
    if reply is None or mention is None or not allows(reply, "send"):
        return
    violations = await _violations(reply, reply.text, uow)
    why_not = _closed(mention, reply, uow.now) or (f"guardrail {violations[0].code}" if violations else None)
    if why_not:
        stopped = advance(reply, "expire" if why_not == "window_closed" else "fail", uow.now, "system", reason=why_not)
        uow.save(stopped)
        _settled(stopped, uow)
        return
    sending = advance(reply, "send", uow.now, "system")
    uow.save(sending)
    payload = {"reply_id": reply.id, "mention_id": mention.id, "connection_id": reply.connection_id}
    uow.effect(PUBLISH, publish_effect(sending), reply.brand_id, payload, lane=f"connection:{reply.connection_id}")


def _settled(reply: ReplyDocument, uow: UnitOfWork) -> None:
    uow.emit(
        ReplySettled(
            brand_id=reply.brand_id,
            mention_id=reply.mention_id,
            reply_id=reply.id,
            status=reply.status,
            external_id=reply.external_id,
        )
    )


@handlers.on(RecordReplyOutcome, prefetch=lambda m: [(ReplyDocument, m.reply_id)])
async def record_reply_outcome(message: RecordReplyOutcome, uow: UnitOfWork, meta: Meta) -> None:
    """What came of publishing; an outcome of an earlier approval changes nothing any more."""
    reply = await uow.get(ReplyDocument, message.reply_id)
    if reply is None or not allows(reply, message.outcome):
        return
    fields = (
        {"external_id": message.external_id, "permalink": message.permalink, "sent_at": uow.now}
        if message.outcome == "sent"
        else {}
    )
    settled = advance(reply, message.outcome, uow.now, "system", reason=message.reason, **fields)
    uow.save(settled)
    _settled(settled, uow)


@handlers.on(RejectReply, prefetch=lambda m: [(ReplyDocument, m.reply_id)])
async def reject_reply(message: RejectReply, uow: UnitOfWork, meta: Meta) -> Reply:
    """Do not send it; the reason stays in its history."""
    reply = await _reply(message.reply_id, message.mention_id, message.brand_id, uow)
    rejected = advance(reply, "reject", uow.now, meta.actor, reason=message.reason)
    uow.save(rejected)
    _settled(rejected, uow)
    return _body(rejected)


@handlers.on(RegenerateReply, prefetch=lambda m: [(Mention, m.mention_id), (ReplyDocument, m.reply_id)])
async def regenerate_reply(message: RegenerateReply, uow: UnitOfWork, meta: Meta) -> Reply:
    """Supersede the draft and ask for another; `superseded_by` names the one that is on its way."""
    reply = await _reply(message.reply_id, message.mention_id, message.brand_id, uow)
    mention = await existing(reply.mention_id, reply.brand_id, uow)
    superseded = advance(reply, "supersede", uow.now, meta.actor)
    asked = await (ask_for_rights if reply.purpose == "rights" else ask_for_draft)(mention, uow)
    if asked.no_reply:
        raise Refused(409, "reply-not-eligible", "The network takes no reply any more", asked.no_reply)
    superseded = superseded.model_copy(update={"superseded_by": draft_id(asked)})
    uow.save(superseded)
    uow.save(asked)
    _settled(superseded, uow)
    return Reply(status=202, body=reply_view(superseded).model_dump(mode="json"))


@handlers.on(ExpireReply, prefetch=lambda m: [(ReplyDocument, m.reply_id)])
async def expire_reply(message: ExpireReply, uow: UnitOfWork, meta: Meta) -> None:
    """The window is over and nobody decided."""
    reply = await uow.get(ReplyDocument, message.reply_id)
    if reply and reply.expires_at and reply.expires_at < uow.now and allows(reply, "expire"):
        expired = advance(reply, "expire", uow.now, "system", reason="window_closed")
        uow.save(expired)
        _settled(expired, uow)

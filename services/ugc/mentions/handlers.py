"""Hearing mentions: from the networks' deliveries to recorded, understood, moderated mentions with a draft on its
way.
"""

from services.ugc.mentions import rights
from services.ugc.mentions.moderation import decide, moderated
from services.ugc.mentions.people import match
from services.ugc.mentions.record import hear_again, hear_first, nothing_left, tombstone
from services.ugc.mentions.summary import summary_of
from services.ugc.models import Mention, mention_id
from services.ugc.networks import bare, networks
from services.ugc.registry import handlers
from services.ugc.replies.requests import ask_for_draft, stop_replies
from services.ugc.repository import catalogues, people_by_account
from services.ugc.understanding import understand
from services.ugc.views import mention_view
from shared.brands import Connection as KnownConnection
from shared.contracts.gateway import NetworkName
from shared.contracts.ingress import IngressHeader
from shared.contracts.ugc import (
    AnswerRights,
    ForgetMention,
    MentionApproved,
    MentionDeleted,
    MentionFeatured,
    MentionRecorded,
    MentionRejected,
    MentionUpdated,
    ModerateMention,
    NeutralMention,
    RecordMention,
    RightsChanged,
)
from shared.errors import Permanent, Refused, Reply
from shared.networks.base import Deleted, InvalidPayload
from shared.records import IngressRecord, Meta
from shared.topics import Topic
from shared.unit_of_work import UnitOfWork

FETCH = "fetch_mention"


@handlers.ingress(Topic.INGRESS_SOCIAL)
async def hear(record: IngressRecord, uow: UnitOfWork) -> None:
    """A verified delivery of a network: each part becomes a command to the mention it is about."""
    network, connection_id = (
        record.headers.get(IngressHeader.NETWORK, ""),
        record.headers.get(IngressHeader.CONNECTION, ""),
    )
    adapter = networks().get(network)  # type: ignore[call-overload]
    if adapter is None:
        raise Permanent(f"no such network: {network!r}")
    connection = bare(connection_id, record.brand_id, adapter.name, await uow.get(KnownConnection, connection_id))
    try:
        parts = adapter.parse(record.body, record.headers, connection)
    except (InvalidPayload, KeyError) as error:
        raise Permanent(f"not a {network} delivery: {error}") from error
    for part in parts:
        if isinstance(part, NeutralMention):
            hear_part(uow, record.brand_id, connection_id, adapter.name, part)
        elif isinstance(part, Deleted):
            _forget(uow, record.brand_id, connection_id, adapter.name, part.external_id)


def hear_part(uow: UnitOfWork, brand_id: str, connection_id: str, network: NetworkName, heard: NeutralMention) -> None:
    """Record one mention, or fetch it first when the network only named it."""
    identity = mention_id(brand_id, network, heard.external_id)
    if heard.deleted:
        _forget(uow, brand_id, connection_id, network, heard.external_id)
    elif networks()[network].needs_fetch(heard):
        payload = {"connection_id": connection_id, "mention_id": identity, "mention": heard.model_dump(mode="json")}
        uow.effect(FETCH, f"fetch:{identity}", brand_id, payload, lane=f"connection:{connection_id}")
    else:
        uow.emit(
            RecordMention(
                brand_id=brand_id, mention_id=identity, connection_id=connection_id, network=network, mention=heard
            )
        )


def _forget(uow: UnitOfWork, brand_id: str, connection_id: str, network: NetworkName, external_id: str) -> None:
    identity = mention_id(brand_id, network, external_id)
    uow.emit(
        ForgetMention(
            brand_id=brand_id,
            mention_id=identity,
            connection_id=connection_id,
            network=network,
            external_id=external_id,
        )
    )


@handlers.on(RecordMention, prefetch=lambda m: [(Mention, m.mention_id)])
async def record_mention(message: RecordMention, uow: UnitOfWork, meta: Meta) -> None:
    """Keep one mention: new, a later version of a known one, or nothing new."""
    known = await uow.get(Mention, message.mention_id)
    if message.mention.deleted:
        await _take_back(message, known, uow)
        return
    if known is None:
        await _first_time(message, uow)
    else:
        await _another_time(message, known, uow)


async def _first_time(message: RecordMention, uow: UnitOfWork) -> None:
    mention = await _understood(hear_first(message, uow.now), uow)
    mention = _moderate_by_itself(mention, uow, MentionRecorded)
    await _read_answer(mention, uow)
    uow.save(await ask_for_draft(mention, uow))


async def _another_time(message: RecordMention, known: Mention, uow: UnitOfWork) -> None:
    mention, arrival = hear_again(known, message.mention, uow.now)
    if not arrival.anything:
        return
    if not (arrival.text or arrival.restored):
        uow.save(mention)
        uow.emit(MentionUpdated(brand_id=mention.brand_id, mention_id=mention.id, mention=summary_of(mention)))
        return
    mention = _moderate_by_itself(await _understood(mention, uow), uow, MentionUpdated)
    await stop_replies(mention, "the mention was edited", uow)
    await _read_answer(mention, uow)
    uow.save(await ask_for_draft(mention, uow))


async def _understood(mention: Mention, uow: UnitOfWork) -> Mention:
    """The mention with what its text says and who its author is."""
    understood = understand(mention.text, await catalogues.matcher(uow, mention.brand_id))
    who = match(
        mention.network, mention.author, await people_by_account(uow, mention.brand_id, mention.network, mention.author)
    )
    return mention.model_copy(
        update={
            "understanding": understood,
            "products": [found.product_id for found in understood.products],
            "person_id": who.person_id,
            "customer_id": who.customer_id,
            "match_reason": who.reason,
        }
    )


def _moderate_by_itself(
    mention: Mention, uow: UnitOfWork, event: type[MentionRecorded] | type[MentionUpdated]
) -> Mention:
    """Say what was heard, then what follows from it. A person's decision stands unless the new words are foul."""
    decision = decide(mention.text, mention.understanding)
    uow.emit(event(brand_id=mention.brand_id, mention_id=mention.id, mention=summary_of(mention)))
    if mention.moderated_by != "automatic" and decision.status == "approved":
        return mention
    before, status = (
        mention.status,
        decision.status if mention.moderated_by == "automatic" or decision.status == "rejected" else "new",
    )
    mention = mention.model_copy(
        update={
            "status": status,
            "moderated_by": "automatic",
            "moderation_reason": decision.reason,
            "rejection": decision.rejection,
        }
    )
    if status != before:
        _say_moderated(mention, uow, automatic=True)
    return mention


def _say_moderated(mention: Mention, uow: UnitOfWork, *, automatic: bool) -> None:
    summary, identity = summary_of(mention), {"brand_id": mention.brand_id, "mention_id": mention.id}
    if mention.status == "approved":
        uow.emit(MentionApproved(**identity, mention=summary, automatic=automatic))
    elif mention.status == "featured":
        uow.emit(MentionFeatured(**identity, mention=summary))
    elif mention.status in ("rejected", "hidden"):
        uow.emit(MentionRejected(**identity, reason=mention.rejection))


async def _read_answer(mention: Mention, uow: UnitOfWork) -> None:
    """A child mention may be the author's answer to a request for rights; the parent's owner decides whether it is."""
    answer = rights.reads_as(mention.text) if mention.parent_external_id else None
    if answer is None or not mention.author.id:
        return
    parent = mention_id(mention.brand_id, mention.network, mention.parent_external_id or "")
    uow.emit(
        AnswerRights(
            brand_id=mention.brand_id,
            mention_id=parent,
            granted=answer,
            external_id=mention.external_id,
            author_id=mention.author.id,
        )
    )


@handlers.on(ForgetMention, prefetch=lambda m: [(Mention, m.mention_id)])
async def forget_mention(message: ForgetMention, uow: UnitOfWork, meta: Meta) -> None:
    """The author took the mention back: its words go, nothing of it is shown or answered."""
    known = await uow.get(Mention, message.mention_id)
    if known is None:
        uow.save(tombstone(message, uow.now))
    elif not known.deleted:
        await _remove(known, uow)


async def _take_back(message: RecordMention, known: Mention | None, uow: UnitOfWork) -> None:
    if known and not known.deleted:
        await _remove(known, uow)
    elif known is None:
        uow.save(tombstone(message, uow.now))


async def _remove(known: Mention, uow: UnitOfWork) -> None:
    await stop_replies(known, "the mention was deleted", uow)
    current = await uow.get(Mention, known.id) or known
    gone = nothing_left(current, uow.now)
    uow.save(gone)
    uow.emit(MentionDeleted(brand_id=gone.brand_id, mention_id=gone.id))
    if gone.rights.status != known.rights.status:
        uow.emit(RightsChanged(brand_id=gone.brand_id, mention_id=gone.id, status=gone.rights.status))


@handlers.on(ModerateMention, prefetch=lambda m: [(Mention, m.mention_id)])
async def moderate_mention(message: ModerateMention, uow: UnitOfWork, meta: Meta) -> Reply:
    """A person decides; the same decision twice changes nothing."""
    mention = await existing(message.mention_id, message.brand_id, uow)
    if mention.deleted:
        raise Refused(409, "mention-deleted", "The mention was deleted by its author")
    status = moderated(mention.status, message.action)
    decided = mention.model_copy(
        update={
            "status": status,
            "moderated_by": meta.actor,
            "updated_at": uow.now,
            "moderation_reason": None,
            "rejection": (message.reason or "QUALITY") if message.action == "reject" else None,
        }
    )
    uow.save(decided)
    if status != mention.status:
        _say_moderated(decided, uow, automatic=False)
        if status in ("rejected", "hidden"):
            await stop_replies(decided, f"the mention was {status}", uow)
            decided = await uow.get(Mention, decided.id) or decided
    return Reply(body=mention_view(decided).model_dump(mode="json"))


async def existing(id: str, brand_id: str, uow: UnitOfWork) -> Mention:
    """The brand's mention. Refused with 404 when there is none."""
    mention = await uow.get(Mention, id)
    if mention is None or mention.brand_id != brand_id or mention.unseen:
        raise Refused(404, "mention-not-found", "No such mention")
    return mention

"""Replies on their way to the network. Whatever crashes or times out, a reply is never posted twice.

Before the call the job notes that it is about to be made. A job that finds such a note without an outcome may have
posted: where the network dedupes by our key it is repeated, where the network can be asked it is read back, else it
is parked as `uncertain` for a person.
"""

from collections.abc import Sequence
from datetime import UTC, datetime

import structlog

from services.ugc.models import Mention, ReplyDocument
from services.ugc.networks import outside, unsealed
from services.ugc.registry import effects
from services.ugc.replies.pace import Paces, group_of
from shared.brands import Connection as KnownConnection
from shared.contracts.base import Message
from shared.contracts.ugc import RecordReplyOutcome
from shared.effects import Job, Resources, RetryLater
from shared.http import HttpClient
from shared.networks.base import (
    Connection,
    Network,
    OutboundReply,
    Published,
    PublishRefused,
    PublishRetry,
    PublishUncertain,
    ReadBackUnsupported,
)

log = structlog.get_logger(__name__)
_SETTLE = 3.0  # seconds a network gets to show what it took before it is asked
_MAX_TRIES = 60
paces = Paces()


@effects.on("publish_reply", concurrency=4)
async def publish_reply(job: Job, resources: Resources) -> Sequence[Message]:
    """Post one approved reply, or find out whether it was posted."""
    reply, mention = await _read(job, resources)
    if reply is None or mention is None or reply.status != "sending":
        return []
    known = await resources.mongo.find_one(KnownConnection.collection, {"_id": reply.connection_id})
    if known is None:
        return [_outcome(reply, "failed", "the connection was removed")]
    connection = unsealed(KnownConnection.load(known), resources)
    async with outside(resources) as world:
        network = world.networks[reply.network]
        if attempted(job) and not network.repeatable:
            return [await _look(job, reply, mention, network, connection, world.client)]
        if mention.deleted:
            known_unsent = "failed" if not attempted(job) else "uncertain"
            return [_outcome(reply, known_unsent, "the mention was deleted before the reply left")]
        await _keep_pace(reply, mention, network, resources)
        return [await _post(job, reply, mention, network, connection, world.client)]


async def _read(job: Job, resources: Resources) -> tuple[ReplyDocument | None, Mention | None]:
    reply = await resources.mongo.find_one(
        ReplyDocument.collection, {"_id": job.payload["reply_id"], "brand_id": job.brand_id}
    )
    mention = await resources.mongo.find_one(
        Mention.collection, {"_id": job.payload["mention_id"], "brand_id": job.brand_id}
    )
    return ReplyDocument.load(reply) if reply else None, Mention.load(mention) if mention else None


def attempted(job: Job) -> bool:
    """Whether an earlier try may have posted: it began its call and never learnt that nothing was posted."""
    return bool(job.state.get("attempted_at"))


def outbound(job: Job, reply: ReplyDocument, mention: Mention) -> OutboundReply:
    """The reply as the network takes it; its time is the first try's, which bounds the search when it is read back."""
    first = job.state.get("first_at")
    created = datetime.fromisoformat(first) if first else datetime.now(UTC)
    return OutboundReply(
        id=reply.id,
        target=mention.external_id,
        kind=mention.kind,
        text=reply.text,
        media=tuple(reply.media),
        created_at=created,
    )


async def _keep_pace(reply: ReplyDocument, mention: Mention, network: Network, resources: Resources) -> None:
    pace = await paces.of(reply.connection_id, reply.brand_id, network.limits, resources.mongo)
    now, group = datetime.now(UTC).timestamp(), group_of(mention.external_id)
    wait = pace.wait(now, group)
    if wait > 0:
        raise RetryLater(wait, f"{network.name} takes no more for {wait:.1f} s")
    pace.note(now, group)


async def _post(
    job: Job, reply: ReplyDocument, mention: Mention, network: Network, connection: Connection, client: HttpClient
) -> Message:
    now = datetime.now(UTC).isoformat()
    await job.remember(attempted_at=now, first_at=job.state.get("first_at", now))
    try:
        published = await network.publish(connection, outbound(job, reply, mention), client)
    except PublishRefused as refused:
        return _outcome(reply, "failed", refused.reason)
    except PublishRetry as later:
        await job.remember(attempted_at=None)
        return await _give_it_time(job, reply, later)
    except PublishUncertain as unknown:
        raise RetryLater(_SETTLE, unknown.reason, uncertain=True) from unknown
    return _outcome(reply, "sent", published=published)


async def _give_it_time(job: Job, reply: ReplyDocument, later: PublishRetry) -> Message:
    """Nothing was posted: the connection's lane waits as long as the network says, and not for ever."""
    if job.tries >= _MAX_TRIES:
        return _outcome(reply, "failed", f"given up after {job.tries} tries: {later.reason}")
    raise RetryLater(later.after, later.reason, whole_lane=True) from later


async def _look(
    job: Job, reply: ReplyDocument, mention: Mention, network: Network, connection: Connection, client: HttpClient
) -> Message:
    """An earlier try may have posted: ask the network. What it can't tell, a person has to look at."""
    try:
        found = await network.read_back(connection, outbound(job, reply, mention), client)
    except ReadBackUnsupported:
        return _outcome(reply, "uncertain", "the network did not answer and can't be asked whether it took the reply")
    except (PublishRefused, PublishUncertain) as error:
        return _outcome(reply, "uncertain", f"can't be looked up: {error}")
    except PublishRetry as later:
        if job.tries >= _MAX_TRIES:
            return _outcome(reply, "uncertain", f"can't be looked up: {later.reason}")
        raise RetryLater(later.after, later.reason, uncertain=True) from later
    if found:
        return _outcome(reply, "sent", published=Published(external_id=found))
    await job.remember(attempted_at=None)
    raise RetryLater(0, "certainly not posted; trying again")


def _outcome(
    reply: ReplyDocument, outcome: str, reason: str | None = None, *, published: Published | None = None
) -> Message:
    log.info("reply settled", reply=reply.id, network=reply.network, outcome=outcome, reason=reason)
    return RecordReplyOutcome.model_validate(
        {
            "brand_id": reply.brand_id,
            "mention_id": reply.mention_id,
            "reply_id": reply.id,
            "outcome": outcome,
            "reason": reason,
            "external_id": published.external_id if published else None,
            "permalink": published.permalink if published else None,
        }
    )

"""Mentions that have to be called for: the text behind a bare id, and networks that push nothing."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from services.ugc.models import PollState, mention_id
from services.ugc.networks import outside, unsealed
from services.ugc.registry import effects, handlers
from shared.brands import Connection as KnownConnection
from shared.contracts.base import Message
from shared.contracts.ugc import NeutralMention, PollConnection, RecordMention, RecordPoll
from shared.effects import Job, Resources, RetryLater
from shared.mongo import ReadOnly
from shared.networks.base import FetchFailed, InvalidPayload, PublishRefused, PublishRetry
from shared.records import Meta
from shared.unit_of_work import UnitOfWork

POLLED = ("youtube",)
# Of 10,000 units a day a poll costs 1 and a reply 50: this leaves 142 replies a day.
POLL_EVERY = timedelta(seconds=30)
_AFTER_FAILURE = timedelta(minutes=1)
_FETCH_TRIES = 12


@effects.on("fetch_mention", concurrency=4)
async def fetch_mention(job: Job, resources: Resources) -> Sequence[Message]:
    """The mention with its text; one that is gone or not ours to see is no mention."""
    raw = await resources.mongo.find_one(KnownConnection.collection, {"_id": job.payload["connection_id"]})
    if raw is None:
        return []
    connection = unsealed(KnownConnection.load(raw), resources)
    named = NeutralMention.model_validate(job.payload["mention"])
    try:
        async with outside(resources) as world:
            whole = await world.networks[connection.network].fetch(connection, named, world.client)
    except FetchFailed as failed:
        if failed.permanent or job.tries >= _FETCH_TRIES:
            return []
        raise RetryLater(min(300.0, 2.0**job.tries), failed.reason) from failed
    return [
        RecordMention(
            brand_id=job.brand_id,
            mention_id=job.payload["mention_id"],
            connection_id=connection.id,
            network=connection.network,
            mention=whole,
        )
    ]


async def due_polls(db: ReadOnly, now: datetime) -> list[Message]:
    """For the scheduler: connections of networks that push nothing, when their time has come."""
    connections = await db.find(KnownConnection.collection, {"network": {"$in": list(POLLED)}})
    states = {
        raw["_id"]: raw["due_at"]
        for raw in await db.find(PollState.collection, {"_id": {"$in": [raw["_id"] for raw in connections]}})
    }
    return [
        PollConnection(brand_id=raw["brand_id"], connection_id=raw["_id"])
        for raw in connections
        if states.get(raw["_id"], now) <= now
    ]


@handlers.on(PollConnection, prefetch=lambda m: [(PollState, m.connection_id)])
async def poll_connection(message: PollConnection, uow: UnitOfWork, meta: Meta) -> None:
    """Make the job of the next round; a round's job exists once however often it is asked for."""
    state = await uow.get(PollState, message.connection_id)
    number, cursor = (state.round, state.cursor) if state else (0, None)
    payload = {"connection_id": message.connection_id, "round": number, "cursor": cursor}
    uow.effect(
        "poll_network",
        f"poll:{message.connection_id}:{number}",
        message.brand_id,
        payload,
        lane=f"poll:{message.connection_id}",
    )


@effects.on("poll_network", concurrency=2)
async def poll_network(job: Job, resources: Resources) -> Sequence[Message]:
    """One look at the network: what is new, and where to go on. Reading twice is harmless, mentions are told apart by
    id.
    """
    connection_id, number = job.payload["connection_id"], job.payload["round"]
    raw = await resources.mongo.find_one(KnownConnection.collection, {"_id": connection_id})
    if raw is None:
        return []
    connection = unsealed(KnownConnection.load(raw), resources)
    done = RecordPoll(brand_id=job.brand_id, connection_id=connection_id, round=number, cursor=job.payload["cursor"])
    try:
        async with outside(resources) as world:
            found = await world.networks[connection.network].poll(connection, job.payload["cursor"], world.client)
    except PublishRetry as later:
        raise RetryLater(later.after, later.reason, whole_lane=True) from later
    except (PublishRefused, FetchFailed, InvalidPayload) as failed:
        return [done.model_copy(update={"failed": str(failed)[:300]})]
    mentions = [
        RecordMention(
            brand_id=job.brand_id,
            mention_id=mention_id(job.brand_id, connection.network, one.external_id),
            connection_id=connection_id,
            network=connection.network,
            mention=one,
        )
        for one in found.mentions
    ]
    return [*mentions, done.model_copy(update={"cursor": found.cursor})]


@handlers.on(RecordPoll, prefetch=lambda m: [(PollState, m.connection_id)])
async def record_poll(message: RecordPoll, uow: UnitOfWork, meta: Meta) -> None:
    """The round is done; the next one begins where it ended."""
    state = await uow.get(PollState, message.connection_id)
    if state and state.round > message.round:
        return
    due = uow.now + (_AFTER_FAILURE if message.failed else POLL_EVERY)
    uow.save(
        PollState(
            id=message.connection_id,
            brand_id=message.brand_id,
            round=message.round + 1,
            cursor=message.cursor,
            due_at=due,
            failed=message.failed,
        )
    )

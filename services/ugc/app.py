"""The composition of the service: handlers, effects, documents, ticks."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import services.ugc.catalogue.effects
import services.ugc.catalogue.handlers
import services.ugc.mentions.consent
import services.ugc.mentions.effects
import services.ugc.mentions.handlers
import services.ugc.replies.drafting
import services.ugc.replies.effects
import services.ugc.replies.handlers  # noqa: F401  # importing them registers them
from services.ugc.mentions.effects import due_polls
from services.ugc.models import documents
from services.ugc.registry import effects, handlers
from services.ugc.repository import lapsed_rights, overdue_replies
from shared import brands
from shared.contracts.base import Message
from shared.contracts.ugc import ExpireReply, ExpireRights
from shared.mongo import ReadOnly
from shared.runtime import ServiceApp
from shared.scheduler import Tick
from shared.topics import Service


async def _expire(db: ReadOnly, now: datetime) -> Sequence[Message]:
    replies = [
        ExpireReply(brand_id=raw["brand_id"], mention_id=raw["mention_id"], reply_id=raw["_id"])
        for raw in await overdue_replies(db, now)
    ]
    rights = [ExpireRights(brand_id=raw["brand_id"], mention_id=raw["_id"]) for raw in await lapsed_rights(db, now)]
    return [*replies, *rights]


app = ServiceApp(
    service=Service.UGC,
    handlers=handlers,
    effects=effects,
    documents=[*brands.documents, *documents],
    ticks=[
        Tick("expire", timedelta(seconds=30), _expire),
        Tick("poll", timedelta(seconds=10), due_polls),
    ],
)

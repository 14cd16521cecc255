"""The rewards service, put together."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from services.rewards import models, redemptions, triggers
from services.rewards.effects import effects
from services.rewards.handlers import handlers
from services.rewards.repository import due_campaigns
from shared import brands
from shared.contracts.base import Message
from shared.mongo import ReadOnly
from shared.runtime import ServiceApp
from shared.scheduler import Tick
from shared.topics import Service

__all__ = ["app", "redemptions", "triggers"]  # the last two register their handlers by being imported


async def _expiries(db: ReadOnly, now: datetime) -> Sequence[Message]:
    return await due_campaigns(db, now)


app = ServiceApp(
    service=Service.REWARDS,
    handlers=handlers,
    effects=effects,
    documents=[*models.documents, *brands.documents],
    ticks=[Tick("expire-grants", timedelta(seconds=15), _expiries)],
)

"""The composition root of the ambassadors service."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from services.ambassadors import effects as _effects  # registers the calls to the outside
from services.ambassadors import handlers as _people  # registers the handlers of people, programmes and clicks
from services.ambassadors.handling import effects, handlers
from services.ambassadors.ledger import handlers as _ledger
from services.ambassadors.ledger.booking import due_filter
from services.ambassadors.ledger.models import Account, ClickSlot, Commission, LedgerEntry, OrderSlot
from services.ambassadors.models import Ambassador, AuditEntry, Click, CodeReservation, Program
from services.ambassadors.orders import handlers as _orders
from services.ambassadors.orders.models import Customer, Order
from shared import brands
from shared.contracts.ambassadors import MatureCommissions
from shared.contracts.base import Message
from shared.mongo import ReadOnly
from shared.runtime import ServiceApp
from shared.scheduler import Tick
from shared.topics import Service

_registered = (_effects, _people, _ledger, _orders)
AT_ONCE = 2000


async def due(db: ReadOnly, now: datetime) -> Sequence[Message]:
    """Tell the owners of due commissions. Looks at all that is due, so a week of downtime ends with one tick."""
    group: list[dict[str, Any]] = [
        {"$match": due_filter(now)},
        {"$group": {"_id": {"brand": "$brand_id", "ambassador": "$ambassador_id"}}},
        {"$limit": AT_ONCE},
    ]
    owners = [row["_id"] for row in await db.aggregate(Commission.collection, list(group))]
    return [MatureCommissions(brand_id=o["brand"], ambassador_id=o["ambassador"], as_of=now) for o in owners]


app = ServiceApp(
    service=Service.AMBASSADORS,
    handlers=handlers,
    effects=effects,
    documents=[
        *brands.documents, Program, Ambassador, CodeReservation, AuditEntry, Click, Order, Customer,
        Commission, LedgerEntry, Account, OrderSlot, ClickSlot,
    ],
    ticks=[Tick("mature-commissions", timedelta(seconds=15), due)],
)  # fmt: skip

"""What happens to a commission, and which entry the ledger gets for it. Pure.

Each step takes a commission and gives the changed one; `post` then books the difference between what it should be worth
and the sum of its entries. So the sum is right whatever came before, and nothing in the ledger is ever edited.
"""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from services.ambassadors.ledger.models import Commission, EntryKind, LedgerEntry
from shared.contracts.ambassadors import CommissionStatus, SettleOrder
from shared.ids import derived_id
from shared.money import Money

FLAGS_EXPIRE = timedelta(days=30)
COUNTERS = ("orders", "revenue", "commission", "pending", "approved", "in_payout", "held", "paid", "reversed")
ZERO = Decimal(0)


class NotPossible(Exception):
    """The commission's state does not allow the step; the text says why."""


def commission_id(brand_id: str, order_id: str, ambassador_id: str) -> str:
    """One commission per order and ambassador."""
    return derived_id("com", brand_id, order_id, ambassador_id)


def settle(known: Commission | None, order: SettleOrder, now: datetime) -> Commission:
    """The commission with what the order is now. An older revision than the known one changes nothing."""
    if known and order.revision <= known.revision:
        return known
    news = {
        "order_name": order.order_name, "program_id": order.program_id, "program_version": order.program_version,
        "rule": order.rule, "currency": order.currency, "ordered_at": order.ordered_at, "hold_until": order.hold_until,
        "order_paid": order.paid, "cancelled": order.cancelled, "base": order.base, "lines": order.lines,
        "revision": order.revision, "flags": order.flags,
    }  # fmt: skip
    found = known or Commission(
        id=commission_id(order.brand_id, order.order_id, order.ambassador_id), brand_id=order.brand_id,
        ambassador_id=order.ambassador_id, order_id=order.order_id, created_at=now, updated_at=now, **news,
    )  # fmt: skip
    return _held_since(found.model_copy(update=news), now)


def hold(commission: Commission, reason: str, now: datetime) -> Commission:
    """A person keeps it from maturing."""
    _open(commission, "hold")
    return _held_since(commission.model_copy(update={"held_by_hand": reason}), now)


def release(commission: Commission) -> Commission:
    """A person lets it go on: the hold by hand and every present flag are cleared."""
    if not commission.holding:
        raise NotPossible("The commission isn't held.")
    cleared = sorted({*commission.cleared, *commission.flags})
    return commission.model_copy(update={"held_by_hand": None, "cleared": cleared, "held_since": None})


def void(commission: Commission, reason: str) -> Commission:
    """A person takes it away for good."""
    _open(commission, "void")
    return commission.model_copy(update={"voided": reason})


def mature(commission: Commission, as_of: datetime) -> Commission:
    """Approve it once its order is paid and the hold is over. Flags that nobody resolved in 30 days let it go."""
    if commission.voided or commission.rule is None:
        return commission
    if commission.held_by_hand is None and commission.held_since and commission.held_since + FLAGS_EXPIRE <= as_of:
        commission = release(commission)
    due = commission.phase == "pending" and commission.order_paid and commission.hold_until <= as_of
    return commission.model_copy(update={"phase": "approved"}) if due and not commission.holding else commission


def due_filter(as_of: datetime) -> dict[str, Any]:
    """The MongoDB filter of those that `mature` would change."""
    return {
        "$or": [
            {"status": "pending", "order_paid": True, "hold_until": {"$lte": as_of}},
            {"status": "held", "held_by_hand": None, "held_since": {"$lte": as_of - FLAGS_EXPIRE}},
        ]
    }


def _open(commission: Commission, action: str) -> None:
    if commission.voided:
        raise NotPossible(f"Cannot {action}: the commission is voided already.")
    if commission.phase in ("in_payout", "paid"):
        raise NotPossible(f"Cannot {action}: the commission is {commission.phase.replace('_', ' ')}.")


def _held_since(commission: Commission, now: datetime) -> Commission:
    since = (commission.held_since or now) if commission.holding else None
    return commission.model_copy(update={"held_since": since})


def post(before: Commission | None, after: Commission, now: datetime) -> tuple[Commission, LedgerEntry | None]:
    """The commission with its entry, if its worth changed."""
    worth = worth_of(after)
    difference = worth - after.amount
    if difference == 0:
        return _stated(after, now), None
    number = after.entries + 1
    entry = LedgerEntry(
        id=derived_id("led", after.id, str(number)), brand_id=after.brand_id, ambassador_id=after.ambassador_id,
        commission_id=after.id, order_id=after.order_id, number=number, kind=_kind(after, difference),
        amount=difference, currency=after.currency, at=now, reason=after.voided,
    )  # fmt: skip
    return _stated(after.model_copy(update={"amount": worth, "entries": number}), now), entry


def worth_of(commission: Commission) -> Decimal:
    """What the sum of the entries has to be."""
    if commission.voided or commission.rule is None:
        return ZERO
    return sum((line.commission for line in commission.lines), ZERO)


def _kind(commission: Commission, difference: Decimal) -> EntryKind:
    if difference > 0:
        return "adjustment" if commission.entries else "award"
    if commission.phase in ("in_payout", "paid"):
        return "clawback"
    if commission.voided:
        return "void"
    return "reversal" if commission.rule else "reattribution"


def _stated(commission: Commission, now: datetime) -> Commission:
    awarded = sum((line.awarded for line in commission.lines), ZERO) if commission.rule else ZERO
    status = status_of(commission, awarded)
    return commission.model_copy(update={"awarded": awarded, "status": status, "updated_at": now})


def status_of(commission: Commission, awarded: Decimal) -> CommissionStatus:
    """The one word for it."""
    if commission.phase in ("in_payout", "paid"):
        return commission.phase
    if commission.voided or commission.rule is None:
        return "voided"
    if commission.amount == 0 and (commission.cancelled or awarded > 0):
        return "refunded"
    return "held" if commission.holding else commission.phase


def contribution(commission: Commission | None) -> dict[str, int]:
    """What the commission adds to its slot and account, in minor units. The sum over all is the statistics."""
    counts = dict.fromkeys(COUNTERS, 0)
    if commission is None or commission.rule is None:
        return counts
    amount = _minor(commission.amount, commission.currency)
    counts |= {
        "orders": 1,
        "revenue": _minor(commission.base, commission.currency),
        "commission": amount,
        "reversed": _minor(commission.awarded, commission.currency) - amount,
    }
    if commission.status in counts:
        counts[commission.status] = amount
    return counts


def change(before: Commission | None, after: Commission) -> dict[str, int]:
    """What to add to the roll-ups; only what isn't nought."""
    old, new = contribution(before), contribution(after)
    return {name: new[name] - old[name] for name in COUNTERS if new[name] != old[name]}


def _minor(amount: Decimal, currency: str) -> int:
    return Money.of(amount, currency).minor

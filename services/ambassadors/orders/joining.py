"""Facts of an order's webhooks joined to one picture. Pure.

`join` is associative, commutative and idempotent (a semilattice), so whatever arrives, in whatever order and however
often, leads to the same picture: the oldest evidence, the newest snapshot, every refund and every buyer once.
"""

from collections.abc import Iterable, Mapping
from typing import TypeVar

from shared.contracts.ambassadors import (
    OrderEdit,
    OrderEvidence,
    OrderFacts,
    OrderLineFacts,
    OrderRefund,
    OrderSnapshot,
)
from shared.contracts.base import Value

T = TypeVar("T", OrderRefund, OrderEdit)


def join(one: OrderFacts, other: OrderFacts) -> OrderFacts:
    """Both pictures' facts."""
    return OrderFacts(
        evidence=_oldest(one.evidence, other.evidence),
        snapshot=_newest(one.snapshot, other.snapshot),
        refunds=_union(one.refunds, other.refunds),
        edits=_union(one.edits, other.edits),
        customer_ids=_both(one.customer_ids, other.customer_ids),
        emails=_both(one.emails, other.emails),
        cancelled=one.cancelled or other.cancelled,
        test=one.test or other.test,
    )


def _oldest(one: OrderEvidence | None, other: OrderEvidence | None) -> OrderEvidence | None:
    known = [evidence for evidence in (one, other) if evidence]
    return min(known, key=lambda e: (e.as_of, e.rank, _spelled(e)), default=None)


def _newest(one: OrderSnapshot | None, other: OrderSnapshot | None) -> OrderSnapshot | None:
    # `updated_at` has whole seconds: within one, what has happened more is the newer.
    known = [snapshot for snapshot in (one, other) if snapshot]
    return max(known, key=lambda s: (s.as_of, len(s.refunds), s.paid, s.rank, _spelled(s)), default=None)


def _union(one: Mapping[str, T], other: Mapping[str, T]) -> dict[str, T]:
    joined = dict(one)
    for id, entry in other.items():
        known = joined.get(id)
        joined[id] = (
            entry if known is None else max(known, entry, key=lambda e: (sum(map(abs, e.units.values())), _spelled(e)))
        )
    return dict(sorted(joined.items()))


def _both(one: Iterable[str], other: Iterable[str]) -> list[str]:
    return sorted({*one, *other})


def _spelled(value: Value) -> str:
    """An arbitrary but fixed order among facts of equal standing."""
    return value.model_dump_json()


class Units(Value):
    """How much of a line was bought and how much of it is left."""

    line: OrderLineFacts
    bought: int
    left: int


def units(facts: OrderFacts) -> list[Units]:
    """Each line of the newest snapshot, with refunds and edits that it does not know of yet."""
    snapshot = facts.snapshot
    return [] if snapshot is None else [_units(facts, snapshot, line) for line in snapshot.lines]


def _units(facts: OrderFacts, snapshot: OrderSnapshot, line: OrderLineFacts) -> Units:
    later = [edit.units.get(line.line_id, 0) for edit in facts.edits.values() if edit.at > snapshot.as_of]
    refunded = sum(refund.units.get(line.line_id, 0) for refund in facts.refunds.values())
    added = sum(change for change in later if change > 0)
    removed = _removed(facts, snapshot, line) - sum(change for change in later if change < 0)
    bought = line.quantity + added
    left = 0 if facts.cancelled or snapshot.refunded else max(bought - removed - refunded, 0)
    return Units(line=line, bought=bought, left=left)


def _removed(facts: OrderFacts, snapshot: OrderSnapshot, line: OrderLineFacts) -> int:
    """Units the snapshot misses for which no refund accounts: an edit took them out."""
    known = [r for r in facts.refunds.values() if r.refund_id in snapshot.refunds or r.at <= snapshot.as_of]
    missing = line.quantity - line.current_quantity
    return max(missing - sum(refund.units.get(line.line_id, 0) for refund in known), 0)

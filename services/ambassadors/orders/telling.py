"""What an order's partition tells others: the ledger its target, everybody the attribution."""

import hashlib
from datetime import timedelta
from decimal import Decimal

from services.ambassadors.orders.models import Order
from shared.contracts.ambassadors import OrderAttributed, OrderRevised, SettleOrder
from shared.money import Money
from shared.unit_of_work import UnitOfWork


def settle(uow: UnitOfWork, order: Order) -> Order:
    """Tell the ambassador's ledger what the order is worth, and former ones that it is none of theirs."""
    concerned = [*order.settled, *([order.ambassador_id] if order.ambassador_id else [])]
    settled = dict(order.settled)
    for ambassador_id in dict.fromkeys(concerned):
        target = target_for(order, ambassador_id)
        digest = hashlib.sha256(target.model_dump_json(exclude={"revision"}).encode()).hexdigest()[:16]
        if settled.get(ambassador_id) != digest:
            uow.emit(target)
            settled[ambassador_id] = digest
    return order.model_copy(update={"settled": settled})


def target_for(order: Order, ambassador_id: str) -> SettleOrder:
    """What the order is to an ambassador now: theirs, or (for one it was taken from) nothing."""
    award, snapshot = order.awards[ambassador_id], order.facts.snapshot
    assert snapshot and order.ordered_at  # noqa: PT018  # a verdict needs both
    theirs = ambassador_id == order.ambassador_id
    return SettleOrder(
        brand_id=order.brand_id, ambassador_id=ambassador_id, order_id=order.order_id, order_name=order.name,
        revision=order.revision, currency=order.currency, ordered_at=order.ordered_at, paid=snapshot.paid,
        cancelled=order.facts.cancelled, program_id=award.program_id, program_version=award.program_version,
        rule=order.rule if theirs else None, base=order.base if theirs else Decimal(0),
        lines=order.lines if theirs else [], flags=order.flags if theirs else [],
        hold_until=order.ordered_at + timedelta(days=award.terms.hold_days),
    )  # fmt: skip


def announce(uow: UnitOfWork, before: Order, after: Order) -> Order:
    """Announce a first attribution, and later every change of it. What was cancelled before is not announced."""
    if after.announced:
        if _outcome(before) != _outcome(after):
            uow.emit(_revised(after))
        return after
    if after.ambassador_id is None or after.rule is None or after.facts.cancelled:
        return after
    uow.emit(_attributed(after))
    return after.model_copy(update={"announced": True})


def _outcome(order: Order) -> tuple[object, ...]:
    return order.ambassador_id, order.currency, order.base, order.commission, order.facts.cancelled


def _attributed(order: Order) -> OrderAttributed:
    assert order.ambassador_id and order.rule and order.ordered_at and order.award  # noqa: PT018
    evidence = order.facts.evidence
    return OrderAttributed(
        brand_id=order.brand_id, order_id=order.order_id, order_name=order.name, ambassador_id=order.ambassador_id,
        ambassador_customer_id=order.award.customer_id, customer_id=evidence.customer_id if evidence else None,
        rule=order.rule, ordered_at=order.ordered_at, total=Money.of(order.base, order.currency),
        commission=Money.of(order.commission, order.currency), first_order=not order.returning,
    )  # fmt: skip


def _revised(order: Order) -> OrderRevised:
    return OrderRevised(
        brand_id=order.brand_id, order_id=order.order_id, ambassador_id=order.ambassador_id,
        total=Money.of(order.base, order.currency), commission=Money.of(order.commission, order.currency),
        cancelled=order.facts.cancelled,
    )  # fmt: skip

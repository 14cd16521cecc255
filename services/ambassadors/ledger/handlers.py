"""The ledger: what an order is worth to an ambassador, and what people decide about it."""

from collections.abc import Callable
from decimal import Decimal

from services.ambassadors.handling import handlers
from services.ambassadors.ledger import booking
from services.ambassadors.ledger.models import Account, Commission, OrderSlot, account_id, slot_of
from services.ambassadors.ledger.tiers import reached
from services.ambassadors.models import Ambassador, Program
from services.ambassadors.people import announce, audit
from services.ambassadors.views.ledger import commission_view
from shared.contracts.ambassadors import (
    CommissionChanged,
    HoldCommission,
    MatureCommissions,
    ReleaseCommission,
    SettleOrder,
    TierReached,
    VoidCommission,
)
from shared.documents import Document
from shared.errors import Refused, Reply
from shared.money import Money
from shared.records import Meta
from shared.unit_of_work import UnitOfWork

MATURE_AT_ONCE = 500


def _touched(message: SettleOrder) -> list[tuple[type[Document], str]]:
    id = booking.commission_id(message.brand_id, message.order_id, message.ambassador_id)
    account = account_id(message.ambassador_id, message.currency)
    return [(Commission, id), (Account, account), (Ambassador, message.ambassador_id), (Program, message.program_id)]


@handlers.on(SettleOrder, prefetch=_touched)
async def settle_order(message: SettleOrder, uow: UnitOfWork, meta: Meta) -> None:
    """Book what the order is worth now."""
    id = booking.commission_id(message.brand_id, message.order_id, message.ambassador_id)
    known = await uow.get(Commission, id)
    account = await _book(uow, known, booking.settle(known, message, uow.now))
    if account:
        await _move_tier(uow, account)


@handlers.on(HoldCommission)
async def hold_commission(message: HoldCommission, uow: UnitOfWork, meta: Meta) -> Reply:
    """Keep a commission from maturing."""
    return await _decide(message, uow, meta, "hold", lambda c: booking.hold(c, message.reason, uow.now), message.reason)


@handlers.on(ReleaseCommission)
async def release_commission(message: ReleaseCommission, uow: UnitOfWork, meta: Meta) -> Reply:
    """Let a held commission go on."""
    return await _decide(message, uow, meta, "release", booking.release, None)


@handlers.on(VoidCommission)
async def void_commission(message: VoidCommission, uow: UnitOfWork, meta: Meta) -> Reply:
    """Take a commission away."""
    return await _decide(message, uow, meta, "void", lambda c: booking.void(c, message.reason), message.reason)


@handlers.on(MatureCommissions)
async def mature_commissions(message: MatureCommissions, uow: UnitOfWork, meta: Meta) -> None:
    """Approve what is due. What exceeds one go is left to the next tick."""
    due = {"brand_id": message.brand_id, "ambassador_id": message.ambassador_id, **booking.due_filter(message.as_of)}
    for commission in await uow.find(Commission, due, sort=[("hold_until", 1)], limit=MATURE_AT_ONCE):
        await _book(uow, commission, booking.mature(commission, message.as_of))


async def _decide(
    message: HoldCommission | ReleaseCommission | VoidCommission,
    uow: UnitOfWork,
    meta: Meta,
    action: str,
    step: Callable[[Commission], Commission],
    reason: str | None,
) -> Reply:
    known = await uow.get(Commission, message.commission_id)
    if known is None or (known.brand_id, known.ambassador_id) != (message.brand_id, message.ambassador_id):
        raise Refused(404, "commission-not-found", "There is no such commission")
    try:
        after = step(known)
    except booking.NotPossible as error:
        raise Refused(409, "commission-state", "The commission's state does not allow it", str(error)) from error
    await _book(uow, known, after)
    after = await uow.get(Commission, known.id) or after
    audit(uow, meta, known.id, action, {"status": known.status}, {"status": after.status}, reason)
    return Reply(body=commission_view(after).model_dump(mode="json"))


async def _book(uow: UnitOfWork, before: Commission | None, after: Commission) -> Account | None:
    """Save the changed commission with its entry, and add the change up. None: nothing changed."""
    if before == after:
        return None
    after, entry = booking.post(before, after, uow.now)
    uow.save(after)
    added = booking.change(before, after)
    _roll_up(uow, before, after, added)
    if entry:
        uow.save(entry)
    if before is None or (before.status, before.amount) != (after.status, after.amount):
        _announce(uow, after)
    balance = Money.of(entry.amount, entry.currency).minor if entry else 0
    return await _add(uow, after, balance, added)


def _roll_up(uow: UnitOfWork, before: Commission | None, after: Commission, added: dict[str, int]) -> None:
    if before and (before.ordered_at, before.currency) != (after.ordered_at, after.currency):
        _increment(uow, before, {name: -value for name, value in booking.contribution(before).items() if value})
        added = {name: value for name, value in booking.contribution(after).items() if value}
    _increment(uow, after, added)


def _increment(uow: UnitOfWork, commission: Commission, added: dict[str, int]) -> None:
    if not added:
        return
    at = slot_of(commission.ordered_at)
    whose = commission.model_dump(include={"brand_id", "ambassador_id", "currency"})
    id = f"{commission.ambassador_id}:{commission.currency}:{int(at.timestamp())}"
    uow.increment(OrderSlot, id, added, {**whose, "at": at})


async def _add(uow: UnitOfWork, commission: Commission, balance: int, added: dict[str, int]) -> Account:
    id = account_id(commission.ambassador_id, commission.currency)
    account = await uow.get(Account, id) or Account(
        id=id, brand_id=commission.brand_id, ambassador_id=commission.ambassador_id, currency=commission.currency
    )
    account = account.model_copy(
        update={
            "balance": account.balance + balance,
            "revenue": account.revenue + added.get("revenue", 0),
            "orders": account.orders + added.get("orders", 0),
        }
    )
    uow.save(account)
    return account


def _announce(uow: UnitOfWork, commission: Commission) -> None:
    uow.emit(
        CommissionChanged(
            brand_id=commission.brand_id, ambassador_id=commission.ambassador_id, commission_id=commission.id,
            order_id=commission.order_id, status=commission.status,
            amount=Money.of(commission.amount, commission.currency),
        )
    )  # fmt: skip


async def _move_tier(uow: UnitOfWork, account: Account) -> None:
    """Revenue moves the tier up and down, unless a person has pinned it. A tier is celebrated once."""
    ambassador = await uow.get(Ambassador, account.ambassador_id)
    program = await uow.get(Program, ambassador.program_id) if ambassador else None
    if ambassador is None or program is None or ambassador.tier_pinned:
        return
    tier = reached(program.current.terms.tiers, _revenue(account))
    name = tier.name if tier else None
    if name == ambassador.tier:
        return
    fresh = name is not None and name not in ambassador.tiers_reached
    moved = ambassador.model_copy(
        update={"tier": name, "tiers_reached": ambassador.tiers_reached + ([name] if fresh and name else [])}
    )
    uow.save(moved)
    announce(uow, moved, "tier")
    if fresh and name:
        uow.emit(
            TierReached(
                brand_id=moved.brand_id, ambassador_id=moved.id, customer_id=moved.profile.customer_id, tier=name
            )
        )


def _revenue(account: Account) -> Decimal:
    return Money.from_minor(account.revenue, account.currency).amount

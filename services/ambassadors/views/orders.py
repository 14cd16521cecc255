"""Orders and their receipts."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from pydantic import BaseModel, Field

from services.ambassadors.attribution import Reason
from services.ambassadors.orders.models import Order
from shared.contracts.ambassadors import AttributionRule, CandidateKind, OrderLineCommission
from shared.money import Money
from shared.views import Page, Paged, ReadOnly, paginate


class TermsView(BaseModel):
    """Which terms the order goes by, frozen when it was attributed."""

    program_id: str
    version: int


class LineView(BaseModel):
    """What one line earns."""

    line_id: str
    product_id: str | None
    title: str
    quantity: int = Field(description="Units that remain.")
    bought: int = Field(description="Units bought, refunded ones included.")
    exempt: str | None = Field(description="Why the line earns nothing: gift_card or tip.")
    rate: Decimal | None = Field(description="Percent; null for a share of a fixed amount.", examples=["10"])
    base: Money = Field(description="What remains after discounts, tax inside the price, and refunds.")
    awarded: Money = Field(description="Commission on the line as bought.")
    commission: Money = Field(description="Commission that remains.")


class CandidateView(BaseModel):
    """A trace that could have taken the order, and what became of it."""

    kind: CandidateKind
    ambassador_id: str | None
    at: datetime | None
    accepted: bool
    reason: Reason
    detail: str = Field(description="The reason in words.")
    code: str | None
    click_id: str | None


class Receipt(BaseModel):
    """Why an order is whose it is, and what it earns: all that an accountant or an analyst needs to agree."""

    order_id: str = Field(examples=["5500001"])
    order_name: str = Field(examples=["#1001"])
    ordered_at: datetime | None
    ambassador_id: str | None
    rule: AttributionRule | None
    terms: TermsView | None
    currency: str
    base: Money = Field(description="What the remaining lines cost, without discounts, tax and shipping.")
    awarded: Money = Field(description="Commission on the order as bought.")
    commission: Money = Field(description="Commission that remains.")
    lines: list[LineView]
    candidates: list[CandidateView]
    flags: list[str] = Field(description="What looks like fraud.", examples=[["self_referral"]])
    cancelled: bool
    test: bool
    first_order: bool = Field(description="The buyer's first, as far as the shop and our records say.")


class OrderView(BaseModel):
    """An order in a list."""

    order_id: str
    order_name: str
    ordered_at: datetime | None
    ambassador_id: str | None
    rule: AttributionRule | None
    base: Money
    commission: Money
    paid: bool
    cancelled: bool
    flags: list[str]


class MyOrder(BaseModel):
    """An order as its ambassador sees it: nothing of the buyer."""

    order_id: str
    order_name: str
    ordered_at: datetime | None
    rule: AttributionRule | None
    base: Money
    awarded: Money
    commission: Money
    paid: bool
    cancelled: bool
    lines: list[LineView]


def _line(line: OrderLineCommission, currency: str) -> LineView:
    money = {name: Money(amount=getattr(line, name), currency=currency) for name in ("base", "awarded", "commission")}
    rest = line.model_dump(include={"line_id", "product_id", "title", "quantity", "bought", "exempt"})
    return LineView(**rest, rate=line.rate, **money)


def _flags(order: Order) -> list[str]:
    candidates = order.verdict.candidates if order.verdict else []
    own = any(candidate.reason == "own_purchase" for candidate in candidates)
    return [*order.flags, *(["self_referral"] if own else [])]


def receipt_view(order: Order) -> Receipt:
    award, currency = order.award, order.currency
    candidates = order.verdict.candidates if order.verdict else []
    return Receipt(
        order_id=order.order_id, order_name=order.name, ordered_at=order.ordered_at, rule=order.rule,
        ambassador_id=order.ambassador_id, currency=currency, base=Money.of(order.base, currency),
        terms=TermsView(program_id=award.program_id, version=award.program_version) if award else None,
        commission=Money.of(order.commission, currency), lines=[_line(line, currency) for line in order.lines],
        candidates=[CandidateView(**candidate.model_dump()) for candidate in candidates], flags=_flags(order),
        cancelled=order.facts.cancelled, test=order.facts.test, first_order=not order.returning,
        awarded=Money.of(order.awarded, currency),
    )  # fmt: skip


def _common(order: Order) -> dict[str, Any]:
    snapshot = order.facts.snapshot
    return {
        "order_id": order.order_id, "order_name": order.name, "ordered_at": order.ordered_at, "rule": order.rule,
        "base": Money.of(order.base, order.currency), "commission": Money.of(order.commission, order.currency),
        "paid": bool(snapshot and snapshot.paid), "cancelled": order.facts.cancelled,
    }  # fmt: skip


def _order(raw: dict[str, Any]) -> OrderView:
    order = Order.load(raw)
    return OrderView(**_common(order), ambassador_id=order.ambassador_id, flags=_flags(order))


def _my_order(raw: dict[str, Any]) -> MyOrder:
    order = Order.load(raw)
    lines = [_line(line, order.currency) for line in order.lines]
    return MyOrder(**_common(order), awarded=Money.of(order.awarded, order.currency), lines=lines)


async def orders(
    db: ReadOnly,
    brand_id: str,
    page: Page,
    *,
    ambassador_id: str | None = None,
    attributed: bool | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> Paged[OrderView]:
    """Orders heard of, the newest first. `since` is inside, `until` is not."""
    query: dict[str, Any] = {"brand_id": brand_id, "ordered_at": {"$ne": None} | _between(since, until)}
    if attributed is not None:
        query["ambassador_id"] = {"$ne": None} if attributed else None
    if ambassador_id:
        query["ambassador_id"] = ambassador_id
    return await paginate(db, Order.collection, query, page, _order, by="ordered_at")


async def my_orders(db: ReadOnly, brand_id: str, ambassador_id: str, page: Page) -> Paged[MyOrder]:
    """An ambassador's orders, the newest first."""
    query = {"brand_id": brand_id, "ambassador_id": ambassador_id}
    return await paginate(db, Order.collection, query, page, _my_order, by="ordered_at")


async def receipt(db: ReadOnly, brand_id: str, order_id: str) -> Receipt | None:
    """The receipt of an order (Shopify's number); None until the order itself was heard of."""
    raw = await db.find_one(Order.collection, {"_id": f"{brand_id}:{order_id}", "brand_id": brand_id})
    return receipt_view(Order.load(raw)) if raw and raw.get("ordered_at") else None


def _between(since: datetime | None, until: datetime | None) -> dict[str, datetime]:
    return {name: value for name, value in (("$gte", since), ("$lt", until)) if value}

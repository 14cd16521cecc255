"""What a discount code takes off a cart: pure functions, amounts in shop currency.

Follows Shopify's rules: product discounts first (the best one per line), then order discounts on what is left, then
shipping; `combinesWith` must hold on both sides; `usageLimit` and `appliesOncePerCustomer` count per redeem code.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Literal

from pydantic import BaseModel

from deploy.devstore.amounts import spread
from shared.money import quantize

Class = Literal["order", "product", "shipping"]


class Items(BaseModel):
    """What a discount applies to; ids are numeric Shopify ids."""

    all: bool = True
    products: list[int] = []
    variants: list[int] = []
    collections: list[int] = []


class Discount(BaseModel):
    """A code discount as the dev store keeps it. `percentage` is a fraction (0.1 = 10 %); amounts in shop currency."""

    id: int
    type: Literal["basic", "free_shipping"]
    title: str
    created_at: datetime
    updated_at: datetime
    starts_at: datetime
    ends_at: datetime | None = None
    usage_limit: int | None = None
    once_per_customer: bool = False
    combines_order: bool = False
    combines_product: bool = False
    combines_shipping: bool = False
    customers: list[int] | None = None
    segments: list[int] | None = None
    items: Items = Items()
    percentage: Decimal | None = None
    amount: Decimal | None = None
    each_item: bool = False
    minimum_subtotal: Decimal | None = None
    minimum_quantity: int | None = None
    maximum_shipping: Decimal | None = None
    countries: list[str] | None = None
    tags: list[str] = []

    @property
    def discount_class(self) -> Class:
        if self.type == "free_shipping":
            return "shipping"
        return "order" if self.items.all and not self.each_item else "product"

    def status(self, now: datetime) -> Literal["ACTIVE", "EXPIRED", "SCHEDULED"]:
        if now < self.starts_at:
            return "SCHEDULED"
        return "EXPIRED" if self.ends_at and now >= self.ends_at else "ACTIVE"


@dataclass(frozen=True)
class CartLine:
    """One line to be priced. Gift cards and tips are not discountable."""

    product_id: int | None
    variant_id: int | None
    collection_ids: frozenset[int]
    quantity: int
    price: Decimal
    discountable: bool = True

    @property
    def total(self) -> Decimal:
        return self.price * self.quantity


@dataclass(frozen=True)
class Buyer:
    customer_id: int | None = None
    segments: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Usage:
    """How often a redeem code was used, by all and by this buyer."""

    uses: int = 0
    by_buyer: int = 0


@dataclass(frozen=True)
class Candidate:
    """A code the buyer typed, with the discount behind it."""

    code: str
    discount: Discount
    usage: Usage = Usage()


@dataclass
class Application:
    """A code that applied: what it took off each line (by index) and off shipping."""

    code: str
    discount: Discount
    lines: dict[int, Decimal] = field(default_factory=dict)
    shipping: Decimal = Decimal(0)

    @property
    def amount(self) -> Decimal:
        return sum(self.lines.values(), self.shipping)


@dataclass(frozen=True)
class Applied:
    applications: list[Application]
    rejected: dict[str, str]


def entitled(discount: Discount, line: CartLine) -> bool:
    """Whether the discount's items include this line."""
    items = discount.items
    if not line.discountable:
        return False
    return (
        items.all
        or line.product_id in items.products
        or line.variant_id in items.variants
        or bool(line.collection_ids & set(items.collections))
    )


def refusal(candidate: Candidate, lines: Sequence[CartLine], buyer: Buyer, now: datetime) -> str | None:
    """Why a code does not apply to this cart by itself, as a short stable reason; None when it does."""
    discount, usage = candidate.discount, candidate.usage
    if (status := discount.status(now)) != "ACTIVE":
        return "not_started" if status == "SCHEDULED" else "expired"
    if discount.usage_limit is not None and usage.uses >= discount.usage_limit:
        return "usage_limit_reached"
    if discount.once_per_customer and usage.by_buyer:
        return "already_used_by_customer"
    if discount.customers is not None and buyer.customer_id not in discount.customers:
        return "customer_not_eligible"
    if discount.segments is not None and not buyer.segments & set(discount.segments):
        return "customer_not_eligible"
    return _cart_refusal(discount, [line for line in lines if entitled(discount, line)])


def _cart_refusal(discount: Discount, lines: Sequence[CartLine]) -> str | None:
    if not lines:
        return "items_not_eligible"
    if discount.minimum_subtotal is not None and sum(line.total for line in lines) < discount.minimum_subtotal:
        return "minimum_subtotal_not_met"
    if discount.minimum_quantity is not None and sum(line.quantity for line in lines) < discount.minimum_quantity:
        return "minimum_quantity_not_met"
    return None


def combine(one: Discount, other: Discount) -> bool:
    """Both sides must allow the other's class."""
    return _allows(one, other.discount_class) and _allows(other, one.discount_class)


def _allows(discount: Discount, other: Class) -> bool:
    return {
        "order": discount.combines_order,
        "product": discount.combines_product,
        "shipping": discount.combines_shipping,
    }[other]


def apply(
    candidates: Sequence[Candidate],
    lines: Sequence[CartLine],
    shipping: Decimal,
    buyer: Buyer,
    now: datetime,
    currency: str,
) -> Applied:
    """Apply the codes in the order typed; one that cannot join those before it is rejected: `cannot_be_combined`."""
    accepted: list[Candidate] = []
    rejected: dict[str, str] = {}
    for candidate in candidates:
        reason = refusal(candidate, lines, buyer, now) or _shipping_refusal(candidate.discount, shipping)
        if not reason and not all(combine(candidate.discount, other.discount) for other in accepted):
            reason = "cannot_be_combined"
        if reason:
            rejected[candidate.code] = reason
        else:
            accepted.append(candidate)
    return Applied(_allocate(accepted, lines, shipping, currency), rejected)


def _shipping_refusal(discount: Discount, shipping: Decimal) -> str | None:
    if discount.maximum_shipping is not None and shipping > discount.maximum_shipping:
        return "shipping_price_too_high"
    return None


def _allocate(
    accepted: Sequence[Candidate], lines: Sequence[CartLine], shipping: Decimal, currency: str
) -> list[Application]:
    applications = [Application(candidate.code, candidate.discount) for candidate in accepted]
    left = [line.total for line in lines]
    _product_discounts([a for a in applications if a.discount.discount_class == "product"], lines, left, currency)
    for application in (a for a in applications if a.discount.discount_class == "order"):
        _take(application, lines, left, currency)
    for application in (a for a in applications if a.discount.discount_class == "shipping"):
        application.shipping, shipping = shipping, Decimal(0)
    return applications


def _product_discounts(
    applications: Sequence[Application], lines: Sequence[CartLine], left: list[Decimal], currency: str
) -> None:
    """Each line gets only the product discount that takes most off it."""
    for application in applications:
        application.lines = _shares(application.discount, lines, list(left), currency)
    for index in range(len(lines)):
        offers = [a for a in applications if index in a.lines]
        best = max(offers, key=lambda a: a.lines[index], default=None)
        for application in offers:
            if application is not best:
                del application.lines[index]
        if best is not None:
            left[index] -= best.lines[index]


def _take(application: Application, lines: Sequence[CartLine], left: list[Decimal], currency: str) -> None:
    application.lines = _shares(application.discount, lines, left, currency)
    for index, amount in application.lines.items():
        left[index] -= amount


def _shares(
    discount: Discount, lines: Sequence[CartLine], left: Sequence[Decimal], currency: str
) -> dict[int, Decimal]:
    """What one discount takes off each entitled line, never more than is left of it."""
    chosen = [i for i, line in enumerate(lines) if entitled(discount, line)]
    weights = [left[i] for i in chosen]
    if discount.percentage is not None and discount.discount_class == "product":
        amounts = [quantize(weight * discount.percentage, currency) for weight in weights]
    elif discount.percentage is not None:
        amounts = spread(quantize(sum(weights, Decimal(0)) * discount.percentage, currency), weights, currency)
    elif discount.each_item:
        amounts = [min(discount.amount or Decimal(0), lines[i].price) * lines[i].quantity for i in chosen]
    else:
        amounts = spread(min(discount.amount or Decimal(0), sum(weights, Decimal(0))), weights, currency)
    return {i: min(amount, left[i]) for i, amount in zip(chosen, amounts, strict=True) if amount}

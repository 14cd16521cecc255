"""What the lines of an order earn. Pure, exact, in the shop's currency.

Base of a line: units × price, less discounts, less the tax inside the price; gift cards and tips have none.
Rounded half up once per line, to the currency's minor unit (ISO 4217).
"""

from collections.abc import Sequence
from decimal import Decimal

from services.ambassadors.orders.joining import Units
from shared.contracts.ambassadors import CommissionTerms, OrderLineCommission, OrderLineFacts
from shared.money import exponent, quantize

HUNDRED = Decimal(100)


def earn(lines: Sequence[Units], terms: CommissionTerms, tier: str | None, currency: str) -> list[OrderLineCommission]:
    """Each line's base and commission: as bought (`awarded`) and for the units that are left."""
    fixed = iter(_shares(lines, terms, currency)) if terms.kind == "fixed" else None
    return [_line(units, rate_of(units.line, terms, tier), next(fixed) if fixed else None, currency) for units in lines]


def rate_of(line: OrderLineFacts, terms: CommissionTerms, tier: str | None) -> Decimal | None:
    """Percent of a line: its product's, else the tier's, else everybody's; None when the line shares a fixed amount."""
    if line.exempt:
        return Decimal(0)
    if line.product_id in terms.products:
        return terms.products[line.product_id]
    if terms.kind == "fixed":
        return None
    return terms.tiers.get(tier or "", terms.value)


def base_of(line: OrderLineFacts, units: int) -> Decimal:
    """What `units` of a line cost without discounts and tax; not rounded. 0 for lines that earn nothing."""
    if line.exempt or units <= 0:
        return Decimal(0)
    if line.quantity == 0:  # a line that only an edit filled
        return line.price * units
    whole = max(line.price * line.quantity - line.discount - line.included_tax, Decimal(0))
    return whole * units / line.quantity


def _line(units: Units, rate: Decimal | None, share: Decimal | None, currency: str) -> OrderLineCommission:
    line, left = units.line, min(units.left, units.bought)
    if rate is None:
        awarded = share or Decimal(0)
        remains = awarded * left / units.bought if units.bought else Decimal(0)
    else:
        awarded = base_of(line, units.bought) * rate / HUNDRED
        remains = base_of(line, left) * rate / HUNDRED
    return OrderLineCommission(
        line_id=line.line_id,
        product_id=line.product_id,
        title=line.title,
        quantity=left,
        bought=units.bought,
        exempt=line.exempt,
        rate=rate,
        base=quantize(base_of(line, left), currency),
        awarded=quantize(awarded, currency),
        commission=quantize(remains, currency),
    )


def _shares(lines: Sequence[Units], terms: CommissionTerms, currency: str) -> list[Decimal]:
    """The fixed amount spread over its lines by base, to the minor unit, with nothing lost; 0 for the others."""
    weights = [base_of(u.line, u.bought) if rate_of(u.line, terms, None) is None else Decimal(0) for u in lines]
    total, whole = sum(weights), quantize(terms.value, currency)
    if not total:
        return [Decimal(0)] * len(lines)
    unit = Decimal(1).scaleb(-exponent(currency))
    exact = [whole * weight / total for weight in weights]
    shares = [amount - amount % unit for amount in exact]
    missing = int((whole - sum(shares)) / unit)
    for index in sorted(range(len(lines)), key=lambda i: (shares[i] - exact[i], i))[:missing]:
        shares[index] += unit
    return shares

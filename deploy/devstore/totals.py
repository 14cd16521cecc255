"""What an order adds up to: of a line, of the order as sold (`originals`) and as it stands now (`recompute`)."""

from decimal import Decimal
from typing import Any

from deploy.devstore.amounts import ZERO, Exchange, Pair, read, total

Json = dict[str, Any]


def exchange_of(order: Json) -> Exchange:
    return Exchange(order["currency"], order["presentment_currency"])


def discounts(line: Json) -> Pair:
    """What the allocations take off a line."""
    return total(read(a["amount_set"]) for a in line["discount_allocations"])


def gross(line: Json) -> Pair:
    return read(line["price_set"]).times(line["quantity"])


def net(line: Json) -> Pair:
    """A line after discounts (with its tax where taxes are included)."""
    return gross(line) - discounts(line)


def taxes(line: Json) -> Pair:
    return total(read(t["price_set"]) for t in line["tax_lines"])


def is_tip(line: Json) -> bool:
    return "tip_payment_gateway" in line


def remaining(line: Json, amount: Pair, exchange: Exchange) -> Pair:
    """What is left of a line's `amount` after the units that were refunded or removed."""
    return amount - exchange.part(amount, line["quantity"] - line["current_quantity"], line["quantity"])


def _set(order: Json, name: str, pair: Pair, exchange: Exchange, *, text: bool = True) -> None:
    order[f"{name}_set"] = exchange.bag(pair)
    if text:
        order[name] = exchange.text(pair.shop)


def originals(order: Json, exchange: Exchange) -> None:
    """The totals as of now, without regard to refunds."""
    goods = [line for line in order["line_items"] if not is_tip(line)]
    tips = total(gross(line) for line in order["line_items"] if is_tip(line))
    shipping = order["shipping_lines"]
    tax = total(taxes(line) for line in goods + shipping)
    subtotal = total(net(line) for line in goods)
    paid_shipping = total(read(line["discounted_price_set"]) for line in shipping)
    _set(order, "subtotal_price", subtotal, exchange)
    _set(order, "total_line_items_price", total(gross(line) for line in goods), exchange)
    _set(order, "total_discounts", total(discounts(line) for line in goods + shipping), exchange)
    _set(order, "total_tax", tax, exchange)
    _set(order, "total_shipping_price", total(read(line["price_set"]) for line in shipping), exchange, text=False)
    _set(order, "total_price", subtotal + paid_shipping + tips + (ZERO if order["taxes_included"] else tax), exchange)
    order["total_tip_received"] = exchange.text(tips.shop)
    order["_tip_set"] = exchange.bag(tips)
    order["tax_lines"] = _tax_summary(order, tax, exchange)
    order["total_weight"] = sum(line["grams"] * line["quantity"] for line in goods)
    order["original_total_additional_fees_set"] = order["original_total_duties_set"] = None
    order["current_total_additional_fees_set"] = order["current_total_duties_set"] = None
    for name in ("total_cash_rounding_payment_adjustment_set", "total_cash_rounding_refund_adjustment_set"):
        order[name] = exchange.bag(ZERO)


def _tax_summary(order: Json, tax: Pair, exchange: Exchange) -> list[Json]:
    first = next((t for line in order["line_items"] + order["shipping_lines"] for t in line["tax_lines"]), None)
    return [] if first is None else [{**first, "price": exchange.text(tax.shop), "price_set": exchange.bag(tax)}]


def recompute(order: Json) -> Json:
    """The order with its `current_*` amounts, what is owed and its status, from lines, refunds and payments."""
    exchange = exchange_of(order)
    lines, goods = order["line_items"], [line for line in order["line_items"] if not is_tip(line)]
    adjustments = [a for r in order["refunds"] for a in r["order_adjustments"]]
    back = total(read(a["amount_set"]) for a in adjustments if a["kind"] == "shipping_refund")
    back_tax = total(read(a["tax_amount_set"]) for a in adjustments)
    discrepancy = total(read(a["amount_set"]) for a in adjustments if a["kind"] == "refund_discrepancy")
    shipping = total(read(line["discounted_price_set"]) for line in order["shipping_lines"]) + back
    subtotal = total(remaining(line, net(line), exchange) for line in goods)
    tips = total(remaining(line, net(line), exchange) for line in lines if is_tip(line))
    tax = total(remaining(line, taxes(line), exchange) for line in goods)
    tax = tax + total(taxes(line) for line in order["shipping_lines"]) + back_tax
    off = total(remaining(line, discounts(line), exchange) for line in goods) + total(
        discounts(s) for s in order["shipping_lines"]
    )
    _set(order, "current_subtotal_price", subtotal, exchange)
    _set(order, "current_total_discounts", off, exchange)
    _set(order, "current_total_tax", tax, exchange)
    extra = tips + discrepancy + (ZERO if order["taxes_included"] else tax)
    _set(order, "current_total_price", subtotal + shipping + extra, exchange)
    _set(order, "current_shipping_price", shipping, exchange, text=False)
    return settle(order, exchange)


def received(order: Json) -> Pair:
    return total(read(t["amount_set"]) for t in order["_transactions"] if t["kind"] in ("sale", "capture"))


def refunded(order: Json) -> Pair:
    return total(read(t["amount_set"]) for t in order["_transactions"] if t["kind"] == "refund")


def settle(order: Json, exchange: Exchange) -> Json:
    """The order with what is owed and its financial status."""
    paid, back = received(order), refunded(order)
    owed = read(order["current_total_price_set"]) - (paid - back)
    order["total_outstanding"] = exchange.text(max(owed.shop, Decimal(0)))
    order["financial_status"] = _financial_status(order, paid.shop, back.shop, owed.shop)
    return order


def _financial_status(order: Json, paid: Decimal, back: Decimal, owed: Decimal) -> str:
    if paid and back >= paid:
        return "refunded"
    if back:
        return "partially_refunded"
    if not paid and order["cancelled_at"]:
        return "voided"
    if owed > 0:
        return "partially_paid" if paid else "pending"
    return "paid"

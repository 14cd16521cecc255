"""What happens to an order afterwards: refund, cancellation, edit. Each takes the order and gives it back changed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from deploy.devstore import orders, totals
from deploy.devstore.amounts import ZERO, Exchange, Pair, read, total
from deploy.devstore.orders import Json, NewId
from deploy.devstore.shops import Shop


class Refused(ValueError):
    """The change cannot be made; the text says why."""

    def __init__(self, message: str, field: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.field = list(field)


@dataclass(frozen=True)
class Scene:
    """Where and when an order changes."""

    shop: Shop
    now: datetime
    new_id: NewId


@dataclass(frozen=True)
class Give:
    """Units of a line to give back. `restock_type`: no_restock, cancel or return."""

    line_item_id: int
    quantity: int
    restock_type: str = "no_restock"


@dataclass(frozen=True)
class RefundWish:
    """What to refund; `shipping` in shop money, None for nothing; `amount` overrides what the buyer gets back."""

    lines: Sequence[Give] = ()
    shipping: Decimal | None = None
    full_shipping: bool = False
    amount: Decimal | None = None
    note: str | None = None


def refund(order: Json, wish: RefundWish, scene: Scene) -> Json:
    """Refund units and shipping exactly; appends the refund to the order and returns it.

    Raises `Refused` for unknown lines, more units than are left, more money than was received.
    """
    exchange = totals.exchange_of(order)
    shipping = _shipping_back(order, wish, exchange)
    items = [_refund_line(order, give, scene, exchange) for give in wish.lines]
    adjustments = [_adjustment(order, shipping, scene, exchange)] if shipping.shop else []
    money = _value(order, items, shipping, adjustments)
    if wish.amount is not None and wish.amount != money.shop:
        asked = exchange.pair(wish.amount)
        adjustments.append(_discrepancy(order, asked - money, scene, exchange))
        money = asked
    result = _refund_doc(order, items, adjustments, _payable(order, money, wish, exchange), wish.note, scene)
    order["refunds"].append(result)
    orders.touch(totals.recompute(order), scene.shop, scene.now)
    return result


def _payable(order: Json, money: Pair, wish: RefundWish, exchange: Exchange) -> Pair:
    """Never more than is left of what was received; asking for more in so many words is refused."""
    left = totals.received(order) - totals.refunded(order)
    if money.shop < left.shop:
        return Pair(money.shop, min(money.presentment, left.presentment))
    if wish.amount is not None and money.shop > left.shop:
        raise Refused("Refund amount exceeds what was received", ["transactions"])
    return left


def _discrepancy(order: Json, more: Pair, scene: Scene, exchange: Exchange) -> Json:
    """Money given back beyond (negative amount) or short of (positive) what the lines and shipping are worth."""
    return {
        "id": scene.new_id("adjustment"), "amount": exchange.text(-more.shop), "amount_set": exchange.bag(-more),
        "kind": "refund_discrepancy", "order_id": order["id"], "reason": "Refund discrepancy",
        "tax_amount": exchange.text(ZERO.shop), "tax_amount_set": exchange.bag(ZERO),
    }  # fmt: skip


def _value(order: Json, items: Sequence[Json], shipping: Pair, adjustments: Sequence[Json]) -> Pair:
    goods = total(read(item["subtotal_set"]) for item in items)
    if order["taxes_included"]:
        return goods + shipping
    taxes = total(read(item["total_tax_set"]) for item in items) - total(read(a["tax_amount_set"]) for a in adjustments)
    return goods + shipping + taxes


def _line(order: Json, line_item_id: int) -> Json:
    line: Json | None = next((line for line in order["line_items"] if line["id"] == line_item_id), None)
    if line is None:
        raise Refused(f"Line item {line_item_id} is not part of this order", ["refundLineItems"])
    return line


def _refund_line(order: Json, give: Give, scene: Scene, exchange: Exchange) -> Json:
    """Take units off a line; what they cost is the difference the line makes."""
    line = _line(order, give.line_item_id)
    if not 0 < give.quantity <= line["current_quantity"]:
        raise Refused("Quantity cannot refund more items than were purchased", ["refundLineItems", "quantity"])
    before = [totals.remaining(line, amount, exchange) for amount in (totals.net(line), totals.taxes(line))]
    line["current_quantity"] -= give.quantity
    line["fulfillable_quantity"] = max(0, line["fulfillable_quantity"] - give.quantity)
    after = [totals.remaining(line, amount, exchange) for amount in (totals.net(line), totals.taxes(line))]
    subtotal, tax = before[0] - after[0], before[1] - after[1]
    return {
        "id": scene.new_id("refund_line"), "line_item_id": line["id"], "location_id": None, "quantity": give.quantity,
        "restock_type": give.restock_type, "subtotal": float(subtotal.shop), "subtotal_set": exchange.bag(subtotal),
        "total_tax": float(tax.shop), "total_tax_set": exchange.bag(tax), "line_item": dict(line),
    }  # fmt: skip


def _shipping_back(order: Json, wish: RefundWish, exchange: Exchange) -> Pair:
    left = read(order["current_shipping_price_set"])
    if wish.full_shipping or (wish.shipping is not None and wish.shipping == left.shop):
        return left
    if wish.shipping is None:
        return ZERO
    if wish.shipping > left.shop:
        raise Refused("Shipping refund exceeds what was paid for shipping", ["shipping", "amount"])
    pair = exchange.pair(wish.shipping)
    return Pair(pair.shop, min(pair.presentment, left.presentment))


def _adjustment(order: Json, shipping: Pair, scene: Scene, exchange: Exchange) -> Json:
    """A shipping refund as REST tells it: a negative order adjustment."""
    paid = total(read(line["discounted_price_set"]) for line in order["shipping_lines"])
    left, tax = read(order["current_shipping_price_set"]), total(totals.taxes(line) for line in order["shipping_lines"])
    gone = total(read(a["tax_amount_set"]) for r in order["refunds"] for a in r["order_adjustments"])
    whole = shipping == left
    tax_back = tax + gone if whole or not paid.shop else orders.tax_of(shipping, scene.shop, exchange)
    return {
        "id": scene.new_id("adjustment"), "amount": exchange.text(-shipping.shop),
        "amount_set": exchange.bag(-shipping), "kind": "shipping_refund", "order_id": order["id"],
        "reason": "Shipping refund", "tax_amount": exchange.text(-tax_back.shop),
        "tax_amount_set": exchange.bag(-tax_back),
    }  # fmt: skip


def _refund_doc(
    order: Json, items: list[Json], adjustments: list[Json], back: Pair, note: str | None, scene: Scene
) -> Json:
    id_, now = scene.new_id("refund"), scene.shop.stamp(scene.now)
    transactions = []
    if back.shop > 0:
        transactions = [orders.transaction(order, scene.shop, "refund", back, scene.now, scene.new_id)]
        order["_transactions"].extend(transactions)
    return {
        "id": id_, "admin_graphql_api_id": f"gid://shopify/Refund/{id_}", "created_at": now, "note": note,
        "order_id": order["id"], "processed_at": now, "restock": any(i["restock_type"] != "no_restock" for i in items),
        "total_additional_fees_set": totals.exchange_of(order).bag(ZERO), "additional_fees": [], "duties": [],
        "total_duties_set": totals.exchange_of(order).bag(ZERO), "user_id": None, "order_adjustments": adjustments,
        "refund_shipping_lines": _shipping_lines(order, adjustments, scene), "refund_line_items": items,
        "transactions": transactions, "return": None,
    }  # fmt: skip


def _shipping_lines(order: Json, adjustments: Sequence[Json], scene: Scene) -> list[Json]:
    """The same shipping refund the newer way, positive amounts and the line it belongs to."""
    exchange = totals.exchange_of(order)
    return [
        {
            "id": scene.new_id("refund_line"),
            "shipping_line": order["shipping_lines"][0],
            "subtotal_amount_set": exchange.bag(-read(adjustment["amount_set"])),
            "tax_amount_set": exchange.bag(-read(adjustment["tax_amount_set"])),
        }
        for adjustment in adjustments
        if adjustment["kind"] == "shipping_refund"
    ]


def cancel(order: Json, reason: str, scene: Scene) -> Json | None:
    """Cancel and give back everything that is left; returns the refund, None when nothing was left to give back."""
    if order["cancelled_at"]:
        raise Refused("This order has already been cancelled", ["orderId"])
    order["cancelled_at"] = order["closed_at"] = scene.shop.stamp(scene.now)
    order["cancel_reason"] = reason
    gives = [
        Give(line["id"], line["current_quantity"], "cancel") for line in order["line_items"] if line["current_quantity"]
    ]
    shipping_left = read(order["current_shipping_price_set"]).shop > 0
    result = refund(order, RefundWish(gives, full_shipping=True), scene) if gives or shipping_left else None
    orders.touch(totals.recompute(order), scene.shop, scene.now)
    return result


def edit(
    order: Json, changes: Sequence[tuple[int, int]], added: Sequence[Json], note: str | None, scene: Scene
) -> Json:
    """Set the current quantity of lines `[(line_item_id, quantity)]`, append `added` lines; returns the `order_edit`.

    Removed units appear as a refund without money, as Shopify records them; the buyer owes or is owed the difference.
    """
    if order["cancelled_at"]:
        raise Refused("A cancelled order cannot be edited", ["id"])
    exchange = totals.exchange_of(order)
    plus = [
        _more(order, line_id, quantity, scene, exchange)
        for line_id, quantity in changes
        if _delta(order, line_id, quantity) > 0
    ]
    less = [Give(i, -_delta(order, i, q), "no_restock") for i, q in changes if _delta(order, i, q) < 0]
    removals = [_refund_line(order, give, scene, exchange) for give in less]
    if removals:
        order["refunds"].append(_refund_doc(order, removals, [], ZERO, note, scene))
    order["line_items"].extend(added)
    order["_edited"] = True
    totals.originals(order, exchange)
    orders.touch(totals.recompute(order), scene.shop, scene.now)
    additions = plus + [{"id": line["id"], "delta": line["quantity"]} for line in added]
    return _edit_doc(order, additions, [{"id": g.line_item_id, "delta": g.quantity} for g in less], note, scene)


def _delta(order: Json, line_id: int, quantity: int) -> int:
    if quantity < 0:
        raise Refused("Quantity cannot be negative", ["quantity"])
    return int(quantity - _line(order, line_id)["current_quantity"])


def _more(order: Json, line_id: int, quantity: int, scene: Scene, exchange: Exchange) -> Json:
    """More units of a line, at full price; discounts stay what they were."""
    line, delta = _line(order, line_id), _delta(order, line_id, quantity)
    if line["quantity"] != line["current_quantity"]:
        raise Refused("Units of this line were refunded already: add the variant as a new line", ["quantity"])
    line["quantity"] += delta
    line["current_quantity"] += delta
    line["fulfillable_quantity"] += delta
    line["tax_lines"] = orders.with_taxes(line, scene.shop, exchange)["tax_lines"]
    return {"id": line_id, "delta": delta}


def _edit_doc(order: Json, additions: list[Any], removals: list[Any], note: str | None, scene: Scene) -> Json:
    return {
        "order_edit": {
            "id": scene.new_id("edit"), "app_id": 580111, "created_at": scene.shop.stamp(scene.now),
            "notify_customer": False, "order_id": order["id"], "staff_note": note or "", "user_id": None,
            "line_items": {"additions": additions, "removals": removals},
            "discounts": {"line_item": {"additions": [], "removals": []}},
            "shipping_lines": {"additions": [], "removals": []},
        },
    }  # fmt: skip

"""Orders in the shape of Shopify's REST Admin and webhooks, the form in which the dev store keeps them.

Keys that start with `_` are the dev store's own and never leave it. Every amount is kept in shop and presentment money.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from deploy.devstore.amounts import ZERO, Exchange, Pair, read, total
from deploy.devstore.discounts import Application, CartLine
from deploy.devstore.shops import Shop
from deploy.devstore.totals import exchange_of, net, originals, received, recompute, refunded, settle
from shared.money import quantize

Json = dict[str, Any]
NewId = Callable[[str], int]


@dataclass(frozen=True)
class Bought:
    """One priced line: the catalogue's product and variant (null for a tip) and the cart line made of them."""

    cart: CartLine
    title: str
    product: Json | None = None
    variant: Json | None = None
    properties: Sequence[Json] = ()
    tip: bool = False


@dataclass(frozen=True)
class Sale:
    """What a checkout decided, before it has a number."""

    shop: Shop
    exchange: Exchange
    now: datetime
    new_id: NewId
    number: int
    lines: Sequence[Bought]
    applications: Sequence[Application]
    shipping: Decimal | None
    customer: Json | None
    address: Json | None
    details: Json


def tax_of(amount: Pair, shop: Shop, exchange: Exchange) -> Pair:
    """The tax in (taxes included) or on top of an amount, rounded half up once."""
    rate = shop.tax_rate / (1 + shop.tax_rate) if shop.taxes_included else shop.tax_rate
    return Pair(quantize(amount.shop * rate, exchange.shop), quantize(amount.presentment * rate, exchange.presentment))


def tax_lines(amount: Pair, shop: Shop, exchange: Exchange) -> list[Json]:
    tax = tax_of(amount, shop, exchange)
    price = {"price": exchange.text(tax.shop), "rate": float(shop.tax_rate), "title": shop.tax_title}
    return [{"channel_liable": False, **price, "price_set": exchange.bag(tax)}]


def build(sale: Sale) -> Json:
    """The order of a sale: unpaid, unfulfilled, with full-size fields."""
    lines = _line_items(sale)
    shipping = [] if sale.shipping is None else [_shipping_line(sale, sale.shipping)]
    token = hashlib.md5(f"{sale.shop.domain}/{sale.number}".encode(), usedforsecurity=False).hexdigest()
    order = {
        **_head(sale, token), **_buyer(sale),
        "discount_applications": [_application(a, sale) for a in sale.applications], "fulfillments": [],
        "line_items": lines, "payment_terms": None, "refunds": [], "returns": [], "line_item_groups": [],
        "shipping_lines": shipping, "_transactions": [], "_edited": False,
    }  # fmt: skip
    order["discount_codes"] = [_discount_code(a, i, order) for i, a in enumerate(sale.applications)]
    originals(order, sale.exchange)
    return recompute(order)


def _head(sale: Sale, token: str) -> Json:
    shop, now, details = sale.shop, sale.shop.stamp(sale.now), sale.details
    order_id = sale.new_id("order")
    return {
        "id": order_id, "admin_graphql_api_id": f"gid://shopify/Order/{order_id}", "app_id": 580111,
        "browser_ip": details["browser_ip"], "buyer_accepts_marketing": False, "cancel_reason": None,
        "cancelled_at": None, "cart_token": details["cart_token"], "checkout_id": sale.new_id("checkout"),
        "checkout_token": token[::-1],
        "client_details": {"accept_language": details["accept_language"], "browser_height": None,
                           "browser_ip": details["browser_ip"], "browser_width": None, "session_hash": None,
                           "user_agent": details["user_agent"]}, "closed_at": None, "company": None,
        "confirmation_number": token[:9].upper(), "confirmed": True, "contact_email": details["email"],
        "created_at": now, "currency": shop.currency, "customer_locale": details["locale"] or shop.locale,
        "device_id": None, "duties_included": False, "email": details["email"] or "", "estimated_taxes": False,
        "fulfillment_status": None, "landing_site": details["landing_site"],
        "landing_site_ref": landing_ref(details["landing_site"]), "location_id": None,
        "merchant_business_entity_id": "MTkxNzQwODY0ODEy", "merchant_of_record_app_id": None, "name": f"#{sale.number}",
        "note": details["note"], "note_attributes": details["note_attributes"], "number": sale.number - 1000,
        "order_number": sale.number,
        "order_status_url": f"https://{shop.domain}/{shop.id}/orders/{token}/authenticate?key={token[:16]}",
        "payment_gateway_names": [], "phone": details["phone"], "po_number": None,
        "presentment_currency": sale.exchange.presentment, "processed_at": now, "reference": None,
        "referring_site": details["referring_site"], "source_identifier": None, "source_name": details["source_name"],
        "source_url": None, "tags": ", ".join(details["tags"]), "tax_exempt": False,
        "taxes_included": shop.taxes_included, "test": details["test"], "token": token, "updated_at": now,
        "user_id": None,
    }  # fmt: skip


def landing_ref(landing_site: str | None) -> str | None:
    """Shopify's reading of a landing page: the value of its `ref`, `source` or `r` parameter."""
    pairs = dict(reversed(parse_qsl(urlsplit(landing_site or "").query)))
    return next((pairs[key] for key in ("ref", "source", "r") if pairs.get(key)), None)


def _buyer(sale: Sale) -> Json:
    return {"customer": sale.customer, "billing_address": sale.address, "shipping_address": sale.address}


def _line_items(sale: Sale) -> list[Json]:
    return [line_item(sale, index, bought) for index, bought in enumerate(sale.lines)]


def line_item(sale: Sale, index: int, bought: Bought) -> Json:
    exchange, variant, product = sale.exchange, bought.variant or {}, bought.product or {}
    price = exchange.pair(bought.cart.price)
    allocations = _allocations(sale, index, price.times(bought.cart.quantity))
    line_id = sale.new_id("line_item")
    variant_title = None if variant.get("title") in (None, "Default Title") else variant["title"]
    line = {
        "id": line_id, "admin_graphql_api_id": f"gid://shopify/LineItem/{line_id}", "attributed_staffs": [],
        "current_quantity": bought.cart.quantity, "fulfillable_quantity": 0 if bought.tip else bought.cart.quantity,
        "fulfillment_service": "gift_card" if product.get("gift_card") else "manual", "fulfillment_status": None,
        "gift_card": bool(product.get("gift_card")), "grams": variant.get("grams", 0),
        "name": f"{bought.title} - {variant_title}" if variant_title else bought.title,
        "price": exchange.text(price.shop), "price_set": exchange.bag(price),
        "product_exists": bought.product is not None, "product_id": product.get("id"),
        "properties": list(bought.properties), "quantity": bought.cart.quantity,
        "requires_shipping": bool(variant.get("requires_shipping")), "sales_line_item_group_id": None,
        "sku": variant.get("sku"), "taxable": bool(variant.get("taxable")), "title": bought.title,
        "total_discount": exchange.text(Decimal(0)), "total_discount_set": exchange.bag(ZERO),
        "variant_id": variant.get("id"), "variant_inventory_management": "shopify" if variant else None,
        "variant_title": variant_title, "vendor": product.get("vendor"), "tax_lines": [], "duties": [],
        "discount_allocations": allocations,
    }  # fmt: skip
    if bought.tip:
        line |= {"tip_payment_gateway": "bogus", "tip_payment_id": f"tip_{line_id}"}
    return with_taxes(line, sale.shop, exchange)


def with_taxes(line: Json, shop: Shop, exchange: Exchange) -> Json:
    """The line with taxes on what it costs now."""
    return {**line, "tax_lines": tax_lines(net(line), shop, exchange) if line["taxable"] else []}


def _allocations(sale: Sale, index: int, whole: Pair) -> list[Json]:
    """Allocations of a line; in presentment money never more than what is left of it."""
    result, left = [], whole
    for position, application in enumerate(sale.applications):
        if amount := application.lines.get(index):
            pair = _shown(sale.exchange, amount, left)
            left -= pair
            result.append(_allocation(sale.exchange, pair, position))
    return result


def _shown(exchange: Exchange, amount: Decimal, left: Pair) -> Pair:
    """A shop-money discount for the buyer's eyes: what frees the line in one currency frees it in the other."""
    if amount == left.shop:
        return left
    pair = exchange.pair(amount)
    return Pair(pair.shop, min(pair.presentment, left.presentment))


def _allocation(exchange: Exchange, pair: Pair, index: int) -> Json:
    return {"amount": exchange.text(pair.shop), "amount_set": exchange.bag(pair), "discount_application_index": index}


def _shipping_line(sale: Sale, price: Decimal) -> Json:
    exchange, full = sale.exchange, sale.exchange.pair(price)
    allocations = [
        _allocation(exchange, _shown(exchange, a.shipping, full), i)
        for i, a in enumerate(sale.applications)
        if a.shipping
    ]
    paid = full - total(read(a["amount_set"]) for a in allocations)
    return {
        "id": sale.new_id("shipping_line"), "carrier_identifier": None, "code": "Standard",
        "current_discounted_price_set": exchange.bag(paid), "discounted_price": exchange.text(paid.shop),
        "discounted_price_set": exchange.bag(paid), "is_removed": False, "phone": None,
        "price": exchange.text(full.shop), "price_set": exchange.bag(full), "requested_fulfillment_service_id": None,
        "source": "shopify", "title": "Standard", "tax_lines": tax_lines(paid, sale.shop, exchange),
        "discount_allocations": allocations,
    }  # fmt: skip


def _application(application: Application, sale: Sale) -> Json:
    discount = application.discount
    shipping = discount.type == "free_shipping"
    percent = Decimal(100) if shipping else (discount.percentage or Decimal(0)) * 100
    by_percent = shipping or discount.percentage is not None
    return {
        "target_type": "shipping_line" if shipping else "line_item", "type": "discount_code",
        "value": str(float(percent if by_percent else discount.amount or 0)),
        "value_type": "percentage" if by_percent else "fixed_amount",
        "allocation_method": "each" if shipping or discount.each_item else "across",
        "target_selection": "all" if shipping or discount.items.all else "entitled", "code": application.code,
    }  # fmt: skip


def _discount_code(application: Application, index: int, order: Json) -> Json:
    discount = application.discount
    kind = "percentage" if discount.percentage is not None else "fixed_amount"
    taken = total(read(a["amount_set"]) for a in _all_allocations(order) if a["discount_application_index"] == index)
    amount = exchange_of(order).text(taken.shop)
    return {
        "code": application.code,
        "amount": amount,
        "type": "shipping" if discount.type == "free_shipping" else kind,
    }


def _all_allocations(order: Json) -> list[Json]:
    return [a for line in order["line_items"] + order["shipping_lines"] for a in line["discount_allocations"]]


def pay(order: Json, shop: Shop, now: datetime, new_id: NewId) -> Json:
    """The order with one sale transaction over what it owes; free orders are paid without one."""
    exchange = exchange_of(order)
    owed = read(order["current_total_price_set"]) - (received(order) - refunded(order))
    if owed.shop > 0:
        order["_transactions"].append(transaction(order, shop, "sale", owed, now, new_id))
        order["payment_gateway_names"] = ["bogus"]
    return touch(settle(order, exchange), shop, now)


def transaction(order: Json, shop: Shop, kind: str, amount: Pair, now: datetime, new_id: NewId) -> Json:
    """A successful transaction through the bogus gateway, as REST shows it."""
    exchange, id_ = exchange_of(order), new_id("transaction")
    parent = next((t["id"] for t in order["_transactions"] if t["kind"] == "sale"), None) if kind == "refund" else None
    return {
        "id": id_, "admin_graphql_api_id": f"gid://shopify/OrderTransaction/{id_}",
        "amount": exchange.text(amount.shop), "authorization": f"bogus{id_}", "created_at": shop.stamp(now),
        "currency": shop.currency, "device_id": None, "error_code": None, "gateway": "bogus", "kind": kind,
        "location_id": None, "message": "Bogus Gateway: Forced success", "order_id": order["id"], "parent_id": parent,
        "payment_id": f"c{id_}.1", "processed_at": shop.stamp(now), "receipt": {}, "source_name": "web",
        "status": "success", "test": True, "user_id": None, "amount_set": exchange.bag(amount),
    }  # fmt: skip


def touch(order: Json, shop: Shop, now: datetime) -> Json:
    """The order changed now; `updated_at` never goes back."""
    order["updated_at"] = max(order["updated_at"], shop.stamp(now), key=datetime.fromisoformat)
    return order


def public(document: Any) -> Any:
    """What Shopify would send: without the dev store's own keys."""
    if isinstance(document, dict):
        return {key: public(value) for key, value in document.items() if not key.startswith("_")}
    return [public(item) for item in document] if isinstance(document, list) else document

"""Shopify's order webhooks as facts. Pure.

Takes `orders/create|updated|paid|cancelled|edited` (a whole order in the REST Admin shape; `orders/edited` also as
Shopify's short `order_edit`) and `refunds/create`. Any field may be null, numbers may be texts. Amounts are read in
shop money. https://shopify.dev/docs/api/admin-rest/latest/resources/order
"""

import json
from datetime import datetime
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from services.ambassadors.codes import fold
from services.ambassadors.identity import normalise_email
from services.ambassadors.orders.json_values import Json, integer, items, millis, obj, shop_id, shop_money, text, when
from shared.contracts.ambassadors import (
    OrderEdit,
    OrderEvidence,
    OrderFacts,
    OrderLineFacts,
    OrderRefund,
    OrderSnapshot,
)
from shared.errors import Permanent

TOPICS = {
    topic: rank
    for rank, topic in enumerate(
        ("orders/create", "orders/paid", "orders/updated", "orders/edited", "orders/cancelled", "refunds/create")
    )
}
_PAID = {"paid", "partially_refunded", "refunded"}
_REF_NOTES = ("_vouch_ref", "vouch_ref", "_ref", "ref")
_CLICK_NOTES = ("_vouch_click", "vouch_click", "_vclid", "vclid")


def read_order(topic: str, body: bytes, heard_at: datetime, currency: str) -> tuple[str, OrderFacts]:
    """The order's number and what the payload says of it.

    `heard_at` stands in for times the payload lacks, `currency` (the shop's) for a missing one. Raises `Permanent` when
    it is no order at all.
    """
    payload, heard_at = _payload(body), millis(heard_at)
    if topic == "refunds/create":
        return _order_id(payload.get("order_id")), OrderFacts(refunds=_refunds([payload], heard_at))
    if edit := obj(payload.get("order_edit")):
        return _order_id(edit.get("order_id")), OrderFacts(edits=_edit(edit, heard_at))
    return _order_id(payload.get("id")), _whole(payload, TOPICS.get(topic, 2), heard_at, currency)


def _payload(body: bytes) -> Json:
    try:
        payload = json.loads(body, parse_float=Decimal)
    except ValueError as error:
        raise Permanent(f"the body is no JSON: {error}") from error
    if not isinstance(payload, dict):
        raise Permanent("the body is no JSON object")
    return payload


def _order_id(value: Any) -> str:
    if found := shop_id(value):
        return found
    raise Permanent("the payload names no order")


def _whole(order: Json, rank: int, heard_at: datetime, currency: str) -> OrderFacts:
    as_of = when(order.get("updated_at")) or when(order.get("created_at")) or heard_at
    evidence = _evidence(order, as_of, rank)
    emails = {normalise_email(text(at.get(name))) for at, name in _mailboxes(order)}
    return OrderFacts(
        evidence=evidence,
        snapshot=_snapshot(order, as_of, rank, currency),
        refunds=_refunds(items(order.get("refunds")), as_of),
        customer_ids=[evidence.customer_id] if evidence.customer_id else [],
        emails=sorted(email for email in emails if email),
        cancelled=bool(order.get("cancelled_at")),
        test=order.get("test") is True,
    )


def _mailboxes(order: Json) -> list[tuple[Json, str]]:
    return [(order, "email"), (order, "contact_email"), (obj(order.get("customer")), "email")]


def _evidence(order: Json, as_of: datetime, rank: int) -> OrderEvidence:
    query = _query(text(order.get("landing_site")))
    notes = {text(note.get("name")): text(note.get("value")) for note in items(order.get("note_attributes"))}
    customer = obj(order.get("customer"))
    count = integer(customer.get("orders_count"))
    return OrderEvidence(
        as_of=as_of,
        rank=rank,
        ordered_at=when(order.get("created_at")) or when(order.get("processed_at")) or as_of,
        codes=_codes(order),
        landing_ref=query.get("ref") or text(order.get("landing_site_ref")) or None,
        landing_click=query.get("vclid"),
        note_ref=_first(notes, _REF_NOTES),
        note_click=_first(notes, _CLICK_NOTES),
        customer_id=shop_id(customer.get("id")),
        orders_before=None if count is None else max(count - 1, 0),  # the count includes this order
        referring_site=text(order.get("referring_site")) or None,
        source=text(order.get("source_name")) or None,
    )


def _query(url: str) -> dict[str, str]:
    try:
        return {name: value.strip() for name, value in parse_qsl(urlsplit(url).query)}
    except ValueError:  # such as an unclosed [ in a host; a buyer's browser may send anything
        return {}


def _first(notes: dict[str, str], names: tuple[str, ...]) -> str | None:
    return next((notes[name].strip() for name in names if notes.get(name, "").strip()), None)


def _codes(order: Json) -> list[str]:
    codes = [text(entry.get("code")).strip() for entry in items(order.get("discount_codes"))]
    codes += [text(entry.get("code")).strip() for entry in items(order.get("discount_applications"))]
    spelled: dict[str, str] = {}
    for code in filter(None, codes):
        spelled.setdefault(fold(code), code)
    return list(spelled.values())


def _snapshot(order: Json, as_of: datetime, rank: int, currency: str) -> OrderSnapshot:
    included = order.get("taxes_included") is True
    status = text(order.get("financial_status"))
    return OrderSnapshot(
        as_of=as_of,
        rank=rank,
        name=text(order.get("name")) or f"#{text(order.get('order_number')) or text(order.get('id'))}",
        currency=text(order.get("currency")).upper() or currency,
        paid=status in _PAID or (not status and rank == TOPICS["orders/paid"]),
        refunded=status == "refunded",
        lines=[line for raw in items(order.get("line_items")) if (line := _line(raw, included))],
        refunds=sorted({found for refund in items(order.get("refunds")) if (found := shop_id(refund.get("id")))}),
    )


def _line(line: Json, taxes_included: bool) -> OrderLineFacts | None:
    line_id = shop_id(line.get("id"))
    if not line_id:
        return None
    quantity = max(integer(line.get("quantity")) or 0, 0)
    current = integer(line.get("current_quantity"))
    return OrderLineFacts(
        line_id=line_id,
        product_id=shop_id(line.get("product_id")),
        title=text(line.get("title"))[:300],
        quantity=quantity,
        current_quantity=quantity if current is None else min(max(current, 0), quantity),
        price=shop_money(line.get("price_set"), line.get("price")),
        discount=_discount(line),
        included_tax=_taxes(line) if taxes_included else Decimal(0),
        exempt=_exempt(line),
    )


def _discount(line: Json) -> Decimal:
    shares = [
        shop_money(share.get("amount_set"), share.get("amount")) for share in items(line.get("discount_allocations"))
    ]
    return sum(shares, Decimal(0)) if shares else shop_money(line.get("total_discount_set"), line.get("total_discount"))


def _taxes(line: Json) -> Decimal:
    return sum((shop_money(t.get("price_set"), t.get("price")) for t in items(line.get("tax_lines"))), Decimal(0))


def _exempt(line: Json) -> Any:
    if line.get("gift_card") is True:
        return "gift_card"
    return "tip" if any(line.get(name) for name in ("tip", "tip_payment_gateway", "tip_payment_method")) else None


def _refunds(refunds: list[Json], fallback: datetime) -> dict[str, OrderRefund]:
    read = [_refund(refund, fallback) for refund in refunds]
    return {refund.refund_id: refund for refund in read if refund}


def _refund(refund: Json, fallback: datetime) -> OrderRefund | None:
    refund_id = shop_id(refund.get("id"))
    if not refund_id:
        return None
    units: dict[str, int] = {}
    for entry in items(refund.get("refund_line_items")):
        line_id = shop_id(entry.get("line_item_id")) or shop_id(obj(entry.get("line_item")).get("id"))
        if line_id and (quantity := integer(entry.get("quantity")) or 0) > 0:
            units[line_id] = units.get(line_id, 0) + quantity
    at = when(refund.get("created_at")) or when(refund.get("processed_at")) or fallback
    return OrderRefund(refund_id=refund_id, at=at, units=units)


def _edit(edit: Json, heard_at: datetime) -> dict[str, OrderEdit]:
    lines = obj(edit.get("line_items"))
    units: dict[str, int] = {}
    for name, sign in (("additions", 1), ("removals", -1)):
        for entry in items(lines.get(name)):
            if line_id := shop_id(entry.get("id")):
                units[line_id] = units.get(line_id, 0) + sign * abs(integer(entry.get("delta")) or 0)
    edit_id = shop_id(edit.get("id"))
    at = when(edit.get("committed_at")) or when(edit.get("created_at")) or heard_at
    return {edit_id: OrderEdit(edit_id=edit_id, at=at, units=units)} if edit_id else {}

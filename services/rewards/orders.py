"""What orders say about discount codes: parsing Shopify's webhooks and putting them in order. Pure.

Payloads: https://shopify.dev/docs/api/admin-rest/latest/resources/order and …/refund. Any field may be null.
"""

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from services.rewards.codes import normalised
from services.rewards.models import CodeUse, OrderSnapshot, OrderUse, RefundedLines
from shared.errors import Permanent

ORDER_TOPICS = {"orders/create", "orders/updated", "orders/paid", "orders/cancelled", "orders/fulfilled"}
REFUND_TOPIC = "refunds/create"
# What a status says about how far an order has come; ties of `updated_at` go to the later one.
_PROGRESS = ["", "pending", "authorized", "partially_paid", "paid", "partially_refunded", "refunded", "voided"]


def parsed(body: bytes) -> dict[str, Any]:
    """The payload as an object. Raises `Permanent`."""
    try:
        payload = json.loads(body, parse_float=Decimal)
    except ValueError as error:
        raise Permanent(f"a Shopify payload that is no JSON: {error}") from error
    if not isinstance(payload, dict):
        raise Permanent("a Shopify payload that is no object")
    return payload


def snapshot_of(payload: dict[str, Any]) -> OrderSnapshot:
    """An order webhook's order. Raises `Permanent` when it has no id or times."""
    created = _time(payload.get("created_at"))
    updated = _time(payload.get("updated_at")) or created
    if payload.get("id") is None or updated is None:
        raise Permanent("an order without id or times")
    return OrderSnapshot(
        order_id=str(payload["id"]),
        updated_at=updated,
        created_at=created or updated,
        currency=str(payload.get("currency") or ""),
        cancelled=payload.get("cancelled_at") is not None,
        financial_status=str(payload.get("financial_status") or ""),
        codes=[code for item in _objects(payload.get("discount_codes")) if (code := _code(item))],
        lines=_lines(_objects(payload.get("line_items"))),
    )


def refunds_of(payload: dict[str, Any]) -> list[RefundedLines]:
    """The refunds inside an order's payload."""
    return [refund_of(item) for item in _objects(payload.get("refunds")) if item.get("id") is not None]


def refund_of(payload: dict[str, Any]) -> RefundedLines:
    """A refund (of `refunds/create`, or inside an order). Raises `Permanent` when it has no id."""
    if payload.get("id") is None:
        raise Permanent("a refund without id")
    lines: dict[str, int] = {}
    for item in _objects(payload.get("refund_line_items")):
        line = str(item.get("line_item_id") or (item.get("line_item") or {}).get("id"))
        lines[line] = lines.get(line, 0) + _count(item.get("quantity"))
    return RefundedLines(refund_id=str(payload["id"]), lines=lines)


def with_snapshot(known: OrderUse, snapshot: OrderSnapshot) -> OrderUse:
    """The order's facts with one more webhook. Any order of arrival, any number of times, gives the same facts."""
    newest = max((s for s in (known.snapshot, snapshot) if s), key=_age)
    return known.model_copy(update={"snapshot": newest, "cancelled": known.cancelled or snapshot.cancelled})


def with_refunds(known: OrderUse, refunds: Iterable[RefundedLines]) -> OrderUse:
    """The order's facts with what these refunds say; a refund is told once however often it is heard."""
    by_id = {refund.refund_id: refund for refund in (*known.refunds, *refunds)}
    return known.model_copy(update={"refunds": [by_id[id] for id in sorted(by_id)]})


def counts(order: OrderUse) -> bool:
    """Whether the order uses its codes: a cancelled or wholly refunded one gives them back."""
    return order.snapshot is not None and not order.cancelled and not _refunded(order, order.snapshot)


def codes_of(order: OrderUse) -> dict[str, CodeUse]:
    """The codes on the order, by their key."""
    return {normalised(use.code): use for use in (order.snapshot.codes if order.snapshot else [])}


def _refunded(order: OrderUse, snapshot: OrderSnapshot) -> bool:
    if snapshot.financial_status in ("refunded", "voided"):
        return True
    back: dict[str, int] = {}
    for refund in order.refunds:
        for line, quantity in refund.lines.items():
            back[line] = back.get(line, 0) + quantity
    bought = {line: quantity for line, quantity in snapshot.lines.items() if quantity}
    return bool(bought) and all(back.get(line, 0) >= quantity for line, quantity in bought.items())


def _age(snapshot: OrderSnapshot) -> tuple[datetime, bool, int, str]:
    status = snapshot.financial_status
    progress = _PROGRESS.index(status) if status in _PROGRESS else 0
    return snapshot.updated_at, snapshot.cancelled, progress, snapshot.model_dump_json()


def _objects(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _code(item: dict[str, Any]) -> CodeUse | None:
    code = item.get("code")
    return CodeUse(code=str(code), amount=_amount(item.get("amount"))) if code else None


def _lines(items: list[dict[str, Any]]) -> dict[str, int]:
    return {str(item["id"]): _count(item.get("quantity")) for item in items if item.get("id") is not None}


def _count(value: Any) -> int:
    try:
        return max(int(value or 0), 0)
    except (TypeError, ValueError):
        return 0


def _amount(value: Any) -> Decimal | None:
    try:
        amount = Decimal(str(value)).quantize(Decimal("0.000001")).normalize()
    except ArithmeticError:
        return None
    return amount if amount.is_finite() else None


def _time(value: Any) -> datetime | None:
    try:
        time = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError as error:
        raise Permanent(f"not a time: {value!r}") from error
    return time.astimezone(UTC) if time and time.tzinfo else (time.replace(tzinfo=UTC) if time else None)

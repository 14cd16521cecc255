"""A small shop that writes webhooks as Shopify does, for tests: an order lives, and every step leaves a payload."""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

Json = dict[str, Any]
START = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)


@dataclass
class Item:
    """A line: price per unit, units bought and left, the line's whole discount and tax."""

    id: int
    price: Decimal
    bought: int
    discount: Decimal = Decimal(0)
    tax: Decimal = Decimal(0)
    product: int = 8001
    extra: Json = field(default_factory=dict)
    left: int = -1

    def __post_init__(self) -> None:
        self.left = self.bought if self.left < 0 else self.left

    def payload(self) -> Json:
        money = {"shop_money": {"amount": str(self.price), "currency_code": "EUR"}}
        foreign = {"amount": str(self.price * 3), "currency_code": "PLN"}
        return {
            "id": self.id,
            "product_id": self.product,
            "title": f"Item {self.id}",
            "quantity": self.bought,
            "current_quantity": self.left,
            "price": str(self.price),
            "price_set": money | {"presentment_money": foreign},
            "total_discount": "0.00",
            "discount_allocations": [{"amount": str(self.discount)}] if self.discount else [],
            "tax_lines": [{"price": str(self.tax), "rate": 0.2, "title": "VAT"}] if self.tax else [],
            "gift_card": False,
        } | self.extra


@dataclass
class ShopOrder:
    """An order at the shop. Each step returns the webhook (topic, body) it causes; time goes on by itself."""

    id: int = 5500001
    items: list[Item] = field(default_factory=lambda: [Item(1, Decimal("20.00"), 2)])
    facts: Json = field(default_factory=dict)
    created: datetime = START
    now: datetime = START
    paid: bool = False
    cancelled: bool = False
    refunds: list[Json] = field(default_factory=list)

    def body(self) -> Json:
        given_back = "partially_refunded" if any(item.left for item in self.items) else "refunded"
        status = "pending" if not self.paid else given_back if self.refunds else "paid"
        return {
            "id": self.id,
            "name": f"#{self.id % 10000}",
            "currency": "EUR",
            "presentment_currency": "PLN",
            "created_at": self.created.isoformat(),
            "updated_at": self.now.isoformat(),
            "cancelled_at": self.now.isoformat() if self.cancelled else None,
            "financial_status": status,
            "taxes_included": True,
            "test": False,
            "line_items": [item.payload() for item in self.items],
            "refunds": [dict(refund) for refund in self.refunds],
            "landing_site": None,
            "note_attributes": [],
            "discount_codes": [],
            "customer": None,
            "email": "",
        } | self.facts

    def _step(self, topic: str, body: Json | None = None) -> tuple[str, bytes]:
        return topic, json.dumps(self.body() if body is None else body, default=str).encode()

    def _tick(self) -> None:
        self.now += timedelta(seconds=1)

    def create(self) -> tuple[str, bytes]:
        return self._step("orders/create")

    def pay(self) -> tuple[str, bytes]:
        self._tick()
        self.paid = True
        return self._step("orders/paid")

    def update(self) -> tuple[str, bytes]:
        self._tick()
        return self._step("orders/updated")

    def refund(self, line: int, units: int) -> list[tuple[str, bytes]]:
        """A refund of some units: its own webhook and the order's."""
        self._tick()
        item = next(item for item in self.items if item.id == line)
        units = min(units, item.left)
        item.left -= units
        entry = {"line_item_id": line, "quantity": units, "restock_type": "no_restock", "subtotal": "0.01"}
        refund = {
            "id": 9000 + len(self.refunds),
            "order_id": self.id,
            "created_at": self.now.isoformat(),
            "refund_line_items": [entry],
        }
        self.refunds.append(refund)
        return [self._step("refunds/create", refund), self._step("orders/updated")]

    def remove(self, line: int, units: int) -> tuple[str, bytes]:
        """An edit takes units out: no refund, they are just no longer there."""
        self._tick()
        item = next(item for item in self.items if item.id == line)
        item.left -= min(units, item.left)
        return self._step("orders/edited")

    def add(self, line: int, units: int) -> tuple[str, bytes]:
        """An edit adds units at full price."""
        self._tick()
        item = next(item for item in self.items if item.id == line)
        item.bought += units
        item.left += units
        return self._step("orders/edited")

    def cancel(self) -> tuple[str, bytes]:
        self._tick()
        self.cancelled = True
        return self._step("orders/cancelled")

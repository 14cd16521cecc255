"""Webhooks as facts: real shapes, missing parts, and whatever else may come."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ambassadors.orders.payloads import TOPICS, read_order
from shared.contracts.ambassadors import OrderFacts
from shared.errors import Permanent
from tests.unit.ambassadors.shop import Item, ShopOrder

HEARD = datetime(2026, 11, 22, 12, tzinfo=UTC)


def read(body: Any, topic: str = "orders/create") -> OrderFacts:
    return read_order(topic, json.dumps(body, default=str).encode(), HEARD, "EUR")[1]


def test_a_whole_order() -> None:
    order = ShopOrder(items=[Item(1, Decimal("12.50"), 3, Decimal("2.50"), Decimal("5.83"))])
    order.facts = {
        "landing_site": "/products/x?utm_source=tg&ref=ANNA&vclid=clk_1#top",
        "note_attributes": [{"name": "_vouch_ref", "value": "BOB"}, {"name": "_vouch_click", "value": "clk_2"}],
        "discount_codes": [{"code": "Anna10", "amount": "2.50", "type": "percentage"}],
        "customer": {"id": 7001, "email": "Buyer+1@Example.com", "orders_count": 3},
        "email": "buyer@example.com",
        "referring_site": "https://t.me/",
    }
    facts = read(order.body())
    evidence, snapshot = facts.evidence, facts.snapshot
    assert evidence
    assert snapshot
    assert (evidence.landing_ref, evidence.landing_click) == ("ANNA", "clk_1")
    assert (evidence.note_ref, evidence.note_click) == ("BOB", "clk_2")
    assert evidence.codes == ["Anna10"]
    assert (evidence.customer_id, evidence.orders_before) == ("7001", 2)
    assert facts.emails == ["buyer@example.com"]
    (line,) = snapshot.lines
    assert (line.price, line.discount, line.included_tax) == (Decimal("12.5"), Decimal("2.5"), Decimal("5.83"))


def test_shop_money_comes_before_what_the_buyer_sees() -> None:
    item = Item(1, Decimal("10.00"), 1, extra={"price": "43.00"})
    snapshot = read(ShopOrder(items=[item]).body()).snapshot
    assert snapshot
    assert snapshot.lines[0].price == 10


def test_tax_on_top_is_not_taken_out() -> None:
    body = ShopOrder(items=[Item(1, Decimal(10), 1, tax=Decimal(2))]).body() | {"taxes_included": False}
    snapshot = read(body).snapshot
    assert snapshot
    assert snapshot.lines[0].included_tax == 0


@pytest.mark.parametrize(
    ("extra", "exempt"),
    [
        ({"gift_card": True}, "gift_card"),
        ({"tip_payment_gateway": "bogus"}, "tip"),
        ({"tip": {"id": 1}}, "tip"),
        ({}, None),
    ],
)
def test_what_earns_nothing(extra: dict[str, Any], exempt: str | None) -> None:
    snapshot = read(ShopOrder(items=[Item(1, Decimal(10), 1, extra=extra)]).body()).snapshot
    assert snapshot
    assert snapshot.lines[0].exempt == exempt


@pytest.mark.parametrize("number", [5500001, "5500001", "gid://shopify/Order/5500001"])
def test_ids_in_every_spelling(number: Any) -> None:
    body = json.dumps({"id": number}).encode()
    assert read_order("orders/updated", body, HEARD, "EUR")[0] == "5500001"


def test_every_field_may_be_null() -> None:
    body = dict.fromkeys(ShopOrder().body()) | {"id": 1}
    facts = read(body)
    assert facts.evidence
    assert facts.evidence.ordered_at == HEARD
    assert facts.snapshot
    assert facts.snapshot.currency == "EUR"


def test_every_field_of_a_line_may_be_null() -> None:
    body = ShopOrder().body()
    body["line_items"] = [dict.fromkeys(body["line_items"][0]) | {"id": 1}]
    assert read(body).snapshot


def test_a_refund_on_its_own() -> None:
    _, (topic, body) = "", ShopOrder().refund(1, 1)[0]
    order_id, facts = read_order(topic, body, HEARD, "EUR")
    assert order_id == "5500001"
    assert facts.evidence is None
    assert facts.refunds["9000"].units == {"1": 1}


def test_shopifys_short_form_of_an_edit() -> None:
    lines = {"additions": [{"id": 1, "delta": 2}], "removals": [{"id": 2, "delta": 1}]}
    edit = {"order_edit": {"id": 77, "order_id": 5500001, "created_at": "2026-11-22T11:00:00Z", "line_items": lines}}
    order_id, facts = read_order("orders/edited", json.dumps(edit).encode(), HEARD, "EUR")
    assert order_id == "5500001"
    assert facts.edits["77"].units == {"1": 2, "2": -1}


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{", b"null", b"{}", b'{"id": "x"}', b'{"id": -1}', b'{"id": true}', b"\xff"]
)
def test_what_is_no_order_is_a_dead_letter(body: bytes) -> None:
    with pytest.raises(Permanent):
        read_order("orders/create", body, HEARD, "EUR")


leaves = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=12)
anything = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
)


@given(
    st.sampled_from(sorted(TOPICS)), st.dictionaries(st.sampled_from(sorted(ShopOrder().body())), anything), st.data()
)
def test_whatever_comes_is_read_or_refused(topic: str, odd: dict[str, Any], data: st.DataObject) -> None:
    body = ShopOrder().body() | {"order_id": 5} | odd
    body["line_items"] = data.draw(st.just(odd.get("line_items")) | st.lists(_odd_line(), max_size=2))
    try:
        read_order(topic, json.dumps(body).encode(), HEARD, "EUR")
    except (Permanent, ValueError) as error:  # pydantic's validation error is a dead letter too
        assert str(error)  # noqa: PT017


def _odd_line() -> st.SearchStrategy[dict[str, Any]]:
    keys = sorted(Item(1, Decimal(1), 1).payload())
    return st.dictionaries(st.sampled_from(keys), anything).map(lambda odd: Item(1, Decimal(1), 1).payload() | odd)

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.devstore.discounts import Applied, Buyer, Candidate, CartLine, Discount, Items, Usage, apply

NOW = datetime(2026, 11, 22, tzinfo=UTC)


def discount(**fields: Any) -> Discount:
    base = {
        "id": 1,
        "type": "basic",
        "title": "T",
        "created_at": NOW,
        "updated_at": NOW,
        "starts_at": NOW - timedelta(days=1),
    }
    return Discount.model_validate(base | fields)


def line(price: str, quantity: int = 1, product: int = 1, **fields: Any) -> CartLine:
    return CartLine(product, product * 10, frozenset({product * 100}), quantity, Decimal(price), **fields)


def run(
    *discounts: Discount,
    lines: list[CartLine],
    buyer: Buyer | None = None,
    shipping: str = "5.00",
    uses: Usage | None = None,
) -> Applied:
    candidates = [Candidate(f"C{i}", d, uses or Usage()) for i, d in enumerate(discounts)]
    return apply(candidates, lines, Decimal(shipping), buyer or Buyer(), NOW, "EUR")


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"starts_at": NOW + timedelta(seconds=1)}, "not_started"),
        ({"ends_at": NOW}, "expired"),
        ({"usage_limit": 2}, "usage_limit_reached"),
        ({"once_per_customer": True}, "already_used_by_customer"),
        ({"customers": [7]}, "customer_not_eligible"),
        ({"items": Items(all=False, products=[99])}, "items_not_eligible"),
        ({"minimum_subtotal": Decimal("30.01")}, "minimum_subtotal_not_met"),
        ({"minimum_quantity": 4}, "minimum_quantity_not_met"),
    ],
)
def test_a_code_that_does_not_apply_says_why(fields: dict[str, Any], reason: str) -> None:
    applied = run(discount(percentage="0.1", **fields), lines=[line("10.00", 3)], buyer=Buyer(8), uses=Usage(2, 1))
    assert applied.rejected == {"C0": reason}
    assert applied.applications == []


def test_limits_at_their_edge_apply() -> None:
    exact = discount(
        percentage="0.1", minimum_subtotal="30.00", usage_limit=3, customers=[8], ends_at=NOW + timedelta(seconds=1)
    )
    assert run(exact, lines=[line("10.00", 3)], buyer=Buyer(8), uses=Usage(2)).applications[0].amount == Decimal("3.00")


def test_items_may_be_products_variants_or_collections() -> None:
    lines = [line("10.00", product=1), line("20.00", product=2), line("30.00", product=3)]
    for items, hit in (({"products": [2]}, 1), ({"variants": [30]}, 2), ({"collections": [100]}, 0)):
        (application,) = run(discount(percentage="0.5", items={"all": False, **items}), lines=lines).applications
        assert application.lines == {hit: lines[hit].total / 2}


def test_a_fixed_amount_is_spread_once_or_taken_from_each_unit() -> None:
    lines = [line("10.00", 2, product=1), line("3.00", product=2)]
    (across,) = run(discount(amount="5.00"), lines=lines).applications
    assert across.amount == Decimal("5.00")
    (each,) = run(discount(amount="5.00", each_item=True), lines=lines).applications
    assert each.lines == {0: Decimal("10.00"), 1: Decimal("3.00")}  # never more than the unit costs


def test_gift_cards_are_never_discounted() -> None:
    lines = [line("50.00", discountable=False), line("10.00")]
    assert run(discount(percentage="1"), lines=lines).applications[0].lines == {1: Decimal("10.00")}


def test_combining_needs_both_sides() -> None:
    welcoming = discount(percentage="0.1", combines_shipping=True)
    shipping = discount(type="free_shipping")
    assert run(welcoming, shipping, lines=[line("10.00")]).rejected == {"C1": "cannot_be_combined"}
    shipping = discount(type="free_shipping", combines_order=True)
    both = run(welcoming, shipping, lines=[line("10.00")])
    assert [application.amount for application in both.applications] == [Decimal("1.00"), Decimal("5.00")]


def test_order_discounts_work_on_what_product_discounts_left() -> None:
    product = discount(percentage="0.5", items={"all": False, "products": [1]}, combines_order=True)
    order = discount(percentage="0.1", combines_product=True)
    applied = run(product, order, lines=[line("20.00", product=1), line("10.00", product=2)])
    assert [application.lines for application in applied.applications] == [
        {0: Decimal("10.00")},
        {0: Decimal("1.00"), 1: Decimal("1.00")},
    ]


def test_of_two_product_discounts_a_line_gets_the_better() -> None:
    small = discount(percentage="0.1", items={"all": False, "products": [1, 2]}, combines_product=True)
    large = discount(percentage="0.5", items={"all": False, "products": [1]}, combines_product=True)
    applied = run(small, large, lines=[line("10.00", product=1), line("10.00", product=2)])
    assert [application.lines for application in applied.applications] == [{1: Decimal("1.00")}, {0: Decimal("5.00")}]


carts = st.lists(
    st.builds(line, st.integers(0, 50_000).map(lambda c: str(Decimal(c) / 100)), st.integers(1, 9), st.integers(1, 4)),
    min_size=1,
    max_size=6,
)
values = st.one_of(
    st.integers(1, 100).map(lambda p: {"percentage": str(Decimal(p) / 100)}),
    st.integers(1, 90_000).map(lambda c: {"amount": str(Decimal(c) / 100)}),
    st.integers(1, 9_000).map(lambda c: {"amount": str(Decimal(c) / 100), "each_item": True}),
)
items = st.one_of(
    st.just({"all": True}), st.lists(st.integers(1, 4), min_size=1).map(lambda p: {"all": False, "products": p})
)
combinable = {"combines_order": True, "combines_product": True, "combines_shipping": True}


@given(carts, st.lists(st.tuples(values, items), min_size=1, max_size=4))
def test_no_line_ever_costs_less_than_nothing(
    cart: list[CartLine], wishes: list[tuple[dict[str, Any], dict[str, Any]]]
) -> None:
    applied = run(*(discount(**value, items=what, **combinable) for value, what in wishes), lines=cart)
    for index, one in enumerate(cart):
        taken = [application.lines.get(index, Decimal(0)) for application in applied.applications]
        assert all(amount >= 0 for amount in taken)
        assert sum(taken, Decimal(0)) <= one.total


@given(carts, st.integers(1, 90_000), items)
def test_the_allocations_of_a_fixed_amount_sum_to_it_or_to_all_there_is(
    cart: list[CartLine], cents: int, what: dict[str, Any]
) -> None:
    amount = Decimal(cents) / 100
    applied = run(discount(amount=str(amount), items=what), lines=cart)
    entitled = sum((one.total for one in cart if what["all"] or one.product_id in what["products"]), Decimal(0))
    assert sum((a.amount for a in applied.applications), Decimal(0)) == min(amount, entitled)

"""Commission arithmetic against a plain oracle in fractions."""

from decimal import Decimal
from fractions import Fraction
from math import floor
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ambassadors.commission import earn
from services.ambassadors.orders.joining import Units
from shared.contracts.ambassadors import CommissionTerms, OrderLineFacts
from shared.money import exponent

money = st.decimals(0, 5000, places=2)


@st.composite
def units(draw: st.DrawFn) -> Units:
    quantity = draw(st.integers(0, 6))
    price = draw(money)
    line = OrderLineFacts(
        line_id=str(draw(st.integers(1, 10**9))),
        product_id=draw(st.sampled_from(["8001", "8002", None])),
        quantity=quantity,
        current_quantity=0,
        price=price,
        discount=draw(st.decimals(0, price * quantity, places=2)) if price * quantity else Decimal(0),
        included_tax=draw(st.decimals(0, 50, places=2)),
        exempt=draw(st.sampled_from([None, None, None, "gift_card", "tip"])),
    )
    return Units(line=line, bought=quantity, left=draw(st.integers(0, quantity)))


def half_up(amount: Fraction, currency: str) -> Decimal:
    """Round half up by hand: add a half, cut off."""
    scale = 10 ** exponent(currency)
    return Decimal(floor(amount * scale + Fraction(1, 2))) / Decimal(scale)


def oracle(line: Units, percent: Decimal, left: int, currency: str) -> Decimal:
    facts = line.line
    if facts.exempt or facts.quantity == 0:
        return Decimal(0)
    whole = Fraction(facts.price) * facts.quantity - Fraction(facts.discount) - Fraction(facts.included_tax)
    return half_up(max(whole, Fraction(0)) / facts.quantity * left * Fraction(percent) / 100, currency)


@given(st.lists(units(), max_size=6), st.decimals(0, 100, places=2), st.sampled_from(["EUR", "JPY", "KWD", "RUB"]))
def test_percent_as_the_oracle_says(lines: list[Units], percent: Decimal, currency: str) -> None:
    terms = CommissionTerms(value=percent, products={"8002": Decimal("12.5")}, tiers={"gold": Decimal(33)})
    for tier in (None, "gold", "unknown"):
        for line, earned in zip(lines, earn(lines, terms, tier, currency), strict=True):
            rate = Decimal("12.5") if line.line.product_id == "8002" else Decimal(33) if tier == "gold" else percent
            assert earned.commission == oracle(line, rate, line.left, currency)
            assert earned.awarded == oracle(line, rate, line.bought, currency)
            assert 0 <= earned.commission <= earned.awarded


@given(st.lists(units(), min_size=1, max_size=6), st.decimals(0, 500, places=2), st.sampled_from(["EUR", "JPY", "KWD"]))
def test_a_fixed_amount_is_spread_to_the_last_cent(lines: list[Units], amount: Decimal, currency: str) -> None:
    earned = earn(lines, CommissionTerms(kind="fixed", value=amount), None, currency)
    worth = any(oracle(line, Decimal(100), line.bought, "CLF") for line in lines)
    total = sum(line.awarded for line in earned)
    if worth:
        assert total == half_up(Fraction(amount), currency)
    assert sum(line.commission for line in earned) <= total
    whole = earn(
        [line.model_copy(update={"left": line.bought}) for line in lines],
        CommissionTerms(kind="fixed", value=amount),
        None,
        currency,
    )
    assert [line.commission for line in whole] == [line.awarded for line in earned]
    gone = earn(
        [line.model_copy(update={"left": 0}) for line in lines],
        CommissionTerms(kind="fixed", value=amount),
        None,
        currency,
    )
    assert all(line.commission == 0 for line in gone)


@pytest.mark.parametrize(
    ("percent", "price", "currency", "commission"),
    [
        ("10", "0.05", "EUR", "0.01"),
        ("10", "0.04", "EUR", "0.00"),
        ("5", "1990", "JPY", "100"),
        ("10", "1.2345", "KWD", "0.123"),
    ],
)
def test_rounding_by_the_currencys_minor_unit(percent: str, price: str, currency: str, commission: str) -> None:
    line = OrderLineFacts(line_id="1", quantity=1, current_quantity=1, price=Decimal(price))
    (earned,) = earn([Units(line=line, bought=1, left=1)], CommissionTerms(value=Decimal(percent)), None, currency)
    assert str(earned.commission) == commission


def test_each_line_is_rounded_once() -> None:
    lines: list[Any] = [
        OrderLineFacts(line_id=str(n), quantity=1, current_quantity=1, price=Decimal("0.05")) for n in range(3)
    ]
    earned = earn(
        [Units(line=line, bought=1, left=1) for line in lines], CommissionTerms(value=Decimal(10)), None, "EUR"
    )
    assert sum(line.commission for line in earned) == Decimal("0.03")  # not 0.015 rounded to 0.02

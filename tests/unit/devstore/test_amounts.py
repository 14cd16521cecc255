from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from deploy.devstore.amounts import Exchange, Pair, spread
from shared.money import exponent

currencies = st.sampled_from(["EUR", "JPY", "KWD"])
minors = st.integers(0, 10_000_00)


def money(minor: int, currency: str) -> Decimal:
    return Decimal(minor).scaleb(-exponent(currency))


@given(currencies, st.lists(minors, min_size=1, max_size=8), st.integers(0, 100))
def test_spread_loses_no_minor_unit_and_exceeds_no_weight(currency: str, weights: list[int], percent: int) -> None:
    parts = [money(weight, currency) for weight in weights]
    amount = money(sum(weights) * percent // 100, currency)
    shares = spread(amount, parts, currency)
    assert sum(shares) == amount
    assert all(0 <= share <= part for share, part in zip(shares, parts, strict=True))


def test_spread_gives_the_larger_remainders_the_odd_cents() -> None:
    assert spread(Decimal("1.00"), [Decimal(1), Decimal(1), Decimal(1)], "EUR") == [
        Decimal("0.34"),
        Decimal("0.33"),
        Decimal("0.33"),
    ]
    assert spread(Decimal("0.05"), [Decimal("1.00"), Decimal("9.00")], "EUR") == [Decimal("0.01"), Decimal("0.04")]


@given(currencies, minors, st.lists(st.integers(1, 5), min_size=1, max_size=6))
def test_parts_told_cumulatively_add_up_to_the_whole(currency: str, minor: int, steps: list[int]) -> None:
    exchange, whole = Exchange("EUR", currency), sum(steps)
    amount = exchange.pair(money(minor, "EUR"))
    taken = [
        exchange.part(amount, sum(steps[: i + 1]), whole) - exchange.part(amount, sum(steps[:i]), whole)
        for i in range(len(steps))
    ]
    assert sum(taken, Pair(Decimal(0), Decimal(0))) == amount
    assert all(part.shop >= 0 and part.presentment >= 0 for part in taken)


def test_a_bag_has_both_currencies_in_their_minor_units() -> None:
    exchange = Exchange("EUR", "JPY")
    assert exchange.bag(exchange.pair(Decimal("12.5"))) == {
        "shop_money": {"amount": "12.50", "currency_code": "EUR"},
        "presentment_money": {"amount": "2052", "currency_code": "JPY"},
    }

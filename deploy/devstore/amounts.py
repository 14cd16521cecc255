"""Amounts in two currencies at once, and the arithmetic that loses no minor unit."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import ROUND_FLOOR, ROUND_HALF_UP, Decimal
from typing import Any

from shared.money import exponent, quantize

# Units of the currency for one US dollar: fixed, so that runs repeat.
RATES = {
    "USD": "1", "EUR": "0.92", "GBP": "0.78", "RUB": "92.5", "KZT": "478", "TRY": "34.2", "JPY": "151", "KWD": "0.307",
    "CAD": "1.37", "AUD": "1.52", "PLN": "3.96", "SEK": "10.6", "BRL": "5.4", "INR": "84", "KRW": "1380", "CHF": "0.88",
}  # fmt: skip


@dataclass(frozen=True)
class Pair:
    """One amount in shop money and in presentment (the buyer's) money."""

    shop: Decimal
    presentment: Decimal

    def __add__(self, other: "Pair") -> "Pair":
        return Pair(self.shop + other.shop, self.presentment + other.presentment)

    def __sub__(self, other: "Pair") -> "Pair":
        return Pair(self.shop - other.shop, self.presentment - other.presentment)

    def __neg__(self) -> "Pair":
        return ZERO - self

    def times(self, factor: int) -> "Pair":
        return Pair(self.shop * factor, self.presentment * factor)


ZERO = Pair(Decimal(0), Decimal(0))


def total(pairs: Iterable[Pair]) -> Pair:
    """The sum; zero of nothing."""
    return sum(pairs, ZERO)


@dataclass(frozen=True)
class Exchange:
    """From the shop's currency to the buyer's."""

    shop: str
    presentment: str

    @property
    def rate(self) -> Decimal:
        return Decimal(RATES[self.presentment]) / Decimal(RATES[self.shop])

    def pair(self, amount: Decimal) -> Pair:
        """`amount` of shop money and what the buyer sees for it, each rounded half up."""
        shown = amount if self.shop == self.presentment else amount * self.rate
        return Pair(quantize(amount, self.shop), quantize(shown, self.presentment))

    def text(self, amount: Decimal) -> str:
        """Shop money as Shopify writes it: `"12.50"`."""
        return format(quantize(amount, self.shop), "f")

    def bag(self, pair: Pair) -> dict[str, Any]:
        """The REST `*_set` shape."""
        return {
            "shop_money": {"amount": self.text(pair.shop), "currency_code": self.shop},
            "presentment_money": {
                "amount": format(quantize(pair.presentment, self.presentment), "f"),
                "currency_code": self.presentment,
            },
        }

    def part(self, amount: Pair, share: int, whole: int) -> Pair:
        """`share` of `whole` units of a line's amount; the parts of a line told cumulatively add up to it exactly."""
        if share == whole:
            return amount
        return Pair(
            quantize(amount.shop * share / whole, self.shop),
            quantize(amount.presentment * share / whole, self.presentment),
        )


def read(bag: dict[str, Any] | None) -> Pair:
    """A `*_set` back as amounts; null is zero."""
    if bag is None:
        return ZERO
    return Pair(Decimal(bag["shop_money"]["amount"]), Decimal(bag["presentment_money"]["amount"]))


def spread(amount: Decimal, weights: Sequence[Decimal], currency: str) -> list[Decimal]:
    """Divide `amount` in proportion to `weights`, whole minor units, largest remainders first; sums to `amount`.

    No share exceeds its weight when `amount <= sum(weights)` and the weights are whole minor units.
    """
    whole = sum(weights, Decimal(0))
    if not whole:
        return [Decimal(0) for _ in weights]
    unit = Decimal(1).scaleb(-exponent(currency))
    exact = [amount * weight / whole for weight in weights]
    shares = [share.quantize(unit, ROUND_FLOOR) for share in exact]
    left = int(((amount - sum(shares, Decimal(0))) / unit).to_integral_value(ROUND_HALF_UP))
    for index in sorted(range(len(exact)), key=lambda i: (shares[i] - exact[i], i))[:left]:
        shares[index] += unit
    return shares

"""Money as decimals in a currency's minor units (ISO 4217), rounded half up."""

from decimal import ROUND_HALF_UP, Decimal
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer

# ISO 4217 (2024 list): the currencies whose minor unit is not a hundredth.
_EXPONENTS = {
    **dict.fromkeys("BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF".split(), 0),  # noqa: SIM905
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
    **dict.fromkeys(("CLF", "UYW"), 4),
}


def exponent(currency: str) -> int:
    """Number of decimals of the currency's minor unit."""
    return _EXPONENTS.get(currency, 2)


def quantize(amount: Decimal, currency: str) -> Decimal:
    """Round half up to the currency's minor unit."""
    return amount.quantize(Decimal(1).scaleb(-exponent(currency)), ROUND_HALF_UP)


def _decimal(value: Any) -> Any:
    if isinstance(value, float):
        raise ValueError("write money as a string such as '12.50', not as a floating-point number")
    return value


DecimalString = Annotated[
    Decimal,
    BeforeValidator(_decimal),
    PlainSerializer(lambda value: format(value, "f"), return_type=str),
    Field(max_digits=20, decimal_places=6),
]
CurrencyCode = Annotated[str, Field(pattern=r"^[A-Z]{3}$", examples=["EUR"])]


class Money(BaseModel):
    """An amount in one currency; on the wire `{"amount": "12.50", "currency": "EUR"}`."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", json_schema_extra={"examples": [{"amount": "12.50", "currency": "EUR"}]}
    )

    amount: DecimalString
    currency: CurrencyCode

    @classmethod
    def of(cls, amount: Decimal | str | int, currency: str) -> "Money":
        """Money rounded half up to the minor unit of `currency`."""
        return cls(amount=quantize(Decimal(amount), currency), currency=currency)

    @classmethod
    def from_minor(cls, minor: int, currency: str) -> "Money":
        """Money from a whole number of minor units (cents)."""
        return cls(amount=Decimal(minor).scaleb(-exponent(currency)), currency=currency)

    @property
    def minor(self) -> int:
        """The amount as a whole number of minor units (cents)."""
        return int(quantize(self.amount, self.currency).scaleb(exponent(self.currency)))

    def __add__(self, other: "Money") -> "Money":
        return Money(amount=self.amount + self._same(other), currency=self.currency)

    def __sub__(self, other: "Money") -> "Money":
        return Money(amount=self.amount - self._same(other), currency=self.currency)

    def _same(self, other: "Money") -> Decimal:
        if other.currency != self.currency:
            raise ValueError(f"cannot add {other.currency} to {self.currency}")
        return other.amount

"""Reading JSON that others wrote: each function takes anything and returns its type, or what stands for "not there"."""

from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

Json = dict[str, Any]
_LARGEST = Decimal(10) ** 12


def obj(value: Any) -> Json:
    """An object, or an empty one."""
    return value if isinstance(value, dict) else {}


def items(value: Any) -> list[Json]:
    """The objects of a list, or none."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def text(value: Any) -> str:
    """A text or a number as text, or ''."""
    return str(value) if isinstance(value, (str, int, Decimal)) and not isinstance(value, bool) else ""


def number(value: Any) -> Decimal | None:
    """A finite decimal of a number or a text, to six decimals, or None."""
    try:
        found = Decimal(text(value).strip())
    except InvalidOperation:
        return None
    if not found.is_finite() or abs(found) > _LARGEST:
        return None
    return found.quantize(Decimal("0.000001")).normalize() + 0


def integer(value: Any) -> int | None:
    """A whole number of a number or a text, or None."""
    found = number(value)
    return None if found is None else int(found)


def shop_id(value: Any) -> str | None:
    """The digits of an id given as number, text or `gid://shopify/Order/123?…`; None when it is none."""
    digits = text(value).strip().rpartition("/")[2].partition("?")[0]
    return digits if digits.isascii() and digits.isdigit() and digits.strip("0") else None


def shop_money(money_set: Any, plain: Any) -> Decimal:
    """The amount in shop money: from the `…_set`, else the plain field (which REST states in the shop's currency)."""
    stated = number(obj(obj(money_set).get("shop_money")).get("amount"))
    found = stated if stated is not None else number(plain)
    return max(found or Decimal(0), Decimal(0))


def when(value: Any) -> datetime | None:
    """An RFC 3339 time in UTC and whole milliseconds (as MongoDB keeps it), or None."""
    if not isinstance(value, str):
        return None
    try:
        found = datetime.fromisoformat(value)
        return millis((found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC))
    except (ValueError, OverflowError):
        return None


def millis(at: datetime) -> datetime:
    """The time without what BSON drops, so that a fact read back equals the fact heard."""
    return at.replace(microsecond=at.microsecond // 1000 * 1000)

"""Documents of the ledger. All of an ambassador's are written by that ambassador's partition."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import ClassVar, Literal

from pydantic import Field
from pymongo import IndexModel

from shared.contracts.ambassadors import AttributionRule, CommissionStatus, OrderLineCommission
from shared.documents import Document
from shared.money import DecimalString

Phase = Literal["pending", "approved", "in_payout", "paid"]
EntryKind = Literal["award", "adjustment", "reversal", "clawback", "void", "reattribution"]
SLOT_SECONDS = 900  # a quarter of an hour: every time zone's days begin at one


class Commission(Document):
    """What an ambassador earns of an order. `amount` is the sum of its ledger entries."""

    collection: ClassVar[str] = "commissions"
    indexes: ClassVar[list[IndexModel]] = [
        IndexModel([("brand_id", 1), ("ambassador_id", 1), ("ordered_at", -1)]),
        IndexModel([("brand_id", 1), ("ordered_at", -1)]),
        IndexModel([("brand_id", 1), ("status", 1), ("hold_until", 1)]),
        IndexModel([("brand_id", 1), ("order_id", 1)]),
    ]

    ambassador_id: str
    order_id: str
    order_name: str
    program_id: str
    program_version: int
    rule: AttributionRule | None = Field(description="None when the order turned out to be somebody else's.")
    currency: str
    ordered_at: datetime
    hold_until: datetime
    order_paid: bool
    cancelled: bool
    base: DecimalString
    lines: list[OrderLineCommission]
    revision: int

    awarded: DecimalString = Decimal(0)
    amount: DecimalString = Decimal(0)
    entries: int = Field(0, description="How many ledger entries there are.")
    phase: Phase = "pending"
    flags: list[str] = Field(default_factory=list, description="Fraud flags of the order as it is now.")
    cleared: list[str] = Field(default_factory=list, description="Flags that a person (or time) has cleared.")
    held_by_hand: str | None = Field(None, description="The reason.")
    held_since: datetime | None = None
    voided: str | None = Field(None, description="The reason.")
    status: CommissionStatus = "pending"
    created_at: datetime
    updated_at: datetime

    @property
    def holding(self) -> list[str]:
        """What keeps it from maturing: the person's reason and the flags nobody has cleared."""
        by_hand = [self.held_by_hand] if self.held_by_hand else []
        return by_hand + [flag for flag in self.flags if flag not in self.cleared]


class LedgerEntry(Document):
    """A line of the ledger. Never changed, never deleted."""

    collection: ClassVar[str] = "ledger"
    indexes: ClassVar[list[IndexModel]] = [
        IndexModel([("brand_id", 1), ("ambassador_id", 1), ("at", -1)]),
        IndexModel([("brand_id", 1), ("commission_id", 1), ("number", 1)]),
    ]

    ambassador_id: str
    commission_id: str
    order_id: str
    number: int = Field(description="Counts the commission's entries from 1.")
    kind: EntryKind
    amount: DecimalString = Field(description="Signed.")
    currency: str
    at: datetime
    reason: str | None = None


class Account(Document):
    """An ambassador's totals in one currency, in minor units. The balance is the sum of their ledger entries."""

    collection: ClassVar[str] = "accounts"
    indexes: ClassVar[list[IndexModel]] = [IndexModel([("brand_id", 1), ("ambassador_id", 1)])]

    ambassador_id: str
    currency: str
    balance: int = 0
    revenue: int = 0
    orders: int = 0


class OrderSlot(Document):
    """Roll-up of a quarter of an hour of an ambassador's orders (by the order's time), minor units of one currency."""

    collection: ClassVar[str] = "order_slots"
    indexes: ClassVar[list[IndexModel]] = [
        IndexModel([("brand_id", 1), ("ambassador_id", 1), ("at", 1)]),
        IndexModel([("brand_id", 1), ("at", 1)]),
    ]

    ambassador_id: str
    currency: str
    at: datetime
    orders: int = 0
    revenue: int = 0
    commission: int = 0
    pending: int = 0
    approved: int = 0
    in_payout: int = 0
    held: int = 0
    paid: int = 0
    reversed: int = 0


class ClickSlot(Document):
    """Roll-up of a quarter of an hour of clicks on an ambassador's links."""

    collection: ClassVar[str] = "click_slots"
    indexes: ClassVar[list[IndexModel]] = [
        IndexModel([("brand_id", 1), ("ambassador_id", 1), ("at", 1)]),
        IndexModel([("brand_id", 1), ("at", 1)]),
    ]

    ambassador_id: str
    at: datetime
    clicks: int = 0


def account_id(ambassador_id: str, currency: str) -> str:
    """One account per ambassador and currency."""
    return f"{ambassador_id}:{currency}"


def slot_of(moment: datetime) -> datetime:
    """The beginning of the moment's slot."""
    seconds = int(moment.timestamp())
    return datetime.fromtimestamp(seconds - seconds % SLOT_SECONDS, UTC)

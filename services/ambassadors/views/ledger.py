"""Commissions and the entries that make them up."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field

from services.ambassadors.ledger.models import Commission, EntryKind, LedgerEntry
from services.ambassadors.views.orders import TermsView
from shared.contracts.ambassadors import AttributionRule, CommissionStatus
from shared.money import Money
from shared.views import Page, Paged, ReadOnly, paginate


class CommissionView(BaseModel):
    """What an ambassador earns of an order."""

    id: str = Field(examples=["com_k3v6wq2e7yfh5n4xjz1m8d0rbt"])
    ambassador_id: str
    order_id: str
    order_name: str
    ordered_at: datetime
    rule: AttributionRule | None = Field(description="Null when the order turned out to be somebody else's.")
    terms: TermsView
    status: CommissionStatus
    amount: Money = Field(description="What remains: the sum of the ledger's entries.")
    awarded: Money = Field(description="What the order earned as bought.")
    base: Money
    hold_until: datetime = Field(description="When it becomes approved, once the order is paid.")
    holding: list[str] = Field(description="What keeps it from becoming approved: a person's reason, fraud flags.")
    voided: str | None = Field(description="Why it was taken away.")
    updated_at: datetime


def commission_view(commission: Commission) -> CommissionView:
    def money(name: str) -> Money:
        return Money.of(getattr(commission, name), commission.currency)

    return CommissionView(
        id=commission.id, ambassador_id=commission.ambassador_id, order_id=commission.order_id,
        order_name=commission.order_name, ordered_at=commission.ordered_at, rule=commission.rule,
        terms=TermsView(program_id=commission.program_id, version=commission.program_version), status=commission.status,
        amount=money("amount"), awarded=money("awarded"), base=money("base"), hold_until=commission.hold_until,
        holding=commission.holding, voided=commission.voided, updated_at=commission.updated_at,
    )  # fmt: skip


class EntryView(BaseModel):
    """A line of the ledger. It is never changed."""

    id: str
    ambassador_id: str
    commission_id: str
    order_id: str
    kind: EntryKind
    amount: Money = Field(description="Signed.")
    at: datetime
    reason: str | None


def _entry(raw: dict[str, Any]) -> EntryView:
    entry = LedgerEntry.load(raw)
    rest = entry.model_dump(include={"id", "ambassador_id", "commission_id", "order_id", "kind", "at", "reason"})
    return EntryView(**rest, amount=Money.of(entry.amount, entry.currency))


async def commissions(
    db: ReadOnly,
    brand_id: str,
    page: Page,
    *,
    ambassador_id: str | None = None,
    status: CommissionStatus | None = None,
    order_id: str | None = None,
) -> Paged[CommissionView]:
    """Commissions by the time of their orders, the newest first."""
    wanted = (("ambassador_id", ambassador_id), ("status", status), ("order_id", order_id))
    query = {"brand_id": brand_id} | {name: value for name, value in wanted if value}
    return await paginate(
        db, Commission.collection, query, page, lambda raw: commission_view(Commission.load(raw)), by="ordered_at"
    )


async def commission(db: ReadOnly, brand_id: str, commission_id: str) -> CommissionView | None:
    """One commission."""
    raw = await db.find_one(Commission.collection, {"_id": commission_id, "brand_id": brand_id})
    return commission_view(Commission.load(raw)) if raw else None


async def ledger(db: ReadOnly, brand_id: str, ambassador_id: str, page: Page) -> Paged[EntryView]:
    """An ambassador's ledger, the newest entries first."""
    query = {"brand_id": brand_id, "ambassador_id": ambassador_id}
    return await paginate(db, LedgerEntry.collection, query, page, _entry, by="at")

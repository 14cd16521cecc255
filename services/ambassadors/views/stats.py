"""Statistics of an ambassador, or of all of a brand's, from roll-ups: exact against the ledger, quick at any size."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import BaseModel, Field

from services.ambassadors.ledger.booking import COUNTERS
from services.ambassadors.ledger.models import SLOT_SECONDS, Account, ClickSlot, OrderSlot, slot_of
from services.ambassadors.ledger.tiers import progress
from services.ambassadors.models import Ambassador, Program
from services.ambassadors.views.calendar import Bucket, TooMany, place, starts
from shared.brands import Brand
from shared.errors import Refused
from shared.money import Money
from shared.views import ReadOnly

Raw = dict[str, Any]


class CommissionByState(BaseModel):
    """Commission on the range's orders by where it stands now."""

    pending: Money
    approved: Money = Field(description="Payable, payouts under way included.")
    held: Money
    paid: Money
    reversed: Money = Field(description="Awarded once and taken back by refunds, cancellations or people.")


class TierView(BaseModel):
    """The present tier and what is missing to the next."""

    name: str | None
    next: str | None
    missing: Money | None


class Point(BaseModel):
    """One bucket."""

    at: datetime = Field(description="When the bucket begins, in the brand's time zone's calendar.")
    clicks: int
    orders: int
    revenue: Money
    commission: Money


class Stats(BaseModel):
    """What happened between `since` (inside) and `until` (outside), by the time of orders and clicks."""

    since: datetime
    until: datetime
    bucket: Bucket
    time_zone: str = Field(examples=["Europe/Berlin"])
    currency: str
    clicks: int
    orders: int
    conversion: float | None = Field(description="Orders per click; null without clicks.", examples=[0.125])
    revenue: Money = Field(description="What the orders' remaining lines cost, without discounts, tax and shipping.")
    average_order: Money | None = Field(description="Revenue per order; null without orders.")
    commission: CommissionByState
    balance: Money = Field(description="The sum of the whole ledger, whenever the orders were.")
    tier: TierView | None = Field(description="Null for the brand as a whole.")
    series: list[Point]


async def stats(
    db: ReadOnly,
    brand_id: str,
    *,
    ambassador_id: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    bucket: Bucket = "day",
    now: datetime | None = None,
) -> Stats:
    """The statistics; the last 30 days by default. `Refused` (422) when the range is empty or has too many buckets.

    The range is widened to whole quarters of an hour, the roll-ups' grain; the answer says what it is.
    """
    until = _ceil(until or (now or datetime.now(UTC)))
    since = slot_of(since or until - timedelta(days=30))
    zone, currency = await _calendar(db, brand_id)
    buckets = _buckets(since, until, bucket, zone)
    scope: Raw = {"brand_id": brand_id} | ({"ambassador_id": ambassador_id} if ambassador_id else {})
    span = {**scope, "at": {"$gte": since, "$lt": until}}
    sales = await _sums(db, OrderSlot.collection, {**span, "currency": currency}, COUNTERS, bucket, zone)
    clicks = await _sums(db, ClickSlot.collection, span, ("clicks",), bucket, zone)
    series = _series(buckets, sales, clicks, currency)
    total = {name: sum(row[name] for row in sales) for name in COUNTERS}
    account = await _account(db, scope, currency)
    visits = sum(row["clicks"] for row in clicks)
    return Stats(
        since=since, until=until, bucket=bucket, time_zone=zone.key, currency=currency, clicks=visits, series=series,
        orders=total["orders"],
        conversion=round(total["orders"] / visits, 4) if visits else None,
        revenue=Money.from_minor(total["revenue"], currency), average_order=_average(total, currency),
        commission=_by_state(total, currency), balance=Money.from_minor(account["balance"], currency),
        tier=await _tier(db, brand_id, ambassador_id, Money.from_minor(account["revenue"], currency)),
    )  # fmt: skip


def _ceil(moment: datetime) -> datetime:
    floor = slot_of(moment)
    return floor if floor == moment else floor + timedelta(seconds=SLOT_SECONDS)


def _buckets(since: datetime, until: datetime, bucket: Bucket, zone: ZoneInfo) -> list[datetime]:
    try:
        if since >= until:
            raise TooMany("`since` must lie before `until`")
        return starts(since, until, bucket, zone)
    except TooMany as error:
        raise Refused(
            422,
            "invalid-range",
            "The range cannot be shown",
            str(error),
            [{"pointer": "query/since", "detail": str(error)}],
        ) from error


async def _calendar(db: ReadOnly, brand_id: str) -> tuple[ZoneInfo, str]:
    raw = await db.find_one(Brand.collection, {"_id": brand_id})
    if raw is None:
        return ZoneInfo("UTC"), "XXX"  # a brand this service hasn't heard of yet has no orders either
    profile = Brand.load(raw).profile
    return ZoneInfo(profile.time_zone), profile.currency


async def _sums(
    db: ReadOnly, collection: str, query: Raw, names: tuple[str, ...], bucket: Bucket, zone: ZoneInfo
) -> list[Raw]:
    """Sums per bucket; `_id` is an instant inside the bucket."""
    trunc = {"$dateTrunc": {"date": "$at", "unit": bucket, "timezone": zone.key, "startOfWeek": "monday"}}
    group = {"_id": trunc} | {name: {"$sum": f"${name}"} for name in names}
    return await db.aggregate(collection, [{"$match": query}, {"$group": group}])


def _series(buckets: list[datetime], sales: list[Raw], clicks: list[Raw], currency: str) -> list[Point]:
    rows = [dict.fromkeys(("clicks", "orders", "revenue", "commission"), 0) for _ in buckets]
    for found in (*sales, *clicks):
        row = rows[place(buckets, found["_id"])]
        for name in row.keys() & found.keys():
            row[name] += found[name]
    return [
        Point(
            at=at, clicks=row["clicks"], orders=row["orders"], revenue=Money.from_minor(row["revenue"], currency),
            commission=Money.from_minor(row["commission"], currency),
        )
        for at, row in zip(buckets, rows, strict=True)
    ]  # fmt: skip


def _average(total: Mapping[str, int], currency: str) -> Money | None:
    if not total["orders"]:
        return None
    return Money.of(Money.from_minor(total["revenue"], currency).amount / Decimal(total["orders"]), currency)


def _by_state(total: Mapping[str, int], currency: str) -> CommissionByState:
    def money(*names: str) -> Money:
        return Money.from_minor(sum(total[name] for name in names), currency)

    return CommissionByState(
        pending=money("pending"), approved=money("approved", "in_payout"), held=money("held"), paid=money("paid"),
        reversed=money("reversed"),
    )  # fmt: skip


async def _account(db: ReadOnly, scope: Raw, currency: str) -> Mapping[str, int]:
    group = {"_id": None, "balance": {"$sum": "$balance"}, "revenue": {"$sum": "$revenue"}}
    rows = await db.aggregate(Account.collection, [{"$match": {**scope, "currency": currency}}, {"$group": group}])
    return rows[0] if rows else {"balance": 0, "revenue": 0}


async def _tier(db: ReadOnly, brand_id: str, ambassador_id: str | None, revenue: Money) -> TierView | None:
    if ambassador_id is None:
        return None
    raw = await db.find_one(Ambassador.collection, {"_id": ambassador_id, "brand_id": brand_id})
    if raw is None:
        return None
    person = Ambassador.load(raw)
    program = await db.find_one(Program.collection, {"_id": person.program_id, "brand_id": brand_id})
    tiers = Program.load(program).current.terms.tiers if program else []
    found = progress(tiers, revenue.amount, person.tier)
    missing = None if found.missing is None else Money.of(found.missing, revenue.currency)
    return TierView(name=found.name, next=found.next, missing=missing)

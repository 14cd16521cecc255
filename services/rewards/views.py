"""The read side of rewards: what the gateway shows. Shapes follow the API page; every view is of one brand."""

from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from services.rewards.caps import check_caps
from services.rewards.conditions import CONTEXTS, Context, FieldInfo, context_fields
from services.rewards.conditions.contexts import example
from services.rewards.grants import value_of
from services.rewards.models import Campaign, CampaignVersion, Grant, KnownAmbassador, PersonTally, Tally
from services.rewards.recipients import people_of
from services.rewards.rules import Check, Happening, explained
from shared.brands import Brand
from shared.contracts.rewards import (
    CampaignStatus,
    CampaignTerms,
    GrantStatus,
    Recipient,
    RewardKind,
    Trigger,
)
from shared.errors import Refused
from shared.mongo import Raw, ReadOnly
from shared.pages import Page, Paged, paginate

_STOREFRONT = ("reserved", "issued", "redeemed", "expired")


class CampaignView(CampaignTerms):
    """A campaign with its terms and what it has given so far."""

    id: str = Field(examples=["cmp_01J9ZQ4Y3N8M5K7T2V6W1X0ABC"])
    version: int = Field(description="Of the terms; frozen into each grant.")
    status: CampaignStatus
    granted: int = Field(description="Grants that count against the caps.")
    redeemed: int
    spent: str = Field(description="Of the budget, shop currency.", examples=["25.00"])
    created_at: datetime
    changed_at: datetime

    @classmethod
    def of(cls, campaign: Campaign, tally: Tally | None) -> "CampaignView":
        given = tally or Tally(id=campaign.id, brand_id=campaign.brand_id, campaign_id=campaign.id)
        fields: dict[str, Any] = {name: getattr(campaign.terms, name) for name in CampaignTerms.model_fields}
        numbers = {"granted": given.granted, "redeemed": given.redeemed, "spent": f"{given.spent:f}"}
        state = {name: getattr(campaign, name) for name in ("id", "version", "status", "created_at", "changed_at")}
        return cls(**fields, **numbers, **state)


class GrantView(BaseModel):
    """A grant. `code` is there once it works at the shop."""

    id: str = Field(examples=["grt_k3v6q2xd7k3m5n2p4r6s8t0w1y"])
    campaign_id: str
    campaign_version: int
    campaign_name: str
    kind: RewardKind
    status: GrantStatus
    title: str = Field(description="In the person's language.", examples=["10% off your next order"])
    titles: dict[str, str] = Field(default_factory=dict, description="The title per language.")
    code: str | None = Field(None, examples=["NORTHWIN-7K3M-Q2XD"])
    value: dict[str, Any] = Field(description="Percent, or an amount with its currency.", examples=[{"percent": "10"}])
    minimum_subtotal: str | None = None
    starts_at: datetime
    expires_at: datetime
    reason: str | None = Field(None, description="Why it failed, was revoked or expired.")
    claimable: bool = Field(False, description="Waits until the person claims it, signed in at the shop.")
    recipient: Recipient
    trigger: Trigger
    source_id: str = Field(description="What triggered it: an order, a mention, an ambassador.")
    note: str | None = None
    order_id: str | None = Field(None, description="The order that redeemed it.")
    created_at: datetime
    issued_at: datetime | None = None

    @classmethod
    def of(cls, grant: Grant, currency: str | None, language: str | None = None) -> "GrantView":
        used = next((use.order_id for use in grant.uses if use.used), None)
        minimum = grant.reward.minimum_subtotal
        same = (
            "id", "campaign_id", "campaign_version", "campaign_name", "status", "starts_at", "expires_at", "reason",
            "recipient", "trigger", "source_id", "note", "created_at", "issued_at",
        )  # fmt: skip
        return cls(
            **{name: getattr(grant, name) for name in same},
            kind=grant.reward.kind,
            title=_title(grant, language),
            titles=grant.title,
            code=grant.code if grant.issued_at and grant.status != "revoked" else None,
            value=value_of(grant.reward, currency),
            minimum_subtotal=None if minimum is None else f"{minimum:f}",
            claimable=grant.status == "reserved" and not grant.code_wanted,
            order_id=used,
        )


class DryRunRequest(BaseModel):
    """What to try a campaign on. Left out: the documented example of each field, and somebody not rewarded before."""

    model_config = ConfigDict(extra="forbid")

    context: dict[str, Any] | None = Field(None, description="Facts as in the trigger's context.")
    customer_id: str | None = None
    ambassador_id: str | None = None
    at: datetime | None = Field(None, description="When it would happen; now when left out.")


class DryRun(BaseModel):
    """Whether the campaign would give, and every reason for and against."""

    fires: bool
    checks: list[Check]
    context: dict[str, Any] = Field(description="The facts it was tried on.")


async def campaigns(
    db: ReadOnly, brand_id: str, page: Page, *, status: CampaignStatus | None = None, trigger: Trigger | None = None
) -> Paged[CampaignView]:
    """The brand's campaigns, newest first."""
    query: Raw = {"brand_id": brand_id} | _given(status=status) | _given(**{"terms.trigger": trigger})
    found = await paginate(db, Campaign.collection, query, page, Campaign.load, by="created_at")
    tallies = await db.find(Tally.collection, {"_id": {"$in": [campaign.id for campaign in found.data]}})
    known = {raw["_id"]: Tally.load(raw) for raw in tallies}
    shown = [CampaignView.of(campaign, known.get(campaign.id)) for campaign in found.data]
    return Paged(data=shown, next_cursor=found.next_cursor)


async def campaign(db: ReadOnly, brand_id: str, campaign_id: str) -> CampaignView | None:
    """One campaign."""
    found = await _campaign(db, brand_id, campaign_id)
    return CampaignView.of(found, await _tally(db, found)) if found else None


async def campaign_versions(db: ReadOnly, brand_id: str, campaign_id: str) -> list[CampaignVersion]:
    """Every version of a campaign's terms, newest first."""
    query = {"brand_id": brand_id, "campaign_id": campaign_id}
    rows = await db.find(CampaignVersion.collection, query, sort=[("version", -1)])
    return [CampaignVersion.load(raw) for raw in rows]


async def grants(
    db: ReadOnly,
    brand_id: str,
    page: Page,
    *,
    campaign_id: str | None = None,
    status: GrantStatus | None = None,
    trigger: Trigger | None = None,
    source_id: str | None = None,
    customer_id: str | None = None,
    ambassador_id: str | None = None,
    code: str | None = None,
) -> Paged[GrantView]:
    """The brand's grants, newest first."""
    query: Raw = {"brand_id": brand_id}
    query |= _given(campaign_id=campaign_id, status=status, trigger=trigger, source_id=source_id)
    query |= _given(code_key=code.strip().lower() if code else None)
    people = [f"customer:{customer_id}"] * bool(customer_id) + [f"ambassador:{ambassador_id}"] * bool(ambassador_id)
    if people:
        query["people"] = {"$all": people}
    return await _grants(db, brand_id, query, page)


async def grant(db: ReadOnly, brand_id: str, grant_id: str) -> GrantView | None:
    """One grant."""
    raw = await db.find_one(Grant.collection, {"_id": grant_id, "brand_id": brand_id})
    return GrantView.of(Grant.load(raw), await _currency(db, brand_id)) if raw else None


async def rewards_of_customer(
    db: ReadOnly, brand_id: str, customer_id: str, page: Page, *, language: str | None = None
) -> Paged[GrantView]:
    """What a customer of the shop has or may claim, also as an ambassador."""
    rows = await db.find(KnownAmbassador.collection, {"brand_id": brand_id, "customer_id": customer_id})
    people = [f"customer:{customer_id}", *(f"ambassador:{raw['_id']}" for raw in rows)]
    return await _rewards(db, brand_id, people, customer_id, page, language)


async def rewards_of_ambassador(
    db: ReadOnly, brand_id: str, ambassador_id: str, page: Page, *, language: str | None = None
) -> Paged[GrantView]:
    """What an ambassador has or may claim, also as a customer."""
    raw = await db.find_one(KnownAmbassador.collection, {"_id": ambassador_id, "brand_id": brand_id})
    customer_id = raw["customer_id"] if raw else None
    people = [f"ambassador:{ambassador_id}"] + [f"customer:{customer_id}"] * bool(customer_id)
    return await _rewards(db, brand_id, people, customer_id, page, language)


async def grant_counts(db: ReadOnly, brand_id: str) -> dict[str, int]:
    """How many grants the brand has of each status."""
    group = {"$group": {"_id": "$status", "count": {"$sum": 1}}}
    rows = await db.aggregate(Grant.collection, [{"$match": {"brand_id": brand_id}}, group])
    return {row["_id"]: row["count"] for row in rows}


def condition_fields(trigger: Trigger) -> list[FieldInfo]:
    """What a condition on this trigger may ask."""
    return context_fields(trigger)


async def dry_run(db: ReadOnly, brand_id: str, campaign_id: str, request: DryRunRequest) -> DryRun | None:
    """Try a campaign without giving anything. None: no such campaign. `Refused` (422): facts of the wrong shape."""
    found = await _campaign(db, brand_id, campaign_id)
    if found is None:
        return None
    context = _context(found.terms.trigger, request.context)
    person = _person(request)
    people = {found.terms.recipient: person}
    at = request.at or datetime.now(UTC)
    happening = Happening(brand_id, found.terms.trigger, "dry-run", at, context, people)
    checks = [*explained(found, happening), await _caps(db, found, person)]
    return DryRun(fires=all(check.ok for check in checks), checks=checks, context=context.model_dump(mode="json"))


def _context(trigger: Trigger, facts: dict[str, Any] | None) -> Context:
    if facts is None:
        return example(trigger)
    try:
        return CONTEXTS[trigger].model_validate(facts)
    except ValidationError as error:
        wrong = [
            {"pointer": "/".join(["/context", *map(str, item["loc"])]), "detail": item["msg"]}
            for item in error.errors(include_url=False, include_input=False)
        ]
        raise Refused(422, "invalid-request", "Invalid request", f"The facts do not fit {trigger}", wrong) from None


def _person(request: DryRunRequest) -> Recipient:
    customer, ambassador = request.customer_id, request.ambassador_id
    key = f"customer:{customer}" if customer else f"ambassador:{ambassador}" if ambassador else "somebody"
    return Recipient(key=key, customer_id=customer, ambassador_id=ambassador)


async def _caps(db: ReadOnly, campaign: Campaign, person: Recipient) -> Check:
    people = people_of(person)
    rows = await db.find(PersonTally.collection, {"_id": {"$in": [f"{campaign.id}:{name}" for name in people]}})
    tally = await _tally(db, campaign) or Tally(id=campaign.id, brand_id=campaign.brand_id, campaign_id=campaign.id)
    try:
        check_caps(campaign.terms.caps, tally, {raw["person"]: raw["granted"] for raw in rows})
    except Refused as refusal:
        return Check(name="caps", ok=False, detail=f"{refusal.title}. {refusal.detail or ''}".strip())
    return Check(name="caps", ok=True, detail="there is room for one more")


async def _campaign(db: ReadOnly, brand_id: str, campaign_id: str) -> Campaign | None:
    raw = await db.find_one(Campaign.collection, {"_id": campaign_id, "brand_id": brand_id})
    return Campaign.load(raw) if raw else None


async def _tally(db: ReadOnly, campaign: Campaign) -> Tally | None:
    raw = await db.find_one(Tally.collection, {"_id": campaign.id})
    return Tally.load(raw) if raw else None


async def _rewards(
    db: ReadOnly, brand_id: str, people: list[str], customer_id: str | None, page: Page, language: str | None
) -> Paged[GrantView]:
    query = {
        "brand_id": brand_id,
        "people": {"$in": people},
        "status": {"$in": list(_STOREFRONT)},
        # What is bound to another customer is not this person's, whoever they also are.
        "recipient.customer_id": {"$in": [customer_id, None]},
    }
    return await _grants(db, brand_id, query, page, language)


async def _grants(db: ReadOnly, brand_id: str, query: Raw, page: Page, language: str | None = None) -> Paged[GrantView]:
    currency = await _currency(db, brand_id)

    def shape(raw: Raw) -> GrantView:
        return GrantView.of(Grant.load(raw), currency, language)

    return await paginate(db, Grant.collection, query, page, shape, by="created_at")


async def _currency(db: ReadOnly, brand_id: str) -> str | None:
    raw = await db.find_one(Brand.collection, {"_id": brand_id}, {"profile.currency": 1})
    return str(raw["profile"]["currency"]) if raw else None


def _given(**filters: str | None) -> Raw:
    return {name: value for name, value in filters.items() if value is not None}


def _title(grant: Grant, language: str | None) -> str:
    wanted: tuple[str, ...] = tuple(filter(None, (language, grant.recipient.language, "en")))
    return next((grant.title[name] for name in wanted if name in grant.title), None) or next(
        iter(grant.title.values()), grant.campaign_name
    )

"""Where handlers find and keep documents. Nothing else of the service names a collection or a query."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from services.rewards.caps import moved, moved_people, with_change
from services.rewards.lifecycle import LATE
from services.rewards.models import Campaign, Grant, KnownAmbassador, OrderUse, PersonTally, Tally
from shared.brands import Brand
from shared.contracts.rewards import ClaimGrant, ExpireGrants, Trigger
from shared.errors import Refused
from shared.mongo import ReadOnly
from shared.unit_of_work import UnitOfWork

BATCH = 500
"""Grants one expiry command handles at most; the next tick brings the rest."""


async def active_campaigns(uow: UnitOfWork, brand_id: str, trigger: Trigger) -> list[Campaign]:
    """The brand's active campaigns on a trigger."""
    return await uow.find(Campaign, {"brand_id": brand_id, "terms.trigger": trigger, "status": "active"})


async def campaign_of(uow: UnitOfWork, brand_id: str, campaign_id: str) -> Campaign:
    """The campaign; `Refused` (404) when the brand has none of this id."""
    campaign = await uow.get(Campaign, campaign_id)
    if campaign is None or campaign.brand_id != brand_id:
        raise Refused(404, "not-found", "There is no such campaign")
    return campaign


async def grant_of(uow: UnitOfWork, brand_id: str, campaign_id: str, grant_id: str) -> Grant:
    """The campaign's grant; `Refused` (404) when there is none."""
    grant = await uow.get(Grant, grant_id)
    if grant is None or (grant.brand_id, grant.campaign_id) != (brand_id, campaign_id):
        raise Refused(404, "not-found", "There is no such grant")
    return grant


async def grants_with_codes(uow: UnitOfWork, brand_id: str, codes: Iterable[str]) -> list[Grant]:
    """The brand's grants of these codes (keys, see `codes.normalised`). Another owner's documents: read only."""
    wanted = sorted(set(codes))
    return await uow.find(Grant, {"brand_id": brand_id, "code_key": {"$in": wanted}}) if wanted else []


async def order_use(uow: UnitOfWork, brand_id: str, order_id: str) -> OrderUse:
    """What is known of an order; a blank one at first."""
    id = f"{brand_id}:{order_id}"
    return await uow.get(OrderUse, id) or OrderUse(id=id, brand_id=brand_id, order_id=order_id)


async def tally_of(uow: UnitOfWork, campaign: Campaign | Grant) -> Tally:
    """What the campaign (of the grant) has given; zeros at first."""
    id = campaign.campaign_id if isinstance(campaign, Grant) else campaign.id
    return await uow.get(Tally, id) or Tally(id=id, brand_id=campaign.brand_id, campaign_id=id)


async def given_to(uow: UnitOfWork, campaign_id: str, people: Iterable[str]) -> Mapping[str, int]:
    """How many grants of the campaign each name of a person holds."""
    ids = {person: f"{campaign_id}:{person}" for person in people}
    known = await uow.get_many(PersonTally, ids.values())
    return {person: known[id].granted if id in known else 0 for person, id in ids.items()}


async def keep(uow: UnitOfWork, before: Grant | None, after: Grant) -> None:
    """Save a grant and move its campaign's and person's tallies with it."""
    uow.save(after)
    tally = await tally_of(uow, after)
    if (now := moved(tally, before, after)) != tally:
        uow.save(now)
    changes = moved_people(before, after)
    known = await uow.get_many(PersonTally, [f"{after.campaign_id}:{person}" for person in changes])
    for person, change in changes.items():
        id = f"{after.campaign_id}:{person}"
        blank = PersonTally(id=id, brand_id=after.brand_id, campaign_id=after.campaign_id, person=person)
        uow.save(with_change(known.get(id, blank), change))


async def due_grants(uow: UnitOfWork, command: ExpireGrants) -> list[Grant]:
    """The campaign's grants that are past their time, and expired ones whose money can be freed."""
    return await uow.find(
        Grant, {**_due(command.brand_id, command.as_of), "campaign_id": command.campaign_id}, limit=BATCH
    )


async def due_campaigns(db: ReadOnly, now: datetime) -> list[ExpireGrants]:
    """One command per campaign that has something to expire. Asked brand by brand, as indexes begin with the brand."""
    commands = []
    for brand in await db.find(Brand.collection, {}, projection={"_id": 1}):
        match = {"$match": _due(brand["_id"], now)}
        for row in await db.aggregate(Grant.collection, [match, {"$group": {"_id": "$campaign_id"}}]):
            commands.append(ExpireGrants(brand_id=brand["_id"], campaign_id=row["_id"], as_of=now))
    return commands


def _due(brand_id: str, as_of: datetime) -> dict[str, object]:
    past = {"status": {"$in": ["reserved", "issued"]}, "expires_at": {"$lte": as_of}}
    late = {"status": "expired", "freed": False, "expires_at": {"$lte": as_of - LATE}}
    return {"brand_id": brand_id, "$or": [past, late]}


async def waiting_claims(uow: UnitOfWork, known: KnownAmbassador, customer_id: str) -> list[ClaimGrant]:
    """Claims of everything that waits for this ambassador to be known as a customer."""
    waiting = {
        "brand_id": known.brand_id,
        "people": f"ambassador:{known.id}",
        "status": "reserved",
        "code_wanted": False,
    }
    return [
        ClaimGrant(brand_id=known.brand_id, campaign_id=grant.campaign_id, grant_id=grant.id, customer_id=customer_id)
        for grant in await uow.find(Grant, waiting)
    ]


async def ambassador_of(uow: UnitOfWork, ambassador_id: str | None) -> KnownAmbassador | None:
    """The service's copy of an ambassador."""
    return await uow.get(KnownAmbassador, ambassador_id) if ambassador_id else None

"""Commands about campaigns and grants. A campaign's partition is the one writer of it, its grants and its tallies."""

from services.rewards import grants
from services.rewards.caps import check_caps, check_person
from services.rewards.conditions import ConditionError, compiled
from services.rewards.lifecycle import (
    Step,
    claimed,
    code_created,
    code_deactivated,
    code_refused,
    expired,
    revoked,
    settled,
)
from services.rewards.models import Campaign, CampaignVersion, Grant, Tally, Use
from services.rewards.recipients import completed, people_of
from services.rewards.repository import (
    ambassador_of,
    campaign_of,
    due_grants,
    given_to,
    grant_of,
    keep,
    tally_of,
)
from services.rewards.rules import check_open
from services.rewards.views import CampaignView, GrantView
from shared.brands import Brand, copy_brands
from shared.contracts.rewards import (
    CampaignChanged,
    CampaignTerms,
    ChangeCampaign,
    ClaimGrant,
    ExpireGrants,
    IssueGrant,
    RecordCodeOutcome,
    RevokeGrant,
    SetCampaign,
    SettleRedemption,
)
from shared.errors import Refused, Reply
from shared.handlers import Handlers
from shared.records import Meta
from shared.topics import Service
from shared.unit_of_work import UnitOfWork

handlers = Handlers(Service.REWARDS)
copy_brands(handlers)
_EDGES = {("active", "pause"): "paused", ("paused", "resume"): "active"} | {
    (status, "archive"): "archived" for status in ("active", "paused")
}


@handlers.on(SetCampaign, prefetch=lambda m: [(Campaign, m.campaign_id), (Tally, m.campaign_id)])
async def set_campaign(message: SetCampaign, uow: UnitOfWork, meta: Meta) -> Reply:
    """Create a campaign or give it a new version; the same terms again change nothing."""
    known = await uow.get(Campaign, message.campaign_id)
    if known and (known.brand_id != message.brand_id or known.status == "archived"):
        raise Refused(404, "not-found", "There is no such campaign")
    _check_condition(message.terms)
    if known and known.terms == message.terms:
        return await _campaign_reply(uow, known)
    campaign = Campaign(
        id=message.campaign_id,
        brand_id=message.brand_id,
        version=known.version + 1 if known else 1,
        status=known.status if known else "active",
        terms=message.terms,
        created_at=known.created_at if known else uow.now,
        changed_at=uow.now,
    )
    uow.save(_version(campaign))
    _announce(uow, campaign)
    return await _campaign_reply(uow, campaign, 200 if known else 201)


@handlers.on(ChangeCampaign, prefetch=lambda m: [(Campaign, m.campaign_id), (Tally, m.campaign_id)])
async def change_campaign(message: ChangeCampaign, uow: UnitOfWork, meta: Meta) -> Reply:
    """Pause, resume or archive."""
    campaign = await campaign_of(uow, message.brand_id, message.campaign_id)
    status = _EDGES.get((campaign.status, message.action))
    if status is None:
        raise Refused(409, "campaign-state", f"The campaign is {campaign.status}", f"It cannot {message.action} now.")
    changed = campaign.model_copy(update={"status": status, "changed_at": uow.now})
    _announce(uow, changed)
    return await _campaign_reply(uow, changed)


@handlers.on(
    IssueGrant,
    prefetch=lambda m: [
        (Campaign, m.campaign_id),
        (Tally, m.campaign_id),
        (Grant, grants.grant_id(m)),
        (Brand, m.brand_id),
    ],
)
async def issue_grant(message: IssueGrant, uow: UnitOfWork, meta: Meta) -> Reply:
    """Give, within the caps; what triggered it before gets the same grant again."""
    campaign = await campaign_of(uow, message.brand_id, message.campaign_id)
    known = await uow.get(Grant, grants.grant_id(message))
    if known:
        return await _grant_reply(uow, known)
    if not (check := check_open(campaign, message.at)).ok:
        raise Refused(409, "campaign-closed", "The campaign gives nothing now", check.detail)
    known_person = await ambassador_of(uow, message.recipient.ambassador_id)
    message = message.model_copy(update={"recipient": completed(message.recipient, known_person)})
    people = people_of(message.recipient)
    check_caps(campaign.terms.caps, await tally_of(uow, campaign), await given_to(uow, campaign.id, people))
    brand = await uow.get(Brand, message.brand_id)
    grant = grants.made(campaign, message, people, brand, uow.now)
    await _take(uow, None, Step(grant, "reserved", create=grant.code_wanted))
    return await _grant_reply(uow, grant, 201)


@handlers.on(ClaimGrant, prefetch=lambda m: [(Grant, m.grant_id), (Campaign, m.campaign_id), (Brand, m.brand_id)])
async def claim_grant(message: ClaimGrant, uow: UnitOfWork, meta: Meta) -> Reply:
    """Bind a waiting grant to the customer who is signed in. Somebody else's grant is as good as none (404)."""
    grant = await grant_of(uow, message.brand_id, message.campaign_id, message.grant_id)
    if not await _may_claim(uow, grant, message.customer_id, meta.actor):
        raise Refused(404, "not-found", "There is no such grant")
    step = claimed(grant, message.customer_id, uow.now)
    campaign = await campaign_of(uow, message.brand_id, message.campaign_id)
    new_names = [person for person in step.grant.people if person not in grant.people]
    if new_names:
        check_person(campaign.terms.caps, await given_to(uow, campaign.id, new_names))
    await _take(uow, grant, step)
    return await _grant_reply(uow, step.grant)


@handlers.on(RevokeGrant, prefetch=lambda m: [(Grant, m.grant_id), (Tally, m.campaign_id), (Brand, m.brand_id)])
async def revoke_grant(message: RevokeGrant, uow: UnitOfWork, meta: Meta) -> Reply:
    """Take a grant back; its code is deactivated at Shopify."""
    grant = await grant_of(uow, message.brand_id, message.campaign_id, message.grant_id)
    step = revoked(grant, message.reason)
    await _take(uow, grant, step)
    return await _grant_reply(uow, step.grant)


@handlers.on(RecordCodeOutcome, prefetch=lambda m: [(Grant, m.grant_id), (Tally, m.campaign_id), (Brand, m.brand_id)])
async def record_code_outcome(message: RecordCodeOutcome, uow: UnitOfWork, meta: Meta) -> None:
    """What came of a call to Shopify."""
    grant = await grant_of(uow, message.brand_id, message.campaign_id, message.grant_id)
    if message.action == "deactivate":
        step = code_deactivated(grant) if message.ok else Step(grant)
    elif message.ok:
        step = code_created(grant, message.code, message.discount_id, uow.now)
    else:
        step = code_refused(grant, message.reason or "Shopify refused the code")
    await _take(uow, grant, step)


@handlers.on(SettleRedemption, prefetch=lambda m: [(Grant, m.grant_id), (Tally, m.campaign_id), (Brand, m.brand_id)])
async def settle_redemption(message: SettleRedemption, uow: UnitOfWork, meta: Meta) -> None:
    """What an order says about a code, by its newest revision."""
    grant = await grant_of(uow, message.brand_id, message.campaign_id, message.grant_id)
    use = Use(
        order_id=message.order_id,
        revision=message.revision,
        used=message.used,
        at=message.at,
        discount=message.discount,
    )
    await _take(uow, grant, settled(grant, use))


@handlers.on(ExpireGrants)
async def expire_grants(message: ExpireGrants, uow: UnitOfWork, meta: Meta) -> None:
    """Expire what is past its time."""
    for grant in await due_grants(uow, message):
        await _take(uow, grant, expired(grant, message.as_of))


async def _take(uow: UnitOfWork, before: Grant | None, step: Step) -> None:
    """Keep what a step made of a grant, say so, and order what Shopify has to do."""
    if before is not None and step.grant == before and not (step.create or step.deactivate):
        return
    await keep(uow, before, step.grant)
    brand = await uow.get(Brand, step.grant.brand_id)
    if step.change:
        uow.emit(grants.changed(step.grant, step.change, brand))
    if step.create:
        grants.order_code(uow, step.grant, brand)
    if step.deactivate:
        grants.order_deactivation(uow, step.grant, brand)


async def _may_claim(uow: UnitOfWork, grant: Grant, customer_id: str, actor: str) -> bool:
    """Who is known may claim what is theirs; an unknown author's grant belongs to who was given its unguessable id."""
    owner = grant.recipient
    if owner.customer_id:
        return owner.customer_id == customer_id
    if owner.ambassador_id:
        known = await ambassador_of(uow, owner.ambassador_id)
        return actor == f"ambassador:{owner.ambassador_id}" or bool(known and known.customer_id == customer_id)
    return True


def _check_condition(terms: CampaignTerms) -> None:
    if terms.trigger == "by_hand" and terms.condition.strip() != "true":
        detail = "a grant by hand asks no condition: leave it out"
        raise Refused(422, "invalid-condition", "The condition has an error", detail, [_pointed(detail)])
    try:
        compiled(terms.trigger, terms.condition)
    except ConditionError as error:
        raise Refused(
            422, "invalid-condition", "The condition has an error", str(error), [_pointed(str(error))]
        ) from None


def _pointed(detail: str) -> dict[str, str]:
    return {"pointer": "/condition", "detail": detail}


def _version(campaign: Campaign) -> CampaignVersion:
    return CampaignVersion(
        id=f"{campaign.id}:{campaign.version}",
        brand_id=campaign.brand_id,
        campaign_id=campaign.id,
        version=campaign.version,
        terms=campaign.terms,
        at=campaign.changed_at,
    )


def _announce(uow: UnitOfWork, campaign: Campaign) -> None:
    uow.save(campaign)
    uow.emit(
        CampaignChanged(
            brand_id=campaign.brand_id,
            campaign_id=campaign.id,
            campaign_version=campaign.version,
            status=campaign.status,
            name=campaign.terms.name,
        )
    )


async def _campaign_reply(uow: UnitOfWork, campaign: Campaign, status: int = 200) -> Reply:
    view = CampaignView.of(campaign, await tally_of(uow, campaign))
    return Reply(status=status, body=view.model_dump(mode="json"))


async def _grant_reply(uow: UnitOfWork, grant: Grant, status: int = 200) -> Reply:
    brand = await uow.get(Brand, grant.brand_id)
    view = GrantView.of(grant, brand.profile.currency if brand else None)
    return Reply(status=status, body=view.model_dump(mode="json"))

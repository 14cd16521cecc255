"""Events that make campaigns give. A trigger's partition judges; each campaign's partition decides about its caps.

A new trigger: its context in `conditions/contexts.py`, its name in the contract, and a handler here.
"""

from services.rewards import recipients
from services.rewards.conditions.contexts import (
    AmbassadorContext,
    AmbassadorFacts,
    MentionContext,
    MentionFacts,
    OrderContext,
    OrderFacts,
)
from services.rewards.handlers import handlers
from services.rewards.models import KnownAmbassador
from services.rewards.repository import active_campaigns, ambassador_of, waiting_claims
from services.rewards.rules import Happening, grant_for
from shared.contracts.ambassadors import AmbassadorChanged, OrderAttributed, TierReached
from shared.contracts.rewards import Trigger
from shared.contracts.ugc import MentionApproved, MentionFeatured, MentionSummary
from shared.records import Meta
from shared.unit_of_work import UnitOfWork


@handlers.on(OrderAttributed, prefetch=lambda m: [(KnownAmbassador, m.ambassador_id)])
async def order_attributed(event: OrderAttributed, uow: UnitOfWork, meta: Meta) -> None:
    known = await ambassador_of(uow, event.ambassador_id)
    await _fire(uow, of_order(event, known, meta))


@handlers.on(MentionApproved)
async def mention_approved(event: MentionApproved, uow: UnitOfWork, meta: Meta) -> None:
    known = await ambassador_of(uow, event.mention.person_id)
    await _fire(uow, of_mention("mention_approved", event.mention_id, event.mention, known, meta))


@handlers.on(MentionFeatured)
async def mention_featured(event: MentionFeatured, uow: UnitOfWork, meta: Meta) -> None:
    known = await ambassador_of(uow, event.mention.person_id)
    await _fire(uow, of_mention("mention_featured", event.mention_id, event.mention, known, meta))


@handlers.on(TierReached, prefetch=lambda m: [(KnownAmbassador, m.ambassador_id)])
async def tier_reached(event: TierReached, uow: UnitOfWork, meta: Meta) -> None:
    known = await ambassador_of(uow, event.ambassador_id)
    facts = facts_of(event.ambassador_id, known).model_copy(update={"tier": event.tier})
    person = recipients.ambassador(event.ambassador_id, known, event.customer_id)
    source = f"{event.ambassador_id}:{event.tier}"
    context = AmbassadorContext(ambassador=facts, now=meta.at)
    await _fire(uow, Happening(event.brand_id, "tier_reached", source, meta.at, context, {"ambassador": person}))


@handlers.on(AmbassadorChanged, prefetch=lambda m: [(KnownAmbassador, m.ambassador_id)])
async def ambassador_changed(event: AmbassadorChanged, uow: UnitOfWork, meta: Meta) -> None:
    """Keep the copy; becoming active for the first time triggers, becoming known as a customer claims what waits."""
    before = await uow.get(KnownAmbassador, event.ambassador_id)
    known = _copy(event)
    uow.save(known)
    if known.customer_id and (before is None or before.customer_id != known.customer_id):
        for claim in await waiting_claims(uow, known, known.customer_id):
            uow.emit(claim)
    if event.status != "active" or (before and before.status in ("active", "paused")):
        return
    person = recipients.ambassador(event.ambassador_id, known)
    context = AmbassadorContext(ambassador=facts_of(event.ambassador_id, known), now=meta.at)
    source = event.ambassador_id
    await _fire(
        uow, Happening(event.brand_id, "ambassador_activated", source, meta.at, context, {"ambassador": person})
    )


async def _fire(uow: UnitOfWork, happening: Happening) -> None:
    for campaign in await active_campaigns(uow, happening.brand_id, happening.trigger):
        if message := grant_for(campaign, happening):
            uow.emit(message)


def of_order(event: OrderAttributed, known: KnownAmbassador | None, meta: Meta) -> Happening:
    """An attributed order as a happening."""
    order = OrderFacts(
        name=event.order_name,
        total=float(event.total.amount),
        commission=float(event.commission.amount),
        currency=event.total.currency,
        rule=event.rule,
        first_order=event.first_order,
        ordered_at=event.ordered_at,
    )
    context = OrderContext(order=order, ambassador=facts_of(event.ambassador_id, known), now=meta.at)
    ambassador = recipients.ambassador(event.ambassador_id, known, event.ambassador_customer_id)
    people = {"buyer": recipients.buyer(event), "ambassador": ambassador}
    return Happening(event.brand_id, "order_attributed", event.order_id, meta.at, context, people)  # type: ignore[arg-type]


def of_mention(
    trigger: Trigger, mention_id: str, mention: MentionSummary, known: KnownAmbassador | None, meta: Meta
) -> Happening:
    """A mention as a happening."""
    facts = MentionFacts(
        network=mention.network,
        kind=mention.kind,
        language=mention.language,
        intent=mention.intent,
        sentiment=mention.sentiment.score,
        confidence=mention.sentiment.confidence,
        products=mention.products,
        hashtags=mention.hashtags,
        followers=mention.author.followers,
        posted_at=mention.posted_at,
        **mention.engagement.model_dump(),
    )
    context = MentionContext(mention=facts, ambassador=facts_of(mention.person_id, known), now=meta.at)
    ambassador = recipients.ambassador(mention.person_id, known, mention.customer_id) if mention.person_id else None
    people = {"author": recipients.author(mention, known), "ambassador": ambassador}
    return Happening(meta.brand_id, trigger, mention_id, meta.at, context, people)  # type: ignore[arg-type]


def facts_of(ambassador_id: str | None, known: KnownAmbassador | None) -> AmbassadorFacts:
    """What conditions may know of an ambassador."""
    if ambassador_id is None:
        return AmbassadorFacts()
    if known is None:  # the event overtook the copy
        return AmbassadorFacts(known=True, id=ambassador_id)
    return AmbassadorFacts(
        known=True,
        id=ambassador_id,
        tier=known.tier or "",
        status=known.status,
        language=known.language,
        networks=known.networks,
    )


def _copy(event: AmbassadorChanged) -> KnownAmbassador:
    return KnownAmbassador(
        id=event.ambassador_id,
        brand_id=event.brand_id,
        status=event.status,
        tier=event.tier,
        customer_id=event.profile.customer_id,
        language=event.profile.language,
        networks=sorted({account.network for account in event.profile.accounts}),
    )

"""Events that make campaigns give: whom, once, and only when the conditions hold."""

from datetime import timedelta
from typing import Any

import pytest

from services.rewards.handlers import change_campaign, issue_grant, set_campaign
from services.rewards.models import KnownAmbassador
from services.rewards.triggers import (
    ambassador_changed,
    mention_approved,
    mention_featured,
    order_attributed,
    tier_reached,
)
from services.rewards.views import DryRunRequest, _context
from shared.contracts.ambassadors import (
    AmbassadorChanged,
    AmbassadorProfile,
    NetworkAccount,
    OrderAttributed,
    TierReached,
)
from shared.contracts.rewards import ChangeCampaign, ClaimGrant, IssueGrant, Recipient, SetCampaign
from shared.contracts.ugc import Author, MentionApproved, MentionFeatured, MentionSummary, Sentiment
from shared.errors import Refused
from shared.money import Money
from tests.unit.rewards.fakes import AT, BRAND, CAMPAIGN, FakeUnitOfWork, issue, meta, terms


async def campaign(**changes: Any) -> FakeUnitOfWork:
    uow = FakeUnitOfWork()
    message = SetCampaign(brand_id=BRAND, campaign_id=CAMPAIGN, terms=terms(**changes))
    await set_campaign(message, uow, meta())  # type: ignore[arg-type]
    uow.taken()
    return uow


async def fired(uow: FakeUnitOfWork, handler: Any, event: Any) -> list[IssueGrant]:
    uow.taken()
    await handler(event, uow, meta())
    return [message for message in uow.taken() if isinstance(message, IssueGrant)]


def order(**changes: Any) -> OrderAttributed:
    fields = {
        "brand_id": BRAND, "order_id": "5001", "order_name": "#1", "ambassador_id": "amb_1", "customer_id": "7001",
        "rule": "code", "ordered_at": AT, "total": Money.of(54, "EUR"), "commission": Money.of("5.4", "EUR"),
    }  # fmt: skip
    return OrderAttributed.model_validate(fields | changes)


def mention(**changes: Any) -> MentionSummary:
    fields = {
        "network": "telegram", "external_id": "1:2", "kind": "post", "language": "ru",
        "author": Author(id="42", handle="@Anna", followers=9),
        "sentiment": Sentiment(score=0.8, confidence=0.9), "intent": "praise", "posted_at": AT,
    }  # fmt: skip
    return MentionSummary.model_validate(fields | changes)


def ambassador(**changes: Any) -> AmbassadorChanged:
    profile = AmbassadorProfile(name="Anna", language="ru", accounts=[NetworkAccount(network="vk")])
    fields = {
        "brand_id": BRAND, "ambassador_id": "amb_1", "program_id": "prg_1", "status": "active", "code": "ANNA",
        "tier": "gold", "profile": profile, "change": "approve",
    }  # fmt: skip
    return AmbassadorChanged.model_validate(fields | changes)


async def test_buyer_of_an_attributed_order() -> None:
    uow = await campaign(condition="order.total > 50 && order.currency == 'EUR'")
    (message,) = await fired(uow, order_attributed, order())
    assert (message.source_id, message.recipient.key, message.at) == ("5001", "customer:7001", AT)
    assert await fired(uow, order_attributed, order(total=Money.of(50, "EUR"))) == []


async def test_guests_are_nobody_to_thank() -> None:
    assert await fired(await campaign(), order_attributed, order(customer_id=None)) == []


async def test_ambassador_of_an_order_by_tier() -> None:
    uow = await campaign(recipient="ambassador", condition="ambassador.tier == 'gold' && 'vk' in ambassador.networks")
    assert await fired(uow, order_attributed, order()) == []  # nothing known of the ambassador's tier yet
    await fired(uow, ambassador_changed, ambassador())
    (message,) = await fired(uow, order_attributed, order(ambassador_customer_id="7009"))
    assert (message.recipient.key, message.recipient.language) == ("customer:7009", "ru")


@pytest.mark.parametrize(
    ("known", "key"),
    [
        ({}, "telegram:42"),
        ({"person_id": "amb_1"}, "ambassador:amb_1"),
        ({"person_id": "amb_1", "customer_id": "7001"}, "customer:7001"),
        ({"author": Author(handle="@Anna")}, "telegram:@anna"),
    ],
)
async def test_author_by_the_surest_name(known: dict[str, Any], key: str) -> None:
    uow = await campaign(trigger="mention_approved", recipient="author", condition="mention.sentiment > 0.3")
    event = MentionApproved(brand_id=BRAND, mention_id="men_1", mention=mention(**known))
    (message,) = await fired(uow, mention_approved, event)
    assert (message.recipient.key, message.recipient.language, message.source_id) == (key, "ru", "men_1")


async def test_nameless_author_and_bad_mood_get_nothing() -> None:
    uow = await campaign(trigger="mention_approved", recipient="author", condition="mention.sentiment > 0.3")
    sad = mention(sentiment=Sentiment(score=-0.5, confidence=1))
    for summary in (mention(author=Author()), sad):
        event = MentionApproved(brand_id=BRAND, mention_id="men_1", mention=summary)
        assert await fired(uow, mention_approved, event) == []


async def test_featured_is_another_trigger_than_approved() -> None:
    uow = await campaign(trigger="mention_featured", recipient="author")
    approved = MentionApproved(brand_id=BRAND, mention_id="men_1", mention=mention())
    featured = MentionFeatured(brand_id=BRAND, mention_id="men_1", mention=mention())
    assert await fired(uow, mention_approved, approved) == []
    assert len(await fired(uow, mention_featured, featured)) == 1


async def test_tiers_are_thanked_one_by_one() -> None:
    uow = await campaign(
        trigger="tier_reached", recipient="ambassador", condition="ambassador.tier in ['silver', 'gold']"
    )
    sources = []
    for tier in ("bronze", "silver", "gold"):
        event = TierReached(brand_id=BRAND, ambassador_id="amb_1", tier=tier, customer_id="7001")
        sources += [message.source_id for message in await fired(uow, tier_reached, event)]
    assert sources == ["amb_1:silver", "amb_1:gold"]


async def test_becoming_active_counts_once() -> None:
    uow = await campaign(trigger="ambassador_activated", recipient="ambassador")
    counts = []
    for status in ("applied", "active", "active", "paused", "active"):
        counts.append(len(await fired(uow, ambassador_changed, ambassador(status=status))))
    assert counts == [0, 1, 0, 0, 0]


async def test_becoming_known_as_a_customer_claims_what_waits() -> None:
    uow = await campaign()
    await issue_grant(issue("m-1", None, key="ambassador:amb_1", ambassador_id="amb_1"), uow, meta())  # type: ignore[arg-type]
    uow.taken()
    changed = ambassador(profile=AmbassadorProfile(name="Anna", customer_id="7001"), change="update")
    await ambassador_changed(changed, uow, meta())  # type: ignore[arg-type]
    claims = [message for message in uow.taken() if isinstance(message, ClaimGrant)]
    assert [(claim.grant_id, claim.customer_id) for claim in claims] == [(uow.grants[0].id, "7001")]


async def test_by_hand_to_an_ambassador_finds_the_customer() -> None:
    uow = await campaign()
    known = KnownAmbassador(
        id="amb_1", brand_id=BRAND, status="active", tier=None, customer_id="7001", language="en", networks=[]
    )
    uow.save(known)
    who = Recipient(key="ambassador:amb_1", ambassador_id="amb_1")
    message = issue("hand").model_copy(update={"trigger": "by_hand", "recipient": who})
    reply = await issue_grant(message, uow, meta())  # type: ignore[arg-type]
    assert reply
    assert reply.body["recipient"]["customer_id"] == "7001"
    assert uow.grants[0].people == ["customer:7001", "ambassador:amb_1"]


async def test_paused_and_closed_campaigns_do_not_fire() -> None:
    uow = await campaign(ends_at=AT)
    assert await fired(uow, order_attributed, order()) == []
    uow = await campaign(starts_at=AT, ends_at=AT + timedelta(seconds=1))
    assert len(await fired(uow, order_attributed, order())) == 1
    pause = ChangeCampaign(brand_id=BRAND, campaign_id=CAMPAIGN, action="pause")
    await change_campaign(pause, uow, meta())  # type: ignore[arg-type]
    assert await fired(uow, order_attributed, order()) == []


async def test_other_brands_campaigns_do_not_fire() -> None:
    assert await fired(await campaign(), order_attributed, order(brand_id="brd_2")) == []


def test_dry_run_names_the_wrong_fact() -> None:
    request = DryRunRequest(context={"order": {"totl": 5, "ordered_at": "2026-11-22T10:00:00Z"}, "now": "yesterday"})
    with pytest.raises(Refused) as caught:
        _context("order_attributed", request.context)
    assert caught.value.errors
    assert {error["pointer"] for error in caught.value.errors} == {"/context/order/totl", "/context/now"}

"""Making grants and ordering what Shopify has to do for them."""

from datetime import datetime, timedelta
from typing import Any

from services.rewards.codes import DEFAULT_PREFIX, code_for, code_key, normalised, prefix_of
from services.rewards.discounts import CodeOrder
from services.rewards.models import Campaign, Grant
from shared.brands import Brand
from shared.contracts.rewards import DiscountReward, GrantChanged, IssueGrant
from shared.ids import derived_id
from shared.money import Money
from shared.settings import load_settings
from shared.unit_of_work import UnitOfWork

CREATE, DEACTIVATE = "create_code", "deactivate_code"


def grant_id(message: IssueGrant) -> str:
    """The same trigger of the same campaign gives the same grant."""
    return derived_id("grt", message.brand_id, message.campaign_id, message.source_id)


def made(campaign: Campaign, message: IssueGrant, people: list[str], brand: Brand | None, now: datetime) -> Grant:
    """A new grant under the campaign's present terms."""
    terms, id = campaign.terms, grant_id(message)
    code = code_for(code_key(load_settings().key_bytes), _prefix(brand), id)
    return Grant(
        id=id,
        brand_id=message.brand_id,
        campaign_id=campaign.id,
        campaign_version=campaign.version,
        campaign_name=terms.name,
        trigger=message.trigger,
        source_id=message.source_id,
        note=message.note,
        recipient=message.recipient,
        people=people,
        reward=terms.reward,
        title=terms.title,
        cost=terms.caps.cost_estimate,
        code=code,
        code_key=normalised(code),
        code_wanted=terms.bearer_codes or message.recipient.customer_id is not None,
        created_at=now,
        starts_at=now,
        expires_at=now + timedelta(days=terms.reward.valid_days),
    )


def changed(grant: Grant, change: str, brand: Brand | None) -> GrantChanged:
    """The event that tells a grant's state after a change. The code is told once it exists."""
    return GrantChanged(
        brand_id=grant.brand_id,
        grant_id=grant.id,
        campaign_id=grant.campaign_id,
        campaign_version=grant.campaign_version,
        status=grant.status,
        recipient=grant.recipient,
        code=grant.code if grant.issued_at else None,
        expires_at=grant.expires_at,
        reason=grant.reason,
        change=change,
        value=value_of(grant.reward, brand.profile.currency if brand else None),
    )


def value_of(reward: DiscountReward, currency: str | None) -> dict[str, Any]:
    """A reward's worth: `{"percent": "10"}`, `{"amount": "5.00", "currency": "EUR"}`, or nothing for free shipping."""
    match reward.kind:
        case "percent":
            return {"percent": f"{reward.value:f}"}
        case "fixed" if currency:
            return Money.of(reward.value, currency).model_dump(mode="json")
        case "fixed":
            return {"amount": f"{reward.value:f}"}
        case _:
            return {}


def order_code(uow: UnitOfWork, grant: Grant, brand: Brand | None) -> None:
    """Have the grant's code made at Shopify: one job per grant, whatever is repeated."""
    order = CodeOrder(
        grant_id=grant.id,
        campaign_id=grant.campaign_id,
        prefix=_prefix(brand),
        code=grant.code,
        title=grant.campaign_name,
        customer_id=grant.recipient.customer_id,
        reward=grant.reward,
        starts_at=grant.starts_at,
        ends_at=grant.expires_at,
    )
    uow.effect(CREATE, f"{grant.id}:create", grant.brand_id, order.model_dump(mode="json"), lane=_lane(grant, brand))


def order_deactivation(uow: UnitOfWork, grant: Grant, brand: Brand | None) -> None:
    """Have the grant's code made useless at Shopify."""
    payload = {
        "grant_id": grant.id,
        "campaign_id": grant.campaign_id,
        "code": grant.code,
        "discount_id": grant.discount_id,
    }
    uow.effect(DEACTIVATE, f"{grant.id}:deactivate", grant.brand_id, payload, lane=_lane(grant, brand))


def _prefix(brand: Brand | None) -> str:
    return prefix_of(brand.profile.name) if brand else DEFAULT_PREFIX


def _lane(grant: Grant, brand: Brand | None) -> str:
    """What a shop's outage or throttling holds up: that shop's calls."""
    return f"shop:{brand.profile.shop_domain if brand else grant.brand_id}"

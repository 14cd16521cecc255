"""Whether a campaign gives on a happening, with every reason. Pure; the same for triggers and for dry-runs."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field

from services.rewards.conditions import Context, Explanation, compiled
from services.rewards.models import Campaign
from shared.contracts.rewards import IssueGrant, Recipient, RecipientRole, Trigger


@dataclass(frozen=True, slots=True)
class Happening:
    """What triggers: the facts, and whom it knows. `source_id` names it once and for all."""

    brand_id: str
    trigger: Trigger
    source_id: str
    at: datetime
    context: Context
    people: Mapping[RecipientRole, Recipient | None]


class Check(BaseModel):
    """One thing a campaign asks before it gives."""

    name: Literal["trigger", "status", "window", "recipient", "condition", "caps"]
    ok: bool
    detail: str = Field(examples=["paused"])
    condition: Explanation | None = Field(None, description="For the condition: what each part came to.")


def grant_for(campaign: Campaign, happening: Happening) -> IssueGrant | None:
    """The grant to make, or None. Cheap reasons first, the condition last."""
    if not (_trigger(campaign, happening).ok and check_open(campaign, happening.at).ok):
        return None
    recipient = happening.people.get(campaign.terms.recipient)
    if recipient is None or not compiled(happening.trigger, campaign.terms.condition).holds(happening.context):
        return None
    return IssueGrant(
        brand_id=happening.brand_id,
        campaign_id=campaign.id,
        source_id=happening.source_id,
        trigger=happening.trigger,
        recipient=recipient,
        at=happening.at,
    )


def explained(campaign: Campaign, happening: Happening) -> list[Check]:
    """Every check with its reason, whether the ones before it hold or not."""
    told = compiled(campaign.terms.trigger, campaign.terms.condition).explain(happening.context)
    condition = Check(name="condition", ok=told.holds is True, detail=campaign.terms.condition, condition=told)
    return [
        _trigger(campaign, happening),
        _status(campaign),
        _window(campaign, happening.at),
        _recipient(campaign, happening),
        condition,
    ]


def check_open(campaign: Campaign, at: datetime) -> Check:
    """Whether a campaign gives at all at a time: its status, then its window."""
    status = _status(campaign)
    return _window(campaign, at) if status.ok else status


def _trigger(campaign: Campaign, happening: Happening) -> Check:
    detail = f"the campaign waits for {campaign.terms.trigger}, this is {happening.trigger}"
    return Check(name="trigger", ok=campaign.terms.trigger == happening.trigger, detail=detail)


def _status(campaign: Campaign) -> Check:
    return Check(name="status", ok=campaign.status == "active", detail=f"the campaign is {campaign.status}")


def _window(campaign: Campaign, at: datetime) -> Check:
    terms = campaign.terms
    if terms.starts_at and at < terms.starts_at:
        return Check(name="window", ok=False, detail=f"the campaign begins {terms.starts_at.isoformat()}")
    if terms.ends_at and at >= terms.ends_at:
        return Check(name="window", ok=False, detail=f"the campaign ended {terms.ends_at.isoformat()}")
    return Check(name="window", ok=True, detail="within the campaign's time")


def _recipient(campaign: Campaign, happening: Happening) -> Check:
    role = campaign.terms.recipient
    recipient = happening.people.get(role)
    return Check(
        name="recipient", ok=recipient is not None, detail=recipient.key if recipient else f"no {role} is known"
    )

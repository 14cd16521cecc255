"""Campaigns, grants and their discount codes: owned by `services/rewards`."""

from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar, Literal

from pydantic import AwareDatetime, Field, model_validator

from shared.contracts.base import Command, Event, Value
from shared.money import DecimalString, Money
from shared.topics import Topic

GrantStatus = Literal["reserved", "issued", "redeemed", "expired", "revoked", "failed"]
CampaignStatus = Literal["active", "paused", "archived"]
Trigger = Literal[
    "order_attributed", "mention_approved", "mention_featured", "tier_reached", "ambassador_activated", "by_hand"
]
RewardKind = Literal["percent", "fixed", "free_shipping"]
RecipientRole = Literal["author", "buyer", "ambassador"]
RECIPIENTS: dict[str, tuple[RecipientRole, ...]] = {
    "order_attributed": ("buyer", "ambassador"),
    "mention_approved": ("author", "ambassador"),
    "mention_featured": ("author", "ambassador"),
    "tier_reached": ("ambassador",),
    "ambassador_activated": ("ambassador",),
    "by_hand": ("author", "buyer", "ambassador"),
}
"""Whom each trigger knows."""


class DiscountReward(Value):
    """A discount code at Shopify."""

    kind: RewardKind
    value: DecimalString = Field(Decimal(0), ge=0, description="Percent (0–100) or an amount in the shop's currency.")
    products: list[str] = Field(default_factory=list, description="Shopify product ids it applies to; empty = all.")
    collections: list[str] = Field(default_factory=list)
    minimum_subtotal: DecimalString | None = None
    valid_days: int = Field(30, ge=1, le=3650, description="How long a code can be used, from its creation.")
    combines_with_order_discounts: bool = False
    combines_with_product_discounts: bool = False
    combines_with_shipping_discounts: bool = False

    @model_validator(mode="after")
    def _sane(self) -> "DiscountReward":
        if self.kind == "percent" and not 0 < self.value <= 100:
            raise ValueError("a percent reward needs a value above 0 and at most 100")
        if self.kind == "fixed" and self.value <= 0:
            raise ValueError("a fixed reward needs a value above 0")
        if self.kind == "free_shipping" and (self.products or self.collections):
            raise ValueError("free shipping is for the whole order, not for products or collections")
        if self.products and self.collections:
            raise ValueError("a reward is for products or for collections, not for both")
        return self


class Caps(Value):
    """How much a campaign may give. None = no limit."""

    total: int | None = Field(None, ge=1, description="Grants in all.")
    per_person: int | None = Field(1, ge=1, description="Grants per person.")
    budget: DecimalString | None = Field(None, gt=0, description="Sum of `cost_estimate` of grants, shop currency.")
    cost_estimate: DecimalString = Field(
        Decimal(0), ge=0, description="What one grant is reckoned to cost, shop currency."
    )


class CampaignTerms(Value):
    """What, for whom, when, how many, on what. Frozen into each grant with the campaign's version."""

    name: str = Field(min_length=1, max_length=200)
    title: dict[str, str] = Field(default_factory=dict, description="What the person reads, per language.")
    trigger: Trigger
    condition: str = Field(
        "true", max_length=2000, description="CEL over the trigger's context.", examples=["mention.sentiment > 0.3"]
    )
    recipient: RecipientRole = Field(description="Whom of those the trigger knows.")
    reward: DiscountReward
    bearer_codes: bool = Field(
        False,
        description="Whether people who aren't known as customers get a code at once, good once for whoever has it. "
        "Otherwise their grant waits until they claim it, signed in at the shop.",
    )
    caps: Caps = Field(default_factory=lambda: Caps())
    starts_at: AwareDatetime | None = Field(None, description="From when it gives; inclusive.")
    ends_at: AwareDatetime | None = Field(None, description="Until when it gives; exclusive.")

    @model_validator(mode="after")
    def _sane(self) -> "CampaignTerms":
        if self.recipient not in (known := RECIPIENTS[self.trigger]):
            raise ValueError(f"{self.trigger} knows {' and '.join(known)}, not {self.recipient}")
        if self.starts_at and self.ends_at and self.starts_at >= self.ends_at:
            raise ValueError("starts_at must be before ends_at")
        return self


class Recipient(Value):
    """Who gets a grant, by everything known of them; `key` is what caps count."""

    key: str = Field(examples=["customer:7001"])
    customer_id: str | None = None
    ambassador_id: str | None = None
    network: str | None = None
    author_id: str | None = None
    handle: str | None = None
    language: str = "en"


class _Command(Command):
    topic: ClassVar[Topic] = Topic.COMMANDS_REWARDS
    keyed_by: ClassVar[str] = "campaign_id"


class _CampaignCommand(_Command):
    campaign_id: str = Field(examples=["cmp_01J9ZQ4Y3N8M5K7T2V6W1X0ABC"])


class SetCampaign(_CampaignCommand):
    """Create a campaign, or give it new terms (a new version)."""

    terms: CampaignTerms


class ChangeCampaign(_CampaignCommand):
    """Pause, resume or archive a campaign."""

    action: Literal["pause", "resume", "archive"]


class IssueGrant(_CampaignCommand):
    """Thank a person (internal from a trigger, or by hand). The same `source_id` always gives the same grant."""

    source_id: str = Field(
        description="What triggered it, for example the mention or order; unique within the campaign."
    )
    trigger: Trigger
    recipient: Recipient
    at: datetime
    note: str | None = None


class RevokeGrant(_CampaignCommand):
    """Take a grant back; its code is deactivated at Shopify."""

    grant_id: str
    reason: str = Field(min_length=1, max_length=500)


class ClaimGrant(_CampaignCommand):
    """A signed-in customer takes a grant that is theirs (binds it to the customer)."""

    grant_id: str
    customer_id: str


class RecordCodeOutcome(_CampaignCommand):
    """What came of creating or deactivating a code at Shopify (internal)."""

    grant_id: str
    action: Literal["create", "deactivate"]
    ok: bool
    code: str
    discount_id: str | None = None
    reason: str | None = None


class SettleRedemption(_CampaignCommand):
    """Whether an order uses a grant's code now (internal: from the order's partition). A target, not a change."""

    grant_id: str
    order_id: str
    revision: int
    used: bool
    at: datetime
    discount: Money | None = None


class ExpireGrants(_CampaignCommand):
    """Expire what is past its time (internal: from the scheduler)."""

    as_of: datetime


class _Event(Event):
    topic: ClassVar[Topic] = Topic.EVENTS_REWARDS


class CampaignChanged(_Event):
    """A campaign's state after every change."""

    keyed_by: ClassVar[str] = "campaign_id"
    campaign_id: str
    campaign_version: int
    status: CampaignStatus
    name: str


class GrantChanged(_Event):
    """A grant's state after every change; `change` says what happened."""

    keyed_by: ClassVar[str] = "grant_id"
    grant_id: str
    campaign_id: str
    campaign_version: int
    status: GrantStatus
    recipient: Recipient
    code: str | None = None
    expires_at: datetime | None = None
    reason: str | None = None
    change: str = Field(examples=["issued"])
    value: dict[str, Any] = Field(default_factory=dict)

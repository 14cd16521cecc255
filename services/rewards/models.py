"""Documents of the rewards service. Each has one writer: the partition of the key named in its docstring."""

from datetime import datetime
from decimal import Decimal
from typing import ClassVar

from pydantic import BaseModel, ConfigDict, Field
from pymongo import ASCENDING, DESCENDING, IndexModel

from shared.contracts.rewards import CampaignStatus, CampaignTerms, DiscountReward, GrantStatus, Recipient, Trigger
from shared.documents import Document
from shared.money import DecimalString, Money


class Campaign(Document):
    """A campaign as it is now. Owner: its own partition."""

    collection: ClassVar[str] = "campaigns"
    indexes: ClassVar[list[IndexModel]] = [
        IndexModel([("brand_id", ASCENDING), ("terms.trigger", ASCENDING), ("status", ASCENDING)]),
    ]
    version: int
    status: CampaignStatus
    terms: CampaignTerms
    created_at: datetime
    changed_at: datetime


class CampaignVersion(Document):
    """Terms as they once were; id `<campaign>:<version>`. Never changed."""

    collection: ClassVar[str] = "campaign_versions"
    indexes: ClassVar[list[IndexModel]] = [IndexModel([("brand_id", ASCENDING), ("campaign_id", ASCENDING)])]
    campaign_id: str
    version: int
    terms: CampaignTerms
    at: datetime


class Tally(Document):
    """What a campaign has given; its id is the campaign's. Owner: the campaign's partition.

    `granted` and `spent` count the grants that hold a place and money (`lifecycle.holds`), so caps are exact.
    """

    collection: ClassVar[str] = "tallies"
    campaign_id: str
    granted: int = 0
    redeemed: int = 0
    spent: DecimalString = Decimal(0)


class PersonTally(Document):
    """What a campaign has given one person, by one of their names; id `<campaign>:<person>`. Owner: the campaign."""

    collection: ClassVar[str] = "person_tallies"
    indexes: ClassVar[list[IndexModel]] = [IndexModel([("brand_id", ASCENDING), ("campaign_id", ASCENDING)])]
    campaign_id: str
    person: str
    granted: int = 0


class Use(BaseModel):
    """Whether an order uses the grant's code, by the order's newest revision."""

    model_config = ConfigDict(frozen=True)

    order_id: str
    revision: int
    used: bool
    at: datetime
    discount: Money | None = None


class Grant(Document):
    """A reward given to a person, with the terms it was given under. Owner: the campaign's partition.

    `state` is what Vouch decided; `status`, which everybody sees, is `redeemed` as long as an order uses the code.
    """

    collection: ClassVar[str] = "grants"
    indexes: ClassVar[list[IndexModel]] = [
        IndexModel([("brand_id", ASCENDING), ("created_at", DESCENDING)]),
        IndexModel(
            [("brand_id", ASCENDING), ("campaign_id", ASCENDING), ("status", ASCENDING), ("expires_at", ASCENDING)]
        ),
        IndexModel([("brand_id", ASCENDING), ("code_key", ASCENDING)]),
        IndexModel([("brand_id", ASCENDING), ("people", ASCENDING), ("created_at", DESCENDING)]),
    ]
    campaign_id: str
    campaign_version: int
    campaign_name: str
    trigger: Trigger
    source_id: str
    note: str | None = None
    recipient: Recipient
    people: list[str] = Field(description="Every name the person is known by; caps count each.")
    reward: DiscountReward
    title: dict[str, str]
    cost: DecimalString = Field(description="What the campaign's budget reckons with, shop currency.")
    state: GrantStatus = "reserved"
    status: GrantStatus = "reserved"
    reason: str | None = None
    code: str
    code_key: str = Field(description="The code in lower case: codes ignore case.")
    code_wanted: bool = Field(description="Whether the code has been ordered at Shopify (False: waits to be claimed).")
    discount_id: str | None = Field(None, description="The discount's global id at Shopify, once it exists.")
    created_at: datetime
    issued_at: datetime | None = None
    claimed_at: datetime | None = None
    starts_at: datetime
    expires_at: datetime
    uses: list[Use] = Field(default_factory=list)
    freed: bool = Field(False, description="Whether place and money went back to the campaign.")


class RefundedLines(BaseModel):
    """A refund: units per order line."""

    model_config = ConfigDict(frozen=True)

    refund_id: str
    lines: dict[str, int]


class CodeUse(BaseModel):
    """A discount code on an order and what it took off, shop currency."""

    model_config = ConfigDict(frozen=True)

    code: str
    amount: DecimalString | None = None


class OrderSnapshot(BaseModel):
    """An order as one webhook told it."""

    model_config = ConfigDict(frozen=True)

    order_id: str
    updated_at: datetime
    created_at: datetime
    currency: str
    cancelled: bool
    financial_status: str
    codes: list[CodeUse]
    lines: dict[str, int] = Field(description="Units bought per line.")


class OrderUse(Document):
    """What an order says about codes; id `<brand>:<order>`. Owner: the order's partition of ingress.shopify."""

    collection: ClassVar[str] = "order_uses"
    indexes: ClassVar[list[IndexModel]] = [IndexModel([("brand_id", ASCENDING)])]
    order_id: str
    snapshot: OrderSnapshot | None = None
    cancelled: bool = False
    refunds: list[RefundedLines] = Field(default_factory=list)
    revision: int = 0
    told: dict[str, bool] = Field(default_factory=dict, description="Grant → what its campaign was last told.")


class KnownAmbassador(Document):
    """What rewards needs of an ambassador; its id is the ambassador's. Kept from AmbassadorChanged."""

    collection: ClassVar[str] = "ambassadors"
    indexes: ClassVar[list[IndexModel]] = [IndexModel([("brand_id", ASCENDING), ("customer_id", ASCENDING)])]
    status: str
    tier: str | None
    customer_id: str | None
    language: str
    networks: list[str]


documents: list[type[Document]] = [
    Campaign, CampaignVersion, Tally, PersonTally, Grant, OrderUse, KnownAmbassador,
]  # fmt: skip

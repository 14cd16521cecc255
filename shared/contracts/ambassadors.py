"""Programmes, people, links, attribution and the commission ledger: owned by `services/ambassadors`."""

from datetime import datetime
from decimal import Decimal
from typing import ClassVar, Literal

from pydantic import Field

from shared.contracts.base import Command, Event, Value
from shared.contracts.gateway import NetworkName
from shared.money import CurrencyCode, DecimalString, Money
from shared.topics import Topic

AmbassadorStatus = Literal["candidate", "invited", "applied", "active", "paused", "offboarded", "rejected", "banned"]
AmbassadorAction = Literal["invite", "apply", "approve", "reject", "pause", "resume", "offboard", "ban"]
CommissionStatus = Literal["pending", "approved", "held", "in_payout", "paid", "refunded", "voided"]
AttributionRule = Literal["code", "click", "bound_customer"]
DEFAULT_PRECEDENCE: tuple[AttributionRule, ...] = ("code", "click", "bound_customer")
CandidateKind = Literal["code", "click", "landing_ref", "note", "bound_customer"]


class CommissionTerms(Value):
    """What an ambassador earns of an order line."""

    kind: Literal["percent", "fixed"] = "percent"
    value: DecimalString = Field(
        Decimal(10), ge=0, description="Percent of the base, or an amount per order in the shop's currency."
    )
    products: dict[str, DecimalString] = Field(
        default_factory=dict, description="Percent by Shopify product id, before `value`."
    )
    tiers: dict[str, DecimalString] = Field(default_factory=dict, description="Percent by tier name, before `value`.")
    new_customers_only: bool = False


class Tier(Value):
    """A level of the programme, reached by attributed revenue."""

    name: str = Field(examples=["gold"])
    threshold: DecimalString = Field(
        Decimal(0), ge=0, description="Attributed revenue from which it holds, shop currency."
    )
    perks: list[str] = Field(default_factory=list)


class ProgramTerms(Value):
    """The rules of a programme; frozen into every award with the programme's version."""

    commission: CommissionTerms = Field(default_factory=lambda: CommissionTerms())
    window_days: int = Field(
        30, ge=1, le=365, description="How long a click counts, to the second, from click to order."
    )
    hold_days: int = Field(30, ge=0, le=365, description="How long a commission stays pending after the order.")
    minimum_payout: DecimalString = Field(Decimal(0), ge=0)
    precedence: list[AttributionRule] = Field(default_factory=lambda: list(DEFAULT_PRECEDENCE))
    click_choice: Literal["last", "first"] = "last"
    foreign_code_wins: bool = Field(False, description="A coupon that is no ambassador's takes the order from links.")
    tiers: list[Tier] = Field(default_factory=list)
    customer_discount_percent: DecimalString = Field(
        Decimal(0), ge=0, le=100, description="What an ambassador's code gives the buyer."
    )


class NetworkAccount(Value):
    """An account on a network that belongs to the person."""

    network: NetworkName
    account_id: str | None = None
    handle: str | None = None
    verified: bool = False


class AmbassadorProfile(Value):
    """Who an ambassador is."""

    name: str = Field(min_length=1, max_length=200)
    email: str | None = Field(None, max_length=320)
    customer_id: str | None = Field(None, description="Shopify customer id.")
    language: str = "en"
    accounts: list[NetworkAccount] = Field(default_factory=list)


class ProfileChanges(Value):
    """What to change of a profile. Left out (or null) stays; an empty text empties it."""

    name: str | None = Field(None, min_length=1, max_length=200)
    email: str | None = Field(None, max_length=320)
    customer_id: str | None = None
    language: str | None = None
    accounts: list[NetworkAccount] | None = None


class OrderLineFacts(Value):
    """A line of an order as a payload states it, in shop currency."""

    line_id: str
    product_id: str | None = None
    title: str = ""
    quantity: int = Field(ge=0, description="Units bought, refunded ones included.")
    current_quantity: int = Field(ge=0, description="Units left after refunds and edits the payload knows of.")
    price: DecimalString = Field(description="Per unit, before discounts.")
    discount: DecimalString = Field(Decimal(0), description="All discounts on the line's units together.")
    included_tax: DecimalString = Field(
        Decimal(0), description="Tax inside the discounted price; 0 where tax comes on top."
    )
    exempt: Literal["gift_card", "tip"] | None = Field(None, description="Why the line earns nothing.")


class OrderEvidence(Value):
    """What says who brought an order: the oldest payload's word counts."""

    as_of: datetime = Field(description="The payload's `updated_at`.")
    rank: int = Field(0, description="Which of two payloads of one second is the earlier.")
    ordered_at: datetime = Field(description="The order's `created_at`.")
    codes: list[str] = Field(default_factory=list, description="Discount codes in the order's sequence.")
    landing_ref: str | None = None
    landing_click: str | None = None
    note_ref: str | None = None
    note_click: str | None = None
    customer_id: str | None = None
    orders_before: int | None = Field(None, description="The customer's earlier orders, where the payload says.")
    referring_site: str | None = None
    source: str | None = Field(None, description="Where it was sold: web, pos, subscription_contract…")


class OrderSnapshot(Value):
    """What an order is worth: the newest payload's word counts."""

    as_of: datetime = Field(description="The payload's `updated_at`.")
    rank: int = 0
    name: str
    currency: CurrencyCode
    paid: bool
    refunded: bool = Field(False, description="All money was given back, whatever lines the refunds name.")
    lines: list[OrderLineFacts]
    refunds: list[str] = Field(default_factory=list, description="Ids of the refunds the payload knows of.")


class OrderRefund(Value):
    """Units given back. A refund never changes once made."""

    refund_id: str
    at: datetime
    units: dict[str, int] = Field(description="Units by line id.")


class OrderEdit(Value):
    """Units added or removed after checkout, until a snapshot that is not older states the outcome."""

    edit_id: str
    at: datetime
    units: dict[str, int] = Field(description="Units by line id; removed ones negative.")


class OrderFacts(Value):
    """All that one webhook says of an order. Facts of several webhooks join in any sequence to the same whole."""

    evidence: OrderEvidence | None = None
    snapshot: OrderSnapshot | None = None
    refunds: dict[str, OrderRefund] = Field(default_factory=dict)
    edits: dict[str, OrderEdit] = Field(default_factory=dict)
    customer_ids: list[str] = Field(default_factory=list, description="Every customer id any payload named, sorted.")
    emails: list[str] = Field(
        default_factory=list, description="Every buyer's e-mail any payload named, normalised, sorted."
    )
    cancelled: bool = False
    test: bool = False


class CustomerStanding(Value):
    """What a customer's earlier orders mean for one order."""

    ambassador_id: str | None = Field(None, description="Whom the customer's first attributed order bound them to.")
    bound_at: datetime | None = None
    bound_by: str | None = Field(None, description="The order that bound them.")
    returning: bool = Field(False, description="There is an earlier order.")


class _Command(Command):
    topic: ClassVar[Topic] = Topic.COMMANDS_AMBASSADORS


class _AmbassadorCommand(_Command):
    keyed_by: ClassVar[str] = "ambassador_id"
    ambassador_id: str = Field(examples=["amb_01J9ZQ4Y3N8M5K7T2V6W1X0ABC"])


class SetProgram(_Command):
    """Create a programme or give it a new version of its terms."""

    keyed_by: ClassVar[str] = "brand_id"
    program_id: str
    name: str
    terms: ProgramTerms


class AddAmbassador(_AmbassadorCommand):
    """Take a person in: as candidate, invited, or with an application of their own."""

    program_id: str
    profile: AmbassadorProfile
    code: str | None = Field(
        None, pattern=r"^[A-Za-z0-9_-]{3,32}$", description="Wished code; made from the name when left out."
    )
    status: Literal["candidate", "invited", "applied"] = "candidate"
    note: str | None = None


class ChangeAmbassador(_AmbassadorCommand):
    """Move a person through the lifecycle. Refused where the state machine has no such edge."""

    action: AmbassadorAction
    reason: str | None = Field(None, max_length=500)


class UpdateAmbassador(_AmbassadorCommand):
    """Change a person's profile, code or pinned tier. Left-out fields stay."""

    profile: AmbassadorProfile | None = Field(None, description="Replaces the whole profile.")
    changes: ProfileChanges | None = Field(None, description="Changes some of it.")
    code: str | None = Field(
        None, pattern=r"^[A-Za-z0-9_-]{3,32}$", description="A new code; the old one goes on leading to them."
    )
    tier: str | None = Field(None, description="Pins the tier; an empty text unpins it.")


class RecordPersonalCode(_AmbassadorCommand):
    """What came of creating or deactivating the personal code at Shopify (internal)."""

    action: Literal["create", "deactivate"]
    code: str
    ok: bool
    discount_id: str | None = None
    reason: str | None = None


class RecordClick(_AmbassadorCommand):
    """Somebody followed an ambassador's link."""

    click_id: str = Field(examples=["clk_01J9ZQ4Y3N8M5K7T2V6W1X0ABC"])
    code: str
    at: datetime
    address_digest: str | None = Field(None, description="Keyed digest of the client address; never the address.")
    user_agent: str | None = Field(None, max_length=300)
    bot: bool = False


class RecordOrder(_Command):
    """Hear of an order (internal: from an ingress record). Facts in any sequence, any number of times."""

    keyed_by: ClassVar[str] = "order_id"
    order_id: str = Field(examples=["5500001"])
    facts: OrderFacts


class NoteCustomerOrder(_Command):
    """Tell a customer's owner of an order and whom its own evidence credits (internal)."""

    keyed_by: ClassVar[str] = "customer_id"
    customer_id: str
    order_id: str
    ordered_at: datetime | None = Field(None, description="None: the order turned out to be somebody else's.")
    ambassador_id: str | None = None
    seen: CustomerStanding = Field(description="What the order was decided with.")


class ApplyStanding(_Command):
    """Tell an order what its customer's earlier orders mean for it now (internal)."""

    keyed_by: ClassVar[str] = "order_id"
    order_id: str
    customer_id: str
    standing: CustomerStanding


class OrderLineCommission(Value):
    """What one order line is worth now, in shop currency."""

    line_id: str
    product_id: str | None = None
    title: str = ""
    quantity: int = Field(ge=0, description="Units that remain.")
    bought: int = Field(0, ge=0, description="Units bought, refunded ones included.")
    exempt: Literal["gift_card", "tip"] | None = None
    rate: DecimalString | None = Field(None, description="Percent; None for a share of a fixed amount.")
    base: DecimalString = Field(description="What remains after discounts, taxes and refunds.")
    awarded: DecimalString = Field(description="Commission on the line as bought.")
    commission: DecimalString = Field(description="Commission that remains after refunds.")


class SettleOrder(_AmbassadorCommand):
    """What an order is worth to an ambassador now (internal: from the order's partition to the ledger's).

    It states a target, not a change: the ledger books the difference to what it already holds for the order, so the
    final ledger is the same for every order of arrival. Older revisions are ignored.
    """

    order_id: str
    order_name: str
    revision: int = Field(description="Grows with every change of the order's document.")
    currency: CurrencyCode
    ordered_at: datetime
    paid: bool
    cancelled: bool
    program_id: str
    program_version: int
    rule: AttributionRule | None = Field(None, description="None when the order no longer belongs to this ambassador.")
    base: DecimalString
    lines: list[OrderLineCommission]
    hold_until: datetime
    flags: list[str] = Field(default_factory=list)


class HoldCommission(_AmbassadorCommand):
    """Keep a commission from maturing until a person decides."""

    commission_id: str
    reason: str = Field(min_length=1, max_length=500)


class ReleaseCommission(_AmbassadorCommand):
    """Let a held commission go on."""

    commission_id: str


class VoidCommission(_AmbassadorCommand):
    """Take a commission away, with the reason; a paid one is refused."""

    commission_id: str
    reason: str = Field(min_length=1, max_length=500)


class MatureCommissions(_AmbassadorCommand):
    """Approve what has been held long enough (internal: from the scheduler)."""

    as_of: datetime


class _Event(Event):
    topic: ClassVar[Topic] = Topic.EVENTS_AMBASSADORS


class ProgramChanged(_Event):
    """A programme has a new version."""

    keyed_by: ClassVar[str] = "brand_id"
    program_id: str
    program_version: int
    name: str


class AmbassadorChanged(_Event):
    """A person's whole public state, after every change; `change` says what happened."""

    keyed_by: ClassVar[str] = "ambassador_id"
    ambassador_id: str
    program_id: str
    status: AmbassadorStatus
    code: str
    tier: str | None
    profile: AmbassadorProfile
    codes: list[str] = Field(default_factory=list, description="Every code that leads to them, the present one first.")
    change: str = Field(examples=["approve"])


class TierReached(_Event):
    """An ambassador reached a higher tier."""

    keyed_by: ClassVar[str] = "ambassador_id"
    ambassador_id: str
    customer_id: str | None = None
    tier: str


class OrderAttributed(_Event):
    """An order was attributed for the first time; triggers rewards. Later changes are `OrderRevised`."""

    keyed_by: ClassVar[str] = "order_id"
    order_id: str
    order_name: str
    ambassador_id: str
    ambassador_customer_id: str | None = None
    customer_id: str | None = None
    rule: AttributionRule
    ordered_at: datetime
    total: Money = Field(description="Base of the commission: lines after discounts, without tax and shipping.")
    commission: Money
    first_order: bool = Field(False, description="The customer's first order at the shop, as far as the shop says.")


class OrderRevised(_Event):
    """An attributed order changed: refunded, edited, cancelled or given to somebody else."""

    keyed_by: ClassVar[str] = "order_id"
    order_id: str
    ambassador_id: str | None
    total: Money
    commission: Money
    cancelled: bool = False


class CommissionChanged(_Event):
    """A commission's state after an entry in the ledger."""

    keyed_by: ClassVar[str] = "ambassador_id"
    ambassador_id: str
    commission_id: str
    order_id: str
    status: CommissionStatus
    amount: Money = Field(description="What remains of the commission.")

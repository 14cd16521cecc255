"""Documents of orders and their buyers. An order is written by its own partition, a customer by theirs."""

from datetime import datetime
from decimal import Decimal
from typing import ClassVar

from pydantic import Field
from pymongo import IndexModel

from services.ambassadors.attribution import Verdict
from shared.contracts.ambassadors import (
    AttributionRule,
    CustomerStanding,
    OrderFacts,
    OrderLineCommission,
    ProgramTerms,
)
from shared.contracts.base import Value
from shared.documents import Document
from shared.money import DecimalString


class Award(Value):
    """The terms an order's commission goes by, frozen when it was first attributed to the ambassador."""

    program_id: str
    program_version: int
    terms: ProgramTerms
    tier: str | None
    customer_id: str | None = Field(None, description="The ambassador's own.")


class Noted(Value):
    """What the buyer's owner was last told of the order."""

    customer_id: str
    ordered_at: datetime
    ambassador_id: str | None


class Order(Document):
    """An order: what is known of it, whose it is and why, and what it earns."""

    collection: ClassVar[str] = "orders"
    indexes: ClassVar[list[IndexModel]] = [
        IndexModel([("brand_id", 1), ("ordered_at", -1)]),
        IndexModel([("brand_id", 1), ("ambassador_id", 1), ("ordered_at", -1)]),
    ]

    order_id: str
    facts: OrderFacts = Field(default_factory=OrderFacts)
    standing: CustomerStanding = Field(default_factory=CustomerStanding)
    verdict: Verdict | None = Field(None, description="None until a payload with the order itself was heard.")
    credited: str | None = Field(None, description="Whom the order's own evidence credits, bindings left aside.")
    flags: list[str] = Field(default_factory=list, description="Fraud flags that hold the commission.")
    awards: dict[str, Award] = Field(default_factory=dict, description="By ambassador.")
    noted: Noted | None = None
    settled: dict[str, str] = Field(default_factory=dict, description="Digest of the last target, by ambassador.")
    announced: bool = False
    revision: int = 0

    name: str = ""
    ordered_at: datetime | None = None
    currency: str = ""
    ambassador_id: str | None = None
    rule: AttributionRule | None = None
    base: DecimalString = Decimal(0)
    awarded: DecimalString = Decimal(0)
    commission: DecimalString = Decimal(0)
    lines: list[OrderLineCommission] = Field(default_factory=list)

    @property
    def award(self) -> Award | None:
        return self.awards.get(self.ambassador_id or "")

    @property
    def returning(self) -> bool:
        """The buyer has ordered before, as far as the shop or our own records say."""
        evidence = self.facts.evidence
        return self.standing.returning or bool(evidence and evidence.orders_before)


class CustomerOrder(Value):
    """One order of a customer, and what it was last told."""

    ordered_at: datetime
    ambassador_id: str | None
    told: CustomerStanding


class Customer(Document):
    """A customer's orders: the first attributed one binds the customer to its ambassador."""

    collection: ClassVar[str] = "customers"

    customer_id: str
    orders: dict[str, CustomerOrder] = Field(default_factory=dict)

    def standing(self, order_id: str, ordered_at: datetime) -> CustomerStanding:
        """What the orders before this one mean for it."""
        place = (ordered_at, order_id)
        earlier = sorted((order.ordered_at, id) for id, order in self.orders.items() if (order.ordered_at, id) < place)
        binding = next((id for _, id in earlier if self.orders[id].ambassador_id), None)
        if binding is None:
            return CustomerStanding(returning=bool(earlier))
        order = self.orders[binding]
        return CustomerStanding(
            ambassador_id=order.ambassador_id, bound_at=order.ordered_at, bound_by=binding, returning=True
        )

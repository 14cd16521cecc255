"""Documents of people and programmes. Orders and the ledger have theirs in `orders/` and `ledger/`."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, ClassVar, Literal

from pydantic import Field
from pymongo import IndexModel

from shared.contracts.ambassadors import AmbassadorProfile, AmbassadorStatus, ProgramTerms
from shared.contracts.base import Value
from shared.documents import Document


class ProgramVersion(Value):
    """A programme's terms from a moment on."""

    version: int
    since: datetime
    name: str
    terms: ProgramTerms


class Program(Document):
    """A programme with every version of its terms."""

    collection: ClassVar[str] = "programs"
    indexes: ClassVar[list[IndexModel]] = [IndexModel([("brand_id", 1), ("created_at", 1)])]

    created_at: datetime
    versions: list[ProgramVersion]

    @property
    def current(self) -> ProgramVersion:
        return self.versions[-1]

    def at(self, moment: datetime) -> ProgramVersion:
        """The version in force at `moment`; the present one when the records do not reach back so far."""
        return in_force(self.versions, moment) or self.current


class StatusChange(Value):
    """A step of the lifecycle."""

    since: datetime
    status: AmbassadorStatus


def in_force(changes: Sequence[Any], moment: datetime) -> Any:
    """The last of the changes (each with `since`, oldest first) that began by `moment`, to the second; None before all.

    Shopify states an order's time in whole seconds, so a change counts from the beginning of its second.
    """
    return next((change for change in reversed(changes) if change.since.replace(microsecond=0) <= moment), None)


class ShopCode(Value):
    """The personal code's state at Shopify."""

    state: Literal["none", "creating", "active", "deactivating", "inactive", "failed"] = "none"
    discount_id: str | None = None
    reason: str | None = None


class Ambassador(Document):
    """A person in a programme."""

    collection: ClassVar[str] = "ambassadors"
    indexes: ClassVar[list[IndexModel]] = [
        IndexModel([("brand_id", 1), ("status", 1), ("created_at", -1)]),
        IndexModel([("brand_id", 1), ("created_at", -1)]),
        IndexModel([("brand_id", 1), ("profile.customer_id", 1)]),
        IndexModel([("brand_id", 1), ("mailbox", 1)]),
    ]

    program_id: str
    profile: AmbassadorProfile
    mailbox: str | None = Field(None, description="The profile's e-mail, normalised.")
    code: str
    codes: list[str] = Field(description="Every code that leads here, the present one first.")
    status: AmbassadorStatus
    history: list[StatusChange]
    tier: str | None = None
    tier_pinned: bool = False
    tiers_reached: list[str] = Field(default_factory=list)
    shop_code: ShopCode = Field(default_factory=ShopCode)
    note: str | None = None
    created_at: datetime

    @property
    def since(self) -> datetime:
        """When the present status began."""
        return self.history[-1].since

    def status_at(self, moment: datetime) -> AmbassadorStatus:
        """The status at `moment`; the present one before the first record of it, and for whoever is banned now."""
        change: StatusChange | None = in_force(self.history, moment)
        return self.status if change is None or self.status == "banned" else change.status


class CodeReservation(Document):
    """A code belongs to one ambassador of the brand, for ever: printed links go on leading to them.

    Its id holds the folded code, so two partitions that take one code at once collide in MongoDB: the second
    transaction is done again, sees the first, and refuses.
    """

    collection: ClassVar[str] = "codes"
    indexes: ClassVar[list[IndexModel]] = [IndexModel([("brand_id", 1), ("ambassador_id", 1)])]

    ambassador_id: str
    code: str
    reserved_at: datetime


class AuditEntry(Document):
    """Who changed what about whom, when and why."""

    collection: ClassVar[str] = "audit"
    indexes: ClassVar[list[IndexModel]] = [
        IndexModel([("brand_id", 1), ("subject", 1), ("at", -1)]),
        IndexModel([("brand_id", 1), ("at", -1)]),
    ]

    subject: str
    at: datetime
    actor: str
    change: str
    before: dict[str, Any] = Field(default_factory=dict)
    after: dict[str, Any] = Field(default_factory=dict)
    reason: str | None = None


class Click(Document):
    """Somebody followed a link."""

    collection: ClassVar[str] = "clicks"
    indexes: ClassVar[list[IndexModel]] = [
        IndexModel([("brand_id", 1), ("ambassador_id", 1), ("at", -1)]),
        # A click proves nothing once the longest window (365 days) is over; statistics live in the roll-ups.
        IndexModel([("at", 1)], expireAfterSeconds=int(timedelta(days=400).total_seconds())),
    ]

    ambassador_id: str
    code: str
    at: datetime
    address_digest: str | None = None
    user_agent: str | None = None
    bot: bool = False

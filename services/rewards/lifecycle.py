"""A grant's states, as pure functions.

`reserved → issued → redeemed`; aside `expired`, `revoked`, `failed`. An order's use of the code is a fact that may
come late or be taken back (`uses`); it lies over the decided `state`, so the order of arrival does not matter.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from services.rewards.codes import normalised
from services.rewards.models import Grant, Use
from shared.contracts.rewards import GrantStatus
from shared.errors import Refused

LATE = timedelta(days=2)
"""How long after its expiry an order that used the code in time may still be heard of (webhooks can be a day late)."""


@dataclass(frozen=True, slots=True)
class Step:
    """What became of a grant. `change` is None when nobody needs to hear of it."""

    grant: Grant
    change: str | None = None
    deactivate: bool = False
    create: bool = False


@dataclass(frozen=True, slots=True)
class Holding:
    """What a grant takes of its campaign: places, money (shop currency), redemptions."""

    places: int
    money: Decimal
    redeemed: int


def holds(grant: Grant | None) -> Holding:
    """A grant given back (failed, revoked) holds no place; one that can cost nothing any more holds no money."""
    if grant is None:
        return Holding(0, Decimal(0), 0)
    if grant.status == "redeemed":
        return Holding(1, grant.cost, 1)
    place = not (grant.freed and grant.state in ("failed", "revoked"))
    return Holding(int(place), Decimal(0) if grant.freed else grant.cost, 0)


def code_created(grant: Grant, code: str, discount_id: str | None, at: datetime) -> Step:
    """The code exists at Shopify. One that is no longer wanted is deactivated."""
    known = {"code": code, "code_key": normalised(code), "discount_id": discount_id or grant.discount_id}
    if grant.state == "reserved":
        return _step(grant, "issued", known | {"state": "issued", "issued_at": at, "reason": None})
    return Step(grant.model_copy(update=known), deactivate=grant.state == "revoked")


def code_refused(grant: Grant, reason: str) -> Step:
    """Shopify will not make the code. What was reserved goes back to the campaign."""
    if grant.state == "reserved":
        return _step(grant, "failed", {"state": "failed", "reason": reason, "freed": True})
    if grant.state == "revoked":  # there never was a code to deactivate
        return Step(grant.model_copy(update={"freed": True}))
    return Step(grant)


def code_deactivated(grant: Grant) -> Step:
    """The revoked code can't be used any more."""
    return Step(grant.model_copy(update={"freed": True}) if grant.state == "revoked" else grant)


def claimed(grant: Grant, customer_id: str, at: datetime) -> Step:
    """Bind a grant to a customer and order its code. Raises `Refused` when it can't be had any more."""
    if grant.recipient.customer_id == customer_id:
        return Step(grant)
    if grant.status not in ("reserved", "issued"):
        raise Refused(409, "grant-over", f"The reward is {grant.status}", grant.reason)
    recipient = grant.recipient.model_copy(update={"customer_id": customer_id, "key": f"customer:{customer_id}"})
    people = list(dict.fromkeys([*grant.people, recipient.key]))
    changes: dict[str, Any] = {"recipient": recipient, "people": people, "claimed_at": at, "reason": None}
    if grant.code_wanted:
        return Step(grant.model_copy(update=changes), "claimed")
    valid = timedelta(days=grant.reward.valid_days)
    changes |= {"code_wanted": True, "starts_at": at, "expires_at": at + valid}
    return Step(grant.model_copy(update=changes), "claimed", create=True)


def revoked(grant: Grant, reason: str) -> Step:
    """Take a grant back. Raises `Refused` when it was used or is over; revoking twice changes nothing."""
    if grant.state == "revoked":
        return Step(grant)
    if grant.status not in ("reserved", "issued"):
        raise Refused(
            409, "grant-over", f"The reward is {grant.status}", "Only a reserved or issued grant can be revoked."
        )
    # Its place and money go back when the code is certain to be dead: an order may be using it right now.
    changes = {"state": "revoked", "reason": reason, "freed": not grant.code_wanted}
    return _step(grant, "revoked", changes, deactivate=grant.discount_id is not None)


def expired(grant: Grant, as_of: datetime) -> Step:
    """Expire what is past its time and unused; later, free the money that a late order could still have claimed."""
    if grant.status in ("reserved", "issued") and grant.expires_at <= as_of:
        never_usable = not grant.code_wanted
        reason = "not claimed in time" if never_usable else None
        return _step(grant, "expired", {"state": "expired", "reason": reason, "freed": never_usable})
    if grant.status == "expired" and not grant.freed and grant.expires_at + LATE <= as_of:
        return Step(grant.model_copy(update={"freed": True}))
    return Step(grant)


def settled(grant: Grant, use: Use) -> Step:
    """What an order says now about using the code; older revisions of the same order are ignored."""
    known = next((u for u in grant.uses if u.order_id == use.order_id), None)
    if known and known.revision >= use.revision:
        return Step(grant)
    uses = sorted([*(u for u in grant.uses if u.order_id != use.order_id), use], key=lambda u: u.order_id)
    after = _step(grant, "redeemed" if use.used else "given_back", {"uses": uses})
    return after if after.grant.status != grant.status else Step(after.grant)


def status_of(state: GrantStatus, uses: list[Use]) -> GrantStatus:
    """What everybody sees: `redeemed` as long as an order uses the code."""
    return "redeemed" if any(use.used for use in uses) else state


def _step(grant: Grant, change: str, update: dict[str, Any], *, deactivate: bool = False) -> Step:
    after = grant.model_copy(update=update)
    after = after.model_copy(update={"status": status_of(after.state, after.uses)})
    return Step(after, change, deactivate)

"""Which tier an ambassador's revenue reaches. Pure."""

from collections.abc import Sequence
from decimal import Decimal

from shared.contracts.ambassadors import Tier
from shared.contracts.base import Value


class Progress(Value):
    """Where somebody stands among the tiers."""

    name: str | None
    next: str | None = None
    missing: Decimal | None = None


def reached(tiers: Sequence[Tier], revenue: Decimal) -> Tier | None:
    """The highest tier whose threshold the revenue has reached."""
    return max((tier for tier in tiers if tier.threshold <= revenue), key=lambda tier: tier.threshold, default=None)


def progress(tiers: Sequence[Tier], revenue: Decimal, present: str | None) -> Progress:
    """The present tier (which may be pinned), the next above it, and the revenue still missing to that."""
    floor = next((tier.threshold for tier in tiers if tier.name == present), None)
    above = [tier for tier in tiers if tier.name != present and (floor is None or tier.threshold > floor)]
    above = [tier for tier in above if tier.threshold > revenue] or []
    following = min(above, key=lambda tier: tier.threshold, default=None)
    if following is None:
        return Progress(name=present)
    return Progress(name=present, next=following.name, missing=following.threshold - revenue)

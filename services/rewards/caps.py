"""Caps of a campaign. Decided by the campaign's one writer, so that what is checked is what is counted."""

from collections.abc import Mapping
from decimal import Decimal

from services.rewards.lifecycle import holds
from services.rewards.models import Grant, PersonTally, Tally
from shared.contracts.rewards import Caps
from shared.errors import Refused


def check_caps(caps: Caps, tally: Tally, people: Mapping[str, int]) -> None:
    """Raise `Refused` (409) when one more grant would be one too many. `people`: the person's names → grants so far."""
    if caps.total is not None and tally.granted >= caps.total:
        raise Refused(
            409, "campaign-exhausted", "The campaign has given all it had", f"{tally.granted} of {caps.total}"
        )
    if caps.budget is not None and tally.spent + caps.cost_estimate > caps.budget:
        detail = f"{tally.spent:f} of {caps.budget:f} is spent, one more costs {caps.cost_estimate:f}"
        raise Refused(409, "budget-spent", "The campaign's budget is spent", detail)
    check_person(caps, people)


def check_person(caps: Caps, people: Mapping[str, int]) -> None:
    """Raise `Refused` (409) when the person, by whatever name, already has as many grants as one may have."""
    if caps.per_person is not None and max(people.values(), default=0) >= caps.per_person:
        raise Refused(
            409,
            "already-rewarded",
            "This person already has the campaign's reward",
            f"At most {caps.per_person} a person.",
        )


def moved(tally: Tally, before: Grant | None, after: Grant) -> Tally:
    """The campaign's tally after a grant changed."""
    was, now = holds(before), holds(after)
    return tally.model_copy(
        update={
            "granted": tally.granted + now.places - was.places,
            "spent": Decimal(tally.spent) + now.money - was.money,
            "redeemed": tally.redeemed + now.redeemed - was.redeemed,
        }
    )


def moved_people(before: Grant | None, after: Grant) -> dict[str, int]:
    """How the person's tallies change, per name; names without a change are left out."""
    changes = dict.fromkeys(after.people, holds(after).places)
    for person in before.people if before else ():
        changes[person] = changes.get(person, 0) - holds(before).places
    return {person: change for person, change in changes.items() if change}


def with_change(tally: PersonTally, change: int) -> PersonTally:
    """A person's tally after the change."""
    return tally.model_copy(update={"granted": tally.granted + change})

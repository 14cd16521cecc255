"""Who brought an order: a pure function of (facts, candidates, terms) to a verdict that says why.

Every candidate is judged on its own first; those that nothing speaks against are ranked by the programme's precedence,
and the first takes the order. A refused one leaves its turn to the next.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Literal

from pydantic import Field

from shared.contracts.ambassadors import AmbassadorStatus, AttributionRule, CandidateKind, ProgramTerms
from shared.contracts.base import Value

Reason = Literal[
    "accepted", "outranked", "unknown_code", "test_order", "banned", "not_active", "own_purchase", "returning_customer",
    "rule_not_used", "foreign_code", "bot_click", "click_of_another", "click_after_order", "outside_window",
]  # fmt: skip
RULES: dict[CandidateKind, AttributionRule] = {
    "code": "code",
    "click": "click",
    "landing_ref": "click",
    "note": "click",
    "bound_customer": "bound_customer",
}


class Touch(Value):
    """One trace that leads from an order to an ambassador (or to nobody, then `ambassador_id` is None)."""

    kind: CandidateKind
    ambassador_id: str | None
    at: datetime | None = Field(None, description="When they met; None when nothing says.")
    code: str | None = None
    click_id: str | None = None
    recorded: bool = Field(False, description="A click of ours proves it.")
    bot: bool = False
    click_owner: str | None = Field(None, description="Whose link the named click was on.")


class Person(Value):
    """An ambassador as an order sees them: at its time, where the records reach back so far, else now."""

    ambassador_id: str
    status: AmbassadorStatus
    customer_id: str | None
    email: str | None = Field(description="Normalised.")
    program_id: str
    program_version: int
    terms: ProgramTerms
    tier: str | None


class Buyer(Value):
    """The order's side of the question."""

    ordered_at: datetime
    customer_ids: list[str] = Field(default_factory=list)
    emails: list[str] = Field(default_factory=list, description="Normalised.")
    test: bool = False
    returning: bool = False


class Candidate(Value):
    """A touch with its judgement, as the receipt shows it."""

    kind: CandidateKind
    ambassador_id: str | None
    at: datetime | None
    accepted: bool
    reason: Reason
    detail: str
    code: str | None = None
    click_id: str | None = None


class Verdict(Value):
    """Whose the order is, by which rule, and what became of every candidate."""

    ambassador_id: str | None = None
    rule: AttributionRule | None = None
    touch: Touch | None = Field(None, description="The accepted one.")
    candidates: list[Candidate] = Field(default_factory=list)


Refusal = tuple[Reason, str]


def attribute(buyer: Buyer, touches: Sequence[Touch], people: Mapping[str, Person]) -> Verdict:
    """Judge and rank the touches. `people` holds every ambassador that a touch names."""
    foreign = any(touch.kind == "code" and touch.ambassador_id is None for touch in touches)
    refusals = [_refusal(buyer, touch, people.get(touch.ambassador_id or ""), foreign) for touch in touches]
    able = [index for index, refusal in enumerate(refusals) if refusal is None]
    first = min(able, key=lambda index: _rank(touches, index, people), default=None)
    winner = None if first is None else touches[first]
    judged = [_judged(touch, refusal, winner) for touch, refusal in zip(touches, refusals, strict=True)]
    if winner is None:
        return Verdict(candidates=judged)
    return Verdict(ambassador_id=winner.ambassador_id, rule=RULES[winner.kind], touch=winner, candidates=judged)


def _judged(touch: Touch, refusal: Refusal | None, winner: Touch | None) -> Candidate:
    if refusal:
        reason, detail = refusal
    elif touch is winner:
        reason, detail = "accepted", "Takes the order."
    else:
        assert winner is not None  # somebody was able: this touch
        reason, detail = "outranked", f"The {winner.kind.replace('_', ' ')} comes first."
    return Candidate(
        kind=touch.kind, ambassador_id=touch.ambassador_id, at=touch.at, accepted=reason == "accepted", reason=reason,
        detail=detail, code=touch.code, click_id=touch.click_id,
    )  # fmt: skip


def _rank(touches: Sequence[Touch], index: int, people: Mapping[str, Person]) -> tuple[int, int, float, int]:
    """Smaller comes first: the programme's precedence, then time for clicks, then the order's own sequence."""
    touch = touches[index]
    terms = people[touch.ambassador_id or ""].terms
    time = touch.at.timestamp() if touch.at else 0.0
    if RULES[touch.kind] != "click":
        time = 0.0
    elif terms.click_choice == "last":
        time = -time
    undated = int(touch.at is None)
    return terms.precedence.index(RULES[touch.kind]), undated, time, index


# -- what may speak against a touch, in the sequence in which it is asked ----------------------------------------
def _refusal(buyer: Buyer, touch: Touch, person: Person | None, foreign: bool) -> Refusal | None:
    if person is None:
        return "unknown_code", "No ambassador has this code."
    for objection in _OBJECTIONS:
        if found := objection(buyer, touch, person):
            return found
    if foreign and person.terms.foreign_code_wins and RULES[touch.kind] == "click":
        return "foreign_code", "A coupon that is no ambassador's takes the order from links."
    return None


def _test(buyer: Buyer, _: Touch, __: Person) -> Refusal | None:
    return ("test_order", "Test orders earn nothing.") if buyer.test else None


def _standing(_: Buyer, __: Touch, person: Person) -> Refusal | None:
    if person.status == "banned":
        return "banned", "The ambassador is banned."
    return None if person.status == "active" else ("not_active", f"The ambassador was {person.status}, not active.")


def _own(buyer: Buyer, _: Touch, person: Person) -> Refusal | None:
    if person.customer_id and person.customer_id in buyer.customer_ids:
        return "own_purchase", "The buyer is the ambassador: the same customer."
    if person.email and person.email in buyer.emails:
        return "own_purchase", "The buyer is the ambassador: the same mailbox."
    return None


def _returning(buyer: Buyer, _: Touch, person: Person) -> Refusal | None:
    if buyer.returning and person.terms.commission.new_customers_only:
        return "returning_customer", "The programme rewards new customers only, and this one has bought before."
    return None


def _rule(_: Buyer, touch: Touch, person: Person) -> Refusal | None:
    rule = RULES[touch.kind]
    return None if rule in person.terms.precedence else ("rule_not_used", f"The programme does not go by {rule}.")


def _click(buyer: Buyer, touch: Touch, person: Person) -> Refusal | None:
    if RULES[touch.kind] != "click":
        return None
    if touch.click_owner and touch.click_owner != touch.ambassador_id:
        return "click_of_another", "The click that comes with it was on somebody else's link."
    if touch.kind == "click" and touch.bot:
        return "bot_click", "The click was a machine's."
    return _window(buyer.ordered_at, touch.at, person.terms.window_days)


def _window(ordered_at: datetime, at: datetime | None, days: int) -> Refusal | None:
    """To the second, as Shopify states the order's time: both ends of the window are inside."""
    if at is None:
        return None
    age = ordered_at.replace(microsecond=0) - at.replace(microsecond=0)
    if age < timedelta():
        return "click_after_order", "The click came after the order."
    if age > timedelta(days=days):
        return "outside_window", f"The click was {age.days} days before the order; the window is {days} days."
    return None


Objection = Callable[[Buyer, Touch, Person], Refusal | None]
_OBJECTIONS: tuple[Objection, ...] = (_test, _standing, _own, _returning, _rule, _click)

"""From an order's facts to its attribution and worth. Pure."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from ulid import ULID

from services.ambassadors.attribution import Buyer, Person, Touch, Verdict, attribute
from services.ambassadors.codes import fold
from services.ambassadors.commission import earn
from services.ambassadors.fraud import Sale, flags_of
from services.ambassadors.models import Ambassador, Click, CodeReservation, Program
from services.ambassadors.orders.joining import units
from services.ambassadors.orders.models import Award, Order
from shared.contracts.ambassadors import CandidateKind, CustomerStanding, OrderEvidence


def question(order: Order) -> tuple[Any, ...]:
    """What the attribution depends on. While it stays the same, the answer stands: an order is attributed once."""
    facts = order.facts
    return facts.evidence, facts.customer_ids, facts.emails, facts.test, order.standing


def codes_of(evidence: OrderEvidence) -> set[str]:
    """Every code the evidence names, folded."""
    return {fold(code) for code in (*evidence.codes, evidence.landing_ref, evidence.note_ref) if code}


def clicks_of(evidence: OrderEvidence) -> set[str]:
    """Every click the evidence names."""
    return {click for click in (evidence.landing_click, evidence.note_click) if click}


def touches_of(
    evidence: OrderEvidence,
    standing: CustomerStanding,
    codes: Mapping[str, CodeReservation],
    clicks: Mapping[str, Click],
) -> list[Touch]:
    """The candidates, in the sequence in which equals are preferred. `codes` by folded code, `clicks` by id."""
    touches = [_code(code, codes) for code in evidence.codes]
    named = dict.fromkeys(id for id in (evidence.landing_click, evidence.note_click) if id)
    touches += [_click(clicks[id]) for id in named if id in clicks]
    if evidence.landing_ref:
        touches.append(
            _ref("landing_ref", evidence.landing_ref, evidence.landing_click, codes, clicks, evidence.ordered_at)
        )
    if evidence.note_ref:
        touches.append(_ref("note", evidence.note_ref, evidence.note_click, codes, clicks, None))
    if standing.ambassador_id:
        touches.append(Touch(kind="bound_customer", ambassador_id=standing.ambassador_id, at=standing.bound_at))
    return touches


def _code(code: str, codes: Mapping[str, CodeReservation]) -> Touch:
    return Touch(kind="code", ambassador_id=_owner(code, codes), code=code)


def _owner(code: str, codes: Mapping[str, CodeReservation]) -> str | None:
    reservation = codes.get(fold(code))
    return reservation.ambassador_id if reservation else None


def _click(click: Click) -> Touch:
    return Touch(
        kind="click", ambassador_id=click.ambassador_id, at=click.at, code=click.code, click_id=click.id, recorded=True,
        bot=click.bot,
    )  # fmt: skip


def _ref(
    kind: CandidateKind,
    code: str,
    click_id: str | None,
    codes: Mapping[str, CodeReservation],
    clicks: Mapping[str, Click],
    otherwise: datetime | None,
) -> Touch:
    """A `ref`, dated by its click: the recorded one, else the time inside the click's id, else `otherwise`."""
    click = clicks.get(click_id or "")
    return Touch(
        kind=kind, ambassador_id=_owner(code, codes), code=code, click_id=click_id, recorded=click is not None,
        at=click.at if click else _time_in(click_id) or otherwise, click_owner=click.ambassador_id if click else None,
    )  # fmt: skip


def _time_in(click_id: str | None) -> datetime | None:
    """When a click id was made (it ends in a ULID); None for what is none."""
    try:
        return ULID.from_str((click_id or "").rpartition("_")[2]).datetime
    except (ValueError, OverflowError, OSError):
        return None


def person_at(ambassador: Ambassador, program: Program, ordered_at: datetime, award: Award | None) -> Person:
    """The ambassador as the order sees them, with terms already frozen for it or those in force at its time."""
    version = program.at(ordered_at)
    return Person(
        ambassador_id=ambassador.id,
        status=ambassador.status_at(ordered_at),
        customer_id=ambassador.profile.customer_id,
        email=ambassador.mailbox,
        program_id=program.id,
        program_version=award.program_version if award else version.version,
        terms=award.terms if award else version.terms,
        tier=award.tier if award else ambassador.tier,
    )


def decide(order: Order, touches: Sequence[Touch], people: Mapping[str, Person]) -> Order:
    """The order with its verdict. Needs an order whose evidence is known."""
    evidence = order.facts.evidence
    assert evidence is not None  # the caller has looked up what it names
    buyer = Buyer(
        ordered_at=evidence.ordered_at, customer_ids=order.facts.customer_ids, emails=order.facts.emails,
        test=order.facts.test, returning=order.returning,
    )  # fmt: skip
    verdict = attribute(buyer, touches, people)
    own = attribute(buyer, [touch for touch in touches if touch.kind != "bound_customer"], people)
    return order.model_copy(
        update={
            "verdict": verdict,
            "ambassador_id": verdict.ambassador_id,
            "rule": verdict.rule,
            "credited": own.ambassador_id,
            "flags": _flags(order, verdict, evidence),
            "awards": _awards(order, verdict, people),
            "ordered_at": evidence.ordered_at,
        }
    )


def _flags(order: Order, verdict: Verdict, evidence: OrderEvidence) -> list[str]:
    if verdict.ambassador_id is None:
        return []
    return flags_of(Sale(verdict=verdict, emails=order.facts.emails, referring_site=evidence.referring_site))


def _awards(order: Order, verdict: Verdict, people: Mapping[str, Person]) -> dict[str, Award]:
    if verdict.ambassador_id is None:
        return order.awards
    person = people[verdict.ambassador_id]
    award = Award(
        program_id=person.program_id, program_version=person.program_version, terms=person.terms, tier=person.tier,
        customer_id=person.customer_id,
    )  # fmt: skip
    return {verdict.ambassador_id: award, **order.awards}


def value(order: Order) -> Order:
    """The order with what it is worth now, by the terms frozen for it; worth nothing while it is nobody's."""
    snapshot, award = order.facts.snapshot, order.award
    if snapshot is None:
        return order
    lines = earn(units(order.facts), award.terms.commission, award.tier, snapshot.currency) if award else []
    return order.model_copy(
        update={
            "name": snapshot.name,
            "currency": snapshot.currency,
            "lines": lines,
            "base": sum((line.base for line in lines), Decimal(0)),
            "awarded": sum((line.awarded for line in lines), Decimal(0)),
            "commission": sum((line.commission for line in lines), Decimal(0)),
        }
    )

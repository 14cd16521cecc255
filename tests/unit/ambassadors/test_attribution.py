"""Who brought an order: precedence, windows, refusals, as a pure function."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ambassadors.attribution import RULES, Buyer, Person, Touch, Verdict, attribute
from services.ambassadors.fraud import Sale, flags_of
from services.ambassadors.fraud.coupon_site import is_coupon_site
from shared.contracts.ambassadors import CommissionTerms, ProgramTerms

ORDERED = datetime(2026, 11, 22, 12, 0, 0, tzinfo=UTC)
BUYER = Buyer(ordered_at=ORDERED, customer_ids=["7001"], emails=["buyer@example.com"])


def person(name: str, *, terms: ProgramTerms | None = None, **more: Any) -> Person:
    fields: dict[str, Any] = {"status": "active", "customer_id": None, "email": None, "tier": None} | more
    return Person(ambassador_id=name, program_id="prg_1", program_version=1, terms=terms or ProgramTerms(), **fields)


def people(*names: str, terms: ProgramTerms | None = None) -> dict[str, Person]:
    return {name: person(name, terms=terms) for name in names}


def click(name: str, *, ago: timedelta = timedelta(hours=1), **more: Any) -> Touch:
    return Touch(kind="click", ambassador_id=name, at=ORDERED - ago, recorded=True, **more)


def code(name: str | None) -> Touch:
    return Touch(kind="code", ambassador_id=name, code="X")


BOUND = Touch(kind="bound_customer", ambassador_id="bound")


def reasons(verdict: Verdict) -> list[str]:
    return [candidate.reason for candidate in verdict.candidates]


def test_code_then_click_then_bound_customer() -> None:
    everybody = people("coder", "clicker", "bound")
    touches = [BOUND, click("clicker"), code("coder")]
    verdict = attribute(BUYER, touches, everybody)
    assert (verdict.ambassador_id, verdict.rule) == ("coder", "code")
    assert reasons(verdict) == ["outranked", "outranked", "accepted"]
    assert attribute(BUYER, touches[:2], everybody).rule == "click"
    assert attribute(BUYER, touches[:1], everybody).rule == "bound_customer"
    assert attribute(BUYER, [], everybody).ambassador_id is None


def test_the_programme_may_reorder_and_leave_out_rules() -> None:
    terms = ProgramTerms(precedence=["click"])
    verdict = attribute(
        BUYER, [code("coder"), BOUND, click("clicker")], people("coder", "clicker", "bound", terms=terms)
    )
    assert verdict.ambassador_id == "clicker"
    assert reasons(verdict) == ["rule_not_used", "rule_not_used", "accepted"]


@pytest.mark.parametrize(("choice", "winner"), [("last", "new"), ("first", "old")])
def test_last_or_first_click(choice: Any, winner: str) -> None:
    touches = [click("old", ago=timedelta(days=2)), click("new", ago=timedelta(days=1))]
    terms = ProgramTerms(click_choice=choice)
    assert attribute(BUYER, touches, people("old", "new", terms=terms)).ambassador_id == winner
    assert attribute(BUYER, touches[::-1], people("old", "new", terms=terms)).ambassador_id == winner


def test_what_has_no_date_comes_after_what_has_one() -> None:
    note = Touch(kind="note", ambassador_id="note")
    for choice in ("last", "first"):
        terms = ProgramTerms(click_choice=choice)
        assert (
            attribute(BUYER, [note, click("clicker")], people("note", "clicker", terms=terms)).ambassador_id
            == "clicker"
        )


@pytest.mark.parametrize(
    ("ago", "reason"),
    [
        (timedelta(days=30), "accepted"),
        (timedelta(days=30, milliseconds=999), "outside_window"),  # the click was in the second before
        (timedelta(days=30, milliseconds=-999), "accepted"),
        (timedelta(days=30, seconds=1), "outside_window"),
        (timedelta(), "accepted"),
        (timedelta(milliseconds=-999), "accepted"),  # within the order's second, which is all Shopify says
        (timedelta(seconds=-1), "click_after_order"),
    ],
)
def test_the_window_is_inclusive_to_the_second(ago: timedelta, reason: str) -> None:
    assert reasons(attribute(BUYER, [click("clicker", ago=ago)], people("clicker"))) == [reason]


def test_s17_own_purchase_by_customer_or_mailbox_leaves_the_turn_to_the_next() -> None:
    everybody = {
        "same_customer": person("same_customer", customer_id="7001"),
        "same_mailbox": person("same_mailbox", email="buyer@example.com"),
        "other": person("other"),
    }
    touches = [code("same_customer"), click("same_mailbox"), click("other", ago=timedelta(days=3))]
    verdict = attribute(BUYER, touches, everybody)
    assert reasons(verdict) == ["own_purchase", "own_purchase", "accepted"]
    assert verdict.ambassador_id == "other"


@pytest.mark.parametrize(
    ("status", "reason"),
    [("banned", "banned"), ("paused", "not_active"), ("offboarded", "not_active"), ("active", "accepted")],
)
def test_only_the_active_earn(status: Any, reason: str) -> None:
    assert reasons(attribute(BUYER, [code("a")], {"a": person("a", status=status)})) == [reason]


def test_test_orders_earn_nothing() -> None:
    buyer = BUYER.model_copy(update={"test": True})
    assert reasons(attribute(buyer, [code("a"), click("a")], people("a"))) == ["test_order", "test_order"]


def test_a_foreign_coupon_takes_the_order_from_links_where_the_programme_says_so() -> None:
    touches = [code(None), click("a"), BOUND]
    assert attribute(BUYER, touches, people("a", "bound")).ambassador_id == "a"
    verdict = attribute(BUYER, touches, people("a", "bound", terms=ProgramTerms(foreign_code_wins=True)))
    assert reasons(verdict) == ["unknown_code", "foreign_code", "accepted"]


def test_new_customers_only() -> None:
    terms = ProgramTerms(commission=CommissionTerms(new_customers_only=True))
    returning = BUYER.model_copy(update={"returning": True})
    assert reasons(attribute(returning, [code("a")], people("a", terms=terms))) == ["returning_customer"]
    assert reasons(attribute(BUYER, [code("a")], people("a", terms=terms))) == ["accepted"]


def test_machines_and_borrowed_clicks_do_not_count() -> None:
    borrowed = Touch(kind="note", ambassador_id="a", click_id="clk_1", recorded=True, click_owner="b", at=ORDERED)
    assert reasons(attribute(BUYER, [click("a", bot=True), borrowed], people("a"))) == ["bot_click", "click_of_another"]


touches_strategy = st.lists(
    st.builds(
        Touch,
        kind=st.sampled_from(sorted(RULES)),
        ambassador_id=st.sampled_from(["a", "b", "c", None]),
        at=st.none() | st.timedeltas(timedelta(days=-1), timedelta(days=60)).map(lambda ago: ORDERED - ago),
        bot=st.booleans(),
    ),
    max_size=6,
)
terms_strategy = st.builds(
    ProgramTerms,
    precedence=st.lists(st.sampled_from(["code", "click", "bound_customer"]), unique=True),
    click_choice=st.sampled_from(["last", "first"]),
    foreign_code_wins=st.booleans(),
    window_days=st.integers(1, 60),
)


@given(touches_strategy, terms_strategy, st.sampled_from(["active", "paused", "banned"]))
def test_every_verdict_explains_itself(touches: list[Touch], terms: ProgramTerms, status: Any) -> None:
    everybody = people("a", "b", terms=terms) | {"c": person("c", terms=terms, status=status, customer_id="7001")}
    verdict = attribute(BUYER, touches, everybody)
    assert len(verdict.candidates) == len(touches)
    accepted = [candidate for candidate in verdict.candidates if candidate.accepted]
    assert len(accepted) == (verdict.ambassador_id is not None)
    assert verdict.ambassador_id != "c"
    if verdict.ambassador_id is None:
        assert "outranked" not in reasons(verdict)


def test_s17_a_leaked_code_and_a_forged_note_are_flagged() -> None:
    leaked = attribute(BUYER, [code("a")], people("a"))
    assert flags_of(Sale(verdict=leaked, emails=[], referring_site="https://www.retailmenot.com/x")) == ["coupon_site"]
    assert flags_of(Sale(verdict=leaked, emails=[], referring_site="https://t.me/")) == []
    note = Touch(kind="note", ambassador_id="a", code="A")
    forged = attribute(BUYER, [note], people("a"))
    assert flags_of(Sale(verdict=forged, emails=["x@mailinator.com"])) == ["disposable_mail", "unproven_note"]
    proven = attribute(BUYER, [note.model_copy(update={"recorded": True, "at": ORDERED})], people("a"))
    assert flags_of(Sale(verdict=proven, emails=[])) == []
    borne_out = attribute(BUYER, [note, Touch(kind="landing_ref", ambassador_id="a", at=ORDERED)], people("a"))
    assert flags_of(Sale(verdict=borne_out, emails=[])) == []


@pytest.mark.parametrize(
    ("address", "known"),
    [
        ("https://coupons.com/a?b=c", True),
        ("pepper.ru", True),
        ("https://www.PROMOKODUS.com./", True),
        ("https://notcoupons.com", False),
        ("https://example.com/?u=coupons.com", False),
        ("http://[", False),
        ("", False),
        (None, False),
    ],
)
def test_coupon_sites(address: str | None, known: bool) -> None:
    assert is_coupon_site(address) is known

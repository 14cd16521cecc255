"""The ledger: whatever happens to a commission, its entries add up to what it is worth."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ambassadors.ledger import booking
from services.ambassadors.ledger.models import Commission, LedgerEntry, slot_of
from services.ambassadors.ledger.tiers import progress, reached
from shared.contracts.ambassadors import OrderLineCommission, SettleOrder, Tier

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def target(revision: int, left: str, *, awarded: str = "10.00", **more: Any) -> SettleOrder:
    fields: dict[str, Any] = {"paid": True, "cancelled": False, "rule": "code", "flags": []} | more
    line = OrderLineCommission(
        line_id="1", quantity=1, base=Decimal(left) * 10, awarded=Decimal(awarded), commission=Decimal(left)
    )
    return SettleOrder(
        brand_id="brd", ambassador_id="amb", order_id="1", order_name="#1", revision=revision, currency="EUR",
        ordered_at=NOW, program_id="prg", program_version=1, base=line.base, lines=[line] if fields["rule"] else [],
        hold_until=NOW + 30 * DAY, **fields,
    )  # fmt: skip


class Book:
    """A commission with all its entries."""

    def __init__(self) -> None:
        self.commission: Commission | None = None
        self.entries: list[LedgerEntry] = []
        self.sums = dict.fromkeys(booking.COUNTERS, 0)

    def take(self, after: Commission) -> Commission:
        after, entry = booking.post(self.commission, after, NOW)
        for name, amount in booking.change(self.commission, after).items():
            self.sums[name] += amount
        self.entries += [entry] if entry else []
        self.commission = after
        return after

    def settle(self, order: SettleOrder) -> Commission:
        return self.take(booking.settle(self.commission, order, NOW))


def test_award_refund_and_the_rest_matures() -> None:
    book = Book()
    assert book.settle(target(1, "10.00")).status == "pending"
    assert book.settle(target(2, "4.00")).amount == 4
    assert [(entry.kind, entry.amount) for entry in book.entries] == [("award", Decimal(10)), ("reversal", Decimal(-6))]
    known = book.commission
    assert known
    assert booking.mature(known, NOW + 30 * DAY - timedelta(seconds=1)) == known
    assert book.take(booking.mature(known, NOW + 30 * DAY)).status == "approved"
    assert book.settle(target(3, "0.00")).status == "refunded"


def test_an_unpaid_order_does_not_mature() -> None:
    commission = Book().settle(target(1, "10.00", paid=False))
    assert booking.mature(commission, NOW + 365 * DAY).phase == "pending"


def test_an_older_revision_changes_nothing() -> None:
    book = Book()
    book.settle(target(5, "4.00"))
    assert book.settle(target(4, "10.00")).amount == 4
    assert len(book.entries) == 1


def test_what_was_paid_is_clawed_back_by_a_negative_entry() -> None:
    book = Book()
    paid = book.settle(target(1, "10.00")).model_copy(update={"phase": "paid"})
    book.take(paid)
    after = book.settle(target(2, "3.00"))
    assert (after.status, after.amount) == ("paid", Decimal(3))
    assert [(entry.kind, entry.amount) for entry in book.entries] == [("award", Decimal(10)), ("clawback", Decimal(-7))]


def test_an_order_that_turns_out_to_be_anothers() -> None:
    book = Book()
    book.settle(target(1, "10.00"))
    after = book.settle(target(2, "0.00", rule=None))
    assert (after.status, after.amount, after.awarded) == ("voided", Decimal(0), Decimal(0))
    assert book.entries[-1].kind == "reattribution"
    assert set(book.sums.values()) == {0}


def test_a_flag_holds_until_a_person_or_thirty_days_clear_it() -> None:
    book = Book()
    held = book.settle(target(1, "10.00", flags=["coupon_site"]))
    assert held.status == "held"
    assert booking.mature(held, NOW + 30 * DAY - timedelta(seconds=1)).phase == "pending"
    assert book.take(booking.mature(held, NOW + 30 * DAY)).status == "approved"
    assert book.settle(target(2, "9.00", flags=["coupon_site"])).status == "approved"  # the same flag stays cleared
    assert book.settle(target(3, "9.00", flags=["coupon_site", "disposable_mail"])).status == "held"


def test_a_person_holds_releases_and_voids() -> None:
    book = Book()
    held = book.take(booking.hold(book.settle(target(1, "10.00")), "looks odd", NOW))
    assert held.status == "held"
    assert booking.mature(held, NOW + 365 * DAY) == held  # time clears flags, not people's decisions
    assert book.take(booking.release(held)).status == "pending"
    assert book.commission
    with pytest.raises(booking.NotPossible):
        booking.release(book.commission)
    voided = book.take(booking.void(book.commission, "fraud"))
    assert (voided.status, voided.amount) == ("voided", Decimal(0))
    assert book.settle(target(2, "10.00")).amount == 0
    with pytest.raises(booking.NotPossible):
        booking.void(voided, "again")


@pytest.mark.parametrize("step", [lambda c: booking.void(c, "x"), lambda c: booking.hold(c, "x", NOW)])
@pytest.mark.parametrize("phase", ["in_payout", "paid"])
def test_what_is_paid_is_not_taken_away(step: Any, phase: str) -> None:
    paid = Book().settle(target(1, "10.00")).model_copy(update={"phase": phase})
    with pytest.raises(booking.NotPossible):
        step(paid)


steps = st.lists(
    st.tuples(
        st.sampled_from(["settle", "hold", "release", "void", "mature", "pay", "stale"]),
        st.decimals(0, 10, places=2),
        st.booleans(),
        st.sampled_from(["code", "click", None]),
        st.sampled_from([[], ["coupon_site"]]),
    ),
    max_size=12,
)


@given(steps)
def test_entries_and_roll_ups_always_add_up(script: list[tuple[str, Decimal, bool, Any, list[str]]]) -> None:
    book = Book()
    book.settle(target(1, "10.00"))
    for revision, (action, left, cancelled, rule, flags) in enumerate(script, start=2):
        known = book.commission
        assert known
        try:
            match action:
                case "settle":
                    book.settle(target(revision, str(left), cancelled=cancelled, rule=rule, flags=flags))
                case "stale":
                    assert book.settle(target(1, str(left), rule=rule)) == known
                case "hold":
                    book.take(booking.hold(known, "why", NOW))
                case "release":
                    book.take(booking.release(known))
                case "void":
                    book.take(booking.void(known, "why"))
                case "mature":
                    book.take(booking.mature(known, NOW + 31 * DAY))
                case "pay" if known.phase == "approved":
                    book.take(known.model_copy(update={"phase": "paid"}))
        except booking.NotPossible:
            continue
        after = book.commission
        assert after
        assert sum(entry.amount for entry in book.entries) == after.amount == booking.worth_of(after)
        assert [entry.number for entry in book.entries] == list(range(1, len(book.entries) + 1))
        assert -sum(entry.amount for entry in book.entries if entry.amount < 0) <= sum(
            entry.amount for entry in book.entries if entry.amount > 0
        )
        assert book.sums == booking.contribution(after)
        by_state = sum(book.sums[name] for name in ("pending", "approved", "in_payout", "held", "paid"))
        assert by_state == book.sums["commission"]


TIERS = [Tier(name="silver", threshold=Decimal(100)), Tier(name="gold", threshold=Decimal(500))]


@pytest.mark.parametrize(
    ("revenue", "name"), [("0", None), ("99.99", None), ("100", "silver"), ("499.99", "silver"), ("500", "gold")]
)
def test_tiers_by_revenue(revenue: str, name: str | None) -> None:
    tier = reached(TIERS, Decimal(revenue))
    assert (tier.name if tier else None) == name


def test_what_is_missing_to_the_next_tier() -> None:
    assert progress(TIERS, Decimal(40), None).model_dump() == {"name": None, "next": "silver", "missing": Decimal(60)}
    assert progress(TIERS, Decimal(120), "silver").missing == 380
    assert progress(TIERS, Decimal(900), "gold").next is None
    assert progress(TIERS, Decimal(40), "gold").next is None  # pinned above what the revenue says


def test_slots_are_quarters_of_an_hour() -> None:
    assert slot_of(datetime(2026, 11, 22, 12, 29, 59, 999000, tzinfo=UTC)) == datetime(2026, 11, 22, 12, 15, tzinfo=UTC)

"""Orders through all handlers: from webhooks in any sequence to one ledger, against a plain oracle."""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import permutations
from math import floor
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.ambassadors.ledger.models import Account
from services.ambassadors.orders.joining import join
from services.ambassadors.orders.models import Order
from services.ambassadors.orders.payloads import read_order
from services.ambassadors.views.orders import receipt_view
from shared.contracts.ambassadors import (
    AddAmbassador,
    AmbassadorProfile,
    ChangeAmbassador,
    CommissionTerms,
    OrderAttributed,
    OrderFacts,
    OrderRevised,
    ProgramTerms,
    RecordClick,
    SetProgram,
    Tier,
    TierReached,
)
from tests.unit.ambassadors.shop import START, Item, ShopOrder
from tests.unit.ambassadors.world import BRAND, World

Webhook = tuple[str, bytes]
TERMS = ProgramTerms(
    commission=CommissionTerms(value=Decimal("12.5")), tiers=[Tier(name="gold", threshold=Decimal(100))]
)


async def brand(seed: int = 0, terms: ProgramTerms = TERMS) -> World:
    """Two active ambassadors, ANNA (customer 1, anna@gmail.com) and BOB, since an hour before the orders."""
    world = World(seed)
    world.store.now = START - timedelta(hours=1)
    await world.do(SetProgram(brand_id=BRAND, program_id="prg_1", name="Friends", terms=terms))
    for id, name, email, customer in (
        ("amb_anna", "Anna", "an.na@gmail.com", "gid://shopify/Customer/1"),
        ("amb_bob", "Bob", "bob@x.org", "2"),
    ):
        profile = AmbassadorProfile(name=name, email=email, customer_id=customer)
        await world.do(AddAmbassador(brand_id=BRAND, ambassador_id=id, program_id="prg_1", profile=profile))
        await world.do(ChangeAmbassador(brand_id=BRAND, ambassador_id=id, action="approve"))
    world.store.now = START + timedelta(days=1)
    return world


async def deliver(world: World, webhooks: Sequence[Webhook]) -> World:
    for topic, body in webhooks:
        await world.webhook(topic, body)
        for _ in range(world.random.randint(0, 3)):
            await world.step()
    await world.settle()
    return world


def state(world: World) -> dict[str, Any]:
    """What must come out the same: receipts, commissions with money in them, sums, roll-ups."""
    orders = [order for order in world.store.all(Order) if order.ordered_at]  # of others only a refund was heard
    receipts = {order.order_id: receipt_view(order).model_dump() for order in orders}
    commissions = {
        (c.ambassador_id, c.order_id): (c.amount, c.awarded, c.status, c.base) for c in world.commissions() if c.rule
    }
    roll_ups = {key: {n: v for n, v in sums.items() if v} for key, sums in world.store.sums.items()}
    return {
        "receipts": receipts,
        "commissions": commissions,
        "accounts": {a.id: (a.balance, a.revenue, a.orders) for a in world.store.all(Account) if a.orders or a.balance},
        "roll_ups": {key: sums for key, sums in roll_ups.items() if sums},
        "ledger": {key: amount for key, amount in _sums(world).items() if amount},
    }


def _sums(world: World) -> dict[tuple[str, str], Decimal]:
    sums: dict[tuple[str, str], Decimal] = {}
    for entry in world.ledger():
        key = (entry.ambassador_id, entry.order_id)
        sums[key] = sums.get(key, Decimal(0)) + entry.amount
    return sums


def check_books(world: World) -> None:
    """The balance is the sum of the ledger; every commission is the sum of its entries; roll-ups add up to it."""
    sums = _sums(world)
    for commission in world.commissions():
        assert sums.get((commission.ambassador_id, commission.order_id), 0) == commission.amount
        assert commission.amount == sum(line.commission for line in commission.lines)
    for account in world.store.all(Account):
        entries = [e.amount for e in world.ledger() if e.ambassador_id == account.ambassador_id]
        assert account.balance == sum(entries) * 100
        slots = [s for (name, id), s in world.store.sums.items() if name == "order_slots" and id.startswith(account.id)]
        assert sum(slot["commission"] for slot in slots) == account.balance
        assert sum(slot["orders"] for slot in slots) == account.orders


# -- the oracle: plain, slow, from the payloads -----------------------------------------------------------------------
def oracle(webhooks: Sequence[Webhook]) -> tuple[str | None, Decimal]:
    """Whose the order is and what it earns, by reading the payloads as a person would. ANNA's code or BOB's link."""
    bodies = [json.loads(body) for topic, body in webhooks if topic != "refunds/create"]
    refunds = {r["id"]: r for r in (json.loads(body) for topic, body in webhooks if topic == "refunds/create")}
    if not bodies:
        return None, Decimal(0)
    oldest = min(bodies, key=lambda body: datetime.fromisoformat(body["updated_at"]))
    newest = max(bodies, key=lambda body: datetime.fromisoformat(body["updated_at"]))
    codes = [code["code"].upper() for code in oldest["discount_codes"]]
    who = "amb_anna" if "ANNA" in codes else "amb_bob" if "ref=bob" in (oldest["landing_site"] or "") else None
    if who is None or newest["cancelled_at"] or any(body["cancelled_at"] for body in bodies):
        return who, Decimal(0)
    late = [r for id, r in refunds.items() if id not in {known["id"] for known in newest["refunds"]}]
    total = Decimal(0)
    for line in newest["line_items"]:
        gone = sum(e["quantity"] for r in late for e in r["refund_line_items"] if e["line_item_id"] == line["id"])
        left = max(line["current_quantity"] - gone, 0)
        whole = Fraction(line["price"]) * line["quantity"]
        whole -= sum(Fraction(share["amount"]) for share in line["discount_allocations"])
        whole -= sum(Fraction(tax["price"]) for tax in line["tax_lines"])
        earned = max(whole, Fraction(0)) / line["quantity"] * left * Fraction("0.125")
        total += Decimal(floor(earned * 100 + Fraction(1, 2))) / 100
    return who, total


@st.composite
def lives(draw: st.DrawFn) -> list[Webhook]:
    """What an order's life leaves in webhooks: some of them, some twice, in any sequence."""
    cents = st.decimals(0, 300, places=2)
    items = [
        Item(
            n,
            draw(cents),
            draw(st.integers(1, 4)),
            draw(st.decimals(0, 20, places=2)),
            draw(st.decimals(0, 20, places=2)),
        )
        for n in range(1, draw(st.integers(1, 3)) + 1)
    ]
    order = ShopOrder(items=items)
    order.facts = {
        "discount_codes": draw(st.sampled_from([[], [{"code": "anna"}], [{"code": "SALE"}]])),
        "landing_site": draw(st.sampled_from([None, "/", "/?ref=bob", "/?ref=nobody"])),
    }
    webhooks = [order.create()]
    for kind in draw(st.lists(st.sampled_from(["pay", "update", "refund", "remove", "add", "cancel"]), max_size=6)):
        line, count = draw(st.integers(1, len(items))), draw(st.integers(1, 3))
        match kind:
            case "refund":
                webhooks += order.refund(line, count)
            case "remove" | "add":
                webhooks.append(getattr(order, kind)(line, count))
            case _:
                webhooks.append(getattr(order, kind)())
        if draw(st.integers(0, 9)) == 0:  # somebody edits the facts that once decided; too late
            order.facts = order.facts | {"landing_site": "/?ref=bob", "discount_codes": [{"code": "ANNA"}]}
    chosen = draw(st.lists(st.sampled_from(webhooks), min_size=1, max_size=2 * len(webhooks)))
    return draw(st.permutations(chosen))


@settings(max_examples=100, deadline=None)
@given(lives(), st.integers(0, 10**6))
async def test_any_arrival_of_any_part_leads_to_what_the_oracle_says(webhooks: list[Webhook], seed: int) -> None:
    world = await deliver(await brand(seed), webhooks)
    who, earned = oracle(webhooks)
    order = world.order()
    assert (order.ambassador_id, order.commission) == (who, earned)
    held = {(c.ambassador_id): c.amount for c in world.commissions() if c.amount}
    assert held == ({who: earned} if earned else {})
    check_books(world)
    shuffled = Random(seed).sample(webhooks, len(webhooks))
    assert state(await deliver(await brand(seed + 1), shuffled)) == state(world)


@settings(max_examples=100, deadline=None)
@given(lives())
def test_joining_facts_is_a_semilattice(webhooks: list[Webhook]) -> None:
    facts = [read_order(topic, body, START, "EUR")[1] for topic, body in webhooks][:4]
    one, other, third = (facts * 3)[:3]
    assert join(one, one) == one
    assert join(one, other) == join(other, one)
    assert join(join(one, other), third) == join(one, join(other, third))
    assert join(OrderFacts(), one) == one


def buyer(order: ShopOrder, customer: int, **facts: Any) -> ShopOrder:
    order.facts = {"customer": {"id": customer, "email": f"c{customer}@example.com"}} | facts
    return order


@pytest.mark.parametrize("sequence", list(permutations(range(5))))
async def test_s10_refund_cancel_and_update_before_create(sequence: tuple[int, ...]) -> None:
    order = ShopOrder(items=[Item(1, Decimal("19.99"), 3), Item(2, Decimal("5.00"), 1)])
    order.facts = {"discount_codes": [{"code": "Anna"}]}
    steps = [order.create(), order.pay(), *order.refund(1, 1), order.update()]
    world = await deliver(await brand(sum(sequence)), [steps[index] for index in sequence])
    (commission,) = world.commissions()
    # 12.5 % of 2 × 19.99 and of 5.00, each line rounded half up: 5.00 + 0.63
    assert (commission.amount, commission.status) == (Decimal("5.63"), "pending")
    check_books(world)
    cancelled = await deliver(world, [order.cancel()])
    (commission,) = cancelled.commissions()
    assert (commission.amount, commission.status, commission.ambassador_id) == (Decimal(0), "refunded", "amb_anna")
    assert cancelled.order().ambassador_id == "amb_anna"  # it keeps its attribution


@pytest.mark.parametrize("sequence", list(permutations(range(4))))
async def test_orders_of_one_buyer_are_bound_to_the_first_ones_ambassador(sequence: tuple[int, ...]) -> None:
    day = timedelta(days=1)
    first = buyer(ShopOrder(1, created=START, now=START), 7, landing_site="/?ref=anna")
    second = buyer(ShopOrder(2, created=START + day, now=START + day), 7)
    third = buyer(ShopOrder(3, created=START + 2 * day, now=START + 2 * day), 7, discount_codes=[{"code": "BOB"}])
    fourth = buyer(ShopOrder(4, created=START + 3 * day, now=START + 3 * day), 7)
    steps = [order.create() for order in (first, second, third, fourth)]
    world = await deliver(await brand(sum(sequence) * 7), [steps[index] for index in sequence])
    found = {order.order_id: (order.ambassador_id, order.rule) for order in world.store.all(Order)}
    bound = ("amb_anna", "bound_customer")
    assert found == {"1": ("amb_anna", "click"), "2": bound, "3": ("amb_bob", "code"), "4": bound}
    assert [order.returning for order in map(world.order, (1, 2, 3, 4))] == [False, True, True, True]
    check_books(world)


@settings(max_examples=40, deadline=None)
@given(st.data())
async def test_any_arrival_of_several_orders_of_several_buyers(data: st.DataObject) -> None:
    orders, webhooks = [], []
    for number in range(1, data.draw(st.integers(2, 6)) + 1):
        at = START + timedelta(minutes=data.draw(st.integers(0, 5)))
        order = ShopOrder(number, created=at, now=at)
        ref = data.draw(st.sampled_from([None, None, "/?ref=anna", "/?ref=bob"]))
        buyer(order, data.draw(st.sampled_from([1, 7, 8])), landing_site=ref)
        orders.append(order)
        webhooks += [order.create(), *order.refund(1, data.draw(st.integers(0, 2)))]
    one, other = (data.draw(st.permutations(webhooks)) for _ in range(2))
    worlds = [await deliver(await brand(seed), sequence) for seed, sequence in enumerate((one, other))]
    assert state(worlds[0]) == state(worlds[1])
    for world in worlds:
        check_books(world)
        expected = _bindings(orders)
        assert {int(o.order_id): o.ambassador_id for o in world.store.all(Order)} == expected


def _bindings(orders: list[ShopOrder]) -> dict[int, str | None]:
    """Oracle: walk through the orders in time; the buyer's first attributed one binds. ANNA is customer 1 herself."""
    bound: dict[int, str] = {}
    result: dict[int, str | None] = {}
    for order in sorted(orders, key=lambda o: (o.created, str(o.id))):
        customer = order.facts["customer"]["id"]
        ref = (order.facts["landing_site"] or "").rpartition("ref=")[2]
        who = f"amb_{ref}" if ref and (ref, customer) != ("anna", 1) else None
        if who:
            bound.setdefault(customer, who)
        result[order.id] = who or bound.get(customer)
    return result


async def test_an_order_is_announced_once_and_revised_afterwards() -> None:
    order = ShopOrder()
    order.facts = {"discount_codes": [{"code": "ANNA"}]}
    world = await deliver(await brand(), [order.create(), order.pay(), *order.refund(1, 1)])
    (attributed,) = world.said(OrderAttributed)
    assert (attributed.total.amount, attributed.commission.amount, attributed.rule) == (40, 5, "code")
    assert [event.commission.amount for event in world.said(OrderRevised)] == [Decimal("2.5")]


async def test_terms_stay_as_they_were_when_the_order_was_made() -> None:
    world = await brand()
    order = ShopOrder()
    order.facts = {"discount_codes": [{"code": "ANNA"}]}
    create, refunds = order.create(), order.refund(1, 1)
    await deliver(world, [create])
    better = TERMS.model_copy(update={"commission": CommissionTerms(value=Decimal(50))})
    await world.do(SetProgram(brand_id=BRAND, program_id="prg_1", name="Friends", terms=better))
    await world.do(ChangeAmbassador(brand_id=BRAND, ambassador_id="amb_anna", action="pause"))
    await deliver(world, refunds)
    found = world.order()
    assert (found.ambassador_id, found.commission, found.award and found.award.program_version) == (
        "amb_anna",
        Decimal("2.50"),
        1,
    )
    late = ShopOrder(6)  # made before the change and heard of after it
    late.facts = order.facts
    await deliver(world, [late.create()])
    assert (world.order(6).ambassador_id, world.order(6).commission) == ("amb_anna", Decimal("5.00"))


@pytest.mark.parametrize(
    "facts",
    [
        {"discount_codes": [{"code": "ANNA"}], "customer": {"id": 1}},
        {"discount_codes": [{"code": "ANNA"}], "customer": {"id": 9, "email": "A.N.N.A+friend@googlemail.com"}},
        {"landing_site": "/?ref=anna", "email": "anna@gmail.com"},
        {"note_attributes": [{"name": "_vouch_ref", "value": "anna"}], "contact_email": "ANNA@gmail.com"},
    ],
)
async def test_s17_own_purchases_in_every_disguise(facts: dict[str, Any]) -> None:
    order = ShopOrder()
    order.facts = facts
    world = await deliver(await brand(), [order.create()])
    receipt = receipt_view(world.order())
    assert receipt.ambassador_id is None
    assert [candidate.reason for candidate in receipt.candidates] == ["own_purchase"]
    assert receipt.flags == ["self_referral"]
    assert world.commissions() == []


async def test_s17_a_forged_note_waits_for_a_person() -> None:
    order = ShopOrder()
    order.facts = {"note_attributes": [{"name": "_vouch_ref", "value": "anna"}]}
    world = await deliver(await brand(), [order.create()])
    (commission,) = world.commissions()
    assert (commission.status, commission.flags) == ("held", ["unproven_note"])


async def test_a_recorded_click_is_a_candidate_of_its_own() -> None:
    world = await brand()
    at = START - timedelta(days=30)
    await world.do(RecordClick(brand_id=BRAND, ambassador_id="amb_bob", click_id="clk_1", code="BOB", at=at))
    order = ShopOrder()
    order.facts = {"landing_site": "/?ref=BOB&vclid=clk_1"}
    await deliver(world, [order.create()])
    receipt = receipt_view(world.order())
    assert [(c.kind, c.reason, c.at) for c in receipt.candidates] == [
        ("click", "accepted", at),
        ("landing_ref", "outranked", at),
    ]
    late = ShopOrder(6, created=START + timedelta(seconds=1))
    late.facts = order.facts
    await deliver(world, [late.create()])
    assert [c.reason for c in receipt_view(world.order(6)).candidates] == ["outside_window", "outside_window"]


async def test_test_orders_gift_cards_and_tips_earn_nothing() -> None:
    test = ShopOrder(1)
    test.facts = {"discount_codes": [{"code": "ANNA"}], "test": True}
    gift = ShopOrder(
        2, items=[Item(1, Decimal(50), 1, extra={"gift_card": True}), Item(2, Decimal(5), 1, extra={"tip": {}})]
    )
    gift.items[1].extra = {"tip_payment_gateway": "bogus"}
    gift.facts = {"discount_codes": [{"code": "ANNA"}]}
    world = await deliver(await brand(), [test.create(), gift.create()])
    assert world.order(1).ambassador_id is None
    assert (world.order(2).ambassador_id, world.order(2).commission) == ("amb_anna", Decimal(0))


async def test_all_money_back_is_worth_nothing_whatever_lines_were_named() -> None:
    order = ShopOrder()
    order.facts = {"discount_codes": [{"code": "ANNA"}]}
    create = order.create()
    order.facts |= {"financial_status": "refunded", "refunds": [{"id": 1, "refund_line_items": []}]}
    world = await deliver(await brand(), [create, order.update()])
    (commission,) = world.commissions()
    assert (commission.amount, commission.status) == (Decimal(0), "refunded")


async def test_revenue_reaches_a_tier_and_celebrates_it_once() -> None:
    order = ShopOrder(items=[Item(1, Decimal(60), 2)])
    order.facts = {"discount_codes": [{"code": "ANNA"}]}
    create, refunds, added = order.create(), order.refund(1, 1), order.add(1, 1)
    world = await deliver(await brand(), [create, *refunds, added])
    (reached,) = world.said(TierReached)
    assert (reached.ambassador_id, reached.tier, reached.customer_id) == ("amb_anna", "gold", "1")

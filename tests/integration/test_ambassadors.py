"""Ambassadors on real Kafka and MongoDB: codes, clicks, orders in any sequence, the ledger, statistics."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import permutations

import pytest
from aiokafka.partitioner import murmur2

from services.ambassadors import views
from services.ambassadors.app import due
from services.ambassadors.ledger.booking import commission_id
from shared.contracts.ambassadors import (
    AddAmbassador,
    AmbassadorProfile,
    CommissionTerms,
    HoldCommission,
    MatureCommissions,
    ProgramTerms,
    RecordClick,
    ReleaseCommission,
    Tier,
    VoidCommission,
)
from shared.errors import Refused
from shared.ids import new_id
from shared.pages import Page
from shared.settings import Settings
from tests.integration.ambassadors_stage import BRAND, OTHER_BRAND, Stage, ingress, staged
from tests.integration.rewards_stage import until
from tests.settings import settings_for
from tests.unit.ambassadors.shop import Item, ShopOrder

TERMS = ProgramTerms(
    commission=CommissionTerms(value=Decimal("12.5")), tiers=[Tier(name="gold", threshold=Decimal(30))]
)


@pytest.fixture
def settings(mongo_uri: str, kafka: str, kafka_kind: str, topic_prefix: str, database_prefix: str) -> Settings:
    return settings_for(mongo_uri, kafka, topic_prefix, database_prefix, kafka_embedded=kafka_kind == "embedded")


@pytest.fixture
async def stage(settings: Settings) -> AsyncIterator[Stage]:
    async with staged(settings) as ready:
        yield ready


def now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


def order(number: int, **facts: object) -> ShopOrder:
    at = now()
    made = ShopOrder(number, [Item(1, Decimal("19.99"), 3), Item(2, Decimal("5.00"), 1)], created=at, now=at)
    made.facts = dict(facts)
    return made


async def test_s10_refund_cancel_and_update_before_create(stage: Stage) -> None:
    """Every permutation of create, paid, refund, its update and a cancellation ends in the same ledger."""
    anna = await stage.ambassador(await stage.brand(TERMS), "Anna")
    await stage.ambassador(await stage.brand(TERMS), "Bob")
    sent = []
    for number, sequence in enumerate(permutations(range(4)), start=1000):
        made = order(number, discount_codes=[{"code": "anna"}])
        steps = [made.create(), made.pay(), *made.refund(1, 1)]
        made.facts |= {"discount_codes": [{"code": "BOB"}]}  # too late: the oldest facts decide
        steps += [made.cancel()] if number % 2 else [made.update()]
        steps[3], steps[4] = steps[4], steps[3]
        sent += [steps[index] for index in (*sequence, 4)] + [steps[sequence[0]]]
    await stage.webhooks(sent)
    await stage.quiet()
    found = {commission.order_id: commission for commission in await stage.commissions(anna)}
    assert sorted(found) == [str(number) for number in range(1000, 1024)]
    for order_id, commission in found.items():
        cancelled = int(order_id) % 2
        # 12.5 % of 2 × 19.99 and of 5.00, each line rounded half up
        assert commission.amount.amount == (0 if cancelled else Decimal("5.63"))
        assert commission.awarded.amount == Decimal("8.13")
        assert commission.status == ("refunded" if cancelled else "pending")
    receipt = await stage.receipt(1001)
    assert receipt
    assert (receipt.ambassador_id, receipt.rule, receipt.cancelled) == (anna, "code", True)
    await _books_agree(stage, anna)


async def _books_agree(stage: Stage, ambassador: str) -> views.Stats:
    """Balance = sum of the ledger = sum of the commissions = what the statistics say."""
    ledger, commissions = await stage.ledger(ambassador), await stage.commissions(ambassador)
    stats = await views.stats(stage.db, BRAND, ambassador_id=ambassador, until=now() + timedelta(hours=1))
    total = sum(entry.amount.amount for entry in ledger)
    assert stats.balance.amount == total == sum(c.amount.amount for c in commissions)
    for commission in commissions:
        entries = [entry.amount.amount for entry in ledger if entry.commission_id == commission.id]
        assert sum(entries) == commission.amount.amount
    by_state = stats.commission
    for state, shown in (("pending", by_state.pending), ("held", by_state.held), ("approved", by_state.approved)):
        assert shown.amount == sum(c.amount.amount for c in commissions if c.status == state)
    assert by_state.reversed.amount == sum(c.awarded.amount - c.amount.amount for c in commissions if c.rule)
    assert sum(point.commission.amount for point in stats.series) == total
    assert sum(point.orders for point in stats.series) == stats.orders == len([c for c in commissions if c.rule])
    return stats


async def test_from_a_click_to_the_statistics(stage: Stage) -> None:
    anna = await stage.ambassador(await stage.brand(TERMS, zone="Asia/Kolkata"), "Anna", customer_id="1")
    click = new_id("clk")
    clicks = [
        RecordClick(brand_id=BRAND, ambassador_id=anna, click_id=click, code="ANNA", at=now()),
        RecordClick(brand_id=BRAND, ambassador_id=anna, click_id=click, code="ANNA", at=now()),
        RecordClick(brand_id=BRAND, ambassador_id=anna, click_id=new_id("clk"), code="ANNA", at=now(), bot=True),
    ]
    await stage.say(*clicks)
    await until(lambda: stage.db.count("clicks", {"bot": True}), "the clicks are recorded")
    made = order(2000, landing_site=f"/products/x?ref=ANNA&vclid={click}", customer={"id": 7})
    await stage.webhooks([made.create(), made.pay()])
    await until(lambda: _amount(stage, anna, "8.13"), "the commission is in the ledger")
    receipt = await stage.receipt(2000)
    assert receipt
    assert [(c.kind, c.accepted, c.click_id) for c in receipt.candidates] == [
        ("click", True, click),
        ("landing_ref", False, click),
    ]
    stats = await _books_agree(stage, anna)
    assert (stats.clicks, stats.orders, stats.conversion) == (1, 1, 1.0)
    assert (stats.revenue.amount, stats.time_zone) == (Decimal("64.97"), "Asia/Kolkata")
    assert stats.tier
    assert stats.tier.name == "gold"
    again = order(2001, customer={"id": 7})  # no trace, but the buyer is Anna's since the first order
    await stage.webhooks([again.create()])
    await until(lambda: _amount(stage, anna, "8.13", "8.13"), "the second order is hers too")
    for bucket in ("hour", "day", "week", "month"):
        series = (await views.stats(stage.db, BRAND, ambassador_id=anna, bucket=bucket)).series
        assert sum(point.orders for point in series) == 2
    with pytest.raises(Refused):
        await views.stats(stage.db, BRAND, since=now() - timedelta(days=3000), bucket="hour")


async def _amount(stage: Stage, ambassador: str, *amounts: str) -> bool:
    found = sorted(str(commission.amount.amount) for commission in await stage.commissions(ambassador))
    return found == sorted(amounts)


async def test_commissions_mature_and_people_hold_release_and_void(stage: Stage) -> None:
    anna = await stage.ambassador(await stage.brand(TERMS.model_copy(update={"hold_days": 0})), "Anna")
    orders = [order(number, discount_codes=[{"code": "ANNA"}]) for number in (1, 2, 3)]
    await stage.webhooks([made.create() for made in orders])
    await stage.webhooks([orders[0].pay(), orders[1].pay()])
    await stage.quiet()
    one, two, three = (commission_id(BRAND, str(number), anna) for number in (1, 2, 3))
    held = await stage.command(HoldCommission(brand_id=BRAND, ambassador_id=anna, commission_id=two, reason="odd"))
    if held.status == 200:  # the clock may have approved it meanwhile; held it is either way
        assert held.body["status"] == "held"
    late = now() + timedelta(days=8)  # the first tick after a week of downtime
    await stage.say(*await due(stage.db, late))
    await stage.quiet()
    assert await _statuses(stage, anna) == {one: "approved", two: "held", three: "pending"}
    assert await due(stage.db, late) == []
    await stage.done(ReleaseCommission(brand_id=BRAND, ambassador_id=anna, commission_id=two))
    await stage.done(VoidCommission(brand_id=BRAND, ambassador_id=anna, commission_id=three, reason="returned"))
    refused = await stage.command(ReleaseCommission(brand_id=BRAND, ambassador_id=anna, commission_id=two))
    assert (refused.status, refused.body["type"]) == (409, "/problems/commission-state")
    stranger = ReleaseCommission(brand_id=OTHER_BRAND, ambassador_id=anna, commission_id=two)
    assert (await stage.command(stranger)).status == 404
    await stage.say(MatureCommissions(brand_id=BRAND, ambassador_id=anna, as_of=now() + timedelta(minutes=1)))
    await stage.quiet()
    assert await _statuses(stage, anna) == {one: "approved", two: "approved", three: "voided"}
    await _books_agree(stage, anna)
    log = (await views.audit(stage.db, BRAND, Page(), subject=three)).data
    assert [(entry.change, entry.reason, entry.actor) for entry in log] == [("void", "returned", "key:test")]


async def _statuses(stage: Stage, ambassador: str) -> dict[str, str]:
    return {commission.id: commission.status for commission in await stage.commissions(ambassador)}


async def test_one_code_for_two_people_at_once_goes_to_one(stage: Stage) -> None:
    """Two partitions take the same code at the same moment: MongoDB lets one through, the other is refused."""
    program = await stage.brand(TERMS)
    for attempt in range(5):
        people = _on_different_partitions(attempt, stage.runtime.settings.partitions)
        wishes = [
            AddAmbassador(
                brand_id=BRAND, ambassador_id=person, program_id=program, profile=AmbassadorProfile(name="X"), code=code
            )
            for person, code in zip(people, (f"Take{attempt}", f"TAKE{attempt}"), strict=True)
        ]  # fmt: skip
        replies = await asyncio.gather(*(stage.command(wish) for wish in wishes))
        assert sorted(reply.status for reply in replies) == [201, 409]
        winner = next(reply.body["id"] for reply in replies if reply.status == 201)
        target = await views.resolve_code(stage.db, BRAND, f"tAKE{attempt}")
        assert target
        assert target.ambassador_id == winner
    assert await stage.db.count("ambassadors", {}) == 5


def _on_different_partitions(attempt: int, partitions: int) -> tuple[str, str]:
    def place(person: str) -> int:
        return int((murmur2(f"{BRAND}:{person}".encode()) & 0x7FFFFFFF) % partitions)

    first = f"amb_{attempt}_0"
    other = next(f"amb_{attempt}_{n}" for n in range(1, 100) if place(f"amb_{attempt}_{n}") != place(first))
    return first, other


async def test_brands_do_not_see_each_other(stage: Stage) -> None:
    anna = await stage.ambassador(await stage.brand(TERMS), "Anna")
    other = await stage.ambassador(await stage.brand(TERMS, OTHER_BRAND, "USD"), "Anna", OTHER_BRAND)
    made = order(7, discount_codes=[{"code": "ANNA"}])
    await stage.webhooks([made.create()])
    await stage.webhooks([made.create()], OTHER_BRAND)
    await until(lambda: _amount(stage, anna, "8.13"), "one brand's order")
    await until(lambda: stage.receipt(7, OTHER_BRAND), "the other brand's order of the same number")
    assert await views.ambassador(stage.db, OTHER_BRAND, anna) is None
    assert (await stage.commissions(anna, OTHER_BRAND), await stage.ledger(anna, OTHER_BRAND)) == ([], [])
    receipt = await stage.receipt(7, OTHER_BRAND)
    assert receipt
    assert receipt.ambassador_id == other
    assert [person.id for person in (await views.ambassadors(stage.db, BRAND, Page(), q="ann")).data] == [anna]
    assert [item.id for item in (await views.programs(stage.db, BRAND, Page())).data] != []
    links = await views.links(stage.db, BRAND, anna, "https://go.example/")
    assert [link.url for link in links] == ["https://go.example/r/ANNA"]


async def test_one_webhook_a_hundred_times_and_a_poisoned_one(stage: Stage) -> None:
    anna = await stage.ambassador(await stage.brand(TERMS), "Anna")
    topic, body = order(8, discount_codes=[{"code": "ANNA"}]).create()
    await stage.runtime.producer.publish([ingress(topic, body, webhook_id="same") for _ in range(100)])
    await stage.webhooks([("orders/create", b"{"), ("orders/create", body)])
    await stage.quiet()
    assert [str(entry.amount.amount) for entry in await stage.ledger(anna)] == ["8.13"]

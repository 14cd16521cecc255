"""Orders using codes: whatever the order of arrival, the same end."""

import json
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.rewards.handlers import issue_grant, record_code_outcome, set_campaign, settle_redemption
from services.rewards.models import Grant
from services.rewards.orders import refund_of, snapshot_of
from services.rewards.redemptions import hear_shop
from shared.contracts.rewards import RecordCodeOutcome, SetCampaign, SettleRedemption
from shared.errors import Permanent
from shared.records import IngressRecord
from tests.unit.rewards.fakes import BRAND, CAMPAIGN, FakeUnitOfWork, issue, meta, terms

LINES = [{"id": 1, "quantity": 2}, {"id": "2", "quantity": 1}]


def order(second: int, code: str | None, **changes: Any) -> tuple[str, dict[str, Any]]:
    codes = [{"code": code, "amount": "5.40", "type": "percentage"}] if code else []
    payload = {
        "id": 5001, "created_at": "2026-11-22T11:00:00+01:00", "updated_at": f"2026-11-22T11:00:{second:02d}+01:00",
        "currency": "EUR", "financial_status": "paid", "cancelled_at": None, "discount_codes": codes,
        "line_items": LINES, "refunds": [],
    }  # fmt: skip
    return "orders/updated", payload | changes


def refund(id: int, lines: dict[int, int]) -> tuple[str, dict[str, Any]]:
    items = [{"line_item_id": line, "quantity": quantity} for line, quantity in lines.items()]
    return "refunds/create", {"id": id, "order_id": 5001, "refund_line_items": items}


async def partition() -> tuple[FakeUnitOfWork, Grant]:
    """A campaign with one issued grant."""
    uow = FakeUnitOfWork()
    await set_campaign(SetCampaign(brand_id=BRAND, campaign_id=CAMPAIGN, terms=terms()), uow, meta())  # type: ignore[arg-type]
    await issue_grant(issue("order-1"), uow, meta())  # type: ignore[arg-type]
    grant = uow.grants[0]
    outcome = RecordCodeOutcome(
        brand_id=BRAND,
        campaign_id=CAMPAIGN,
        grant_id=grant.id,
        action="create",
        ok=True,
        code=grant.code,
        discount_id="gid://d/1",
    )
    await record_code_outcome(outcome, uow, meta())  # type: ignore[arg-type]
    return uow, grant


async def hear(uow: FakeUnitOfWork, webhook: tuple[str, dict[str, Any]]) -> list[SettleRedemption]:
    """One webhook, and what it makes the order's partition say."""
    uow.taken()
    headers = {"shopify-topic": webhook[0]}
    record = IngressRecord(json.dumps(webhook[1]).encode(), headers, BRAND, meta())
    await hear_shop(record, uow)  # type: ignore[arg-type]
    return [message for message in uow.taken() if isinstance(message, SettleRedemption)]


async def final(webhooks: list[tuple[str, dict[str, Any]]]) -> tuple[str, int, int]:
    """Grant status, redemptions and held places after these webhooks, settled at once."""
    uow, _ = await partition()
    for webhook in webhooks:
        for message in await hear(uow, webhook):
            await settle_redemption(message, uow, meta())  # type: ignore[arg-type]
    grant = uow.grants[0]
    tally = uow.rows["tallies"][CAMPAIGN]
    return grant.status, tally["redeemed"], tally["granted"]


async def code() -> str:
    return (await partition())[1].code


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ([], "redeemed"),
        ([order(9, "{code}", cancelled_at="2026-11-22T12:00:00Z")], "issued"),
        ([refund(1, {1: 1})], "redeemed"),
        ([refund(1, {1: 1}), refund(2, {1: 1, 2: 1})], "issued"),
        ([order(9, "{code}", financial_status="refunded")], "issued"),
        ([order(9, None)], "issued"),
    ],
    ids=["paid", "cancelled", "part refunded", "refunded in parts", "refunded by status", "code removed by an edit"],
)
async def test_every_order_of_arrival_ends_alike(changes: list[tuple[str, dict[str, Any]]], status: str) -> None:
    mine = (await code()).lower()  # people type codes in any case
    webhooks = [order(1, mine), order(2, mine), *json.loads(json.dumps(changes).replace("{code}", mine))]
    for arrival in permutations([(topic, payload) for topic, payload in webhooks]):
        found = await final([*arrival, arrival[0]])  # the first comes again
        assert found == (status, int(status == "redeemed"), 1)


@settings(max_examples=40)
@given(st.permutations(range(4)), st.permutations(range(4)))
async def test_settlements_in_any_order_end_alike(first: list[int], second: list[int]) -> None:
    """The grant's partition believes the newest revision, however settlements are shuffled and repeated."""
    uow, grant = await partition()
    said = [
        SettleRedemption(
            brand_id=BRAND, campaign_id=CAMPAIGN, grant_id=grant.id, order_id="5001", revision=number,
            used=number % 2 == 1, at=grant.created_at,
        )
        for number in range(1, 5)
    ]  # fmt: skip
    for index in (*first, *second):
        await settle_redemption(said[index], uow, meta())  # type: ignore[arg-type]
    assert uow.grants[0].status == "issued"


async def test_unchanged_orders_say_nothing_again() -> None:
    uow, grant = await partition()
    assert len(await hear(uow, order(1, grant.code))) == 1
    assert await hear(uow, order(1, grant.code)) == []
    assert await hear(uow, order(2, grant.code)) == []
    settled = await hear(uow, order(3, grant.code, cancelled_at="2026-11-22T12:00:00Z"))
    assert [(message.used, message.revision) for message in settled] == [(False, 2)]


async def test_what_the_code_took_off_is_kept() -> None:
    uow, grant = await partition()
    (settled,) = await hear(uow, order(1, grant.code))
    assert settled.discount
    assert settled.discount.model_dump(mode="json") == {"amount": "5.40", "currency": "EUR"}


async def test_other_codes_and_topics_are_not_for_rewards() -> None:
    uow, _ = await partition()
    assert await hear(uow, order(1, "BLACKFRIDAY")) == []
    assert await hear(uow, ("products/update", {"id": 1})) == []


def test_any_field_may_be_null() -> None:
    payload = {
        "id": 5001, "updated_at": "2026-11-22T11:00:00Z", "created_at": None, "currency": None,
        "financial_status": None, "cancelled_at": None, "discount_codes": None, "line_items": None, "refunds": None,
    }  # fmt: skip
    snapshot = snapshot_of(payload)
    assert (snapshot.order_id, snapshot.codes, snapshot.lines) == ("5001", [], {})


@pytest.mark.parametrize("payload", [{}, {"id": 1}, {"id": 1, "updated_at": "yesterday"}])
def test_orders_that_say_nothing_are_dead_letters(payload: dict[str, Any]) -> None:
    with pytest.raises(Permanent):
        snapshot_of(payload)
    with pytest.raises(Permanent):
        refund_of({})

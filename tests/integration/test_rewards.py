"""Rewards on real Kafka, MongoDB and the dev store: from an attributed order to a redeemed code and back."""

from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from services.rewards import views
from services.rewards.views import DryRunRequest
from shared.contracts.rewards import ClaimGrant, IssueGrant, Recipient, RevokeGrant, SetCampaign
from shared.pages import Page
from shared.shopify import documents
from tests.integration.devstore_running import OTHER, SHOP
from tests.integration.rewards_stage import BRANDS, Stage, attributed, stage_settings, staged, until


@pytest.fixture
async def stage(
    mongo_uri: str,
    kafka: str,
    kafka_kind: str,
    topic_prefix: str,
    database_prefix: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Stage]:
    settings = stage_settings(mongo_uri, kafka, kafka_kind, topic_prefix, database_prefix)
    async with staged(settings, tmp_path / "devstore.sqlite", monkeypatch) as ready:
        yield ready


async def test_attributed_order_to_redeemed_code_and_back(stage: Stage) -> None:
    """The loop's third step: a code that exists at the shop, is used in a checkout, and is given back."""
    customer = await stage.customer()
    await stage.campaign()
    await stage.say(attributed(customer), attributed(customer, "9002", total="19.99"))
    await until(lambda: _is(stage, ["issued"]), "the code is issued")
    (reward,) = await stage.rewards(customer)
    assert (reward.kind, reward.value, reward.title) == ("percent", {"percent": "10"}, "10% off your next order")
    assert reward.code
    assert reward.code.startswith("ZERNO-")
    assert [code["code"] for code in await stage.codes()] == [reward.code]

    bought = await stage.store.dev(
        "POST",
        f"/shops/{SHOP}/checkout",
        {
            "lines": [{"variant_id": await stage.store.variant(), "quantity": 2}],
            "customer_id": int(customer),
            "discount_codes": [reward.code.lower()],
            "paid": True,
        },
    )
    assert bought["rejected_discount_codes"] == []
    await until(lambda: _is(stage, ["redeemed"]), "the order redeems it")
    assert await stage.rewards(customer, OTHER) == []  # the same number at another brand is another person
    assert await views.grant(stage.db, BRANDS[OTHER], reward.id) is None
    (redeemed,) = await stage.rewards(customer)
    assert redeemed.order_id == str(bought["order"]["id"])

    await stage.store.dev("POST", f"/shops/{SHOP}/orders/{bought['order']['id']}/cancel", {})
    await until(lambda: _is(stage, ["issued"]), "the cancelled order gives it back")
    (campaign,) = (await views.campaigns(stage.db, BRANDS[SHOP], Page())).data
    assert (campaign.granted, campaign.redeemed) == (1, 0)


async def test_refund_gives_back_when_it_is_whole(stage: Stage) -> None:
    customer = await stage.customer()
    await stage.campaign()
    await stage.say(attributed(customer))
    await until(lambda: _is(stage, ["issued"]), "issued")
    (reward,) = await stage.rewards(customer)
    lines = [{"variant_id": await stage.store.variant(), "quantity": 2}]
    body = {"lines": lines, "customer_id": int(customer), "discount_codes": [reward.code], "paid": True}
    order = (await stage.store.dev("POST", f"/shops/{SHOP}/checkout", body))["order"]
    await until(lambda: _is(stage, ["redeemed"]), "redeemed")
    part = {"lines": [{"line_item_id": order["line_items"][0]["id"], "quantity": 1}]}
    await stage.store.dev("POST", f"/shops/{SHOP}/orders/{order['id']}/refund", part)
    await stage.store.dev("POST", f"/shops/{SHOP}/orders/{order['id']}/refund", {})
    await until(lambda: _is(stage, ["issued"]), "given back")


async def test_waits_to_be_claimed_then_revoked(stage: Stage) -> None:
    """An unknown author's grant gets its code when somebody signed in claims it; revoking kills the code."""
    campaign = await stage.campaign(trigger="by_hand", condition="true", recipient="author")
    who = Recipient(key="telegram:42", network="telegram", author_id="42", language="ru")
    by_hand = IssueGrant(
        brand_id=BRANDS[SHOP],
        campaign_id=campaign,
        source_id="hand-1",
        trigger="by_hand",
        recipient=who,
        at=attributed(None).ordered_at,
    )
    issued = await stage.command(by_hand)
    assert (issued.status, issued.body["claimable"], issued.body["title"]) == (201, True, "Скидка 10%")
    customer, grant = await stage.customer(), issued.body["id"]
    own = {"brand_id": BRANDS[SHOP], "campaign_id": campaign, "grant_id": grant}
    assert (await stage.command(ClaimGrant(**own, customer_id=customer), f"customer:{customer}")).status == 200
    assert (await stage.command(ClaimGrant(**own, customer_id="1"), "customer:1")).status == 404
    await until(lambda: _is(stage, ["issued"]), "issued after the claim")
    assert (await stage.command(RevokeGrant(**own, reason="by mistake"))).body["status"] == "revoked"
    (code,) = await stage.codes()
    await until(lambda: _dead(stage, code["code"]), "the code is dead at the shop")
    assert await stage.rewards(customer) == []


async def test_unknown_customer_fails_with_shopifys_reason(stage: Stage) -> None:
    await stage.campaign()
    await stage.say(attributed("404404404"))
    await until(lambda: _is(stage, ["failed"]), "failed")
    (grant,) = await stage.grants()
    assert grant.reason
    assert await stage.codes() == []


async def test_wrong_condition_and_dry_run(stage: Stage) -> None:
    id = await stage.campaign(caps={"total": 1, "per_person": 1})
    found = await views.campaign(stage.db, BRANDS[SHOP], id)
    assert found
    wrong = SetCampaign(
        brand_id=BRANDS[SHOP], campaign_id=id, terms=found.model_copy(update={"condition": "order.totl > 1"})
    )
    refused = await stage.command(wrong)
    assert (refused.status, refused.body["errors"][0]["pointer"]) == (422, "/condition")
    tried = await views.dry_run(stage.db, BRANDS[SHOP], id, DryRunRequest())
    assert tried
    assert tried.fires
    assert await views.dry_run(stage.db, BRANDS[OTHER], id, DryRunRequest()) is None
    customer = await stage.customer()
    await stage.say(attributed(customer))
    await until(lambda: _is(stage, ["issued"]), "issued")
    again = await views.dry_run(stage.db, BRANDS[SHOP], id, DryRunRequest(customer_id=customer))
    assert again
    assert [(check.name, check.ok) for check in again.checks][-1] == ("caps", False)


async def test_s13_timeout_after_the_discount_was_created(stage: Stage) -> None:
    """The shop makes the discount and never says so: the retry finds it; one live code per grant."""
    customer = await stage.customer()
    await stage.campaign()
    fault = {"target": "admin", "match": "discountCodeBasicCreate", "kind": "timeout_after", "count": 3}
    await stage.store.dev("PUT", "/faults", [fault])
    await stage.say(*(attributed(customer, f"90{number:02d}") for number in range(6)))
    await until(lambda: _is(stage, ["issued"] * 6), "all issued")
    codes = [code["code"] for code in await stage.codes()]
    assert sorted(codes) == sorted(str(grant.code) for grant in await stage.grants())
    assert len(set(codes)) == 6


async def test_s15_throttled_shop_loses_nothing_and_holds_no_other(stage: Stage) -> None:
    """A shop throttles for a while (compressed): the other's codes come; afterwards all of this one's."""
    customers = {shop: await stage.customer(shop) for shop in BRANDS}
    for shop in BRANDS:
        await stage.campaign(shop)
    throttle = {"target": "admin", "match": "*", "shop": SHOP, "kind": "throttle", "duration": 6}
    await stage.store.dev("PUT", "/faults", [throttle])
    events = [attributed(customers[shop], f"90{n:02d}", shop=shop) for n in range(12) for shop in BRANDS]
    await stage.say(*events)
    await until(lambda: _is(stage, ["issued"] * 12, OTHER), "the other shop's codes")
    assert "issued" not in await stage.statuses(SHOP)
    await until(lambda: _is(stage, ["issued"] * 12, SHOP), "the throttled shop's codes")
    for shop in BRANDS:
        assert len(await stage.codes(shop)) == 12


async def test_s16_two_brands_interleaved_with_failures(stage: Stage) -> None:
    """Both brands' codes at once, one shop failing in the middle: every call went out with its own shop's token."""
    customers = {shop: await stage.customer(shop) for shop in BRANDS}
    for shop in BRANDS:
        await stage.campaign(shop)
    fault = {"target": "admin", "match": "discount*", "shop": SHOP, "kind": "5xx", "probability": 0.3, "count": 5}
    await stage.store.dev("PUT", "/faults", [fault])
    events = [attributed(customers[shop], f"90{n:02d}", shop=shop) for n in range(15) for shop in BRANDS]
    await stage.say(*events)
    for shop in BRANDS:
        await until(lambda shop=shop: _is(stage, ["issued"] * 15, shop), f"{shop}'s codes")  # type: ignore[misc]
        calls = (await stage.store.dev("GET", f"/shops/{shop}/calls"))["data"]
        assert {call["token"] for call in calls} == {stage.tokens[shop]}
        wanted = Counter(str(grant.code) for grant in await stage.grants(shop))
        assert Counter(code["code"] for code in await stage.codes(shop)) == wanted


async def _is(stage: Stage, statuses: list[str], shop: str = SHOP) -> bool:
    return await stage.statuses(shop) == statuses


async def _dead(stage: Stage, code: str) -> bool:
    answer = await stage.store.graphql(stage.tokens[SHOP], documents.DISCOUNT_BY_CODE, {"code": code})
    return bool(answer["data"]["codeDiscountNodeByCode"]["codeDiscount"]["status"] == "EXPIRED")

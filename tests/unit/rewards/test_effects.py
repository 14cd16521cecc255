"""Making codes at a Shopify that fails in every way: one live code per grant, or a stated reason."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import aiohttp
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.rewards import effects
from services.rewards.codes import code_for, code_key
from services.rewards.discounts import CodeOrder
from services.rewards.effects import create_code, deactivate_code
from shared.brands import Shop
from shared.contracts.base import Message
from shared.contracts.rewards import DiscountReward, RecordCodeOutcome
from shared.effects import Job, Resources, RetryLater
from shared.mongo import ReadOnly
from shared.security.sealing import Sealer
from shared.shopify import BadDocument, ShopifyError, Throttled, Unauthorized, Unavailable, UserError, UserErrors
from tests.settings import settings_for
from tests.unit.rewards.fakes import AT, BRAND, FakeShopify

SETTINGS = settings_for("mongodb://unused", "unused:1", "t.", "t_")
SHOP = "vouch-demo.myshopify.com"
KEY = code_key(SETTINGS.key_bytes)
ORDER = CodeOrder(
    grant_id="grt_1", campaign_id="cmp_1", prefix="VOUCH", code=code_for(KEY, "VOUCH", "grt_1"), title="Thanks",
    customer_id="7001", reward=DiscountReward(kind="percent", value="10"),
    starts_at=AT, ends_at=AT + timedelta(days=30),
)  # fmt: skip


class OneShop:
    """The service's database, with the brand's shop or without."""

    def __init__(self, token: str | None) -> None:
        sealed = Sealer(SETTINGS.key_bytes).seal(BRAND, token) if token else None
        self._row = Shop(id=BRAND, brand_id=BRAND, shop_domain=SHOP, sealed_token=sealed, scopes=[]).dump()

    async def find_one(self, collection: str, filter: Any) -> Any:
        return self._row


def job(tries: int = 1, kind: str = "create_code", age: timedelta = timedelta(0), **payload: Any) -> Job:
    body = ORDER.model_dump(mode="json") | payload
    return Job("grt_1:create", kind, BRAND, body, tries, False, datetime.now(UTC) - age, "corr", None)


def resources(token: str | None = "shpat_1") -> Resources:
    mongo, http = cast(ReadOnly, OneShop(token)), cast(aiohttp.ClientSession, None)
    return Resources(mongo, SETTINGS, http, Sealer(SETTINGS.key_bytes))


@pytest.fixture
def shopify(monkeypatch: pytest.MonkeyPatch) -> FakeShopify:
    fake = FakeShopify()
    monkeypatch.setattr(effects, "_client", lambda url, version: fake)
    return fake


def said(messages: Sequence[Message]) -> RecordCodeOutcome:
    (message,) = messages
    assert isinstance(message, RecordCodeOutcome)
    return message


async def test_created(shopify: FakeShopify) -> None:
    outcome = said(await create_code(job(), resources()))
    assert (outcome.ok, outcome.code, outcome.discount_id) == (True, ORDER.code, "gid://shopify/DiscountCodeNode/1")
    assert shopify.calls == ["DISCOUNT_BASIC_CREATE"]


async def test_s13_timeout_after_the_work_finds_the_code_again(shopify: FakeShopify) -> None:
    shopify.faults = [(Unavailable(SHOP, "timed out", uncertain=True), True)]
    with pytest.raises(RetryLater) as caught:
        await create_code(job(), resources())
    assert caught.value.uncertain
    outcome = said(await create_code(job(tries=2), resources()))
    assert (outcome.ok, outcome.code) == (True, ORDER.code)
    assert len(shopify.codes) == 1
    assert shopify.calls == ["DISCOUNT_BASIC_CREATE", "DISCOUNT_BY_CODE"]


async def test_throttled_waits_and_holds_the_shops_lane(shopify: FakeShopify) -> None:
    shopify.faults = [(Throttled(SHOP, 7.5), False)]
    with pytest.raises(RetryLater) as caught:
        await create_code(job(), resources())
    assert (caught.value.seconds, caught.value.whole_lane, caught.value.uncertain) == (7.5, True, False)


async def test_code_taken_by_somebody_else_gives_another(shopify: FakeShopify) -> None:
    shopify.codes[ORDER.code.lower()] = {"id": "gid://other", "title": "Black Friday", "status": "ACTIVE"}
    outcome = said(await create_code(job(), resources()))
    assert (outcome.ok, outcome.code) == (True, code_for(KEY, "VOUCH", "grt_1", 2))


async def test_other_code_is_remembered_before_it_is_tried(shopify: FakeShopify) -> None:
    """A crash between the attempts comes back to the same second code, and finds it."""
    shopify.codes[ORDER.code.lower()] = {"id": "gid://other", "title": "Black Friday", "status": "ACTIVE"}
    first = job()
    shopify.faults = [(UserErrors(SHOP, [UserError("code", "TAKEN", "taken")]), False)]
    shopify.faults += [(cast(ShopifyError, None), False), (Unavailable(SHOP, "timed out", uncertain=True), True)]
    with pytest.raises(RetryLater):
        await create_code(first, resources())
    assert first.state == {"attempt": 2}
    second = job(tries=2)
    second.state = first.state
    assert said(await create_code(second, resources())).code == code_for(KEY, "VOUCH", "grt_1", 2)
    assert len(shopify.codes) == 2


async def test_taken_but_unreadable_is_waited_for(shopify: FakeShopify) -> None:
    """Shopify's reads lag: a second code now could be a second live one."""
    shopify.faults = [(UserErrors(SHOP, [UserError("code", "TAKEN", "taken")]), False)] * 1
    shopify.faults += [
        (cast(ShopifyError, None), False),
        (UserErrors(SHOP, [UserError("code", "TAKEN", "taken")]), False),
    ]
    with pytest.raises(RetryLater) as caught:
        await create_code(job(), resources())
    assert caught.value.uncertain
    assert shopify.codes == {}


@pytest.mark.parametrize(
    "refusal",
    [
        UserErrors(SHOP, [UserError("context", "INVALID", "Customer does not exist")]),
        BadDocument(SHOP, "no such field"),
    ],
)
async def test_refused_for_good_says_why(shopify: FakeShopify, refusal: ShopifyError) -> None:
    shopify.faults = [(refusal, False)]
    outcome = said(await create_code(job(), resources()))
    assert not outcome.ok
    assert outcome.reason == refusal.detail


async def test_unconnected_shop_is_waited_for_then_given_up(shopify: FakeShopify) -> None:
    with pytest.raises(RetryLater):
        await create_code(job(), resources(token=None))
    outcome = said(await create_code(job(age=effects.GIVE_UP), resources(token=None)))
    assert (outcome.ok, outcome.reason) == (False, "no shop is connected")
    shopify.faults = [(Unauthorized(SHOP, "HTTP 401"), False)]
    with pytest.raises(RetryLater):
        await create_code(job(), resources())


_FAULTS = st.lists(
    st.sampled_from(
        [
            None,
            (Unavailable(SHOP, "timed out", uncertain=True), True),
            (Unavailable(SHOP, "timed out", uncertain=True), False),
            (Unavailable(SHOP, "refused", uncertain=False), False),
            (Throttled(SHOP, 1), False),
            (Unauthorized(SHOP, "HTTP 401"), False),
        ]
    ),
    max_size=12,
)


@settings(max_examples=200, deadline=None)
@given(_FAULTS, st.booleans())
async def test_one_code_whatever_fails_in_whatever_order(faults: Any, taken: bool) -> None:
    shopify = FakeShopify()
    if taken:
        shopify.codes[ORDER.code.lower()] = {"id": "gid://other", "title": "Black Friday", "status": "ACTIVE"}
    shopify.faults = [fault or (cast(ShopifyError, None), False) for fault in faults]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(effects, "_client", lambda url, version: shopify)
        outcome = await _until_done()
    ours = {code: found for code, found in shopify.codes.items() if ORDER.is_ours(found["title"])}
    assert outcome.ok
    assert list(ours) == [outcome.code.lower()]


async def _until_done() -> RecordCodeOutcome:
    state: dict[str, Any] = {}
    for tries in range(1, 40):
        attempt = job(tries=tries)
        attempt.state = state
        try:
            return said(await create_code(attempt, resources()))
        except RetryLater:
            state = attempt.state
    raise AssertionError("never done")


async def test_deactivated(shopify: FakeShopify) -> None:
    await create_code(job(), resources())
    kill = job(kind="deactivate_code", discount_id="gid://shopify/DiscountCodeNode/1")
    assert said(await deactivate_code(kill, resources())).ok
    assert shopify.codes[ORDER.code.lower()]["status"] == "EXPIRED"


async def test_deactivating_what_is_gone_is_done(shopify: FakeShopify) -> None:
    kill = job(kind="deactivate_code", discount_id="gid://shopify/DiscountCodeNode/9")
    assert said(await deactivate_code(kill, resources())).ok

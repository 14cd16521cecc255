"""Ambassadors and the dev store: the personal code really exists there, and a real checkout reaches the ledger."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from services.ambassadors import effects, views
from shared.contracts.ambassadors import ChangeAmbassador, CommissionTerms, ProgramTerms, RecordClick
from shared.contracts.gateway import BrandConfigured, BrandProfile, ShopConnected
from shared.ids import new_id
from shared.security.sealing import Sealer
from shared.shopify import Shopify, documents
from tests.integration.ambassadors_stage import Stage, staged
from tests.integration.devstore_running import SHOP, Running, running
from tests.integration.rewards_stage import BRANDS, TOPICS, Door, until
from tests.settings import settings_for

BRAND = BRANDS[SHOP]
TERMS = ProgramTerms(commission=CommissionTerms(value=Decimal(10)), customer_discount_percent=Decimal("7.5"))


@dataclass
class Shop:
    """The service and the dev store, connected."""

    stage: Stage
    store: Running

    async def codes(self) -> dict[str, Any]:
        found = (await self.store.dev("GET", f"/shops/{SHOP}/codes"))["data"]
        return {code["code"]: code for code in found}

    async def status(self, code: str) -> str:
        """What the shop's Admin API says of the code."""
        client, token = effects.client("", ""), await self.store.token(SHOP)
        found = await client.execute(SHOP, token, documents.DISCOUNT_BY_CODE, {"code": code})
        return str(found["codeDiscountNodeByCode"]["codeDiscount"]["status"])

    async def state(self, ambassador: str) -> str:
        person = await views.ambassador(self.stage.db, BRAND, ambassador)
        assert person
        return person.shop_code.state

    async def checkout(self, **more: Any) -> dict[str, Any]:
        lines = [{"variant_id": await self.store.variant(), "quantity": 2}]
        body = {"lines": lines, "customer": {"email": "buyer@example.com"}, "paid": False} | more
        answer = await self.store.dev("POST", f"/shops/{SHOP}/checkout", body)
        assert answer["rejected_discount_codes"] == []
        order: dict[str, Any] = answer["order"]
        return order

    async def at_shop(self, order: dict[str, Any], action: str, body: Any = None) -> None:
        await self.store.dev("POST", f"/shops/{SHOP}/orders/{order['id']}/{action}", body or {})


@pytest.fixture
async def shop(
    mongo_uri: str,
    kafka: str,
    kafka_kind: str,
    topic_prefix: str,
    database_prefix: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Shop]:
    door = Door()
    async with running(tmp_path / "devstore.sqlite", door) as store:
        settings = settings_for(
            mongo_uri, kafka, topic_prefix, database_prefix, kafka_embedded=kafka_kind == "embedded",
            shopify_url=f"{store.url}/shops/{{shop}}",
        )  # fmt: skip
        impatient = Shopify(settings.shopify_url, settings.shopify_api_version, timeout=1.0)
        monkeypatch.setattr(effects, "client", lambda url, version: impatient)
        monkeypatch.setattr(effects, "UNAVAILABLE", 0.2)
        async with staged(settings) as stage:
            door.runtime = stage.runtime
            token = await store.token(SHOP)
            await store.subscribe(token, *TOPICS)
            profile = BrandProfile(
                name="Zerno", shop_domain=SHOP, currency="EUR", storefront_url="https://shop.example"
            )
            sealed = Sealer(settings.key_bytes).seal(BRAND, token)
            await stage.say(
                BrandConfigured(brand_id=BRAND, profile=profile),
                ShopConnected(brand_id=BRAND, shop_domain=SHOP, sealed_token=sealed),
            )
            await until(lambda: stage.db.count("shops", {}), "the shop is known")
            yield Shop(stage, store)


async def test_the_code_is_made_used_and_withdrawn(shop: Shop) -> None:
    stage = shop.stage
    anna = await stage.ambassador(await stage.brand(TERMS), "Анна")
    await until(lambda: _in(shop, anna, "active"), "the code is made")
    assert await shop.status("ANNA") == "ACTIVE"

    click = new_id("clk")
    await stage.say(RecordClick(brand_id=BRAND, ambassador_id=anna, click_id=click, code="ANNA", at=_now()))
    await until(lambda: stage.db.count("clicks", {}), "the click is known")
    order = await shop.checkout(discount_codes=["anna"], landing_site=f"/?ref=ANNA&vclid={click}")
    await until(lambda: stage.receipt(order["id"]), "the order is attributed")
    receipt = await stage.receipt(order["id"])
    assert receipt
    assert (receipt.ambassador_id, receipt.rule, receipt.flags) == (anna, "code", [])
    assert {candidate.kind for candidate in receipt.candidates} == {"code", "click", "landing_ref"}
    line = order["line_items"][0]
    off = sum(Decimal(share["amount"]) for share in line["discount_allocations"])
    assert off == (Decimal(line["price"]) * 2 * Decimal("0.075")).quantize(Decimal("0.01"))
    tax = sum(Decimal(tax["price"]) for tax in line["tax_lines"])  # this shop's prices include it
    assert receipt.base.amount == Decimal(line["price"]) * 2 - off - tax

    await shop.at_shop(order, "pay")
    await shop.at_shop(order, "refund", {"lines": [{"line_item_id": line["id"], "quantity": 1}]})
    half = (receipt.base.amount / 2 / 10).quantize(Decimal("0.01"))
    await until(lambda: _remains(shop, anna, half), "half is reversed")
    await shop.at_shop(order, "cancel")
    await until(lambda: _remains(shop, anna, Decimal(0)), "all is reversed")
    assert (await stage.commissions(anna))[0].status == "refunded"

    await stage.done(ChangeAmbassador(brand_id=BRAND, ambassador_id=anna, action="offboard", reason="moved on"))
    await until(lambda: _in(shop, anna, "inactive"), "the code is withdrawn")
    assert await shop.status("ANNA") == "EXPIRED"


async def test_a_timeout_after_the_code_was_made_makes_no_second_one(shop: Shop) -> None:
    fault = {"target": "admin", "match": "discountCodeBasicCreate", "kind": "timeout_after", "count": 1}
    await shop.store.dev("PUT", "/faults", [fault | {"seconds": 3}])
    bob = await shop.stage.ambassador(await shop.stage.brand(TERMS), "Bob")
    await until(lambda: _in(shop, bob, "active"), "found again by its code")
    assert list(await shop.codes()) == ["BOB"]


async def test_a_discount_of_the_shops_own_is_left_alone(shop: Shop) -> None:
    program = await shop.stage.brand(TERMS)
    bob = await shop.stage.ambassador(program, "Bob")
    await until(lambda: _in(shop, bob, "active"), "made")
    client, token = effects.client("", ""), await shop.store.token(SHOP)
    taken = {
        "title": "Summer", "code": "CLARA", "startsAt": "2026-01-01T00:00:00Z", "context": {"all": "ALL"},
        "customerGets": {"value": {"percentage": 0.5}, "items": {"all": True}},
    }  # fmt: skip
    await client.execute(SHOP, token, documents.DISCOUNT_BASIC_CREATE, {"discount": taken})
    clara = await shop.stage.ambassador(program, "Clara")
    await until(lambda: _in(shop, clara, "failed"), "refused with a reason")
    assert await shop.status("CLARA") == "ACTIVE"


def _now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


async def _in(shop: Shop, ambassador: str, state: str) -> bool:
    return await shop.state(ambassador) == state


async def _remains(shop: Shop, ambassador: str, amount: Decimal) -> bool:
    found = await shop.stage.commissions(ambassador)
    return bool(found) and found[0].amount.amount == amount

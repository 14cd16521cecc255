"""Orders through the till: what the payloads say must always add up."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deploy.devstore.amounts import read
from deploy.devstore.catalogue import shops
from deploy.devstore.changes import Give, RefundWish, Refused
from deploy.devstore.discounts import Discount
from deploy.devstore.orders import public
from deploy.devstore.sales import Till
from deploy.devstore.shops import utc
from deploy.devstore.wishes import CheckoutIn, EditIn, RefundIn
from deploy.devstore.world import World

Json = dict[str, Any]
OTHER = "other-brand.myshopify.com"
# What an orders/create webhook of a recent version carries at its top level.
TOP_LEVEL = set(
    """
    admin_graphql_api_id app_id billing_address browser_ip buyer_accepts_marketing cancel_reason cancelled_at
    cart_token checkout_id checkout_token client_details closed_at company confirmation_number confirmed
    contact_email created_at currency current_shipping_price_set current_subtotal_price current_subtotal_price_set
    current_total_additional_fees_set current_total_discounts current_total_discounts_set current_total_duties_set
    current_total_price current_total_price_set current_total_tax current_total_tax_set customer customer_locale
    device_id discount_applications discount_codes duties_included email estimated_taxes financial_status
    fulfillment_status fulfillments id landing_site landing_site_ref line_items location_id
    merchant_business_entity_id merchant_of_record_app_id name note note_attributes number order_number
    order_status_url original_total_additional_fees_set original_total_duties_set payment_gateway_names
    payment_terms phone po_number presentment_currency processed_at reference referring_site refunds returns
    shipping_address shipping_lines source_identifier source_name source_url subtotal_price subtotal_price_set
    tags tax_exempt tax_lines taxes_included test token total_cash_rounding_payment_adjustment_set
    total_cash_rounding_refund_adjustment_set total_discounts total_discounts_set total_line_items_price
    total_line_items_price_set total_outstanding total_price total_price_set total_shipping_price_set total_tax
    total_tax_set total_tip_received total_weight updated_at user_id
    """.split()  # noqa: SIM905
)


def add_code(till: Till, code: str, **fields: Any) -> None:
    """A discount code put straight into the store."""
    now = till.now
    discount = Discount.model_validate(
        {
            "id": till.new_id("discount"),
            "type": "basic",
            "title": code,
            "created_at": now,
            "updated_at": now,
            "starts_at": now,
        }
        | fields
    )
    till.world.store.put(till.shop.domain, "discount", discount.model_dump(mode="json"))
    doc = {"id": till.new_id("code"), "discount_id": discount.id, "code": code, "created_at": utc(now)}
    till.world.store.put(till.shop.domain, "code", doc, lookup=code.upper())


def buy(till: Till, *lines: tuple[int, int], **more: Any) -> Json:
    wish = {"lines": [{"variant_id": variant, "quantity": quantity} for variant, quantity in lines], **more}
    return till.checkout(CheckoutIn.model_validate(wish))[0]


def side(bag: Json, money: str) -> Decimal:
    return Decimal(bag[money]["amount"])


def check_sums(order: Json) -> None:
    """The amounts of an order agree with one another, in shop money and in the buyer's."""
    for money in ("shop_money", "presentment_money"):
        goods = [line for line in order["line_items"] if "tip_payment_gateway" not in line]
        allocated = [
            side(a["amount_set"], money)
            for line in goods + order["shipping_lines"]
            for a in line["discount_allocations"]
        ]
        assert sum(allocated) == side(order["total_discounts_set"], money)
        assert all(amount >= 0 for amount in allocated)
        gross = sum(side(line["price_set"], money) * line["quantity"] for line in goods)
        assert gross == side(order["total_line_items_price_set"], money)
        off_goods = sum(side(a["amount_set"], money) for line in goods for a in line["discount_allocations"])
        assert side(order["subtotal_price_set"], money) == gross - off_goods >= 0
        for name in (
            "total_price_set",
            "current_total_price_set",
            "current_subtotal_price_set",
            "current_total_tax_set",
        ):
            assert side(order[name], money) >= 0
        by_code = sum(Decimal(code["amount"]) for code in order["discount_codes"])
        assert by_code == Decimal(order["total_discounts"])


quantities = st.lists(st.tuples(st.integers(0, 8), st.integers(1, 7)), min_size=1, max_size=5)
currencies = st.sampled_from(["EUR", "JPY", "KWD", "RUB"])


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(quantities, currencies, st.integers(1, 100), st.sampled_from(list(shops())), st.booleans())
def test_sums_hold_through_sale_and_full_return(
    world: World, lines: list[tuple[int, int]], currency: str, percent: int, domain: str, one_by_one: bool
) -> None:
    till = Till(world, shops()[domain])
    ids = [variant["id"] for product in world.store.all(domain, "product") for variant in product["variants"]]
    code = f"P{world.store.number('test codes')}"
    add_code(till, code, percentage=Decimal(percent) / 100)
    order = buy(
        till, *((ids[i], q) for i, q in lines), discount_codes=[code], presentment_currency=currency, tip="1.50"
    )
    check_sums(order)
    assert order["discount_codes"][0]["code"] == code
    if one_by_one:
        for line in order["line_items"]:
            for _ in range(line["quantity"]):
                order = till.refund(order["id"], RefundWish([Give(line["id"], 1)]))[0]
                check_sums(order)
    order = till.refund_as_asked(order["id"], RefundIn())[0] if not one_by_one else till.cancel(order["id"])
    check_sums(order)
    assert Decimal(order["current_total_price"]) == 0
    assert read(order["current_total_price_set"]).presentment == 0
    back = sum(Decimal(t["amount"]) for refund in order["refunds"] for t in refund["transactions"])
    assert back == Decimal(order["total_price"])
    assert order["financial_status"] == "refunded"


def test_an_order_payload_has_every_usual_key_and_none_of_ours(till: Till, variants: list[int]) -> None:
    order = public(buy(till, (variants[0], 1), customer={"email": "a@example.com"}))
    assert order.keys() >= TOP_LEVEL
    assert not any(key.startswith("_") for key in order)
    assert not {"orders_count", "total_spent", "tags"} & order["customer"].keys()  # gone from payloads since 2025


def test_landing_page_and_notes_come_through(till: Till, variants: list[int]) -> None:
    notes = [{"name": "ref", "value": "ANNA"}]
    order = buy(
        till,
        (variants[0], 1),
        landing_site="/?utm_source=x&ref=ANNA&ref=B",
        referring_site="https://t.me/x",
        note_attributes=notes,
    )
    assert (order["landing_site_ref"], order["referring_site"], order["note_attributes"]) == (
        "ANNA",
        "https://t.me/x",
        notes,
    )


def test_taxes_are_inside_or_on_top_as_the_shop_says(world: World, till: Till, variants: list[int]) -> None:
    inside = buy(till, (variants[0], 1))  # 14.90 + 4.90 shipping, 19 % inside
    assert (inside["total_tax"], inside["total_price"]) == ("3.16", "19.80")
    other = Till(world, shops()[OTHER])
    variant = next(world.store.all(OTHER, "product"))["variants"][0]["id"]
    on_top = buy(other, (variant, 1))  # 119.00 + 6.00 shipping, 8 % on top
    assert (on_top["total_tax"], on_top["total_price"]) == ("10.00", "135.00")


def test_tips_and_gift_cards_are_neither_discounted_nor_taxed(till: Till, variants: list[int]) -> None:
    add_code(till, "HALF", percentage="0.5")
    order = buy(till, (variants[-1], 1), (variants[0], 1), discount_codes=["half"], tip="3")
    card, coffee, tip = order["line_items"]
    assert (card["gift_card"], card["discount_allocations"], card["tax_lines"]) == (True, [], [])
    assert coffee["discount_allocations"][0]["amount"] == "7.45"
    assert (tip["title"], tip["tax_lines"], order["total_tip_received"]) == ("Tip", [], "3.00")
    assert order["subtotal_price"] == "57.45"  # 50.00 + 7.45: without the tip


def test_a_partial_refund_tells_lines_money_and_what_is_left(till: Till, variants: list[int]) -> None:
    order = buy(till, (variants[0], 3))
    line = order["line_items"][0]
    order, refund = till.refund(
        order["id"], RefundWish([Give(line["id"], 1, "return")], shipping=Decimal("4.90"), note="broken")
    )
    (item,) = refund["refund_line_items"]
    assert (item["line_item_id"], item["quantity"], item["restock_type"]) == (line["id"], 1, "return")
    assert item["subtotal_set"]["shop_money"]["amount"] == "14.90"
    (adjustment,) = refund["order_adjustments"]
    assert (adjustment["kind"], adjustment["amount"]) == ("shipping_refund", "-4.90")
    assert [t["amount"] for t in refund["transactions"]] == ["19.80"]
    assert (order["current_total_price"], order["total_price"]) == ("29.80", "49.60")
    assert (order["line_items"][0]["current_quantity"], order["financial_status"]) == (2, "partially_refunded")


def test_money_without_goods_is_a_discrepancy(till: Till, variants: list[int]) -> None:
    order = buy(till, (variants[0], 1))
    order, refund = till.refund_as_asked(order["id"], RefundIn(amount=Decimal("5.00")))
    assert refund["refund_line_items"] == []
    assert [(a["kind"], a["amount"]) for a in refund["order_adjustments"]] == [("refund_discrepancy", "-5.00")]
    assert (order["current_total_price"], order["line_items"][0]["current_quantity"]) == ("14.80", 1)


@pytest.mark.parametrize("wish", [{"quantity": 2}, {"line": 5}, {"amount": Decimal("99")}])
def test_impossible_refunds_are_refused_and_change_nothing(
    till: Till, variants: list[int], wish: dict[str, Any]
) -> None:
    order = buy(till, (variants[0], 1))
    give = Give(wish.get("line", order["line_items"][0]["id"]), wish.get("quantity", 1))
    with pytest.raises(Refused):
        till.refund(order["id"], RefundWish([give], amount=wish.get("amount")))
    assert till.order(order["id"]) == order


def test_an_edit_adds_and_removes_units_and_leaves_a_balance(till: Till, variants: list[int]) -> None:
    order = buy(till, (variants[0], 2), (variants[2], 1))
    first, second = order["line_items"]
    wish = {"set": [{"line_item_id": first["id"], "quantity": 3}, {"line_item_id": second["id"], "quantity": 0}],
            "add": [{"variant_id": variants[1], "quantity": 1}]}  # fmt: skip
    order, told = till.edit(order["id"], EditIn.model_validate(wish))
    lines = told["order_edit"]["line_items"]
    assert lines["removals"] == [{"id": second["id"], "delta": 1}]
    assert [addition["delta"] for addition in lines["additions"]] == [1, 1]
    assert [line["current_quantity"] for line in order["line_items"]] == [3, 0, 1]
    assert [refund["transactions"] for refund in order["refunds"]] == [[]]
    assert order["financial_status"] == "partially_paid"
    assert Decimal(order["total_outstanding"]) == Decimal("14.90") + Decimal("49.00") - Decimal("10.90")
    assert till.pay(order["id"])["financial_status"] == "paid"


def test_a_cancelled_unpaid_order_is_voided(till: Till, variants: list[int]) -> None:
    order = till.cancel(buy(till, (variants[0], 1), paid=False)["id"], "fraud")
    assert (order["financial_status"], order["cancel_reason"], order["current_total_price"]) == (
        "voided",
        "fraud",
        "0.00",
    )
    with pytest.raises(Refused):
        till.cancel(order["id"])


def test_usage_limits_count_per_code_and_customer(till: Till, variants: list[int]) -> None:
    add_code(till, "TWICE", percentage="0.1", usage_limit=2, once_per_customer=True)
    wish = {"lines": [{"variant_id": variants[0]}], "discount_codes": ["TWICE"]}
    bought = [
        till.checkout(CheckoutIn.model_validate(wish | {"customer": {"email": mail}}))[1]
        for mail in ("a@x.io", "A@x.io", "b@x.io", "c@x.io")
    ]
    assert bought == [{}, {"TWICE": "already_used_by_customer"}, {}, {"TWICE": "usage_limit_reached"}]


def test_the_same_history_gives_the_same_payloads(tmp_path_factory: pytest.TempPathFactory) -> None:
    from deploy.devstore.world import Settings

    seen = []
    for name in ("one", "two"):
        world = World.open(Settings(str(tmp_path_factory.mktemp(name) / "s"), "http://g", "http://p"))
        till = Till(world, shops()[OTHER])
        variant = next(world.store.all(OTHER, "product"))["variants"][0]["id"]
        order = public(buy(till, (variant, 2), customer={"email": "a@b.c"}))
        times = ("created_at", "updated_at", "processed_at")
        order["customer"] = None
        seen.append({key: value for key, value in order.items() if key not in times})
        world.store.close()
    assert seen[0] == seen[1]

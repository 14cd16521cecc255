"""Codes: the same for the same grant, readable, unlike each other; and what of them is sent to Shopify."""

import re
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.rewards.codes import code_for, code_key, normalised, prefix_of
from services.rewards.discounts import CodeOrder, creation
from shared.contracts.rewards import DiscountReward
from tests.unit.rewards.fakes import AT

KEY = code_key(bytes(range(32)))


@given(st.text(), st.integers(1, 5))
def test_codes_are_deterministic_and_readable(grant_id: str, attempt: int) -> None:
    code = code_for(KEY, "VOUCH", grant_id, attempt)
    assert code == code_for(KEY, "VOUCH", grant_id, attempt)
    assert re.fullmatch(r"VOUCH(-[0-9A-HJKMNP-TV-Z]{4}){2}", code)


def test_codes_differ_by_grant_attempt_and_key() -> None:
    codes = {code_for(KEY, "VOUCH", f"grt_{number}", attempt) for number in range(2000) for attempt in (1, 2)}
    assert len(codes) == 4000
    assert code_for(KEY, "VOUCH", "grt_1") != code_for(code_key(bytes(32)), "VOUCH", "grt_1")


@pytest.mark.parametrize(
    ("name", "prefix"),
    [
        ("Northwind Coffee", "NORTHWIN"),
        ("Café Noir", "CAFE"),
        ("Кофе и точка", "VOUCH"),
        ("A1 Sport", "SPORT"),
        (None, "VOUCH"),
    ],
)
def test_prefix_is_the_brands(name: str | None, prefix: str) -> None:
    assert prefix_of(name) == prefix


def test_codes_ignore_case() -> None:
    assert normalised(" vouch-7K3M-q2xd ") == normalised("VOUCH-7K3M-Q2XD")


def order(reward: DiscountReward, customer_id: str | None = "7001") -> CodeOrder:
    return CodeOrder(
        grant_id="grt_1", campaign_id="cmp_1", prefix="VOUCH", code="VOUCH-7K3M-Q2XD", title="Thanks",
        customer_id=customer_id, reward=reward, starts_at=AT, ends_at=AT + timedelta(days=30),
    )  # fmt: skip


def sent(reward: DiscountReward, customer_id: str | None = "7001") -> dict[str, Any]:
    _, variables = creation(order(reward, customer_id), "VOUCH-7K3M-Q2XD")
    discount: dict[str, Any] = variables["discount"]
    return discount


def test_percent_for_one_customer() -> None:
    discount = sent(DiscountReward(kind="percent", value="12.5", minimum_subtotal="20.00"))
    assert discount["customerGets"] == {"value": {"percentage": 0.125}, "items": {"all": True}}
    assert discount["context"] == {"customers": {"add": ["gid://shopify/Customer/7001"]}}
    assert discount["minimumRequirement"] == {"subtotal": {"greaterThanOrEqualToSubtotal": "20.00"}}
    assert discount["usageLimit"] == 1
    assert discount["title"] == "Thanks (grt_1)"


def test_fixed_on_products_for_the_bearer() -> None:
    discount = sent(DiscountReward(kind="fixed", value="5.00", products=["8001"]), customer_id=None)
    assert discount["customerGets"]["value"] == {"discountAmount": {"amount": "5.00", "appliesOnEachItem": False}}
    assert discount["customerGets"]["items"] == {"products": {"productsToAdd": ["gid://shopify/Product/8001"]}}
    assert discount["context"] == {"all": "ALL"}


def test_free_shipping() -> None:
    discount = sent(DiscountReward(kind="free_shipping", combines_with_shipping_discounts=True))
    assert discount["destination"] == {"all": True}
    assert discount["combinesWith"]["shippingDiscounts"] is False
    assert "customerGets" not in discount


def test_own_discounts_are_known_by_their_title() -> None:
    mine = order(DiscountReward(kind="percent", value="10"))
    assert mine.is_ours(mine.name)
    assert not mine.is_ours("Black Friday")
    assert not mine.is_ours(None)

"""Rewards in Shopify's words: the input of a discount's creation. Pure."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from pydantic import BaseModel, ConfigDict

from shared.contracts.rewards import DiscountReward
from shared.shopify import documents, gid


class CodeOrder(BaseModel):
    """The order for one code: what the `create_code` effect carries."""

    model_config = ConfigDict(frozen=True)

    grant_id: str
    campaign_id: str
    prefix: str
    code: str
    title: str
    customer_id: str | None
    reward: DiscountReward
    starts_at: datetime
    ends_at: datetime

    @property
    def name(self) -> str:
        """The discount's title at Shopify; it ends with the grant, by which a code is known to be ours."""
        return f"{self.title[:120]} ({self.grant_id})"

    def is_ours(self, title: str | None) -> bool:
        """Whether a discount with this title was made for this grant."""
        return bool(title) and str(title).endswith(f"({self.grant_id})")


def creation(order: CodeOrder, code: str) -> tuple[str, dict[str, Any]]:
    """The document and its variables that make the order's discount under `code`."""
    if order.reward.kind == "free_shipping":
        return documents.DISCOUNT_FREE_SHIPPING_CREATE, {
            "discount": _common(order, code) | {"destination": {"all": True}}
        }
    return documents.DISCOUNT_BASIC_CREATE, {"discount": _common(order, code) | {"customerGets": _gets(order.reward)}}


def _common(order: CodeOrder, code: str) -> dict[str, Any]:
    reward = order.reward
    fields: dict[str, Any] = {
        "title": order.name,
        "code": code,
        # A minute early, so that a shop whose clock is behind ours lets the code in at once.
        "startsAt": _second(order.starts_at - timedelta(minutes=1)),
        "endsAt": _second(order.ends_at),
        "usageLimit": 1,
        "appliesOncePerCustomer": True,
        "context": {"customers": {"add": [gid("Customer", order.customer_id)]}}
        if order.customer_id
        else {"all": "ALL"},
        "combinesWith": {
            "orderDiscounts": reward.combines_with_order_discounts,
            "productDiscounts": reward.combines_with_product_discounts,
            # Shopify refuses two shipping discounts on one order.
            "shippingDiscounts": reward.combines_with_shipping_discounts and reward.kind != "free_shipping",
        },
    }
    if reward.minimum_subtotal:
        subtotal = {"greaterThanOrEqualToSubtotal": f"{reward.minimum_subtotal:f}"}
        fields["minimumRequirement"] = {"subtotal": subtotal}
    return fields


def _second(time: datetime) -> str:
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _gets(reward: DiscountReward) -> dict[str, Any]:
    if reward.kind == "percent":
        return {"value": {"percentage": float(Decimal(reward.value) / 100)}, "items": _items(reward)}
    amount = {"amount": f"{reward.value:f}", "appliesOnEachItem": False}
    return {"value": {"discountAmount": amount}, "items": _items(reward)}


def _items(reward: DiscountReward) -> dict[str, Any]:
    if reward.products:
        return {"products": {"productsToAdd": [gid("Product", id) for id in reward.products]}}
    if reward.collections:
        return {"collections": {"add": [gid("Collection", id) for id in reward.collections]}}
    return {"all": True}

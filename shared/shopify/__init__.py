"""Shopify's Admin API: a client safe for many shops at once, the documents it sends, and the install (OAuth)."""

from shared.shopify.client import Shopify, gid, legacy_id, shop_url
from shared.shopify.errors import (
    BadDocument,
    ShopifyError,
    Throttled,
    Unauthorized,
    Unavailable,
    UserError,
    UserErrors,
)

__all__ = [
    "BadDocument",
    "Shopify",
    "ShopifyError",
    "Throttled",
    "Unauthorized",
    "Unavailable",
    "UserError",
    "UserErrors",
    "gid",
    "legacy_id",
    "shop_url",
]

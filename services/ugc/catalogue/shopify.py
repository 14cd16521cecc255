"""Products in Shopify's shapes, REST (webhooks) and GraphQL (sync), as the catalogue has them. Pure.

Webhook: https://shopify.dev/docs/api/webhooks?reference=toml (products/create|update|delete); any field may be missing.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from shared.contracts.ugc import CatalogueProduct
from shared.errors import Permanent


def of_webhook(payload: Any, storefront_url: str | None) -> CatalogueProduct:
    """A product from a `products/create` or `products/update` payload. Permanent when it is none."""
    if not isinstance(payload, dict) or not payload.get("id") or not payload.get("updated_at"):
        raise Permanent("a products webhook without id or updated_at")
    image = payload.get("image") or {}
    handle, active = str(payload.get("handle") or ""), payload.get("status", "active") == "active"
    tags = payload.get("tags") or ""
    return CatalogueProduct(
        product_id=str(payload["id"]),
        title=str(payload.get("title") or ""),
        handle=handle,
        titles=_titles(payload.get("translations")),
        product_type=str(payload.get("product_type") or ""),
        tags=[tag.strip() for tag in (tags.split(",") if isinstance(tags, str) else tags) if tag.strip()],
        collections=[str(one) for one in payload.get("collections") or []],
        image=image.get("src"),
        url=_url(storefront_url, handle),
        updated_at=_time(payload["updated_at"]),
        deleted=not active,
    )


def of_deletion(payload: Any, at: datetime) -> CatalogueProduct:
    """A product from a `products/delete` payload, which carries the id alone; `at` is when it was triggered."""
    if not isinstance(payload, dict) or not payload.get("id"):
        raise Permanent("a products/delete webhook without id")
    return CatalogueProduct(product_id=str(payload["id"]), title="", handle="", updated_at=at, deleted=True)


def of_graphql(node: Mapping[str, Any], storefront_url: str | None) -> CatalogueProduct:
    """A product from the sync query's node (`PRODUCTS_PAGE`)."""
    preview = ((node.get("featuredMedia") or {}).get("preview") or {}).get("image") or {}
    handle = str(node.get("handle") or "")
    return CatalogueProduct(
        product_id=str(node["legacyResourceId"]),
        title=str(node.get("title") or ""),
        handle=handle,
        titles=_titles({language: node.get(language) for language in ("ru", "en")}),
        product_type=str(node.get("productType") or ""),
        tags=list(node.get("tags") or []),
        collections=[str(one["legacyResourceId"]) for one in (node.get("collections") or {}).get("nodes", [])],
        image=preview.get("url"),
        url=node.get("onlineStoreUrl") or _url(storefront_url, handle),
        updated_at=_time(node["updatedAt"]),
        deleted=node.get("status", "ACTIVE") != "ACTIVE",
    )


def _titles(translations: Any) -> dict[str, str]:
    """Titles per language out of `{language: [{key, value}]}`."""
    if not isinstance(translations, dict):
        return {}
    found = {
        language: entry["value"]
        for language, entries in translations.items()
        for entry in entries or []
        if entry.get("key") == "title"
    }
    return {language: value for language, value in found.items() if value}


def _url(storefront_url: str | None, handle: str) -> str | None:
    return f"{storefront_url.rstrip('/')}/products/{handle}" if storefront_url and handle else None


def _time(stated: Any) -> datetime:
    try:
        at = datetime.fromisoformat(str(stated))
    except ValueError as error:
        raise Permanent(f"not an RFC 3339 time: {stated!r}") from error
    return at if at.tzinfo else at.replace(tzinfo=UTC)

"""Products in Shopify's shapes."""

from datetime import UTC, datetime

import pytest

from services.ugc.catalogue.shopify import of_deletion, of_graphql, of_webhook
from shared.errors import Permanent

STORE = "https://northwind.example/"


def test_a_products_webhook_with_and_without_its_optional_fields() -> None:
    full = of_webhook(
        {
            "id": 8001,
            "title": "Ethiopia",
            "handle": "ethiopia",
            "product_type": "coffee",
            "tags": "light, fruity",
            "status": "active",
            "image": {"src": "https://cdn.example/e.jpg"},
            "updated_at": "2026-11-22T10:00:00+02:00",
        },
        STORE,
    )
    assert (full.product_id, full.tags, full.url) == (
        "8001",
        ["light", "fruity"],
        "https://northwind.example/products/ethiopia",
    )
    assert full.updated_at == datetime(2026, 11, 22, 8, tzinfo=UTC)
    bare = of_webhook(
        {"id": "8001", "title": None, "image": None, "tags": None, "updated_at": "2026-11-22T10:00:00Z"}, None
    )
    assert (bare.title, bare.image, bare.tags, bare.url, bare.deleted) == ("", None, [], None, False)
    assert of_webhook({"id": 1, "updated_at": "2026-11-22T10:00:00Z", "status": "draft"}, None).deleted


@pytest.mark.parametrize("payload", [[], None, {}, {"id": 1}, {"id": 1, "updated_at": "yesterday"}])
def test_what_is_no_product_is_a_dead_letter(payload: object) -> None:
    with pytest.raises(Permanent):
        of_webhook(payload, None)


def test_a_deletion_carries_its_time_from_the_header() -> None:
    at = datetime(2026, 11, 22, tzinfo=UTC)
    assert (of_deletion({"id": 8001}, at).deleted, of_deletion({"id": 8001}, at).updated_at) == (True, at)


def test_a_node_of_the_sync() -> None:
    node = {
        "legacyResourceId": "8001",
        "title": "Ethiopia",
        "handle": "ethiopia",
        "productType": "coffee",
        "tags": ["light"],
        "status": "ACTIVE",
        "updatedAt": "2026-11-22T10:00:00Z",
        "onlineStoreUrl": None,
        "featuredMedia": {"preview": {"image": {"url": "https://cdn.example/e.jpg"}}},
        "collections": {"nodes": [{"legacyResourceId": "9001"}]},
        "ru": [{"key": "title", "value": "Эфиопия"}],
        "en": [],
    }
    found = of_graphql(node, STORE)
    assert (found.titles, found.collections, found.image) == ({"ru": "Эфиопия"}, ["9001"], "https://cdn.example/e.jpg")
    assert found.url == "https://northwind.example/products/ethiopia"

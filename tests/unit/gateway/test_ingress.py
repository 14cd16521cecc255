"""Webhooks as records: keys that keep an order's events together, and headers that fit the body."""

from typing import Any

import pytest

from services.gateway.ingress import agrees, shopify_key, shopify_record, uninstalled
from shared.contracts.gateway import DisconnectShop

SHOP = "vouch-demo.myshopify.com"


@pytest.mark.parametrize(
    ("topic", "payload", "key"),
    [
        ("orders/create", {"id": 5001}, "brd:5001"),
        ("orders/paid", {"id": "5001"}, "brd:5001"),
        ("orders/edited", {"order_edit": {"id": 1, "order_id": 5001}}, "brd:5001"),
        ("refunds/create", {"id": 9, "order_id": 5001}, "brd:5001"),
        ("products/update", {"id": 8001}, "brd:product:8001"),
        ("customers/create", {"id": 7001}, "brd:customer:7001"),
        ("customers/redact", {"customer": {"id": 7001}, "shop_domain": SHOP}, "brd:customer:7001"),
        ("app/uninstalled", {"id": 1}, "brd"),
        ("shop/redact", {"shop_id": 1}, "brd"),
    ],
)
def test_keys(topic: str, payload: dict[str, Any], key: str) -> None:
    assert shopify_key("brd", topic, payload) == key


@pytest.mark.parametrize(
    ("topic", "payload", "fits"),
    [
        ("orders/create", {"admin_graphql_api_id": "gid://shopify/Order/1"}, True),
        ("orders/create", {"admin_graphql_api_id": "gid://shopify/Product/1"}, False),
        ("refunds/create", {"admin_graphql_api_id": "gid://shopify/Order/1"}, False),
        ("orders/create", {"admin_graphql_api_id": None}, True),
        ("app/uninstalled", {"myshopify_domain": SHOP}, True),
        ("app/uninstalled", {"myshopify_domain": "other-brand.myshopify.com"}, False),
        ("customers/redact", {"shop_domain": "other-brand.myshopify.com"}, False),
        ("app/uninstalled", {"domain": "northwind.example", "myshopify_domain": None}, True),
    ],
)
def test_unsigned_headers_must_fit_the_signed_body(topic: str, payload: dict[str, Any], fits: bool) -> None:
    assert agrees(topic, SHOP, payload) is fits


def headers(**more: str) -> dict[str, str]:
    return {"x-shopify-topic": "orders/create"} | more


def test_a_delivery_is_recognised_by_its_id_and_without_one_by_its_bytes() -> None:
    def dedupe(body: bytes, **more: str) -> str:
        return shopify_record("brd", SHOP, headers(**more), {"id": 1}, body, "req_1").headers["dedupe"]

    assert dedupe(b"1", **{"x-shopify-webhook-id": "w"}) == dedupe(b"2", **{"x-shopify-webhook-id": "w"}) == f"{SHOP}/w"
    assert dedupe(b"1") == dedupe(b"1") != dedupe(b"2")


def test_an_uninstall_becomes_a_command_with_the_time_it_happened() -> None:
    happened = {"x-shopify-webhook-id": "w", "x-shopify-triggered-at": "2026-11-22T10:00:00Z"}
    record = shopify_record("brd", SHOP, headers(**happened), {"id": 1}, b"{}", "req_1")
    command = uninstalled("brd", SHOP, record)
    assert command.headers["id"] == f"uninstall/{SHOP}/w"
    sent = DisconnectShop.model_validate_json(command.value)
    assert sent.at is not None
    assert sent.at.isoformat() == "2026-11-22T10:00:00+00:00"

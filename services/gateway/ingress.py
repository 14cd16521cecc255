"""Verified webhooks as records: whose they are, in which order they must stay, and how a repetition is recognised."""

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from shared.contracts.gateway import DisconnectShop
from shared.contracts.ingress import IngressHeader
from shared.networks.base import Connection
from shared.problems import ProblemError
from shared.records import Header, Headers, Outgoing, outgoing
from shared.telemetry import trace_header
from shared.topics import Topic

_GLOBAL_IDS = {"orders": "Order", "products": "Product", "customers": "Customer", "refunds": "Refund"}


def read_object(body: bytes) -> dict[str, Any]:
    """The body as a JSON object. Raises `ProblemError` (400)."""
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        raise ProblemError("malformed-request", "The body is not JSON.") from None
    if not isinstance(content, dict):
        raise ProblemError("malformed-request", "The body is not a JSON object.")
    return content


def agrees(topic: str, shop_domain: str, payload: Mapping[str, Any]) -> bool:
    """Whether the unsigned headers fit the signed body, as far as the body says anything about them."""
    stated = payload.get("admin_graphql_api_id")
    kind = _GLOBAL_IDS.get(topic.partition("/")[0])
    if kind and isinstance(stated, str) and not stated.startswith(f"gid://shopify/{kind}/"):
        return False
    for name in ("shop_domain", "myshopify_domain"):
        said = payload.get(name)
        if isinstance(said, str) and said.endswith(".myshopify.com") and said.lower() != shop_domain:
            return False
    return True


def shopify_key(brand_id: str, topic: str, payload: Mapping[str, Any]) -> str:
    """The record key: everything about one order, product or customer stays in order."""
    area = topic.partition("/")[0]
    if area == "orders":
        edited = payload.get("order_edit")
        order = edited.get("order_id") if isinstance(edited, dict) else payload.get("id") or payload.get("order_id")
        return f"{brand_id}:{order}"
    if area == "refunds":
        return f"{brand_id}:{payload.get('order_id')}"
    if area in ("products", "customers") and payload.get("id") is not None:
        return f"{brand_id}:{area[:-1]}:{payload['id']}"
    if topic.startswith("customers/") and isinstance(payload.get("customer"), dict):  # the compliance topics
        return f"{brand_id}:customer:{payload['customer'].get('id')}"
    return brand_id


def shopify_record(
    brand_id: str,
    shop_domain: str,
    headers: Mapping[str, str],
    payload: Mapping[str, Any],
    body: bytes,
    request_id: str,
) -> Outgoing:
    """A verified Shopify webhook. `headers` are the request's, without regard to case."""
    topic = headers["x-shopify-topic"].lower()
    webhook_id = headers.get("x-shopify-webhook-id") or hashlib.sha256(topic.encode() + b"\n" + body).hexdigest()
    extra: dict[str, str] = {
        IngressHeader.SHOP: shop_domain,
        IngressHeader.SHOPIFY_TOPIC: topic,
        IngressHeader.API_VERSION: headers.get("x-shopify-api-version", ""),
        IngressHeader.TRIGGERED_AT: headers.get("x-shopify-triggered-at", ""),
        IngressHeader.EVENT_ID: headers.get("x-shopify-event-id", ""),
    }
    dedupe = f"{shop_domain}/{webhook_id[:200]}"
    return _record(
        Topic.INGRESS_SHOPIFY, shopify_key(brand_id, topic, payload), body, brand_id, dedupe, request_id, extra
    )


def social_record(connection: Connection, delivery_id: str, body: bytes, request_id: str) -> Outgoing:
    """A verified delivery of a network. A connection's deliveries stay in order, so that no edit overtakes its post."""
    extra: dict[str, str] = {IngressHeader.NETWORK: connection.network, IngressHeader.CONNECTION: connection.id}
    key = f"{connection.brand_id}:{connection.id}"
    return _record(
        Topic.INGRESS_SOCIAL, key, body, connection.brand_id, f"{connection.id}/{delivery_id[:200]}", request_id, extra
    )


def _record(
    topic: Topic, key: str, body: bytes, brand_id: str, dedupe: str, request_id: str, extra: Mapping[str, str]
) -> Outgoing:
    headers: Headers = {
        Header.BRAND: brand_id,
        Header.AT: datetime.now(UTC).isoformat(),
        Header.DEDUPE: dedupe,
        Header.CORRELATION: request_id,
        Header.ACTOR: "webhook",
    }
    if trace := trace_header():
        headers[Header.TRACE] = trace
    return Outgoing(
        topic, key.encode("utf-8", "replace"), body, headers | {str(name): text for name, text in extra.items() if text}
    )


def uninstalled(brand_id: str, shop_domain: str, record: Outgoing) -> Outgoing:
    """`app/uninstalled` as a command of the gateway's own; the same webhook always makes the same command."""
    try:
        at = datetime.fromisoformat(record.headers.get(IngressHeader.TRIGGERED_AT, ""))
    except ValueError:
        at = datetime.now(UTC)
    command = DisconnectShop(brand_id=brand_id, shop_domain=shop_domain, at=at if at.tzinfo else at.replace(tzinfo=UTC))
    return outgoing(
        command,
        id=f"uninstall/{record.headers[Header.DEDUPE]}",
        actor="webhook",
        correlation_id=record.headers[Header.CORRELATION],
    )

"""Webhooks: who is subscribed, what is queued. Queueing happens in the transaction of the change it tells about."""

import json
import time
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

from deploy.devstore import orders
from deploy.devstore.shops import Shop, utc
from deploy.devstore.world import API_VERSION, COMPLIANCE, World

Json = dict[str, Any]
_SPACE = UUID("5f0c8a52-3c0e-5b43-9b61-2f4a0c7d1e88")


def enum_of(topic: str) -> str:
    """`orders/create` as GraphQL's `WebhookSubscriptionTopic` writes it."""
    return topic.replace("/", "_").replace(".", "_").upper()


def subscribe(world: World, shop: Shop, topic: str, wish: Json) -> Json:
    """A new subscription; `topic` as the GraphQL enum, `wish` with uri, include_fields, metafield_namespaces, name."""
    now = world.now(shop)
    body = {
        "id": world.store.new_id(shop.domain, "subscription"),
        "topic": topic,
        "created_at": utc(now),
        "updated_at": utc(now),
        **wish,
    }
    save(world, shop, body)
    return body


def save(world: World, shop: Shop, subscription: Json) -> None:
    world.store.put(
        shop.domain, "subscription", subscription, lookup=subscription["topic"], created=subscription["created_at"],
        updated=subscription["updated_at"],
    )  # fmt: skip


def taken(world: World, shop: Shop, topic: str, uri: str, but: int | None = None) -> bool:
    """Whether this address already has a subscription of this topic."""
    same = world.store.find_all(shop.domain, "subscription", topic)
    return any(s["uri"] == uri and s["id"] != but for s in same)


def emit(world: World, shop: Shop, topic: str, payload: Json) -> None:
    """Queue a delivery for every subscription of the topic (compliance topics go to the app's own address)."""
    event_id = str(uuid5(_SPACE, f"{shop.domain}/{world.store.number(f'{shop.domain}/event')}"))
    for subscription in _subscriptions(world, shop, topic):
        fields = subscription.get("include_fields") or []
        public = orders.public(payload)
        body = {key: public[key] for key in fields if key in public} if fields else public
        _queue(world, shop, topic, subscription, json.dumps(body, ensure_ascii=False).encode(), event_id)
    world.wake.set()


def _subscriptions(world: World, shop: Shop, topic: str) -> list[Json]:
    if topic in COMPLIANCE:
        return [{"id": None, "uri": f"{world.settings.gateway}/webhooks/shopify"}]
    return world.store.find_all(shop.domain, "subscription", enum_of(topic))


def _queue(world: World, shop: Shop, topic: str, subscription: Json, body: bytes, event_id: str) -> None:
    """One delivery, as the faults in force would have it."""
    webhook_id = str(uuid5(_SPACE, f"{event_id}/{subscription['id']}"))
    headers = _headers(shop, topic, subscription, webhook_id, event_id, world.now(shop))
    rule = world.faults.pick("webhook", shop.domain, [topic])
    kind, due, copies, state = rule.kind if rule else None, time.time(), 1, "pending"
    if rule and kind == "delay":
        due += rule.seconds or 1.0
    if rule and kind == "reorder":
        due += rule.dice().uniform(0, rule.seconds or 1.0)
    if rule and kind == "duplicate":
        copies += rule.times
    if kind == "drop":
        state = "dropped"
    if kind == "bad_signature":
        headers["_bad_signature"] = "1"
    for _ in range(copies):
        _insert(world, shop, topic, subscription, headers, body, state, due)


def _insert(
    world: World, shop: Shop, topic: str, sub: Json, headers: dict[str, str], body: bytes, state: str, due: float
) -> None:
    world.store.db.execute(
        "INSERT INTO deliveries(shop, topic, uri, subscription, headers, body, state, due, created_at) "
        "VALUES (?,?,?,?,?,?,?,?,?)",
        (shop.domain, topic, sub["uri"], sub["id"], json.dumps(headers), body, state, due, time.time()),
    )


def _headers(shop: Shop, topic: str, sub: Json, webhook_id: str, event_id: str, now: datetime) -> dict[str, str]:
    headers = {
        "Content-Type": "application/json", "User-Agent": "Shopify-Captain-Hook", "X-Shopify-Topic": topic,
        "X-Shopify-Shop-Domain": shop.domain, "X-Shopify-API-Version": API_VERSION, "X-Shopify-Webhook-Id": webhook_id,
        "X-Shopify-Event-Id": event_id, "X-Shopify-Triggered-At": now.strftime("%Y-%m-%dT%H:%M:%S.") + "000000000Z",
    }  # fmt: skip
    return headers | ({"X-Shopify-Name": sub["name"]} if sub.get("name") else {})

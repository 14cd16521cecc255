"""A gateway in this process for tests, with a client that speaks HTTP to it, and the services behind it."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from services.gateway import middleware
from services.gateway.app import app, build
from services.gateway.gateway import Gateway
from shared.runtime import Runtime, ServiceApp
from shared.security.signatures import sign_shopify_webhook, sign_standard_webhook
from shared.settings import Settings
from tests.settings import settings_for

OPERATOR = {"Authorization": "Bearer operator-token-of-the-tests"}
Json = dict[str, Any]


@dataclass
class Door:
    """A running gateway and a client to it."""

    gateway: Gateway
    http: httpx.AsyncClient

    async def call(self, method: str, path: str, key: str | None = None, **more: Any) -> httpx.Response:
        """One request; `key` is a bearer token."""
        headers = more.pop("headers", {}) | ({"Authorization": f"Bearer {key}"} if key else {})
        return await self.http.request(method, path, headers=headers, **more)


@dataclass
class Tenant:
    """A brand with keys of each role and the client secret of its Shopify app."""

    id: str
    shop: str
    owner: str
    marketer: str
    viewer: str
    secret: str = "shhh"


@asynccontextmanager
async def gateway_running(settings: Settings, *services: ServiceApp) -> AsyncIterator[Door]:
    """The gateway, and the given services, until the end of the block."""
    async with AsyncExitStack() as stack:
        for service in services:
            runtime = Runtime(service, settings)
            await runtime.start()
            stack.push_async_callback(runtime.stop)
        gateway = Gateway(app, settings)
        http = build(gateway)
        await stack.enter_async_context(http.router.lifespan_context(http))
        transport = httpx.ASGITransport(middleware.wrap(http), raise_app_exceptions=False)
        client = await stack.enter_async_context(
            httpx.AsyncClient(transport=transport, base_url="http://gateway", timeout=30)
        )
        yield Door(gateway, client)


async def ready(door: Door) -> None:
    """Wait until everything is there."""

    async def holds() -> bool:
        return (await door.http.get("/readyz")).status_code == 200 and door.gateway.listener.listening

    await until(holds, "the gateway is ready")


async def tenant(door: Door, shop: str = "vouch-demo.myshopify.com") -> Tenant:
    """A new brand, made through the operator's API."""
    body = {"name": "Northwind", "shop_domain": shop, "currency": "EUR", "storefront_url": "https://northwind.example"}
    brand = await door.http.post("/v1/operator/brands", json=body, headers=OPERATOR)
    assert brand.status_code == 201, brand.text
    keys = {}
    for role in ("owner", "marketer", "viewer"):
        made = await door.http.post(
            "/v1/operator/keys", json={"brand_id": brand.json()["id"], "role": role, "name": role}, headers=OPERATOR
        )
        assert made.status_code == 201, made.text
        keys[role] = made.json()["key"]
    return Tenant(brand.json()["id"], shop, **keys)


async def until(holds: Callable[[], Awaitable[bool]], what: str, seconds: float = 40) -> None:
    """Wait for something to become true; fails with `what` when it doesn't."""
    for _ in range(int(seconds / 0.1)):
        if await holds():
            return
        await asyncio.sleep(0.1)
    pytest.fail(f"not within {seconds} s: {what}")


def shopify_delivery(payload: Json, *, topic: str, shop: str, webhook_id: str, secret: str = "shhh") -> Json:
    """Arguments of a request that delivers a signed Shopify webhook."""
    body = json.dumps(payload).encode()
    headers = {
        "X-Shopify-Topic": topic,
        "X-Shopify-Shop-Domain": shop,
        "X-Shopify-Hmac-SHA256": sign_shopify_webhook(body, secret),
        "X-Shopify-Webhook-Id": webhook_id,
        "X-Shopify-API-Version": "2026-10",
        "Content-Type": "application/json",
    }
    return {"content": body, "headers": headers}


def standard_delivery(payload: Json | Sequence[Json], secret: str, id: str = "msg_1") -> Json:
    """Arguments of a request that delivers a Standard Webhook."""
    body, at = json.dumps(payload).encode(), int(time.time())
    signature = sign_standard_webhook(body, id, at, secret)
    headers = {"webhook-id": id, "webhook-timestamp": str(at), "webhook-signature": signature}
    return {"content": body, "headers": headers | {"Content-Type": "application/json"}}


def local(mongo_uri: str, kafka: str, topic_prefix: str, database_prefix: str, **more: object) -> Settings:
    """Settings of a gateway of one test."""
    fields: dict[str, object] = {"shopify_client_id": "client", "command_timeout": 20.0}  # a busy machine is no failure
    return settings_for(mongo_uri, kafka, topic_prefix, database_prefix, **(fields | more))

"""What the gateway does at Shopify: subscribe to webhooks after an install, get the next token before one ends."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

import structlog

from shared.contracts.base import Message
from shared.contracts.gateway import ConnectShop, DisconnectShop, RecordShopSubscriptions
from shared.effects import Effects, Job, Resources, RetryLater
from shared.security.sealing import Sealer, Unsealable
from shared.settings import Settings
from shared.shopify import Shopify, Throttled, Unauthorized, Unavailable, UserErrors, documents
from shared.shopify.oauth import OAuth, OfflineToken
from shared.topics import Service

effects = Effects(Service.GATEWAY)
log = structlog.get_logger(__name__)

SCOPES = [
    "read_orders",
    "read_products",
    "read_customers",
    "write_customers",
    "read_discounts",
    "write_discounts",
    "read_translations",
    "write_store_credit_account_transactions",
    "write_gift_cards",
]
TOPICS = [
    "ORDERS_CREATE",
    "ORDERS_PAID",
    "ORDERS_UPDATED",
    "ORDERS_EDITED",
    "ORDERS_CANCELLED",
    "REFUNDS_CREATE",
    "PRODUCTS_CREATE",
    "PRODUCTS_UPDATE",
    "PRODUCTS_DELETE",
    "CUSTOMERS_CREATE",
    "CUSTOMERS_UPDATE",
    "APP_UNINSTALLED",
]
_EARLY = timedelta(minutes=10)


def refresh_due(now: datetime, expires_at: datetime) -> datetime:
    """When to get the next token: ten minutes early, or half-way for shorter lives."""
    life = expires_at - now
    return expires_at - min(_EARLY, life / 2)


@lru_cache
def shopify(settings: Settings) -> Shopify:
    """The process's client."""
    return Shopify(settings.shopify_url, settings.shopify_api_version)


async def app_credentials(resources: Resources, brand_id: str) -> tuple[str, str]:
    """Client id and secret of the app the brand uses: its own, or the deployment's."""
    raw = await resources.mongo.find_one("shop_apps", {"_id": brand_id})
    if raw:
        return raw["client_id"], resources.unseal(brand_id, raw["sealed_secrets"][0])
    secrets = resources.settings.shopify_client_secrets
    return resources.settings.shopify_client_id, secrets[0].get_secret_value() if secrets else ""


# -- webhook subscriptions ---------------------------------------------------------------------------------------
@effects.on("subscribe_webhooks", concurrency=2)
async def subscribe_webhooks(job: Job, resources: Resources) -> Sequence[Message]:
    """Bring the shop's subscriptions to what Vouch listens to. Safe to repeat: it reads first."""
    shop = await resources.mongo.find_one("shops", {"_id": job.brand_id})
    if not shop or not shop["sealed_token"]:
        return []
    token = resources.unseal(job.brand_id, shop["sealed_token"])
    uri = f"{resources.settings.public_url.rstrip('/')}/webhooks/shopify"
    try:
        refused = await _subscribe(shopify(resources.settings), shop["shop_domain"], token, uri)
    except Throttled as error:
        raise RetryLater(error.retry_after, str(error), whole_lane=True) from error
    except (Unavailable, Unauthorized) as error:
        raise RetryLater(min(300, 2.0**job.tries), str(error)) from error
    topics = [topic for topic in TOPICS if topic not in refused]
    return [RecordShopSubscriptions(brand_id=job.brand_id, topics=topics, refused=refused)]


async def _subscribe(client: Shopify, shop: str, token: str, uri: str) -> dict[str, str]:
    known = await _subscriptions(client, shop, token)
    refused: dict[str, str] = {}
    for topic in TOPICS:
        if known.get(topic, {}).get("uri") == uri:
            continue
        subscription = {"uri": uri, "format": "JSON"}
        try:
            if topic in known:
                values = {"id": known[topic]["id"], "subscription": subscription}
                await client.execute(shop, token, documents.WEBHOOK_SUBSCRIPTION_UPDATE, values)
            else:
                values = {"topic": topic, "subscription": subscription}
                await client.execute(shop, token, documents.WEBHOOK_SUBSCRIPTION_CREATE, values)
        except UserErrors as error:
            log.warning("shopify refused a webhook subscription", shop=shop, topic=topic, reason=error.detail)
            refused[topic] = error.detail
    return refused


async def _subscriptions(client: Shopify, shop: str, token: str) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    after: str | None = None
    while True:
        data = await client.execute(shop, token, documents.WEBHOOK_SUBSCRIPTIONS, {"first": 100, "after": after})
        page = data["webhookSubscriptions"]
        found |= {node["topic"]: node for node in page["nodes"]}
        if not page["pageInfo"]["hasNextPage"]:
            return found
        after = page["pageInfo"]["endCursor"]


# -- tokens ------------------------------------------------------------------------------------------------------
@effects.on("refresh_shop_token", concurrency=4)
async def refresh_shop_token(job: Job, resources: Resources) -> Sequence[Message]:
    """Exchange the refresh token for the next pair. It is spent by this, so the new pair is kept first."""
    shop = await resources.mongo.find_one("shops", {"_id": job.brand_id})
    if not shop or shop.get("sealed_refresh_token") != job.payload["sealed_refresh_token"]:
        return []  # uninstalled, or installed anew: that install has a refresh of its own
    if not job.state:
        await job.remember(**await _refreshed(job, resources, shop["shop_domain"]))
    if job.state.get("revoked"):
        return [DisconnectShop(brand_id=job.brand_id, shop_domain=shop["shop_domain"])]
    return [ConnectShop(brand_id=job.brand_id, shop_domain=shop["shop_domain"], refreshed=True, **job.state)]


async def _refreshed(job: Job, resources: Resources, shop_domain: str) -> dict[str, Any]:
    client_id, secret = await app_credentials(resources, job.brand_id)
    oauth = OAuth(resources.settings.shopify_url, resources.http)
    try:
        spent = resources.unseal(job.brand_id, job.payload["sealed_refresh_token"])
        token = await oauth.refresh(shop_domain, client_id, secret, spent)
    except (Unauthorized, Unsealable) as error:
        log.error(
            "the shop's token cannot be refreshed; the app must be installed again", shop=shop_domain, error=str(error)
        )
        return {"revoked": True}
    except Throttled as error:
        raise RetryLater(error.retry_after, str(error)) from error
    except Unavailable as error:
        raise RetryLater(min(60, 2.0**job.tries), str(error), uncertain=error.uncertain) from error
    return token_fields(resources.sealer, job.brand_id, token)


def token_fields(sealer: Sealer, brand_id: str, token: OfflineToken) -> dict[str, Any]:
    """An offline token as the fields of `ConnectShop`, sealed."""
    seal = sealer.seal
    return {
        "sealed_token": seal(brand_id, token.access_token),
        "scopes": token.scopes,
        "expires_at": token.expires_at,
        "sealed_refresh_token": seal(brand_id, token.refresh_token) if token.refresh_token else None,
    }

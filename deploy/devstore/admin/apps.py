"""The shop, the app and its webhook subscriptions as GraphQL objects."""

from datetime import timedelta

from deploy.devstore.admin import catalogue
from deploy.devstore.admin.context import Context, Json, Obj, gid, number_of
from deploy.devstore.world import API_VERSION

APP_ID = 580_222_001


def shop(ctx: Context) -> Obj:
    """`Shop`."""
    own, offset = ctx.shop, ctx.till.now.astimezone(ctx.shop.tz)
    minutes = int((offset.utcoffset() or timedelta(0)).total_seconds() // 60)
    url = catalogue.store_url(ctx, "")
    return {
        "__typename": "Shop", "id": gid("Shop", own.id), "name": own.name, "email": own.email,
        "contactEmail": own.email, "myshopifyDomain": own.domain, "url": url, "currencyCode": own.currency,
        "ianaTimezone": own.time_zone,
        "primaryDomain": {"id": gid("Domain", own.id), "host": own.domain, "url": url, "sslEnabled": False},
        "timezoneAbbreviation": offset.tzname(), "timezoneOffset": offset.strftime("%z"),
        "timezoneOffsetMinutes": minutes, "taxesIncluded": own.taxes_included, "taxShipping": True,
        "enabledPresentmentCurrencies": own.presentment, "orderNumberFormatPrefix": "#", "orderNumberFormatSuffix": "",
        "shopOwnerName": own.name, "description": None, "checkoutApiSupported": True, "setupRequired": False,
        "shipsToCountries": [own.country], "unitSystem": "METRIC_SYSTEM", "weightUnit": "KILOGRAMS",
        "createdAt": "2026-01-05T09:00:00Z", "updatedAt": "2026-01-05T09:00:00Z",
        "plan": {"partnerDevelopment": True, "publicDisplayName": "Development", "shopifyPlus": False},
        "currencyFormats": dict.fromkeys(
            ("moneyFormat", "moneyInEmailsFormat", "moneyWithCurrencyFormat", "moneyWithCurrencyInEmailsFormat"),
            "{{amount}} " + own.currency), "customerAccounts": "OPTIONAL", "transactionalSmsDisabled": True,
        "marketingSmsConsentEnabledAtCheckout": False, "translations": lambda **_: [],
        **catalogue.metafields(ctx, "Shop", own.id),
    }  # fmt: skip


def installation(ctx: Context) -> Obj:
    """`AppInstallation` of the app whose token asks."""
    return {
        "__typename": "AppInstallation", "id": gid("AppInstallation", ctx.shop.id),
        "launchUrl": ctx.world.settings.gateway, "uninstallUrl": None, "app": lambda **_: app(ctx),
        "accessScopes": [_scope(s) for s in sorted(ctx.scopes)],
        **catalogue.metafields(ctx, "AppInstallation", ctx.shop.id),
    }  # fmt: skip


def app(ctx: Context) -> Obj:
    """`App`."""
    return {
        "__typename": "App", "id": gid("App", APP_ID), "apiKey": ctx.shop.client_id, "handle": "vouch",
        "title": "Vouch", "developerName": "Vouch", "embedded": False, "published": False, "shopifyDeveloped": False,
        "description": None, "webhookApiVersion": API_VERSION,
        "availableAccessScopes": [_scope(s) for s in sorted(ctx.scopes)],
        "requestedAccessScopes": [_scope(s) for s in sorted(ctx.scopes)], "installation": lambda **_: installation(ctx),
    }  # fmt: skip


def _scope(handle: str) -> Obj:
    return {"handle": handle, "description": handle.replace("_", " ").capitalize()}


def subscription(ctx: Context, doc: Json) -> Obj:
    """`WebhookSubscription`."""
    return {
        "__typename": "WebhookSubscription", "id": gid("WebhookSubscription", doc["id"]),
        "legacyResourceId": str(doc["id"]), "topic": doc["topic"], "uri": doc["uri"], "format": "JSON", "filter": None,
        "name": doc.get("name"), "includeFields": doc.get("include_fields") or [],
        "metafieldNamespaces": doc.get("metafield_namespaces") or [], "createdAt": doc["created_at"],
        "updatedAt": doc["updated_at"],
        "apiVersion": {"handle": API_VERSION, "displayName": API_VERSION, "supported": True},
    }  # fmt: skip


def subscription_of(ctx: Context, global_id: str) -> Json | None:
    return ctx.get("subscription", number_of(global_id, "WebhookSubscription"))

"""Shopify's signatures, made the way Shopify makes them. Verification lives with whoever receives."""

import base64
import hashlib
import hmac
from collections.abc import Iterable, Mapping


def webhook(secret: str, body: bytes) -> str:
    """`X-Shopify-Hmac-SHA256`: base64 over the raw body."""
    return base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()


def proxy(secret: str, query: Iterable[tuple[str, str]]) -> str:
    """App Proxy `signature`: sorted `key=value`, repeats joined by `,`, nothing in between; hex."""
    values: dict[str, list[str]] = {}
    for key, value in query:
        values.setdefault(key, []).append(value)
    message = "".join(f"{key}={','.join(values[key])}" for key in sorted(values))
    return hmac.new(secret.encode(), message.encode(), hashlib.sha256).hexdigest()


def oauth(secret: str, query: Mapping[str, str]) -> str:
    """OAuth `hmac`: sorted `key=value` joined by `&`; hex."""
    message = "&".join(f"{key}={query[key]}" for key in sorted(query))
    return hmac.new(secret.encode(), message.encode(), hashlib.sha256).hexdigest()

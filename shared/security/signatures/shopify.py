"""Shopify: webhooks, App Proxy, OAuth and session tokens.

https://shopify.dev/docs/apps/build/webhooks/verify-deliveries
https://shopify.dev/docs/apps/build/online-store/app-proxies/authenticate-app-proxies
https://shopify.dev/docs/apps/build/authentication-authorization/access-tokens/authorization-code-grant
https://shopify.dev/docs/apps/build/authentication-authorization/session-tokens
"""

import base64
import re
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any
from urllib.parse import urlencode, urlsplit

import jwt

from shared.security.signatures.base import (
    SignatureInvalid,
    any_same,
    fresh,
    hmac_sha256,
    once,
    required,
    unix_time,
)

Pairs = Sequence[tuple[str, str]]

PROXY_TOLERANCE = 90
OAUTH_TOLERANCE = 90
SESSION_LEEWAY = 10
_SHOP = re.compile(r"[a-z0-9][a-z0-9-]*\.myshopify\.com", re.ASCII)
_CUSTOMER = re.compile(r"[0-9]{0,20}", re.ASCII)
_PROXY_RESERVED = frozenset({"shop", "path_prefix", "timestamp", "logged_in_customer_id", "signature"})
_OAUTH_RESERVED = frozenset({"code", "hmac", "host", "session", "shop", "state", "timestamp"})
_SESSION_CLAIMS = ["iss", "dest", "aud", "sub", "exp", "nbf", "iat", "jti", "sid"]


def sign_shopify_webhook(body: bytes, secret: str) -> str:
    """The value of `X-Shopify-Hmac-SHA256`. The headers are not covered by it."""
    return base64.b64encode(hmac_sha256(secret, body)).decode()


def verify_shopify_webhook(body: bytes, header: str | None, secrets: Sequence[str]) -> None:
    given = required(header, "The header X-Shopify-Hmac-SHA256")
    if not any_same([given], [sign_shopify_webhook(body, secret) for secret in secrets]):
        raise SignatureInvalid("The header X-Shopify-Hmac-SHA256 does not match the body.")


@dataclass(frozen=True)
class AppProxyCaller:
    """Who is at the storefront, as Shopify says. `customer_id` is None for anonymous visitors."""

    shop: str
    path_prefix: str
    customer_id: str | None
    signed_at: int


def _proxy_message(query: Pairs) -> bytes:
    signed = sorted((pair for pair in query if pair[0] != "signature"), key=lambda pair: pair[0])
    groups = groupby(signed, key=lambda pair: pair[0])
    return "".join(f"{name}={','.join(value for _, value in pairs)}" for name, pairs in groups).encode()


def sign_app_proxy(query: Pairs, secret: str) -> str:
    """The `signature` of a forwarded request: parameters sorted by name, repeats joined by ',', no separator, hex."""
    return hmac_sha256(secret, _proxy_message(query)).hex()


def verify_app_proxy(query: Pairs, secrets: Sequence[str], now: float | None = None) -> AppProxyCaller:
    """Check decoded query parameters in their order of arrival.

    The signed text has no separators, so a visitor's own parameter could spell out another customer's id; a
    parameter that contains one is refused, and so is a reserved parameter of the wrong form.
    """
    reserved = once(query, _PROXY_RESERVED)
    given = required(reserved.get("signature"), "The parameter signature")
    if not any_same([given], [sign_app_proxy(query, secret) for secret in secrets]):
        raise SignatureInvalid("The parameter signature does not match the request.")
    if any("logged_in_customer_id=" in part for name, value in query for part in (name, value)):
        raise SignatureInvalid("A parameter imitates logged_in_customer_id.")
    signed_at = unix_time(required(reserved.get("timestamp"), "The parameter timestamp"), "The parameter timestamp")
    fresh(signed_at, _now(now), past=PROXY_TOLERANCE, future=PROXY_TOLERANCE, name="The parameter timestamp")
    return AppProxyCaller(
        shop=_shop(reserved.get("shop")),
        path_prefix=reserved.get("path_prefix", ""),
        customer_id=_customer(reserved.get("logged_in_customer_id", "")),
        signed_at=signed_at,
    )


def _now(now: float | None) -> float:
    return time.time() if now is None else now


def _shop(value: str | None) -> str:
    shop = required(value, "The parameter shop")
    if not _SHOP.fullmatch(shop):
        raise SignatureInvalid("The parameter shop is not a myshopify.com domain.")
    return shop


def _customer(value: str) -> str | None:
    if not _CUSTOMER.fullmatch(value):
        raise SignatureInvalid("The parameter logged_in_customer_id is not a customer id.")
    return value or None


def _escaped(part: str, *, name: bool) -> str:
    part = part.replace("%", "%25").replace("&", "%26")
    return part.replace("=", "%3D") if name else part


def sign_oauth(query: Pairs, secret: str) -> str:
    """The `hmac` of an install or callback request: other parameters sorted, joined with '&', hex."""
    pairs = sorted(f"{_escaped(n, name=True)}={_escaped(v, name=False)}" for n, v in query if n != "hmac")
    return hmac_sha256(secret, "&".join(pairs).encode()).hex()


def _sign_oauth_encoded(query: Pairs, secret: str) -> str:
    """The same over the percent-encoded form, which Shopify's Node and Ruby libraries check."""
    encoded = urlencode(sorted((pair for pair in query if pair[0] != "hmac"), key=lambda pair: pair[0]))
    return hmac_sha256(secret, encoded.encode()).hex()


def verify_oauth(query: Pairs, secrets: Sequence[str], now: float | None = None) -> str:
    """Check an OAuth callback's parameters and return the shop. The caller compares `state` itself."""
    reserved = once(query, _OAUTH_RESERVED)
    given = required(reserved.get("hmac"), "The parameter hmac")
    # Values that need escaping are signed in one form or the other, depending on who is asked; both need the secret.
    expected = [sign(query, secret) for secret in secrets for sign in (sign_oauth, _sign_oauth_encoded)]
    if not any_same([given], expected):
        raise SignatureInvalid("The parameter hmac does not match the request.")
    signed_at = unix_time(required(reserved.get("timestamp"), "The parameter timestamp"), "The parameter timestamp")
    fresh(signed_at, _now(now), past=OAUTH_TOLERANCE, future=OAUTH_TOLERANCE, name="The parameter timestamp")
    return _shop(reserved.get("shop"))


@dataclass(frozen=True)
class SessionToken:
    """What an embedded app's session token says: the shop, and which member of its staff is there."""

    shop: str
    user_id: str
    session_id: str
    token_id: str
    expires_at: int


def sign_session_token(shop: str, user_id: str, api_key: str, secret: str, now: float | None = None) -> str:
    """A token as App Bridge hands it out: HS256, valid for one minute."""
    issued = int(_now(now))
    claims = {
        "iss": f"https://{shop}/admin",
        "dest": f"https://{shop}",
        "aud": api_key,
        "sub": user_id,
        "exp": issued + 60,
        "nbf": issued,
        "iat": issued,
        "jti": str(uuid.uuid4()),
        "sid": uuid.uuid4().hex,
    }
    return jwt.encode(claims, secret, algorithm="HS256")


def verify_session_token(
    token: str | None, api_key: str, secrets: Sequence[str], now: float | None = None
) -> SessionToken:
    """Check the bearer token of an embedded app; `aud` is our API key and `iss` and `dest` name the same shop."""
    claims = _session_claims(required(token, "The session token"), api_key, secrets)
    at = _now(now)
    if not claims["nbf"] - SESSION_LEEWAY <= at < claims["exp"] + SESSION_LEEWAY:
        raise SignatureInvalid("The session token is not valid at this time.")
    shop = urlsplit(claims["dest"]).hostname or ""
    if urlsplit(claims["iss"]).hostname != shop or not _SHOP.fullmatch(shop):
        raise SignatureInvalid("The session token's iss and dest do not name one shop.")
    return SessionToken(shop, claims["sub"], claims["sid"], claims["jti"], claims["exp"])


def _session_claims(token: str, api_key: str, secrets: Sequence[str]) -> dict[str, Any]:
    # The clock is ours (tests pass it), hence no time checks in the library.
    options: Any = {"require": _SESSION_CLAIMS, "verify_exp": False, "verify_nbf": False, "verify_iat": False}
    for secret in secrets:
        try:
            claims: dict[str, Any] = jwt.decode(token, secret, ["HS256"], options=options, audience=api_key)
        except jwt.PyJWTError:
            continue
        if all(type(claims[name]) is int for name in ("exp", "nbf")) and all(
            isinstance(claims[name], str) for name in ("iss", "dest", "sub", "sid", "jti")
        ):
            return claims
    raise SignatureInvalid("The session token does not hold.")

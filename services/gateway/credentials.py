"""Credentials the gateway makes: API keys, ambassador tokens, OAuth state, connection secrets.

Each is derived from the master key and the id of the command that asked for it, so that a repeated request
(Idempotency-Key) gets the same one again although no plain text is kept anywhere.
"""

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt

from shared.security.sealing import derive_key

KEY_PREFIX = "vk_"
_AUDIENCE = "vouch:ambassador"
_STATE_AUDIENCE = "vouch:shopify-install"
STATE_LIFE = timedelta(minutes=15)


def digest(key: str) -> str:
    """What is kept of an API key. Keys have 256 random bits, so a plain hash can't be searched backwards."""
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()


@dataclass(frozen=True, slots=True)
class AmbassadorClaims:
    """Whom an ambassador's token speaks for."""

    brand_id: str
    ambassador_id: str
    token_id: str


@dataclass(frozen=True, slots=True)
class InstallState:
    """What OAuth's `state` carries through Shopify: who began the install, at which shop."""

    brand_id: str
    shop_domain: str
    nonce: str


class BadToken(Exception):
    """The token is not ours, was changed, or is past its time."""


class Credentials:
    """Makes and checks credentials with keys derived from the master key."""

    def __init__(self, master_key: bytes, operator_token: str) -> None:
        self._secrets = derive_key(master_key, "generated-secrets")
        self._tokens = derive_key(master_key, "ambassador-tokens")
        self._states = derive_key(master_key, "oauth-state")
        self._addresses = derive_key(master_key, "client-addresses")
        self._operator = hashlib.sha256(operator_token.encode()).digest()

    def is_operator(self, token: str) -> bool:
        """Whether this is the operator's token, in constant time."""
        return hmac.compare_digest(hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest(), self._operator)

    def api_key(self, command_id: str) -> str:
        """The key that this command creates: `vk_` and 43 characters."""
        return KEY_PREFIX + self._derive("api-key", command_id)

    def secret(self, command_id: str, name: str) -> str:
        """A connection's secret that the gateway chose (letters, digits, `_` and `-`, as Telegram demands)."""
        return self._derive(f"secret/{name}", command_id)

    def standard_secret(self, command_id: str, name: str) -> str:
        """A Standard Webhooks secret: `whsec_` and base64 of 32 bytes."""
        return f"whsec_{base64.b64encode(self._bytes(f'secret/{name}', command_id)).decode()}"

    def address_digest(self, address: str) -> str:
        """A client address as a keyed digest: equal addresses meet, none can be read back."""
        return hmac.new(self._addresses, address.encode(), hashlib.sha256).hexdigest()[:32]

    def ambassador_token(self, claims: AmbassadorClaims, expires_at: datetime) -> str:
        """A bearer token for the ambassador's own endpoints (JWT, HS256)."""
        body = {
            "aud": _AUDIENCE,
            "sub": claims.ambassador_id,
            "brand": claims.brand_id,
            "jti": claims.token_id,
            "iat": datetime.now(UTC),
            "exp": expires_at,
        }
        return jwt.encode(body, self._tokens, algorithm="HS256")

    def read_ambassador_token(self, token: str) -> AmbassadorClaims:
        """Raises `BadToken`."""
        claims = _decode(token, self._tokens, _AUDIENCE, ["sub", "brand", "jti", "exp"])
        return AmbassadorClaims(str(claims["brand"]), str(claims["sub"]), str(claims["jti"]))

    def install_state(self, brand_id: str, shop_domain: str) -> str:
        """OAuth's `state`, signed: nobody but us can begin an install, and only for this shop."""
        body = {
            "aud": _STATE_AUDIENCE,
            "sub": brand_id,
            "shop": shop_domain,
            "jti": secrets.token_urlsafe(16),
            "exp": datetime.now(UTC) + STATE_LIFE,
        }
        return jwt.encode(body, self._states, algorithm="HS256")

    def read_install_state(self, state: str) -> InstallState:
        """Raises `BadToken`."""
        claims = _decode(state, self._states, _STATE_AUDIENCE, ["sub", "shop", "jti", "exp"])
        return InstallState(str(claims["sub"]), str(claims["shop"]), str(claims["jti"]))

    def _derive(self, purpose: str, command_id: str) -> str:
        return base64.urlsafe_b64encode(self._bytes(purpose, command_id)).decode().rstrip("=")

    def _bytes(self, purpose: str, command_id: str) -> bytes:
        return hmac.new(self._secrets, f"{purpose}/{command_id}".encode(), hashlib.sha256).digest()


def _decode(token: str, key: bytes, audience: str, require: list[str]) -> dict[str, Any]:
    try:
        return jwt.decode(token, key, ["HS256"], audience=audience, options={"require": require})
    except (jwt.PyJWTError, UnicodeError) as error:
        raise BadToken(str(error)) from None

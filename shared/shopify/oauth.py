"""Installing the app at a shop: the authorization code grant with expiring offline tokens.

https://shopify.dev/docs/apps/build/authentication-authorization/access-tokens (authorization code grant, offline).
The callback's `hmac` is checked with `shared/security/signatures.py`; comparing `state` is the caller's part.
"""

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import aiohttp
from pydantic import BaseModel, ConfigDict

from shared.shopify.client import shop_url
from shared.shopify.errors import Throttled, Unauthorized, Unavailable

_TIMEOUT = aiohttp.ClientTimeout(total=15)


class OfflineToken(BaseModel):
    """A token for the Admin API. With `expires_at` it lives an hour and `refresh_token` (used once) brings the next."""

    model_config = ConfigDict(frozen=True)

    access_token: str
    scopes: list[str]
    expires_at: datetime | None = None
    refresh_token: str | None = None
    refresh_expires_at: datetime | None = None


class OAuth:
    """The app's side of OAuth; `url_template` as in the settings (`https://{shop}`)."""

    def __init__(self, url_template: str, http: aiohttp.ClientSession) -> None:
        self._template = url_template
        self._http = http

    def authorize_url(self, shop: str, client_id: str, scopes: list[str], redirect_uri: str, state: str) -> str:
        """Where the merchant approves; Shopify comes back to `redirect_uri` with code, hmac, shop and state."""
        query = {"client_id": client_id, "scope": ",".join(scopes), "redirect_uri": redirect_uri, "state": state}
        return f"{shop_url(self._template, shop)}/admin/oauth/authorize?{urlencode(query)}"

    async def exchange(self, shop: str, client_id: str, client_secret: str, code: str) -> OfflineToken:
        """The offline token for a callback's `code`. Unauthorized: the code was used, is too old, or is not ours."""
        form = {"client_id": client_id, "client_secret": client_secret, "code": code, "expiring": "1"}
        return await self._token(shop, form)

    async def refresh(self, shop: str, client_id: str, client_secret: str, refresh_token: str) -> OfflineToken:
        """The next token. The refresh token is spent by this: keep the new pair before anything else."""
        form = {
            "client_id": client_id,
            "client_secret": client_secret,
            "grant_type": "refresh_token",
            "refresh_token": refresh_token,
        }
        return await self._token(shop, form)

    async def _token(self, shop: str, form: dict[str, str]) -> OfflineToken:
        url = f"{shop_url(self._template, shop)}/admin/oauth/access_token"
        headers = {"Accept": "application/json"}
        try:
            async with self._http.post(
                url, data=form, headers=headers, timeout=_TIMEOUT, allow_redirects=False
            ) as response:
                return await _read(shop, response)
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise Unavailable(shop, f"no token: {error!r}", uncertain=True) from error


async def _read(shop: str, response: aiohttp.ClientResponse) -> OfflineToken:
    if response.status == 429:
        raise Throttled(shop, 2.0)
    if 400 <= response.status < 500:
        raise Unauthorized(shop, f"HTTP {response.status} {(await response.text())[:300]}")
    if response.status != 200:
        raise Unavailable(shop, f"HTTP {response.status}", uncertain=True)
    return token_of(await response.json(), datetime.now(UTC))


def token_of(body: dict[str, Any], now: datetime) -> OfflineToken:
    """The token in an answer of `/admin/oauth/access_token`; lifetimes in it are seconds from `now`."""

    def at(seconds: Any) -> datetime | None:
        return now + timedelta(seconds=int(seconds)) if seconds else None

    return OfflineToken(
        access_token=body["access_token"],
        scopes=[scope for scope in str(body.get("scope") or "").split(",") if scope],
        expires_at=at(body.get("expires_in")),
        refresh_token=body.get("refresh_token"),
        refresh_expires_at=at(body.get("refresh_token_expires_in")),
    )

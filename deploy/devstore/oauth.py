"""OAuth: authorization with immediate approval, and access tokens that expire and rotate.

https://shopify.dev/docs/apps/build/authentication-authorization/access-tokens/offline-access-tokens
An expiring token lives an hour. Refreshing gives a new pair; the used refresh token stays good until the app begins to
use the new pair (since August 2026), so an answer that got lost can be asked for again. Token life is real time, not
the shop's clock.
"""

import base64
import json
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from deploy.devstore import signing
from deploy.devstore.faults import answer_with, refused_by
from deploy.devstore.shops import Shop
from deploy.devstore.world import World

Json = dict[str, Any]
LIFE, REFRESH_LIFE, CODE_LIFE = 3600, 90 * 86400, 600
LOOPBACK = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True)
class Access:
    """What a token may do: at which shop, with which scopes; `expires` is a Unix time or null."""

    shop: str
    scopes: frozenset[str]
    expires: float | None

    @property
    def live(self) -> bool:
        return self.expires is None or time.time() < self.expires


class Tokens:
    """Codes, tokens and refresh tokens, kept in the store's settings."""

    def __init__(self, world: World) -> None:
        self.store = world.store

    def access(self, token: str | None) -> Access | None:
        """The access behind a token; None for unknown, revoked and expired ones."""
        raw = self.store.setting(f"token/{token}") if token else None
        access = Access(raw["shop"], frozenset(raw["scopes"]), raw["expires"]) if raw else None
        return access if access and access.live else None

    def shop_of(self, token: str | None) -> str | None:
        """Whose token it is or was."""
        raw = self.store.setting(f"token/{token}") if token else None
        return raw["shop"] if raw else None

    def begin_use(self, token: str) -> None:
        """The app uses this token: what it replaced is over."""
        shop = self.shop_of(token)
        pair = self.store.setting(f"pair/{shop}")
        if pair and pair["access"] == token and pair.get("before"):
            self._revoke(pair["before"]["access"])
            self.store.set_setting(f"pair/{shop}", {**pair, "before": None})

    def issue(self, shop: str, scopes: list[str], *, expiring: bool, before: Json | None = None) -> Json:
        """A new token as the answer of the token endpoint."""
        token = f"shpat_{secrets.token_hex(16)}"
        self._put(token, shop, scopes, time.time() + LIFE if expiring else None)
        answer: Json = {"access_token": token, "scope": ",".join(scopes)}
        if not expiring:
            return answer
        refresh = f"shprt_{secrets.token_hex(16)}"
        pair = {
            "access": token,
            "refresh": refresh,
            "scopes": scopes,
            "before": before,
            "refresh_expires": time.time() + REFRESH_LIFE,
        }
        self.store.set_setting(f"pair/{shop}", pair)
        return {**answer, "expires_in": LIFE, "refresh_token": refresh, "refresh_token_expires_in": REFRESH_LIFE}

    def refresh(self, shop: str, refresh_token: str) -> Json | None:
        """The next pair; None when this refresh token is not good (any more)."""
        pair = self.store.setting(f"pair/{shop}")
        if not pair or time.time() >= pair["refresh_expires"]:
            return None
        before = pair["before"]
        if refresh_token == pair["refresh"]:
            if before:
                self._revoke(before["access"])
            return self.issue(
                shop, pair["scopes"], expiring=True, before={"access": pair["access"], "refresh": pair["refresh"]}
            )
        if before and refresh_token == before["refresh"]:
            self._revoke(pair["access"])
            return self.issue(shop, pair["scopes"], expiring=True, before=before)
        return None

    def install(self, shop: str, scopes: list[str], *, expiring: bool) -> Json:
        """The token of a fresh installation: the expiring ones before it are over."""
        pair = self.store.setting(f"pair/{shop}")
        if pair and expiring:
            for old in (pair, pair["before"] or {}):
                self._revoke(old.get("access"))
        return self.issue(shop, scopes, expiring=expiring)

    def expire(self, shop: str) -> int:
        """Let all expiring tokens of a shop run out now; returns how many."""
        live = [(name, raw) for name, raw in self._of(shop) if raw["expires"] is not None]
        for name, raw in live:
            self.store.set_setting(name, {**raw, "expires": time.time()})
        return len(live)

    def revoke_all(self, shop: str) -> None:
        """The app was uninstalled."""
        for name, _ in self._of(shop):
            self._revoke(name.partition("/")[2])
        self.store.set_setting(f"pair/{shop}", None)

    def _of(self, shop: str) -> list[tuple[str, Json]]:
        rows = self.store.db.execute("SELECT name, body FROM settings WHERE name LIKE 'token/%'").fetchall()
        found = [(str(row["name"]), json.loads(row["body"])) for row in rows]
        return [(name, raw) for name, raw in found if raw["shop"] == shop]

    def _put(self, token: str, shop: str, scopes: list[str], expires: float | None) -> None:
        self.store.set_setting(f"token/{token}", {"shop": shop, "scopes": scopes, "expires": expires})

    def _revoke(self, token: str | None) -> None:
        """Dead, but still known whose it was."""
        raw = self.store.setting(f"token/{token}") if token else None
        if raw:
            self.store.set_setting(f"token/{token}", {**raw, "expires": 0})

    def new_code(self, shop: str, scopes: list[str]) -> str:
        code = secrets.token_hex(16)
        self.store.set_setting(f"code/{code}", {"shop": shop, "scopes": scopes, "expires": time.time() + CODE_LIFE})
        return code

    def use_code(self, shop: str, code: str) -> list[str] | None:
        """The scopes behind a code, once."""
        raw = self.store.setting(f"code/{code}")
        if not raw or raw["shop"] != shop or time.time() >= raw["expires"]:
            return None
        self.store.set_setting(f"code/{code}", None)
        return list(raw["scopes"])


def authorize(world: World, shop: Shop, query: Mapping[str, str]) -> Response:
    """`GET /admin/oauth/authorize`: the merchant says yes at once."""
    target = query.get("redirect_uri", "")
    if query.get("client_id") != shop.client_id:
        return _error("invalid_client", "Could not find Shopify API application with api_key")
    if not _allowed(target, world.settings.gateway):
        return _error("invalid_request", "The redirect_uri is not whitelisted")
    scopes = [scope.strip() for scope in query.get("scope", "").split(",") if scope.strip()]
    answer = {
        "code": Tokens(world).new_code(shop.domain, scopes), "shop": shop.domain, "timestamp": str(int(time.time())),
        "host": base64.b64encode(f"admin.shopify.com/store/{shop.domain.split('.')[0]}".encode()).decode().rstrip("="),
    }  # fmt: skip
    if "state" in query:
        answer["state"] = query["state"]
    answer["hmac"] = signing.oauth(shop.client_secret, answer)
    return RedirectResponse(f"{target}{'&' if '?' in target else '?'}{urlencode(answer)}", 302)


def _allowed(target: str, gateway: str) -> bool:
    """Only back to the app: its own address, or this machine."""
    parts = urlsplit(target)
    return parts.scheme in ("http", "https") and (parts.hostname in LOOPBACK or target.startswith(f"{gateway}/"))


async def access_token(world: World, shop: Shop, request: Request) -> Response:
    """`POST /admin/oauth/access_token`: authorization_code and refresh_token, as form or JSON."""
    rule = world.faults.pick("oauth", shop.domain, ["access_token"])
    if refused := refused_by(rule):
        return refused
    wish = await _body(request)
    with world.store.transaction():
        response = _token_answer(Tokens(world), shop, wish)
    return await answer_with(rule, response)


async def _body(request: Request) -> dict[str, str]:
    raw = await request.body()
    if "json" in request.headers.get("content-type", ""):
        try:
            parsed = json.loads(raw)
        except ValueError:
            return {}
        return {str(k): str(v) for k, v in parsed.items()} if isinstance(parsed, dict) else {}
    return dict(parse_qsl(raw.decode(errors="replace")))


def _token_answer(tokens: Tokens, shop: Shop, wish: Mapping[str, str]) -> Response:
    if wish.get("client_id") != shop.client_id or wish.get("client_secret") != shop.client_secret:
        return _error("application_cannot_be_found", "The client_id or client_secret is wrong")
    if wish.get("grant_type") == "refresh_token":
        answer = tokens.refresh(shop.domain, wish.get("refresh_token", ""))
        return (
            JSONResponse(answer) if answer else _error("invalid_grant", "The refresh token is invalid or has expired")
        )
    scopes = tokens.use_code(shop.domain, wish.get("code", ""))
    if scopes is None:
        return _error("invalid_request", "The authorization code was not found or was already used")
    return JSONResponse(tokens.install(shop.domain, scopes, expiring=wish.get("expiring") == "1"))


def _error(code: str, description: str) -> Response:
    return JSONResponse({"error": code, "error_description": description}, 400)

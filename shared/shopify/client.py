"""Admin GraphQL for many shops at once, on ShopifyAPI.

ShopifyAPI keeps the shop's address and token in thread-locals with a class-wide fallback, and blocks. So a call runs on
a worker thread that sets both, builds the request and clears both, and no other call is on that thread meanwhile:
whatever is interleaved or raises, a request never carries another shop's address or token.
"""

import asyncio
import json
import re
import socket
import ssl
import urllib.error
import urllib.request
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Self
from weakref import WeakValueDictionary

import shopify

from shared.shopify.answers import Answer, Json, data_of
from shared.shopify.errors import Unavailable

_SHOP = re.compile(r"[a-z0-9][a-z0-9-]{0,62}\.myshopify\.com")
_NOT_SENT = (ConnectionRefusedError, socket.gaierror, ssl.SSLCertVerificationError)


def shop_url(template: str, shop_domain: str) -> str:
    """The shop's base URL from the settings' template (`https://{shop}`). ValueError: no `*.myshopify.com` domain.

    The domain may come from a query string (OAuth), hence the check: no token is sent to a host of somebody's choosing.
    """
    if not _SHOP.fullmatch(shop_domain):
        raise ValueError(f"not a shop's permanent domain: {shop_domain!r}")
    return template.format(shop=shop_domain)


def gid(kind: str, number: str) -> str:
    """`gid("Product", "8001")` = `gid://shopify/Product/8001`."""
    return number if number.startswith("gid://") else f"gid://shopify/{kind}/{number}"


def legacy_id(global_id: str) -> str:
    """The number at the end of a global id: what REST payloads, webhooks and our documents use."""
    return global_id.rpartition("/")[2].partition("?")[0]


class Shopify:
    """A client for all shops. At most `per_shop` calls of a shop run at a time: a slow one leaves threads to others."""

    def __init__(
        self, url_template: str, api_version: str, *, timeout: float = 20.0, threads: int = 12, per_shop: int = 2
    ) -> None:
        """`timeout`: seconds a socket may be silent (connecting, and between two reads)."""
        self._template = url_template
        self._version = api_version
        self._timeout = timeout
        self._per_shop = per_shop
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="shopify")
        self._lanes: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()

    async def execute(
        self, shop_domain: str, token: str, document: str, variables: Mapping[str, Any] | None = None
    ) -> Json:
        """Run a document of `documents.py`: the answer's `data`, or a `ShopifyError` (refused writes: `UserErrors`)."""
        site = f"{shop_url(self._template, shop_domain)}/admin/api/{self._version}"
        lane = self._lanes.setdefault(shop_domain, asyncio.Semaphore(self._per_shop))
        async with lane:
            answer = await asyncio.get_running_loop().run_in_executor(
                self._threads, _call, shop_domain, site, token, document, dict(variables or {}), self._timeout
            )
        return data_of(shop_domain, answer)

    def close(self) -> None:
        """Take no more calls; running ones end by themselves."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Shopify's API never redirects; following one would carry the token to another host."""

    def redirect_request(self, *_: Any) -> None:
        return None


_opener = urllib.request.build_opener(_NoRedirect)


class _Request(shopify.GraphQL):  # type: ignore[misc]  # ShopifyAPI has no types
    """ShopifyAPI's GraphQL call (endpoint, headers) with what it lacks: a time-out, the status, errors' bodies."""

    def send(self, document: str, variables: Json, timeout: float) -> Answer:
        body = json.dumps({"query": document, "variables": variables}).encode()
        headers = self.merge_headers({"Accept": "application/json", "Content-Type": "application/json"}, self.headers)
        request = urllib.request.Request(self.endpoint, body, headers)  # noqa: S310  # the scheme is the settings' own
        try:
            with _opener.open(request, timeout=timeout) as response:
                return _answer(response)
        except urllib.error.HTTPError as error:
            with error:
                return _answer(error)


def _answer(response: Any) -> Answer:
    headers = {name.lower(): value for name, value in response.headers.items()}
    return Answer(status=response.status, body=response.read(), headers=headers)


def _call(shop: str, site: str, token: str, document: str, variables: Json, timeout: float) -> Answer:
    """One call on this thread. The site and token of this thread are this call's until it ends, however it ends."""
    try:
        shopify.ShopifyResource.site = site
        shopify.ShopifyResource.headers["X-Shopify-Access-Token"] = token
        return _Request().send(document, variables, timeout)
    except urllib.error.URLError as error:
        unsent = isinstance(error.reason, _NOT_SENT)
        raise Unavailable(shop, f"cannot reach the shop: {error.reason}", uncertain=not unsent) from error
    except (OSError, EOFError) as error:  # time-outs and resets while waiting for the answer
        raise Unavailable(shop, f"no answer: {error or type(error).__name__}", uncertain=True) from error
    finally:
        shopify.ShopifyResource.clear_session()

"""The App Proxy: storefront requests under `/apps/vouch/` go on to the app, signed."""

import time
from urllib.parse import parse_qsl, urlencode

import aiohttp
from starlette.requests import Request
from starlette.responses import Response

from deploy.devstore import signing
from deploy.devstore.faults import answer_with, refused_by
from deploy.devstore.shops import Shop
from deploy.devstore.world import World

PREFIX = "/apps/vouch"
PASSED_ON = ("accept", "accept-language", "content-type", "idempotency-key", "user-agent")
PASSED_BACK = ("content-type", "cache-control", "etag", "location", "retry-after", "vary")
TIMEOUT = 10.0


def signed(shop: Shop, query: list[tuple[str, str]], customer_id: str, now: float | None = None) -> str:
    """The query string that the app gets. What the visitor sent stays in it, reserved names too, as at Shopify."""
    own = [("shop", shop.domain), ("logged_in_customer_id", customer_id), ("path_prefix", PREFIX),
           ("timestamp", str(int(now or time.time())))]  # fmt: skip
    pairs = [pair for pair in query if pair[0] != "signature"] + own
    return urlencode([*pairs, ("signature", signing.proxy(shop.client_secret, pairs))])


async def forward(
    world: World, client: aiohttp.ClientSession, shop: Shop, path: str, customer_id: str, request: Request
) -> Response:
    """Ask the app and pass its answer on; an app that is away is a 502, as at Shopify."""
    rule = world.faults.pick("proxy", shop.domain, [path])
    if refused := refused_by(rule):
        return refused
    query = [pair for pair in parse_qsl(request.url.query, keep_blank_values=True) if pair[0] != "as_customer"]
    url = f"{world.settings.gateway}/proxy/{path}?{signed(shop, query, customer_id)}"
    headers = {name: request.headers[name] for name in PASSED_ON if name in request.headers}
    headers["X-Forwarded-For"] = request.client.host if request.client else "127.0.0.1"
    return await answer_with(rule, await _ask(client, request.method, url, headers, await request.body()))


async def _ask(client: aiohttp.ClientSession, method: str, url: str, headers: dict[str, str], body: bytes) -> Response:
    try:
        async with client.request(method, url, headers=headers, data=body or None, allow_redirects=False) as answer:
            back = {name: answer.headers[name] for name in PASSED_BACK if name in answer.headers}
            return Response(await answer.read(), answer.status, back)
    except (aiohttp.ClientError, TimeoutError, OSError):
        return Response("There was an error in the third-party application.", 502, media_type="text/plain")

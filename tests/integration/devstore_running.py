"""A dev store and the app it talks to, both as real HTTP servers on free ports."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from deploy.devstore.app import build
from deploy.devstore.world import Settings

Json = dict[str, Any]
SHOP, OTHER = "vouch-demo.myshopify.com", "other-brand.myshopify.com"


@dataclass
class Heard:
    """One request that reached the app."""

    path: str
    query: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def topic(self) -> str:
        return self.headers["x-shopify-topic"]


@dataclass
class App:
    """What stands in for the gateway: keeps what it hears, answers what `answers` says next, else 200."""

    heard: list[Heard] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)

    async def hear(self, request: Request) -> Response:
        self.heard.append(Heard(request.url.path, request.url.query, dict(request.headers), await request.body()))
        return Response('{"data": []}', self.answers.pop(0) if self.answers else 200, media_type="application/json")

    def topics(self) -> list[str]:
        return [one.topic for one in self.heard]


@dataclass
class Running:
    """A running dev store."""

    url: str
    app: App
    app_url: str
    client: aiohttp.ClientSession

    async def dev(self, method: str, path: str, body: Any = None) -> Any:
        """A call of the side entrance below `/_dev`; the JSON of a success."""
        async with self.client.request(method, f"{self.url}/_dev{path}", json=body) as response:
            assert response.status < 300, await response.text()
            return await response.json() if response.status != 204 else None

    async def token(self, shop: str = SHOP) -> str:
        return str((await self.dev("POST", f"/shops/{shop}/tokens"))["access_token"])

    async def graphql(self, token: str, query: str, variables: Json | None = None, shop: str = SHOP) -> Json:
        url, headers = f"{self.url}/shops/{shop}/admin/api/2026-10/graphql.json", {"X-Shopify-Access-Token": token}
        async with self.client.post(
            url, json={"query": query, "variables": variables or {}}, headers=headers
        ) as response:
            return dict(await response.json(), status=response.status)

    async def subscribe(self, token: str, *topics: str) -> None:
        for topic in topics:
            document = """mutation($t: WebhookSubscriptionTopic!, $w: WebhookSubscriptionInput!) {
              webhookSubscriptionCreate(topic: $t, webhookSubscription: $w) { userErrors { message } } }"""
            answer = await self.graphql(token, document, {"t": topic, "w": {"uri": f"{self.app_url}/webhooks/shopify"}})
            assert answer["data"]["webhookSubscriptionCreate"]["userErrors"] == []

    async def variant(self, index: int = 0) -> int:
        return int((await self.dev("GET", f"/shops/{SHOP}/products"))["data"][index]["variants"][0]["id"])

    async def heard(self, enough: Callable[[list[Heard]], bool]) -> list[Heard]:
        """What the app heard, as soon as it is enough."""
        await until(lambda: enough(self.app.heard))
        return list(self.app.heard)


async def until(condition: Callable[[], bool]) -> None:
    """Wait for something that nobody announces; pytest's time limit ends a wait in vain."""
    while not condition():  # noqa: ASYNC110
        await asyncio.sleep(0.01)


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@asynccontextmanager
async def served(app: Starlette, port: int) -> AsyncIterator[str]:
    """An ASGI application behind a real socket."""
    config = uvicorn.Config(app, port=port, log_level="error", timeout_graceful_shutdown=1, lifespan="on")
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve())
    await until(lambda: server.started)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        await task


@asynccontextmanager
async def running(data: Path, app: App | None = None, app_port: int | None = None) -> AsyncIterator[Running]:
    """A dev store over `data` with its app beside it."""
    app = app or App()
    port, hears = free_port(), Starlette(routes=[Route("/{path:path}", app.hear, methods=["GET", "POST"])])
    async with served(hears, app_port or free_port()) as app_url:
        settings = Settings(str(data), app_url, f"http://127.0.0.1:{port}", usage_lag=0.0)
        async with served(build(settings), port) as url, aiohttp.ClientSession() as client:
            yield Running(url, app, app_url, client)

"""A running dev network, and a gateway that verifies and reads what it sends with the adapters under test."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import uvicorn
from aiohttp import web

from deploy.devnet.app import build_app
from deploy.devnet.store import Store
from shared.contracts.gateway import NetworkName
from shared.http import Answer, HttpClient
from shared.networks.base import Connection, InboundRequest, Network, Parsed
from shared.networks.registry import build_networks
from tests.unit.networks.support import SECRETS, SETTINGS

NETWORKS: tuple[NetworkName, ...] = ("telegram", "vk", "instagram", "tiktok", "youtube", "inbound")


@dataclass
class Heard:
    """One accepted delivery."""

    network: NetworkName
    delivery_id: str
    parsed: list[Parsed]
    body: bytes


@dataclass
class Gateway:
    """What Vouch does at its door; `refuse` answers 503 that many times first."""

    networks: dict[NetworkName, Network]
    connections: dict[NetworkName, Connection] = field(default_factory=dict)
    heard: list[Heard] = field(default_factory=list)
    refuse: int = 0
    url: str = ""

    async def receive(self, request: web.Request) -> web.Response:
        if self.refuse:
            self.refuse -= 1
            return web.Response(status=503)
        network = self.networks[request.match_info["network"]]  # type: ignore[index]
        connection = self.connections[network.name]
        inbound = InboundRequest.of(
            request.method, request.headers.items(), request.query.items(), await request.read()
        )
        handshake = network.verify(inbound, connection)
        if handshake is not None:
            return web.Response(text=handshake.body)
        parsed = network.parse(inbound.body, dict(request.headers), connection)
        self.heard.append(Heard(network.name, network.delivery_id(inbound), parsed, inbound.body))
        return web.Response(text=network.acknowledgement())

    async def wait_for(self, count: int) -> list[Heard]:
        async with asyncio.timeout(20):
            while len(self.heard) < count:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        return self.heard


@dataclass
class DevNet:
    """The dev network behind its URL, with one connection per network."""

    url: str
    client: HttpClient
    networks: dict[NetworkName, Network]
    gateway: Gateway

    async def call(self, method: str, path: str, body: object = None) -> Answer:
        return await self.client.request(method, self.url + path, json=body)

    async def say(self, network: NetworkName, text: str, **form: object) -> dict[str, object]:
        answer = await self.call("POST", "/_dev/post", {"network": network, "text": text, **form})
        assert answer.status == 201, answer.body
        post: dict[str, object] = answer.json()
        return post

    async def faults(self, *faults: dict[str, object]) -> None:
        assert (await self.call("PUT", "/_dev/faults", {"faults": list(faults)})).status == 200

    async def replies(self, network: NetworkName) -> list[str]:
        """What the brand said there, oldest first."""
        threads = (await self.call("GET", f"/_dev/threads?network={network}")).json()["threads"]
        return [post["text"] for thread in reversed(threads) for post in thread["replies"] if post["by_brand"]]


@asynccontextmanager
async def running_gateway(networks: dict[NetworkName, Network]) -> AsyncIterator[Gateway]:
    gateway = Gateway(networks)
    app = web.Application()
    app.router.add_route("*", "/webhooks/{network}", gateway.receive)
    runner = web.AppRunner(app)
    await runner.setup()
    listening = free_socket()
    await web.SockSite(runner, listening).start()
    gateway.url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    yield gateway
    await runner.cleanup()


def free_socket() -> socket.socket:
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    return listening


@asynccontextmanager
async def running_devnet(path: str = ":memory:", total_timeout: float = 5.0) -> AsyncIterator[DevNet]:
    listening = free_socket()
    url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    config = uvicorn.Config(build_app(Store(path)), log_level="warning", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
    task = asyncio.create_task(server.serve([listening]))
    while not server.started:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    networks = build_networks({name: f"{url}/{name}" for name in NETWORKS if name != "inbound"})
    trusted = frozenset({url.removeprefix("http://")})
    async with HttpClient(total_timeout=total_timeout, trusted=trusted) as client, running_gateway(networks) as gateway:
        devnet = DevNet(url, client, networks, gateway)
        await register(devnet)
        yield devnet
    server.should_exit = True
    await task


async def register(devnet: DevNet, **changes: object) -> None:
    """One connection per network, known to both sides."""
    for name in NETWORKS:
        settings = {**SETTINGS[name], **({"reply_url": f"{devnet.url}/inbound"} if name == "inbound" else {})}
        connection = Connection(
            id=f"con_{name}", brand_id="brd_1", network=name, settings=settings, secrets=SECRETS[name]
        )
        devnet.gateway.connections[name] = connection
        registered = {**connection.model_dump(exclude={"brand_id"}), "brand": "Northwind", **changes}
        registered["webhook_url"] = f"{devnet.gateway.url}/webhooks/{name}"
        answer = await devnet.call("PUT", "/_dev/connections", registered)
        assert answer.status == 200, answer.body

"""Composition root: the routes of the dev store over one world."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import aiohttp
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from deploy.devstore import oauth, proxy
from deploy.devstore.admin.endpoint import Admin
from deploy.devstore.delivery import PostOffice
from deploy.devstore.dev.control import ControlSide
from deploy.devstore.dev.shop import ShopSide
from deploy.devstore.shops import Shop
from deploy.devstore.storefront import Storefront
from deploy.devstore.world import API_VERSION, Settings, World

ANY = ["GET", "POST", "PUT", "PATCH", "DELETE"]


class DevStore:
    """What the routes need; one per process."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.admin = Admin(self.world)
        self.office = PostOffice(self.world)
        self.storefront = Storefront(self.world)
        self.client: aiohttp.ClientSession | None = None

    @asynccontextmanager
    async def life(self, app: Starlette) -> AsyncIterator[None]:
        """Deliver webhooks while the application lives."""
        timeout = aiohttp.ClientTimeout(total=proxy.TIMEOUT)
        async with aiohttp.ClientSession(timeout=timeout) as self.client:
            office = asyncio.create_task(self.office.run())
            yield
            office.cancel()
            with suppress(asyncio.CancelledError):
                await office
        self.world.store.close()

    def shop(self, request: Request) -> Shop | None:
        return self.world.shop(request.path_params["shop"])

    async def graphql(self, request: Request) -> Response:
        shop = self.shop(request)
        if shop is None or request.path_params["version"] != API_VERSION:
            return JSONResponse({"errors": "Not Found"}, 404)
        return await self.admin.answer(shop, request)

    async def authorize(self, request: Request) -> Response:
        shop = self.shop(request)
        return oauth.authorize(self.world, shop, request.query_params) if shop else _nowhere()

    async def access_token(self, request: Request) -> Response:
        shop = self.shop(request)
        return await oauth.access_token(self.world, shop, request) if shop else _nowhere()

    async def app_proxy(self, request: Request) -> Response:
        shop = self.shop(request)
        if shop is None or self.client is None:
            return _nowhere()
        customer = request.query_params.get("as_customer", self.storefront.customer_id(request))
        return await proxy.forward(self.world, self.client, shop, request.path_params["path"], customer, request)


def _nowhere() -> Response:
    return JSONResponse({"errors": "Not Found"}, 404)


async def healthz(request: Request) -> Response:
    return JSONResponse({"status": "ok"})


def build(settings: Settings) -> Starlette:
    """The ASGI application over a data file."""
    return application(World.open(settings))


def application(world: World) -> Starlette:
    """The ASGI application over an open world, which it closes when it ends."""
    store = DevStore(world)
    admin = "/shops/{shop}/admin"
    routes = [
        Route("/healthz", healthz),
        Route(admin + "/api/{version}/graphql.json", store.graphql, methods=["POST"]),
        Route(admin + "/oauth/authorize", store.authorize),
        Route(admin + "/oauth/access_token", store.access_token, methods=["POST"]),
        Route("/shops/{shop}" + proxy.PREFIX + "/{path:path}", store.app_proxy, methods=ANY),
        *ShopSide(world).routes(),
        *ControlSide(world, store.admin, store.office).routes(),
        *store.storefront.routes(),
    ]
    return Starlette(routes=routes, lifespan=store.life)

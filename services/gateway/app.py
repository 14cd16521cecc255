"""The gateway's composition root: the service behind the door, the HTTP application, what wraps it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog
from aiokafka.errors import KafkaError
from fastapi import FastAPI
from fastapi_offline import FastAPIOffline
from pymongo.errors import PyMongoError
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp

from services.gateway import middleware
from services.gateway.api import (
    admin_ambassadors,
    admin_brand,
    admin_operations,
    admin_orders,
    admin_rewards,
    admin_shopify,
    admin_ugc,
    commands,
    docs,
    links,
    me,
    operations,
    operator,
    proxy,
    webhooks,
)
from services.gateway.effects import effects
from services.gateway.gateway import Gateway
from services.gateway.handlers import handlers
from services.gateway.models import DOCUMENTS
from services.gateway.openapi import DESCRIPTION, TAGS, describe, operation_id
from shared import problems
from shared.mongo import is_transient
from shared.runtime import ServiceApp
from shared.settings import Settings
from shared.topics import Service

log = structlog.get_logger(__name__)
app = ServiceApp(service=Service.GATEWAY, handlers=handlers, effects=effects, documents=DOCUMENTS)

ROUTERS = (
    operations.router,
    links.router,
    webhooks.router,
    admin_brand.router,
    admin_shopify.router,
    admin_ugc.router,
    admin_ambassadors.router,
    admin_orders.router,
    admin_rewards.router,
    admin_operations.router,
    commands.router,
    me.router,
    proxy.router,
    operator.router,
    docs.router,
)


def build(gateway: Gateway) -> FastAPI:
    """The HTTP application over a gateway; its lifespan starts and stops the gateway."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await gateway.start()
        yield
        await gateway.stop()

    http = FastAPIOffline(
        title="Vouch",
        version="1",
        summary="Community commerce: UGC, ambassadors and rewards for a brand on Shopify",
        description=DESCRIPTION,
        openapi_tags=TAGS,
        lifespan=lifespan,
        redoc_url=None,
        generate_unique_id_function=operation_id,
        redirect_slashes=False,
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
    )
    http.state.gateway = gateway
    problems.install(http)
    for away in (PyMongoError, KafkaError):
        http.add_exception_handler(away, _away)
    for router in ROUTERS:
        http.include_router(router)
    describe(http)
    return http


async def _away(request: Request, error: Exception) -> Response:
    """A view or a look-up that found its server away: nothing is wrong with the request."""
    if isinstance(error, PyMongoError) and not is_transient(error):
        log.error("a query failed", path=request.url.path, exc_info=error)
        return problems.respond(problems.make("internal-error"))
    log.warning("a server is away", path=request.url.path, error=repr(error)[:300])
    return problems.respond(problems.make("unavailable"))


def application(settings: Settings) -> ASGIApp:
    """What the server runs."""
    return middleware.wrap(build(Gateway(app, settings)))

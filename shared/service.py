"""A service's process: FastStream's ASGI application around the runtime, with health and metrics on its port."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn
from faststream.asgi import AsgiFastStream, AsgiResponse, get
from faststream.asgi.types import ASGIApp, Scope
from faststream.kafka import KafkaBroker
from prometheus_client import make_asgi_app

from shared.runtime import Dependency, Runtime, ServiceApp
from shared.settings import Settings, load_settings
from shared.telemetry import configure_logging, configure_tracing


def report(dependencies: dict[str, Dependency]) -> tuple[int, dict[str, object]]:
    """The status and body of /readyz."""
    ready = all(dependency.ok for dependency in dependencies.values())
    parts = {name: {"ok": dependency.ok, "detail": dependency.detail} for name, dependency in dependencies.items()}
    return (200 if ready else 503), {"ready": ready, "dependencies": parts}


def build(app: ServiceApp, settings: Settings) -> AsgiFastStream:
    """The application: its lifespan starts and stops the runtime."""
    runtime = Runtime(app, settings)

    @asynccontextmanager
    async def lifespan() -> AsyncIterator[None]:
        await runtime.start()
        yield
        await runtime.stop()

    @get
    async def healthz(scope: Scope) -> AsgiResponse:
        return AsgiResponse(b'{"status":"ok"}', 200, {"content-type": "application/json"})

    @get
    async def readyz(scope: Scope) -> AsgiResponse:
        status, body = report(await runtime.dependencies())
        return AsgiResponse(json.dumps(body).encode(), status, {"content-type": "application/json"})

    metrics: ASGIApp = make_asgi_app()
    routes: list[tuple[str, ASGIApp]] = [("/healthz", healthz), ("/readyz", readyz), ("/metrics", metrics)]
    broker = KafkaBroker(settings.kafka, logger=None)
    return AsgiFastStream(broker, lifespan=lifespan, asgi_routes=routes, logger=None)


def serve(application: object, settings: Settings) -> None:
    """Serve an ASGI application until told to stop, giving requests ten seconds to end."""
    config = uvicorn.Config(
        application, host=settings.http_host, port=settings.http_port, loop="uvloop", http="httptools",  # type: ignore[arg-type]
        log_config=None, access_log=False, timeout_graceful_shutdown=10, server_header=False,
    )  # fmt: skip
    uvicorn.Server(config).run()


def run(app: ServiceApp) -> None:
    """Run a service's process with the settings of its environment."""
    settings = load_settings()
    configure_logging(app.service, settings.log_level)
    configure_tracing(app.service)
    serve(build(app, settings), settings)

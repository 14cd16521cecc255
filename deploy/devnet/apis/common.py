"""What the calls of all networks have in common: reading parameters, and the faults asked for."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from deploy.devnet.faults import CALLS_AFTER
from deploy.devnet.models import Fault
from deploy.devnet.world import World
from shared.contracts.gateway import NetworkName

Handler = Callable[[World, Request, dict[str, Any]], Awaitable[Response]]
Throttled = Callable[[float], Response]


async def parameters(request: Request) -> dict[str, Any]:
    """Query, form and JSON parameters together; a body's win, as on all these networks."""
    found: dict[str, Any] = dict(request.query_params)
    kind = request.headers.get("content-type", "")
    if kind.startswith("application/json"):
        body = await request.body()
        try:
            value = json.loads(body)
        except ValueError:
            value = None
        found |= value if isinstance(value, dict) else {}
    elif kind.startswith("application/x-www-form-urlencoded"):
        body = await request.body()
        found |= dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))
    return found


def endpoint(network: NetworkName, handler: Handler, throttled: Throttled) -> Callable[[Request], Awaitable[Response]]:
    """The handler behind the faults: those that strike before it, and those that strike after the work is done."""

    async def call(request: Request) -> Response:
        world: World = request.app.state.world
        fault = world.mischief.strikes("calls", network, request.url.path)
        response = await _before(request, fault, throttled)
        if response is None:
            response = await handler(world, request, await parameters(request))
        response = await _after(request, fault, response)
        named = fault.kind if fault else None
        hung = named in ("timeout_after", "timeout_before")
        world.store.log_call(
            time.time(), network, _no_token(request.url.path), None if hung else response.status_code, named
        )
        return response

    return call


def _no_token(path: str) -> str:
    return "/".join("bot…" if part.startswith("bot") and ":" in part else part for part in path.split("/"))


async def _before(request: Request, fault: Fault | None, throttled: Throttled) -> Response | None:
    match fault.kind if fault else None:
        case "429":
            return throttled(fault.seconds if fault else 0)
        case "5xx":
            return Response("<html><h1>502 Bad Gateway</h1></html>", 502, media_type="text/html")
        case "timeout_before":
            return await _silence(request)
        case "delay":
            await asyncio.sleep(fault.seconds if fault else 0)
    return None


async def _after(request: Request, fault: Fault | None, response: Response) -> Response:
    if fault is None or fault.kind not in CALLS_AFTER:
        return response
    if fault.kind == "5xx_after":
        return Response("<html><h1>504 Gateway Time-out</h1></html>", 504, media_type="text/html")
    return await _silence(request)


async def _silence(request: Request) -> Response:
    """No answer for as long as the caller waits (two minutes at most)."""
    for _ in range(1200):
        if await request.is_disconnected():
            break
        await asyncio.sleep(0.1)
    return Response(status_code=499)


def answer(value: Any, status: int = 200, **headers: str) -> JSONResponse:
    return JSONResponse(value, status, headers={name.replace("_", "-"): text for name, text in headers.items()})


def bearer(request: Request, given: dict[str, Any], name: str = "access_token") -> str:
    """The token from the Authorization header or the parameter."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token if scheme.lower() == "bearer" else str(given.get(name, ""))

"""What every request passes, as pure ASGI middleware (`BaseHTTPMiddleware` costs half of the throughput)."""

import asyncio
import re
import time
from collections.abc import Callable

import structlog
from prometheus_client import Counter, Gauge, Histogram
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.ids import new_id
from shared.problems import Problem, ProblemError, make, respond
from shared.telemetry import request_span

log = structlog.get_logger(__name__)
REQUESTS = Counter("vouch_http_requests_total", "HTTP requests.", ["method", "route", "status"])
SECONDS = Histogram(
    "vouch_http_request_seconds",
    "Time to the response's first byte.",
    ["method", "route"],
    buckets=(0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10),
)
RUNNING = Gauge("vouch_http_requests_running", "Requests being answered.")

MEBIBYTE = 1 << 20
_REQUEST_ID = re.compile(rb"[A-Za-z0-9_.:-]{8,100}", re.ASCII)
_METHODS = frozenset(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])


class RequestContext:
    """Gives each request an id (the caller's `X-Request-Id` when it is a sane one), binds it to the log records and
    answers it; sets the security headers; turns what nobody caught into a 500 problem."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        request_id = _request_id(scope)
        scope.setdefault("state", {})["request_id"] = request_id
        started = False

        async def answer(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                _headers(message, scope["path"], request_id)
            await send(message)

        callers = {"traceparent": _traceparent(scope)}
        with (
            request_span(scope["method"], scope["path"], callers),
            structlog.contextvars.bound_contextvars(request_id=request_id, correlation_id=request_id),
        ):
            try:
                if b"%00" in scope.get("query_string", b"") or "\x00" in scope["path"]:
                    return await respond(make("malformed-request", "The address holds a NUL."))(scope, receive, answer)
                await self.app(scope, receive, answer)
            except Exception:
                # Starlette's own handler has logged and answered it, unless the response was under way.
                if not started:
                    log.exception("request failed", path=scope["path"])
                    await respond(make("internal-error"))(scope, receive, answer)


def _request_id(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == b"x-request-id" and _REQUEST_ID.fullmatch(value):
            return str(value.decode())
    return new_id("req")


def _traceparent(scope: Scope) -> str:
    return next((value.decode("latin-1") for name, value in scope["headers"] if name == b"traceparent"), "")


_PAGES = ("/docs", "/asyncapi", "/console", "/portal", "/problems/")


def _headers(message: Message, path: str, request_id: str) -> None:
    headers = MutableHeaders(scope=message)
    headers["X-Request-Id"] = request_id
    headers["X-Content-Type-Options"] = "nosniff"
    headers["Referrer-Policy"] = "no-referrer"
    headers["Strict-Transport-Security"] = "max-age=63072000; includeSubDomains"
    headers["Cross-Origin-Resource-Policy"] = "cross-origin" if path == "/proxy/vouch.js" else "same-origin"
    headers.setdefault("Cache-Control", "no-store")
    if not path.startswith(_PAGES):
        headers.setdefault("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
        headers["X-Frame-Options"] = "DENY"


class Metrics:
    """Counts and times requests by route template, so that ids in paths make no new series."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        began, method = time.perf_counter(), scope["method"] if scope["method"] in _METHODS else "OTHER"

        async def count(message: Message) -> None:
            if message["type"] == "http.response.start":
                route = getattr(scope.get("route"), "path", "(none)")
                REQUESTS.labels(method, route, message["status"]).inc()
                SECONDS.labels(method, route).observe(time.perf_counter() - began)
            await send(message)

        with RUNNING.track_inprogress():
            await self.app(scope, receive, count)


def body_limit(path: str) -> int:
    """Bytes a body may have: webhooks of a big shop are big, nothing else is."""
    return 5 * MEBIBYTE if path.startswith("/webhooks/") else MEBIBYTE


class BodyLimit:
    """413 for a body above its limit: at once when Content-Length says so, else when the bytes have been counted."""

    def __init__(self, app: ASGIApp, limit: Callable[[str], int] = body_limit) -> None:
        self.app, self._limit = app, limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        limit = self._limit(scope["path"])
        if (_content_length(scope) or 0) > limit:
            return await respond(_too_large(limit), {"Connection": "close"})(scope, receive, send)
        received = 0

        async def counted() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > limit:
                raise ProblemError("too-large", _too_large(limit).detail, headers={"Connection": "close"})
            return message

        await self.app(scope, counted, send)


def _content_length(scope: Scope) -> int | None:
    values = [value for name, value in scope["headers"] if name == b"content-length"]
    return int(values[0]) if values and values[0].isdigit() else None


def _too_large(limit: int) -> Problem:
    return make("too-large", f"The body has more than {limit // MEBIBYTE} MiB.")


def time_limit(path: str) -> float | None:
    """Seconds a request may take. Senders of webhooks wait five; the live stream has no end."""
    if path.startswith("/webhooks/"):
        return 4.5
    return None if path == "/v1/admin/live" else 20.0


class TimeLimit:
    """503 when a request takes longer than its limit, whatever hangs."""

    def __init__(self, app: ASGIApp, limit: Callable[[str], float | None] = time_limit) -> None:
        self.app, self._limit = app, limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        limit = self._limit(scope["path"]) if scope["type"] == "http" else None
        if limit is None:
            return await self.app(scope, receive, send)
        started = False

        async def noted(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            async with asyncio.timeout(limit) as clock:
                await self.app(scope, receive, noted)
        except TimeoutError:
            if not clock.expired() or started:
                raise
            log.warning("request took too long", path=scope["path"], limit=limit)
            await respond(
                make("unavailable", f"No answer within {limit:g} s. It may still take effect; repeating is safe.")
            )(scope, receive, send)


def wrap(app: ASGIApp) -> ASGIApp:
    """The application as the server runs it."""
    return RequestContext(Metrics(BodyLimit(TimeLimit(app))))


def client_address(request: Request) -> str:
    """The peer's address. Behind a proxy, uvicorn's --forwarded-allow-ips puts the client's here."""
    return request.client.host if request.client else ""

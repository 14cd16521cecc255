"""What every request passes: ids, limits, headers, and a problem for whatever breaks."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI, Request

from services.gateway.middleware import BodyLimit, RequestContext, TimeLimit, body_limit, time_limit
from shared import problems

LIMIT = 1000


def small_app() -> FastAPI:
    app = FastAPI()
    problems.install(app)

    @app.post("/echo")
    async def echo(request: Request) -> int:
        return len(await request.body())

    @app.post("/json")
    async def json_body(body: dict[str, int]) -> int:
        return len(body)

    @app.get("/slow")
    async def slow() -> None:
        await asyncio.sleep(30)

    @app.get("/broken")
    async def broken() -> None:
        raise RuntimeError("a secret")

    return app


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    wrapped = RequestContext(BodyLimit(TimeLimit(small_app(), lambda _: 0.05), lambda _: LIMIT))
    transport = httpx.ASGITransport(wrapped, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as found:
        yield found


async def chunks(*sizes: int) -> AsyncIterator[bytes]:
    for size in sizes:
        yield b"x" * size


async def test_a_body_up_to_the_limit_passes(client: httpx.AsyncClient) -> None:
    assert (await client.post("/echo", content=b"x" * LIMIT)).json() == LIMIT
    assert (await client.post("/echo", content=chunks(LIMIT // 2, LIMIT // 2))).json() == LIMIT


@pytest.mark.parametrize("path", ["/echo", "/json"])
async def test_a_longer_body_is_413_announced_or_not(client: httpx.AsyncClient, path: str) -> None:
    headers = {"Content-Type": "application/json"}
    for content in (b"x" * (LIMIT + 1), chunks(LIMIT, 1)):
        answer = await client.post(path, content=content, headers=headers)
        assert answer.status_code == 413
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert answer.json()["type"] == "/problems/too-large"


async def test_what_takes_too_long_is_503(client: httpx.AsyncClient) -> None:
    answer = await client.get("/slow")
    assert (answer.status_code, answer.json()["type"]) == (503, "/problems/unavailable")
    assert answer.headers["Retry-After"]


async def test_what_breaks_is_500_and_says_nothing_of_the_inside(client: httpx.AsyncClient) -> None:
    answer = await client.get("/broken")
    assert (answer.status_code, answer.json()["type"]) == (500, "/problems/internal-error")
    assert "secret" not in answer.text
    assert answer.headers["X-Request-Id"].startswith("req_")


async def test_a_sane_request_id_is_kept_and_others_replaced(client: httpx.AsyncClient) -> None:
    kept = await client.post("/echo", headers={"X-Request-Id": "trace-0123456789"})
    assert kept.headers["X-Request-Id"] == "trace-0123456789"
    for odd in ("short", "with space in it", "x" * 101):
        answer = await client.post("/echo", headers={"X-Request-Id": odd})
        assert answer.headers["X-Request-Id"].startswith("req_")


async def test_security_headers_are_on_every_answer(client: httpx.AsyncClient) -> None:
    for answer in (await client.post("/echo"), await client.get("/nowhere"), await client.get("/broken")):
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        assert answer.headers["Cache-Control"] == "no-store"


def test_webhooks_may_be_bigger_and_must_be_quicker() -> None:
    assert body_limit("/webhooks/shopify") == 5 * body_limit("/v1/admin/brand") == 5 * 1024 * 1024
    assert (time_limit("/webhooks/shopify") or 9) < 5
    assert time_limit("/v1/admin/live") is None

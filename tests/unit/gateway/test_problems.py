"""Every error over HTTP is a problem that says what to do."""

from collections.abc import AsyncIterator
from typing import Annotated

import httpx
import pytest
from fastapi import FastAPI, Query
from pydantic import BaseModel, ConfigDict

from shared import problems
from shared.errors import Refused
from shared.problems import KINDS, Problem, ProblemError, pointer


class Inner(BaseModel):
    model_config = ConfigDict(extra="forbid")
    count: int


class Wish(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: str
    parts: list[Inner] = []


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    app = FastAPI()
    problems.install(app)

    @app.post("/wishes")
    async def wish(body: Wish, size: Annotated[int, Query(ge=1)] = 1) -> str:
        return body.name

    @app.get("/refused")
    async def refused() -> None:
        raise Refused(422, "invalid-range", "The range", "empty", [{"pointer": "query/since", "detail": "too late"}])

    @app.get("/gone")
    async def gone() -> None:
        raise ProblemError("gone", headers={"X-Why": "old"})

    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as found:
        yield found


def read(answer: httpx.Response) -> Problem:
    assert answer.headers["Content-Type"] == "application/problem+json"
    problem = Problem.model_validate(answer.json())
    assert problem.status == answer.status_code
    return problem


async def test_wrong_fields_are_named_by_pointer(client: httpx.AsyncClient) -> None:
    body = {"nam": "x", "parts": [{"count": 1}, {"count": "many", "a/b": 1}]}
    problem = read(await client.post("/wishes", json=body))
    assert problem.type == "/problems/invalid-request"
    assert {error.pointer for error in problem.errors or ()} == {"/name", "/nam", "/parts/1/count", "/parts/1/a~1b"}


async def test_wrong_parameters_are_named(client: httpx.AsyncClient) -> None:
    problem = read(await client.post("/wishes?size=0", json={"name": "x"}))
    assert [(error.parameter, error.pointer) for error in problem.errors or ()] == [("size", None)]


async def test_values_are_never_repeated(client: httpx.AsyncClient) -> None:
    answer = await client.post("/wishes", json={"name": {"token": "vk_secret"}})
    assert answer.status_code == 422
    assert "vk_secret" not in answer.text


@pytest.mark.parametrize(
    ("content", "media", "status", "kind"),
    [
        (b"{", "application/json", 400, "malformed-request"),
        (b'{"name": "x"}', "text/plain", 415, "unsupported-media-type"),
        (b"name=x", "application/x-www-form-urlencoded", 415, "unsupported-media-type"),
        (b"[]", "application/json", 422, "invalid-request"),
        (b"null", "application/json", 422, "invalid-request"),
        (b"", "application/json", 422, "invalid-request"),
        (b"\xff\xfe", "application/json", 400, "malformed-request"),
        (b"[" * 100_000, "application/json", 400, "malformed-request"),
    ],
)
async def test_bad_bodies(client: httpx.AsyncClient, content: bytes, media: str, status: int, kind: str) -> None:
    problem = read(await client.post("/wishes", content=content, headers={"Content-Type": media}))
    assert (problem.status, problem.type) == (status, f"/problems/{kind}")


async def test_404_and_405(client: httpx.AsyncClient) -> None:
    assert read(await client.get("/nowhere")).type == "/problems/not-found"
    answer = await client.delete("/wishes")
    assert read(answer).type == "/problems/method-not-allowed"
    assert answer.headers["Allow"] == "POST"


async def test_refusals_of_views_and_our_own(client: httpx.AsyncClient) -> None:
    problem = read(await client.get("/refused"))
    assert (problem.type, problem.detail) == ("/problems/invalid-range", "empty")
    assert [error.parameter for error in problem.errors or ()] == ["since"]
    answer = await client.get("/gone")
    assert (read(answer).type, answer.headers["X-Why"]) == ("/problems/gone", "old")


def test_kinds_are_consistent() -> None:
    for slug, kind in KINDS.items():
        assert slug == kind.slug
        assert 400 <= kind.status < 600
        assert kind.help.endswith(".")


def test_pointers_escape() -> None:
    assert pointer(["a/b", 0, "~"]) == "/a~1b/0/~0"

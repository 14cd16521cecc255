"""Nobody gets past without the right credentials, and bodies are checked before anything else happens."""

from typing import Any

import httpx
import pytest

from services.gateway.app import build
from services.gateway.gateway import Gateway
from shared.problems import Problem

OPEN = (
    "/healthz",
    "/readyz",
    "/metrics",
    "/problems/",
    "/asyncapi",
    "/r/",
    "/webhooks/",
    "/proxy/",
    "/v1/shopify/callback",
)


def guarded(gateway: Gateway) -> list[tuple[str, str]]:
    """Every endpoint that asks for a bearer token."""
    paths = build(gateway).openapi()["paths"]
    return [(method, path) for path, methods in paths.items() for method in methods if not path.startswith(OPEN)]


def concrete(path: str) -> str:
    return path.replace("{trigger}", "order_attributed").replace("{", "").replace("}", "")


def as_problem(answer: httpx.Response) -> Problem:
    assert answer.headers["Content-Type"] == "application/problem+json"
    return Problem.model_validate(answer.json())


async def test_without_or_with_a_wrong_token_everything_is_401(gateway: Gateway, http: httpx.AsyncClient) -> None:
    gateway.directory._misses._rate = gateway.directory._misses._left = 0  # strangers' keys can't be looked up here
    endpoints = guarded(gateway)
    assert len(endpoints) > 60
    for method, path in endpoints:
        answer = await http.request(method, concrete(path), json={})
        assert answer.status_code == 401, (method, path, answer.text)
        assert as_problem(answer).type == "/problems/unauthorized"
        assert answer.headers["WWW-Authenticate"] == "Bearer"


async def test_a_viewer_may_change_nothing(gateway: Gateway, http: httpx.AsyncClient) -> None:
    harmless = {"/v1/admin/campaigns/{campaign_id}/dry-run"}
    headers = {"Authorization": "Bearer vk_viewer"}
    for method, path in guarded(gateway):
        if method == "get" or not path.startswith("/v1/admin/") or path in harmless:
            continue
        answer = await http.request(method, concrete(path), json={}, headers=headers)
        # A body that is wrong may be said first; it never gets further.
        assert answer.status_code in (403, 422), (method, path, answer.status_code)


async def test_a_marketer_may_not_touch_connections_keys_or_money(http: httpx.AsyncClient) -> None:
    headers = {"Authorization": "Bearer vk_marketer"}
    for method, path, body in (
        ("DELETE", "/v1/admin/connections/con_1", None),
        ("POST", "/v1/admin/keys", {"role": "owner", "name": "x"}),
        ("POST", "/v1/admin/commissions/com_1/void", {"reason": "x"}),
        ("POST", "/v1/admin/shopify/install", {}),
        ("POST", "/v1/admin/dead-letters/dlq_1/replay", None),
    ):
        answer = await http.request(method, path, json=body, headers=headers)
        assert (answer.status_code, as_problem(answer).type) == (403, "/problems/forbidden"), path


@pytest.mark.parametrize(
    ("path", "body", "pointers"),
    [
        ("/v1/admin/keys", {"role": "king", "name": "x"}, {"/role"}),
        ("/v1/admin/keys", {"role": "owner"}, {"/name"}),
        ("/v1/admin/connections", {"network": "fax", "name": 1, "odd": True}, {"/network", "/name", "/odd"}),
        (
            "/v1/admin/programs",
            {"name": "x", "terms": {"window_days": 0, "odd": 1}},
            {"/terms/window_days", "/terms/odd"},
        ),
        ("/v1/admin/programs", {"name": "x", "terms": {"commission": {"value": 10.5}}}, {"/terms/commission/value"}),
        ("/v1/admin/ambassadors", {"program_id": "p", "name": "", "email": "no"}, {"/name", "/email"}),
        ("/v1/admin/grants", {"campaign_id": "c"}, {""}),
        ("/v1/admin/campaigns", {"name": "x", "trigger": "rain"}, {"/trigger", "/recipient", "/reward"}),
        ("/v1/admin/campaigns", [], {""}),
    ],
)
async def test_wrong_bodies_name_the_field(http: httpx.AsyncClient, path: str, body: Any, pointers: set[str]) -> None:
    answer = await http.post(path, json=body, headers={"Authorization": "Bearer vk_owner"})
    assert answer.status_code == 422
    assert {error.pointer for error in as_problem(answer).errors or ()} == pointers


async def test_giant_bodies_are_413(http: httpx.AsyncClient) -> None:
    headers = {"Authorization": "Bearer vk_owner", "Content-Type": "application/json"}
    answer = await http.post("/v1/admin/keys", content=b" " * (1 << 20) + b"{}", headers=headers)
    assert (answer.status_code, as_problem(answer).type) == (413, "/problems/too-large")
    answer = await http.post("/webhooks/shopify", content=b" " * (5 << 20) + b"{}")
    assert answer.status_code == 413


async def test_writes_without_kafka_are_503_and_say_that_repeating_is_safe(http: httpx.AsyncClient) -> None:
    answer = await http.patch("/v1/admin/brand", json={"name": "x"}, headers={"Authorization": "Bearer vk_owner"})
    problem = as_problem(answer)
    assert (problem.status, problem.type) == (503, "/problems/unavailable")
    assert "safe" in (problem.detail or "")


async def test_reads_without_mongo_are_503(http: httpx.AsyncClient) -> None:
    answer = await http.get("/v1/admin/brand", headers={"Authorization": "Bearer vk_owner"})
    assert (answer.status_code, as_problem(answer).type) == (503, "/problems/unavailable")


async def test_odd_addresses_and_times_are_the_callers_mistake(http: httpx.AsyncClient) -> None:
    headers = {"Authorization": "Bearer vk_owner"}
    for path, status in (
        ("/v1/admin/mentions?q=%00", 400),
        ("/v1/admin/mentions?since=0001-01-01T00:00:00Z", 422),
        ("/v1/admin/mentions?limit=0", 422),
        ("/v1/admin/mentions?limit=99999999999999999999", 422),
        ("/v1/admin/mentions?sentiment=sad", 422),
    ):
        answer = await http.get(path, headers=headers)
        assert answer.status_code == status, path
        assert as_problem(answer)


async def test_metrics_are_for_this_machine_or_the_operator(gateway: Gateway) -> None:
    transport = httpx.ASGITransport(build(gateway), client=("203.0.113.9", 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://far") as far:
        assert (await far.get("/metrics")).status_code == 403
        token = {"Authorization": "Bearer operator-token-of-the-tests"}
        assert (await far.get("/metrics", headers=token)).status_code == 200


async def test_health_is_ok_and_readiness_names_what_is_away(http: httpx.AsyncClient) -> None:
    assert (await http.get("/healthz")).json() == {"status": "ok"}
    answer = await http.get("/readyz")
    assert answer.status_code == 503
    assert {"mongo", "kafka", "processor", "spool", "directory"} <= answer.json()["dependencies"].keys()
    assert (await http.get("/problems/not-found")).json()["status"] == 404

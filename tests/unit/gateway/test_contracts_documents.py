"""OpenAPI and AsyncAPI are complete: every endpoint and message described, with examples that are valid."""

from typing import Any

import httpx
import jsonschema
import pytest
from openapi_spec_validator import validate

from services.gateway.app import build
from services.gateway.gateway import Gateway
from shared import asyncapi
from shared.contracts.base import Message
from shared.topics import all_topics

DOCUMENT = asyncapi.document("vouch.")


@pytest.fixture
def openapi(gateway: Gateway) -> dict[str, Any]:
    return build(gateway).openapi()


def operations(openapi: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return [(f"{method} {path}", op) for path, methods in openapi["paths"].items() for method, op in methods.items()]


def test_openapi_is_valid(openapi: dict[str, Any]) -> None:
    validate(openapi)


def test_every_endpoint_is_described_and_says_what_it_can_answer(openapi: dict[str, Any]) -> None:
    for name, operation in operations(openapi):
        assert operation.get("summary"), name
        assert operation.get("description"), name
        assert {"500", "503"} <= operation["responses"].keys(), name
        assert any(status < "400" for status in operation["responses"]), name
        if operation.get("security"):
            assert "401" in operation["responses"], name
        for status, response in operation["responses"].items():
            if status >= "400" and not name.endswith("/readyz"):
                assert "application/problem+json" in response["content"], (name, status)


def test_every_write_takes_an_idempotency_key_and_may_be_answered_later(openapi: dict[str, Any]) -> None:
    without = {
        "/v1/admin/ambassadors/{ambassador_id}/token",
        "/v1/admin/campaigns/{campaign_id}/dry-run",
        "/proxy/attribution",
    }
    for name, operation in operations(openapi):
        method, path = name.split(" ")
        if method == "get" or path.startswith("/webhooks/") or path in without:
            continue
        assert "Idempotency-Key" in {parameter["name"] for parameter in operation.get("parameters", [])}, name
        assert {"202", "409", "422"} <= operation["responses"].keys(), name


def test_operation_ids_read_well(openapi: dict[str, Any]) -> None:
    ids = [operation["operationId"] for _, operation in operations(openapi)]
    assert len(ids) == len(set(ids))
    assert "admin_rewards_create_campaign" in ids


def test_asyncapi_has_every_topic_and_message() -> None:
    addresses = {channel["address"] for channel in DOCUMENT["channels"].values()}
    assert addresses == set(all_topics("vouch."))
    for channel in DOCUMENT["channels"].values():
        assert channel["description"]
        assert channel["messages"], channel


@pytest.mark.parametrize("model", asyncapi.messages().values(), ids=lambda model: model.__name__)
def test_every_message_is_described_with_a_valid_example(model: type[Message]) -> None:
    message = DOCUMENT["components"]["messages"][model.__name__]
    assert message["summary"]
    (example,) = message["examples"]
    schema = {"$ref": f"#/components/schemas/{model.__name__}", "components": DOCUMENT["components"]}
    jsonschema.validate(example["payload"], schema)
    assert model.model_validate(example["payload"]).brand_id
    assert example["payload"].keys() <= model.model_fields.keys()


async def test_the_documents_are_served(http: httpx.AsyncClient) -> None:
    page = await http.get("/asyncapi", headers={"Accept": "text/html"})
    assert page.headers["Content-Type"].startswith("text/html")
    assert "MentionApproved" in page.text
    assert (await http.get("/asyncapi.json")).json()["asyncapi"] == "3.0.0"
    assert (await http.get("/asyncapi", headers={"Accept": "application/json"})).json()["asyncapi"] == "3.0.0"
    assert (await http.get("/asyncapi.yaml")).text.startswith("asyncapi: 3.0.0")
    assert (await http.get("/openapi.json")).json()["info"]["title"] == "Vouch"

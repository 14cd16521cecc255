"""The OpenAPI document: what FastAPI can't know by itself."""

import re
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute

from shared.problems import MEDIA_TYPE, FieldError, Problem, answers

DESCRIPTION = """
JSON, snake_case; times RFC 3339 in UTC; money `{"amount": "12.50", "currency": "EUR"}`; ids prefixed.

**Lists** take `limit` (50, at most 200) and `cursor`, and answer `{"data": […], "next_cursor": …}`.

**Errors** are RFC 9457 problem details with a stable `type`; wrong bodies name each field by JSON pointer in `errors`.
Unknown fields are refused.

**Writes** take `Idempotency-Key`: the same key with the same request has its effect once and gets the first
answer; another request under the key is 422, one still in flight 409. A write whose outcome isn't known within two
seconds answers 202 with `Location`, and still takes effect.

Every response carries `X-Request-Id`.
"""
TAGS = [
    {"name": "Webhooks in", "description": "For Shopify, the networks, and any program that speaks Standard Webhooks."},
    {"name": "Links", "description": "What ambassadors share."},
    {"name": "Admin: brand", "description": "Profile, keys, connections."},
    {"name": "Admin: shop", "description": "Installing the app at the brand's shop."},
    {"name": "Admin: mentions and replies", "description": "What people say, and what the brand answers."},
    {"name": "Admin: ambassadors", "description": "Programmes and the people in them."},
    {"name": "Admin: orders and commissions", "description": "Whose an order is and why; what it earned."},
    {"name": "Admin: rewards", "description": "Campaigns and grants."},
    {"name": "Admin: operations", "description": "Live events, dead letters."},
    {"name": "Commands", "description": "Outcomes of writes that were answered 202."},
    {"name": "Me (ambassador)", "description": "An ambassador's own endpoints."},
    {"name": "Storefront", "description": "Through Shopify's App Proxy."},
    {"name": "Operator", "description": "For whoever runs the installation."},
    {"name": "Operations", "description": "Health and metrics."},
    {"name": "Documentation", "description": "The contracts."},
]
_EVERYWHERE = answers("internal-error", "unavailable")


def operation_id(route: APIRoute) -> str:
    """A name that reads well in generated clients: `admin_rewards_create_campaign`."""
    tag = str(route.tags[0]) if route.tags else "page"  # the pages of the documentation itself have none
    area = re.sub("[^a-z]+", "_", tag.lower()).strip("_")
    return f"{area}_{route.name}"


def describe(app: FastAPI) -> None:
    """Have the application answer the completed document."""

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = complete(
                get_openapi(
                    title=app.title,
                    version=app.version,
                    summary=app.summary,
                    description=app.description,
                    routes=app.routes,
                    tags=app.openapi_tags,
                    license_info=app.license_info,
                )
            )
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]


def complete(document: dict[str, Any]) -> dict[str, Any]:
    """Every operation with the problems it can answer; FastAPI's own 422 replaced; request ids in every response."""
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    for model in (Problem, FieldError):
        schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
        schema.pop("$defs", None)
        schemas[model.__name__] = schema
    for path in document["paths"].values():
        for operation in path.values():
            _complete(operation)
    return document


def _complete(operation: dict[str, Any]) -> None:
    responses = operation["responses"]
    if _is_fastapis(responses.get("422")):
        responses["422"] = answers("invalid-request")[422]
    for status, response in _EVERYWHERE.items():
        responses.setdefault(str(status), response)
    for status, response in responses.items():
        response.setdefault("headers", {})["X-Request-Id"] = _REQUEST_ID
        if status == "401":
            response["headers"]["WWW-Authenticate"] = {"schema": {"type": "string"}}
    operation["responses"] = dict(sorted(responses.items()))


_REQUEST_ID = {"schema": {"type": "string"}, "description": "Finds the request in the logs."}


def _is_fastapis(response: dict[str, Any] | None) -> bool:
    return response is not None and MEDIA_TYPE not in response.get("content", {})

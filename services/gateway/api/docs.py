"""The contracts on Kafka, for programs and for people. (Those over HTTP: /openapi.json and /docs.)"""

from functools import cache
from pathlib import Path
from typing import Any

import yaml
from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse
from jinja2 import Environment, FileSystemLoader

from services.gateway.gateway import Gw
from shared import asyncapi

router = APIRouter(tags=["Documentation"])
_TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parent.parent / "templates"),
    autoescape=True,
    trim_blocks=True,
    lstrip_blocks=True,
)


@cache
def _document(prefix: str) -> dict[str, Any]:
    return asyncapi.document(prefix)


@cache
def _yaml(prefix: str) -> str:
    return yaml.safe_dump(_document(prefix), sort_keys=False, allow_unicode=True, width=140)


@cache
def _page(prefix: str) -> str:
    document = _document(prefix)
    return _TEMPLATES.get_template("asyncapi.html").render(
        document=document, messages=document["components"]["messages"]
    )


@router.get(
    "/asyncapi",
    response_class=HTMLResponse,
    summary="The messages on Kafka, as a page",
    description="Every topic and message with its fields and an example. Programs that ask for JSON or YAML get that.",
    responses={
        200: {
            "description": "The page.",
            "content": {"text/html": {"schema": {"type": "string"}}, "application/json": {}},
        }
    },
)
async def page(request: Request, gateway: Gw) -> Response:
    wanted = request.headers.get("accept", "")
    if "html" not in wanted and "json" in wanted:
        return JSONResponse(_document(gateway.settings.topic_prefix))
    if "html" not in wanted and "yaml" in wanted:
        return Response(_yaml(gateway.settings.topic_prefix), media_type="application/yaml")
    return HTMLResponse(
        _page(gateway.settings.topic_prefix),
        headers={"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"},
    )


@router.get(
    "/asyncapi.json",
    summary="AsyncAPI 3.0 as JSON",
    description="Generated from the contracts.",
    responses={200: {"description": "The document.", "content": {"application/json": {"schema": {"type": "object"}}}}},
)
async def as_json(gateway: Gw) -> JSONResponse:
    return JSONResponse(_document(gateway.settings.topic_prefix))


@router.get(
    "/asyncapi.yaml",
    summary="AsyncAPI 3.0 as YAML",
    description="Generated from the contracts.",
    response_class=Response,
    responses={200: {"description": "The document.", "content": {"application/yaml": {"schema": {"type": "string"}}}}},
)
async def as_yaml(gateway: Gw) -> Response:
    return Response(_yaml(gateway.settings.topic_prefix), media_type="application/yaml")

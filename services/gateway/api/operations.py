"""What operators and programs ask of the process itself."""

import ipaddress

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel, Field

from services.gateway.gateway import Gw
from services.gateway.middleware import client_address
from shared.problems import KINDS, ProblemError, answers
from shared.service import report

router = APIRouter(tags=["Operations"])


class Health(BaseModel):
    """The process answers."""

    status: str = Field("ok", examples=["ok"])


class DependencyState(BaseModel):
    """How something the gateway needs is."""

    ok: bool
    detail: str = Field(examples=["answers"])


class Readiness(BaseModel):
    """Whether everything the gateway needs is there, each by name: mongo, kafka, processor, spool, directory."""

    ready: bool
    dependencies: dict[str, DependencyState] = Field(examples=[{"mongo": {"ok": True, "detail": "answers"}}])


class ProblemKind(BaseModel):
    """What a problem type means."""

    type: str = Field(examples=["/problems/not-found"])
    title: str = Field(examples=["Not found"])
    status: int = Field(examples=[404])
    help: str = Field(examples=["There is no such thing here."])


@router.get(
    "/healthz",
    summary="Is the process alive?",
    description="200 while the process can answer; says nothing of what it needs.",
)
async def healthz() -> Health:
    return Health(status="ok")


@router.get(
    "/readyz",
    summary="Is everything there?",
    description=(
        "Names each dependency with its state. Webhooks are still accepted while one of Kafka and MongoDB is away."
    ),
    response_model=Readiness,
    responses={503: {"description": "Something is away.", "model": Readiness}},
)
async def readyz(gateway: Gw) -> Response:
    status, body = report(await gateway.dependencies())
    return JSONResponse(body, status)


@router.get(
    "/metrics",
    summary="Metrics in Prometheus' text format",
    description="For callers on the same machine, and for whoever has the operator's token.",
    responses=answers("forbidden")
    | {200: {"description": "Metrics.", "content": {"text/plain": {"schema": {"type": "string"}}}}},
    response_class=Response,
)
async def metrics(request: Request, gateway: Gw) -> Response:
    token = request.headers.get("authorization", "").removeprefix("Bearer ")
    if not _loopback(client_address(request)) and not gateway.credentials.is_operator(token):
        raise ProblemError("forbidden", "Metrics are for this machine, or with the operator's token.")
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


def _loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


@router.get(
    "/problems/{slug}",
    summary="What a problem type means",
    description="Each problem's `type` leads here.",
    responses=answers("not-found"),
)
async def problem(slug: str) -> ProblemKind:
    kind = KINDS.get(slug)
    if kind is None:
        raise ProblemError("not-found", "There is no page about this problem; its title and detail say what it is.")
    return ProblemKind(type=f"/problems/{slug}", title=kind.title, status=kind.status, help=kind.help)

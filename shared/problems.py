"""Errors over HTTP as RFC 9457 problem details (`application/problem+json`), for every answer that is no success.

`type` is `/problems/<slug>` and stable; programs branch on it, people read `title` and `detail`. Wrong bodies name the
field by JSON pointer (RFC 6901) in `errors`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from shared.errors import Refused, Reply

MEDIA_TYPE = "application/problem+json"
log = structlog.get_logger(__name__)


class FieldError(BaseModel):
    """What is wrong with one field of the body, or with one parameter."""

    pointer: str | None = Field(
        None,
        description="JSON pointer (RFC 6901) into the body; '' is the body as a whole.",
        examples=["/settings/group_id"],
    )
    parameter: str | None = Field(
        None, description="Name of the query, path or header parameter, when it is not the body."
    )
    detail: str = Field(examples=["Field required"])


class Problem(BaseModel):
    """Problem details (RFC 9457)."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(description="Stable; branch on this.", examples=["/problems/not-found"])
    title: str = Field(description="The kind of problem, the same every time.", examples=["Not found"])
    status: int = Field(ge=400, le=599, examples=[404])
    detail: str | None = Field(
        None, description="What was wrong this time.", examples=["There is no mention men_x here."]
    )
    errors: list[FieldError] | None = Field(None, description="Which fields are wrong, for bodies and parameters.")


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of problem: its slug (last part of `type`), HTTP status, title and what a caller can do about it."""

    slug: str
    status: int
    title: str
    help: str


KINDS = {
    kind.slug: kind
    for kind in (
        Kind(
            "malformed-request",
            400,
            "Malformed request",
            "The request cannot be read: broken JSON, or a missing signature.",
        ),
        Kind("unauthorized", 401, "Not signed in", "Send a valid key, token or signature."),
        Kind("forbidden", 403, "Not allowed", "The key is valid, but its role may not do this."),
        Kind("not-found", 404, "Not found", "There is no such thing here, or it belongs to another brand or person."),
        Kind("method-not-allowed", 405, "Method not allowed", "The header Allow names the methods of this path."),
        Kind("not-acceptable", 406, "Not acceptable", "Ask for one of the media types this path offers."),
        Kind("conflict", 409, "Conflict", "The present state does not allow it; read it and decide anew."),
        Kind(
            "in-flight",
            409,
            "Still in flight",
            "The first request with this Idempotency-Key is not decided yet; repeat in a moment.",
        ),
        Kind("gone", 410, "Gone", "It existed and does no more."),
        Kind("too-large", 413, "Body too large", "Send less at once: 1 MiB, webhooks 5 MiB."),
        Kind("unsupported-media-type", 415, "Unsupported media type", "Send JSON with Content-Type: application/json."),
        Kind("invalid-request", 422, "Invalid request", "`errors` names each wrong field or parameter."),
        Kind(
            "idempotency-key-reused",
            422,
            "Idempotency-Key was used for another request",
            "Send a new key, or repeat exactly the first request.",
        ),
        Kind("too-many-requests", 429, "Too many requests", "Wait as long as the header Retry-After says."),
        Kind(
            "internal-error",
            500,
            "Something broke on our side",
            "The request id finds it in our logs; repeating with the same Idempotency-Key is safe.",
        ),
        Kind(
            "bad-gateway", 502, "The other side failed", "Shopify or a network did not answer as expected; try again."
        ),
        Kind(
            "unavailable",
            503,
            "Unavailable for the moment",
            "Nothing was taken on; repeat after the time in Retry-After.",
        ),
    )
}
_BY_STATUS = {kind.status: kind for kind in reversed(KINDS.values())}


class ProblemError(HTTPException):
    """Raised anywhere in a request to answer with a problem. `kind` is a slug of `KINDS`."""

    def __init__(
        self,
        kind: str,
        detail: str | None = None,
        *,
        errors: Sequence[FieldError] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        known = KINDS[kind]
        super().__init__(known.status, detail or known.help, dict(headers or {}))
        self.problem = make(kind, detail, errors=errors)


def make(kind: str, detail: str | None = None, *, errors: Sequence[FieldError] | None = None) -> Problem:
    """The problem of a kind, with its help as detail when there is nothing better to say."""
    known = KINDS[kind]
    return Problem(
        type=f"/problems/{kind}",
        title=known.title,
        status=known.status,
        detail=detail or known.help,
        errors=list(errors) if errors else None,
    )


def of_status(status: int, detail: str | None = None) -> Problem:
    """The problem for an HTTP status nobody described further."""
    if kind := _BY_STATUS.get(status):
        return make(kind.slug, detail)
    return Problem(type="about:blank", title=HTTPStatus(status).phrase, status=status, detail=detail)


def respond(problem: Problem, headers: Mapping[str, str] | None = None) -> Response:
    """The problem as a response. 401 says how to sign in, 503 when to come back (RFC 9110)."""
    extra = dict(headers or {})
    if problem.status == 401:
        extra.setdefault("WWW-Authenticate", "Bearer")
    if problem.status == 503:
        extra.setdefault("Retry-After", "2")
    return Response(problem.model_dump_json(exclude_none=True), problem.status, extra, MEDIA_TYPE)


def pointer(parts: Iterable[int | str]) -> str:
    """A JSON pointer (RFC 6901)."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in parts)


def field_errors(errors: Sequence[Mapping[str, Any]]) -> list[FieldError]:
    """Pydantic's errors as ours. Values are never repeated: they may be secrets."""
    return [_field_error(error["loc"], str(error["msg"]).removeprefix("Value error, ")) for error in errors]


def _field_error(location: Sequence[int | str], detail: str) -> FieldError:
    where, *rest = location or ("body",)
    if where == "body":
        return FieldError(pointer=pointer(rest), detail=detail)
    return FieldError(parameter=str(rest[0]) if rest else str(where), detail=detail)


def install(app: FastAPI) -> None:
    """Make every error of the application a problem."""
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(Refused, _refused)
    app.add_exception_handler(Exception, _broken)


async def _http(_: Request, error: Exception) -> Response:
    if isinstance(error, ProblemError):
        return respond(error.problem, error.headers)
    assert isinstance(error, HTTPException)
    detail = error.detail if error.detail != HTTPStatus(error.status_code).phrase else None
    return respond(of_status(error.status_code, detail), error.headers)


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    errors = error.errors()
    broken = next((e for e in errors if e["type"] == "json_invalid"), None)
    if broken:
        return respond(
            make(
                "malformed-request", f"The body is not JSON: {broken['ctx']['error']} at character {broken['loc'][-1]}."
            )
        )
    if _wants_json(request, errors):
        return respond(make("unsupported-media-type"))
    return respond(make("invalid-request", errors=field_errors(errors)))


def _wants_json(request: Request, errors: Sequence[Mapping[str, Any]]) -> bool:
    """A body that was read as plain bytes since its media type isn't JSON."""
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    is_json = media == "application/json" or (media.startswith("application/") and media.endswith("+json"))
    return not is_json and any(tuple(e["loc"]) == ("body",) and e["type"] != "missing" for e in errors)


async def _refused(_: Request, error: Exception) -> Response:
    """What a view refuses (a cursor that is none, a range that can't be shown)."""
    assert isinstance(error, Refused)
    return respond(of_reply(error.reply))


def of_reply(reply: Reply) -> Problem:
    """A refusal as a problem: its own type and words, ours for what it leaves out."""
    body = {**of_status(reply.status).model_dump(exclude_none=True), **reply.body}
    body["errors"] = [_named(entry) for entry in body.get("errors") or ()] or None
    return Problem.model_validate(body)


def _named(entry: Mapping[str, Any]) -> Mapping[str, Any]:
    where, _, name = str(entry.get("pointer") or "").partition("/")
    return {"parameter": name, "detail": entry["detail"]} if where == "query" else entry


async def _broken(request: Request, error: Exception) -> Response:
    log.error("request failed", method=request.method, path=request.url.path, exc_info=error)
    return respond(make("internal-error"))


def answers(*slugs: str) -> dict[int | str, dict[str, Any]]:
    """OpenAPI responses for the problems an endpoint can answer: one per status, an example per kind."""
    found: dict[int | str, dict[str, Any]] = {}
    for kind in (KINDS[slug] for slug in slugs):
        response = found.setdefault(
            kind.status, {"description": kind.title, "content": {MEDIA_TYPE: {"schema": _REF, "examples": {}}}}
        )
        example = make(kind.slug).model_dump(exclude_none=True)
        response["content"][MEDIA_TYPE]["examples"][kind.slug] = {"summary": kind.title, "value": example}
    return found


_REF = {"$ref": "#/components/schemas/Problem"}

"""What endpoints share: pages of lists, the problems they can answer."""

from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Query
from pydantic import AfterValidator

from services.gateway.commands import Pending
from shared.pages import Page
from shared.problems import ProblemError, answers


def _page(
    limit: Annotated[int, Query(ge=1, le=200, description="How many at most.")] = 50,
    cursor: Annotated[str | None, Query(max_length=1000, description="`next_cursor` of the part before.")] = None,
) -> Page:
    return Page(limit, cursor)


T = TypeVar("T")


def there(found: T | None, what: str) -> T:
    """What was found. Raises `ProblemError` (404); what belongs to another brand isn't found either."""
    if found is None:
        raise ProblemError("not-found", f"There is no {what}.")
    return found


def _moment(value: datetime) -> datetime:
    aware = value if value.tzinfo else value.replace(tzinfo=UTC)
    if not 2000 <= aware.year < 2200:
        raise ValueError("must lie between the years 2000 and 2199")
    return aware


Moment = Annotated[datetime, AfterValidator(_moment)]
Since = Annotated[
    Moment | None,
    Query(description="From this moment on (RFC 3339; without a zone: UTC).", examples=["2026-11-01T00:00:00Z"]),
]
Until = Annotated[
    Moment | None, Query(description="Up to, not including, this moment.", examples=["2026-12-01T00:00:00Z"])
]
PageOf = Annotated[Page, Depends(_page)]

Responses = dict[int | str, dict[str, Any]]
READS: Responses = answers("unauthorized", "unavailable")
"""What every read by a signed-in caller may answer beside its success."""

WRITES: Responses = answers(
    "malformed-request",
    "unauthorized",
    "forbidden",
    "conflict",
    "in-flight",
    "too-large",
    "unsupported-media-type",
    "invalid-request",
    "idempotency-key-reused",
    "unavailable",
) | {
    202: {
        "model": Pending,
        "description": "Taken on, not decided in time. The outcome will be at `Location`.",
        "headers": {"Location": {"schema": {"type": "string"}, "description": "Where the outcome will be."}},
    }
}
"""What every write may answer beside its success."""

ONE = answers("not-found")
"""For paths that name one thing."""

"""Lists with opaque cursors: stable under inserts, no counting, no offsets."""

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, Field

from shared.errors import Refused
from shared.mongo import Raw, ReadOnly

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page:
    """Which part of a list is wanted."""

    limit: int = 50
    cursor: str | None = None


class Paged(BaseModel, Generic[T]):
    """A part of a list; `next_cursor` is null at its end."""

    data: list[T]
    next_cursor: str | None = Field(None, description="Pass as `cursor` to get the next part.")


async def paginate(
    db: ReadOnly,
    collection: str,
    filter: Mapping[str, Any],
    page: Page,
    shape: Callable[[Raw], T],
    *,
    by: str = "_id",
    newest_first: bool = True,
) -> Paged[T]:
    """Documents by the field `by`, ties by `_id`. Raises `Refused` (422) for a cursor that isn't one of ours."""
    direction, compare = (-1, "$lt") if newest_first else (1, "$gt")
    query: Raw = dict(filter)
    if page.cursor:
        value, id = _open(page.cursor)
        after: Raw = (
            {"_id": {compare: id}}
            if by == "_id"
            else {"$or": [{by: {compare: value}}, {by: value, "_id": {compare: id}}]}
        )
        query = {"$and": [query, after]}
    sort = [("_id", direction)] if by == "_id" else [(by, direction), ("_id", direction)]
    rows = await db.find(collection, query, sort=sort, limit=page.limit + 1)
    more = len(rows) > page.limit
    rows = rows[: page.limit]
    return Paged(
        data=[shape(raw) for raw in rows], next_cursor=_seal(rows[-1].get(by), rows[-1]["_id"]) if more else None
    )


def _seal(value: Any, id: str) -> str:
    stated = {"t": value.isoformat()} if isinstance(value, datetime) else value
    return base64.urlsafe_b64encode(json.dumps([stated, id]).encode()).decode().rstrip("=")


def _open(cursor: str) -> tuple[Any, str]:
    try:
        value, id = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        if isinstance(value, dict):
            value = datetime.fromisoformat(value["t"]).astimezone(UTC)
        if not isinstance(id, str) or isinstance(value, (list, dict)):
            raise ValueError(cursor)
    except (ValueError, KeyError, TypeError) as error:
        raise Refused(
            422,
            "invalid-cursor",
            "The cursor is not one of ours",
            "Leave `cursor` out, or pass a `next_cursor` as it was given.",
            [{"pointer": "query/cursor", "detail": "not a cursor"}],
        ) from error
    return value, id

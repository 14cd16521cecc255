"""Reading what the outside sent without believing its shape: every failure is an `InvalidPayload` with a pointer."""

import json
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

from shared.networks.base import InvalidPayload

MAX_TEXT = 20_000
MAX_NAME = 256
Model = TypeVar("Model", bound=BaseModel)


class Shape(BaseModel):
    """A part of a network's payload: the fields we use; the network may add others any day."""

    model_config = ConfigDict(extra="ignore", frozen=True, allow_inf_nan=False)


def _id(value: object) -> object:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


Id = Annotated[str, BeforeValidator(_id)]
"""An id that a network writes as a number or as a string."""


def read_json(body: bytes) -> Any:
    """The body as JSON (RFC 8259, UTF-8). Halves of surrogate pairs, which no store takes, become U+FFFD."""
    try:
        text = body.decode("utf-8")
        value = json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise InvalidPayload("", "is not JSON") from error
    return _whole(value) if "\\ud" in text.lower() else value


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _whole(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    if isinstance(value, list):
        return [_whole(item) for item in value]
    if isinstance(value, dict):
        return {_whole(name): _whole(item) for name, item in value.items()}
    return value


def read_object(body: bytes) -> dict[str, Any]:
    value = read_json(body)
    if not isinstance(value, dict):
        raise InvalidPayload("", "is not an object")
    return value


def shaped(model: type[Model], value: Any, pointer: str = "") -> Model:
    """`value` as the model. The first thing that is wrong is named."""
    try:
        return model.model_validate(value)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        raise InvalidPayload(pointer + to_pointer(first["loc"]), first["msg"].removeprefix("Value error, ")) from None


def to_pointer(path: tuple[int | str, ...]) -> str:
    """A JSON pointer (RFC 6901)."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in path)


def from_unix(seconds: float, pointer: str) -> datetime:
    """A network's Unix time in UTC; milliseconds are told apart by their size."""
    try:
        return datetime.fromtimestamp(seconds / 1000 if seconds > 1e11 else seconds, UTC)
    except (OverflowError, OSError, ValueError) as error:
        raise InvalidPayload(pointer, "is not a Unix time") from error


def clip(text: str | None, length: int = MAX_NAME) -> str | None:
    """At most `length` characters; empty becomes None."""
    return text[:length] if text else None

"""Contracts ignore fields they don't know, so that a newer sender can be read; people's requests must not.

`strict(Voice)` is `Voice` with unknown fields refused, all the way down.
"""

from copy import copy
from functools import cache
from types import UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict

M = TypeVar("M", bound=BaseModel)


class Body(BaseModel):
    """Base of request bodies."""

    model_config = ConfigDict(extra="forbid", frozen=True)


@cache
def strict(model: type[M]) -> type[M]:
    """A subclass that refuses unknown fields, in itself and in every model inside it."""
    model.model_rebuild()  # fields that name a class further down are resolved now
    namespace: dict[str, Any] = {
        "__module__": model.__module__,
        "__qualname__": f"{model.__name__}Input",
        "__doc__": model.__doc__,
        "__annotations__": {},
        "model_config": ConfigDict(extra="forbid"),
    }
    for name, field in model.model_fields.items():
        replaced = _strict_type(field.annotation)
        if replaced is not field.annotation:
            namespace["__annotations__"][name] = replaced
            namespace[name] = copy(field)
            namespace[name].annotation = replaced
    return type(f"{model.__name__}Input", (model,), namespace)


def _strict_type(annotation: Any) -> Any:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return strict(annotation)
    origin, args = get_origin(annotation), get_args(annotation)
    if not args:
        return annotation
    replaced = tuple(_strict_type(arg) for arg in args)
    if all(new is old for new, old in zip(replaced, args, strict=True)):
        return annotation
    if origin in (Union, UnionType):
        return Union[replaced]  # noqa: UP007  # built at run time
    if origin is Annotated:
        return Annotated[replaced]
    return origin[replaced]

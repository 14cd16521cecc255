"""Connections: pages with cursors, sort keys and Shopify's search syntax over lists of objects."""

import base64
import json
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from graphql import GraphQLError

from deploy.devstore.shops import moment

Obj = dict[str, Any]
Reader = Callable[[Obj], Any]
MAX_PAGE = 250
_TERM = re.compile(r"""(-?)(\w+):(>=|<=|>|<)?("[^"]*"|'[^']*'|\S+)|("[^"]*"|\S+)""")


def cursor_of(rank: Any, id_: int) -> str:
    """Where an object stands in its order."""
    return base64.b64encode(json.dumps([rank, id_]).encode()).decode()


def _position(cursor: str) -> tuple[Any, int]:
    try:
        rank, id_ = json.loads(base64.b64decode(cursor))
        return rank, int(id_)
    except ValueError as error:
        raise GraphQLError(
            f"Invalid cursor for current pagination sort: {cursor}", extensions={"code": "BAD_USER_INPUT"}
        ) from error


@dataclass(frozen=True)
class Item:
    """A document with its rank in the wanted order."""

    rank: Any
    id: int
    doc: Obj

    @property
    def key(self) -> tuple[Any, int]:
        return (self.rank, self.id)


def page(items: Sequence[Item], show: Callable[[Obj], Obj], args: Obj) -> Obj:
    """One page of ranked items as a connection object."""
    first, last = args.get("first"), args.get("last")
    _check_page(first, last)
    ordered = sorted(items, key=lambda item: item.key, reverse=bool(args.get("reverse")))
    window = _window(ordered, args)
    chosen = window[:first] if first is not None else window[-last:]  # type: ignore[operator]
    edges = [{"__typename": "", "cursor": cursor_of(*item.key), "node": show(item.doc)} for item in chosen]
    info = {
        "hasNextPage": bool(chosen) and ordered[-1] is not chosen[-1],
        "hasPreviousPage": bool(chosen) and ordered[0] is not chosen[0],
        "startCursor": edges[0]["cursor"] if edges else None,
        "endCursor": edges[-1]["cursor"] if edges else None,
    }
    return {"edges": edges, "nodes": [edge["node"] for edge in edges], "pageInfo": info}


def _check_page(first: int | None, last: int | None) -> None:
    if (first is None) == (last is None):
        raise GraphQLError("you must provide one of first or last", extensions={"code": "BAD_REQUEST"})
    size = first if first is not None else last
    if not 0 <= size <= MAX_PAGE:  # type: ignore[operator]
        raise GraphQLError(
            f"Argument first or last must be between 0 and {MAX_PAGE}", extensions={"code": "MAX_INPUT_SIZE_EXCEEDED"}
        )


def _window(ordered: Sequence[Item], args: Obj) -> Sequence[Item]:
    after, before, back = args.get("after"), args.get("before"), bool(args.get("reverse"))
    if after:
        position = _position(after)
        ordered = [i for i in ordered if (i.key < position if back else i.key > position)]
    if before:
        position = _position(before)
        ordered = [i for i in ordered if (i.key > position if back else i.key < position)]
    return ordered


def plain(docs: Sequence[Obj], show: Callable[[Obj], Obj], args: Obj) -> Obj:
    """A page of a list in its own order."""
    return page([Item(index, index, doc) for index, doc in enumerate(docs)], show, args)


@dataclass(frozen=True)
class Term:
    """One condition of a search: `field:op value`; `field` None is free text."""

    field: str | None
    op: str
    value: str
    negated: bool = False


def terms(query: str | None) -> list[Term]:
    """The conditions of a query, all of which must hold. https://shopify.dev/docs/api/usage/search-syntax"""
    found = []
    for match in _TERM.finditer(query or ""):
        minus, name, op, value, text = match.groups()
        if name:
            found.append(Term(name, op or "=", value.strip("\"'"), bool(minus)))
        elif text.upper() == "OR" or "(" in text:
            raise GraphQLError("The dev store's search knows neither OR nor brackets")
        elif text.upper() != "AND":
            found.append(Term(None, "=", text.strip("\"'")))
    return found


def matching(docs: Iterable[Obj], query: str | None, fields: dict[str, Reader], text: Reader) -> list[Obj]:
    """The documents that satisfy every condition. A field the dev store cannot search is an error, not everything."""
    conditions = terms(query)
    for term in conditions:
        if term.field is not None and term.field not in fields:
            raise GraphQLError(f"The dev store cannot search by {term.field}; it knows {', '.join(sorted(fields))}")
    return [doc for doc in docs if all(_holds(term, doc, fields, text) for term in conditions)]


def _holds(term: Term, doc: Obj, fields: dict[str, Reader], text: Reader) -> bool:
    if term.field is None:
        return term.value.lower() in str(text(doc)).lower()
    return _compare(fields[term.field](doc), term.op, term.value) is not term.negated


def _compare(actual: Any, op: str, wanted: str) -> bool:
    if isinstance(actual, list | set | tuple):
        return any(_compare(item, op, wanted) for item in actual)
    if actual is None:
        return False
    left, right = _comparable(actual, wanted)
    if op == "=":
        return bool(left == right) or (isinstance(left, str) and _prefix(left, str(right)))
    return bool({">=": left >= right, "<=": left <= right, ">": left > right, "<": left < right}[op])


def _prefix(left: str, right: str) -> bool:
    return right.endswith("*") and left.startswith(right[:-1])


def _comparable(actual: Any, wanted: str) -> tuple[Any, Any]:
    try:
        if isinstance(actual, datetime):
            return actual, moment(wanted)
        if isinstance(actual, int):
            return actual, int(wanted.rpartition("/")[2])
    except ValueError as error:
        raise GraphQLError(f"Cannot compare with {wanted!r}") from error
    return str(actual).lower(), wanted.lower()

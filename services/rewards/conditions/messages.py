"""What a condition's error says: the sentence, the spot, and a hint where there is one."""

import difflib
from collections.abc import Mapping
from typing import Never

from lark import Token, Tree
from pydantic import BaseModel

Type = str | type[BaseModel]
NUMBERS = {"int", "double"}


class ConditionError(ValueError):
    """What is wrong with a condition and where. Lines and columns count from 1."""

    def __init__(self, message: str, line: int = 1, column: int = 1, hint: str | None = None) -> None:
        super().__init__(f"line {line}, column {column}: {message}" + (f". {hint}" if hint else ""))
        self.message, self.line, self.column, self.hint = message, line, column, hint


def fail(node: Tree[Token], message: str, hint: str | None = None) -> Never:
    """Raise the error at a part of the expression."""
    raise ConditionError(message, node.meta.line, node.meta.column, hint)


def fail_at(token: Token, message: str, hint: str | None = None) -> Never:
    """Raise the error at one word of the expression."""
    raise ConditionError(message, token.line or 1, token.column or 1, hint)


def comparison_hint(left: Type, right: Type) -> str | None:
    if "timestamp" in (left, right) and "string" in (left, right):
        return "Write timestamp('2026-11-22T10:00:00Z')."
    if "string" in (left, right) and {left, right} & NUMBERS:
        return "Texts stand in quotes, numbers do not."
    for group in (left, right):
        if isinstance(group, type):
            return choices(group)
    return None


def similar(name: str, known: Mapping[str, object] | set[str]) -> str | None:
    close = difflib.get_close_matches(name, known, 1, 0.6)
    return f"Did you mean {close[0]}?" if close else None


def choices(group: type[BaseModel]) -> str:
    return f"Its fields: {listed(group.model_fields)}."


def type_name(found: Type) -> str:
    """A type as people call it."""
    if isinstance(found, type):
        return "a group of fields"
    names = {
        "int": "a whole number",
        "double": "a number",
        "string": "a text",
        "bool": "true or false",
        "timestamp": "a time",
    }
    return names.get(found, f"a {found}")


def listed(names: Mapping[str, object]) -> str:
    return ", ".join(names)

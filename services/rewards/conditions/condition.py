"""A campaign's condition: compiled once, evaluated per trigger, explained part by part. Pure."""

import logging
import operator
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any

import celpy
from celpy import celtypes
from celpy.celparser import CELParseError, CELParser
from celpy.evaluation import CELEvalError
from lark import Token, Tree
from pydantic import BaseModel, Field

from services.rewards.conditions.checker import check
from services.rewards.conditions.contexts import CONTEXTS, Context
from services.rewards.conditions.messages import ConditionError
from services.rewards.conditions.trees import operands, unwrapped
from shared.contracts.rewards import Trigger


def _bool_literal(token: Token) -> Token:
    return Token.new_borrow_pos("BOOL_LIT", token.value, token) if token.value in ("true", "false") else token


# cel-python's own drops the position of `true` and `false`, and with it that of everything around them.
CELParser.ambiguous_literals = staticmethod(_bool_literal)  # type: ignore[method-assign,assignment]
logging.getLogger("celpy").setLevel(logging.WARNING)  # it tells every step at DEBUG
_environment = celpy.Environment()
_NUMBER = (celtypes.IntType, celtypes.DoubleType)


def _mixed(operation: Callable[[Any, Any], Any], wrap: type) -> Callable[[Any, Any], Any]:
    """The operation, where whole numbers and others may meet (CEL compares them by value; cel-python does not)."""

    def function(left: Any, right: Any) -> Any:
        for side in (left, right):
            if isinstance(side, CELEvalError):
                return side
        if isinstance(left, _NUMBER) and isinstance(right, _NUMBER) and type(left) is not type(right):
            left, right = celtypes.DoubleType(left), celtypes.DoubleType(right)
        result = operation(left, right)
        return wrap(result) if wrap is celtypes.BoolType else result

    return function


_FUNCTIONS: dict[str, Any] = {
    "_<_": _mixed(operator.lt, celtypes.BoolType),
    "_<=_": _mixed(operator.le, celtypes.BoolType),
    "_>_": _mixed(operator.gt, celtypes.BoolType),
    "_>=_": _mixed(operator.ge, celtypes.BoolType),
    "_==_": _mixed(operator.eq, celtypes.BoolType),
    "_!=_": _mixed(operator.ne, celtypes.BoolType),
    "_+_": _mixed(operator.add, object),
    "_-_": _mixed(operator.sub, object),
    "_*_": _mixed(operator.mul, object),
    "_/_": _mixed(operator.truediv, object),
}


class Explanation(BaseModel):
    """What a part of a condition came to, and why."""

    text: str = Field(description="The part as written.", examples=["mention.sentiment > 0.3"])
    holds: bool | None = Field(description="None: it could not be told, see `because`.")
    because: str = Field("", description="The values compared, or the error.", examples=["0.7 > 0.3"])
    line: int = 1
    column: int = 1
    parts: list["Explanation"] = Field(default_factory=list)


class Condition:
    """A checked condition. Make it with `compiled`."""

    def __init__(self, trigger: Trigger, text: str) -> None:
        self.text = text
        self._tree = _parsed(text)
        check(self._tree, CONTEXTS[trigger])
        self._program = _environment.program(self._tree, _FUNCTIONS)

    def holds(self, context: Context) -> bool:
        """Whether it is true of the context. A condition that fails on it (a division by 0) is not."""
        return _evaluate(self._program, cel_values(context)) is True

    def explain(self, context: Context) -> Explanation:
        """The same, with every part's outcome."""
        return self._explain(self._tree, cel_values(context))

    def _explain(self, node: Tree[Token], values: Mapping[str, Any]) -> Explanation:
        node = _bare(node)
        found = _evaluate(self._part(node), values)
        return Explanation(
            text=self._text(node),
            holds=found if isinstance(found, bool) else None,
            because=str(found) if isinstance(found, ConditionError) else self._because(node, values),
            line=node.meta.line,
            column=node.meta.column,
            parts=[self._explain(part, values) for part in _parts(node)],
        )

    def _because(self, node: Tree[Token], values: Mapping[str, Any]) -> str:
        if node.data != "relation":
            return ""
        name, left, right = operands(node)
        sign = {"lt": "<", "le": "<=", "gt": ">", "ge": ">=", "eq": "==", "ne": "!=", "in": "in"}[name]
        return f"{_shown(self._value(left, values))} {sign} {_shown(self._value(right, values))}"

    def _value(self, node: Tree[Token], values: Mapping[str, Any]) -> Any:
        return _evaluate(self._part(node), values)

    def _part(self, node: Tree[Token]) -> celpy.Runner:
        return _environment.program(_environment.compile(self._text(node)), _FUNCTIONS)

    def _text(self, node: Tree[Token]) -> str:
        return self.text[node.meta.start_pos : node.meta.end_pos]


@lru_cache(maxsize=4096)
def compiled(trigger: Trigger, text: str) -> Condition:
    """The condition, checked against the trigger's context. Raises `ConditionError`."""
    return Condition(trigger, text)


def _parsed(text: str) -> Tree[Token]:
    try:
        return _environment.compile(text)
    except CELParseError as error:
        line, column = error.line or 1, error.column or 1
        if getattr(getattr(error.__context__, "token", None), "type", "") == "$END":  # it names the last thing it read
            line, column = text.count("\n") + 1, len(text.rpartition("\n")[2]) + 1
        raise ConditionError(_unreadable(text, line, column), line, column, _syntax_hint(text)) from None


def _unreadable(text: str, line: int, column: int) -> str:
    rest = (text.split("\n")[line - 1])[column - 1 :].strip()
    return f"cannot be read from {rest[:20]!r} on" if rest else "it ends too early"


def _syntax_hint(text: str) -> str | None:
    words = text.split()
    if any(quote in text for quote in "\u2018\u2019\u201c\u201d\u00ab\u00bb"):
        return "Texts stand in straight quotes: 'ru'."
    if "=" in words or "===" in words:
        return "Equality is written ==."
    if {"and", "or", "not", "AND", "OR", "NOT"} & set(words):
        return "Write && for and, || for or, ! for not."
    return None


def _evaluate(program: celpy.Runner, values: Mapping[str, Any]) -> Any:
    """The value as plain Python (bool for a condition), or a `ConditionError` as a value."""
    try:
        found = program.evaluate(dict(values))
    except (CELEvalError, ArithmeticError, ValueError, TypeError, KeyError, RecursionError) as error:
        return ConditionError(str(error.args[0] if error.args else error)[:200])
    return bool(found) if isinstance(found, celtypes.BoolType) else found


def cel_values(context: Context) -> dict[str, Any]:
    """The context as CEL's own types."""
    return {name: _cel(getattr(context, name)) for name in type(context).model_fields}


def _cel(value: Any) -> Any:
    match value:
        case BaseModel():
            fields = type(value).model_fields
            return celtypes.MapType({celtypes.StringType(name): _cel(getattr(value, name)) for name in fields})
        case bool():
            return celtypes.BoolType(value)
        case int():
            return celtypes.IntType(value)
        case float():
            return celtypes.DoubleType(value)
        case datetime():
            return celtypes.TimestampType(value)
        case list():
            return celtypes.ListType([_cel(item) for item in value])
        case _:
            return celtypes.StringType(value)


def _bare(node: Tree[Token]) -> Tree[Token]:
    node = unwrapped(node)
    while node.data == "paren_expr":
        node = unwrapped(node.children[0])  # type: ignore[arg-type]
    return node


def _parts(node: Tree[Token]) -> list[Tree[Token]]:
    """The conditions a condition is made of. `a && b && c` nests to the left and reads better as one row."""
    if node.data in ("conditionalor", "conditionaland"):
        first, second = (_bare(child) for child in node.children)  # type: ignore[arg-type]
        return [*(_parts(first) if first.data == node.data else [first]), second]
    if node.data == "unary":
        return [_bare(node.children[1])]  # type: ignore[arg-type]
    if node.data == "expr":
        return [_bare(child) for child in node.children]  # type: ignore[arg-type]
    return []


def _shown(value: Any) -> str:
    match value:
        case ConditionError():
            return f"({value.message})"
        case str():
            return repr(str(value))
        case list():
            return "[" + ", ".join(_shown(item) for item in value) + "]"
        case datetime():
            return value.isoformat()
        case bool():
            return str(value).lower()
        case int() | float():
            return format(value, "g") if isinstance(value, float) else str(int(value))
        case _:
            return str(value)

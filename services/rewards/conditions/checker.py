"""Types of a CEL expression. cel-python checks them only while evaluating; a marketer wants to know while typing.

Types are their CEL names ("int", "list(string)"); a group of fields (`mention`) is the pydantic model itself.
"""

import difflib
from collections.abc import Mapping
from typing import Never

import re2  # type: ignore[import-untyped]
from celpy.evaluation import celstr
from lark import Token, Tree
from pydantic import BaseModel

from services.rewards.conditions.contexts import cel_type

Type = str | type[BaseModel]
Scope = Mapping[str, Type]
NUMBERS = {"int", "double"}
_ORDERED = NUMBERS | {"string", "timestamp", "duration", "bool"}
_WRAPPERS = {
    "expr", "conditionalor", "conditionaland", "relation", "addition", "multiplication", "unary", "member", "primary",
}  # fmt: skip
_LITERALS = {
    "INT_LIT": "int",
    "FLOAT_LIT": "double",
    "STRING_LIT": "string",
    "MLSTRING_LIT": "string",
    "BOOL_LIT": "bool",
}
_STRING_METHODS = {"startsWith", "endsWith", "contains", "matches"}
_MACROS = {"all", "exists", "exists_one", "filter", "map"}
_TIME_METHODS = {
    "getFullYear", "getMonth", "getDate", "getDayOfMonth", "getDayOfWeek", "getDayOfYear", "getHours", "getMinutes",
    "getSeconds", "getMilliseconds",
}  # fmt: skip
_FUNCTIONS = {
    "int": {"int", "double", "string"},
    "double": {"int", "double", "string"},
    "string": {"int", "double", "string", "bool", "timestamp"},
    "timestamp": {"string"},
    "duration": {"string"},
}
_SIGNS = {"lt": "<", "le": "<=", "gt": ">", "ge": ">=", "eq": "==", "ne": "!=", "in": "in"}
_MAX_DEPTH, _MAX_MACROS = 300, 2
_QUIET = re2.Options()
_QUIET.log_errors = False


class ConditionError(ValueError):
    """What is wrong with a condition and where. Lines and columns count from 1."""

    def __init__(self, message: str, line: int = 1, column: int = 1, hint: str | None = None) -> None:
        super().__init__(f"line {line}, column {column}: {message}" + (f". {hint}" if hint else ""))
        self.message, self.line, self.column, self.hint = message, line, column, hint


def check(tree: Tree[Token], context: type[BaseModel]) -> None:
    """Raise `ConditionError` unless the expression is a bool over the context's fields."""
    _check_depth(tree)
    scope = scope_of(context)
    found = type_of(tree, scope)
    if found != "bool":
        _fail(
            tree,
            f"a condition must be true or false, this is {_name(found)}",
            "Compare it with something, for example > 0.",
        )


def scope_of(model: type[BaseModel]) -> dict[str, Type]:
    """The names a model's fields give, with their types."""
    return {name: _type(field.annotation) for name, field in model.model_fields.items()}


def unwrapped(node: Tree[Token]) -> Tree[Token]:
    """The first node below that says something: the grammar wraps every level of precedence around every term."""
    while node.data in _WRAPPERS and len(node.children) == 1 and isinstance(node.children[0], Tree):
        node = node.children[0]
    return node


def operands(node: Tree[Token]) -> tuple[str, Tree[Token], Tree[Token]]:
    """Operator, left and right of a relation, sum or product (`relation_lt(a), b`)."""
    wrapped, right = _tree(node.children[0]), _tree(node.children[1])
    return str(wrapped.data).rpartition("_")[2], _tree(wrapped.children[0]), right


def type_of(node: Tree[Token], scope: Scope, macros: int = 0) -> Type:
    """The type of an expression; `macros` = how many list macros are around it."""
    node = unwrapped(node)
    return _RULES.get(str(node.data), _unsupported)(node, scope, macros)


def _type(annotation: object) -> Type:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return cel_type(annotation)


def _choice(node: Tree[Token], scope: Scope, macros: int) -> Type:
    condition, yes, no = (_tree(child) for child in node.children)
    _expect(condition, scope, macros, "bool", "what stands before ? must be true or false")
    first, second = type_of(yes, scope, macros), type_of(no, scope, macros)
    if not _alike(first, second):
        _fail(no, f"both outcomes must have one type, these are {_name(first)} and {_name(second)}")
    return first


def _logic(node: Tree[Token], scope: Scope, macros: int) -> Type:
    sign = "||" if node.data == "conditionalor" else "&&"
    for child in node.children:
        _expect(_tree(child), scope, macros, "bool", f"both sides of {sign} must be true or false")
    return "bool"


def _relation(node: Tree[Token], scope: Scope, macros: int) -> Type:
    operator, left_node, right_node = operands(node)
    left, right = type_of(left_node, scope, macros), type_of(right_node, scope, macros)
    if operator == "in":
        return _membership(right_node, left, right)
    if not _alike(left, right):
        _fail(right_node, f"cannot compare {_name(left)} with {_name(right)}", _comparison_hint(left, right))
    if operator not in ("eq", "ne") and left not in _ORDERED:
        _fail(left_node, f"{_name(left)} has no order, {_SIGNS[operator]} does not apply")
    if isinstance(left, type):
        _fail(left_node, f"{_name(left)} is a group of fields, compare one of them", _choices(left))
    return "bool"


def _membership(node: Tree[Token], item: Type, container: Type) -> Type:
    if not isinstance(container, str) or not container.startswith("list("):
        _fail(node, f"`in` needs a list on its right, this is {_name(container)}", "Lists are written ['ru', 'en'].")
    if not _alike(item, container[5:-1]):
        _fail(node, f"this {container} cannot hold {_name(item)}")
    return "bool"


def _sum(node: Tree[Token], scope: Scope, macros: int) -> Type:
    operator, left_node, right_node = operands(node)
    left, right = type_of(left_node, scope, macros), type_of(right_node, scope, macros)
    if left in NUMBERS and right in NUMBERS:
        return "int" if left == right == "int" else "double"
    if operator == "add" and left == right and left in ("string", "duration"):
        return left
    if left == "timestamp" and right == "duration":
        return "timestamp"
    if operator == "sub" and left == right == "timestamp":
        return "duration"
    return _fail(right_node, f"cannot reckon with {_name(left)} and {_name(right)}")


def _product(node: Tree[Token], scope: Scope, macros: int) -> Type:
    operator, left_node, right_node = operands(node)
    left, right = type_of(left_node, scope, macros), type_of(right_node, scope, macros)
    if left not in NUMBERS or right not in NUMBERS:
        _fail(right_node, f"cannot reckon with {_name(left)} and {_name(right)}")
    if operator == "mod" and (left, right) != ("int", "int"):
        _fail(right_node, "% is for whole numbers")
    return "int" if left == right == "int" else "double"


def _unary(node: Tree[Token], scope: Scope, macros: int) -> Type:
    sign, operand = _tree(node.children[0]), _tree(node.children[1])
    if sign.data == "unary_not":
        _expect(operand, scope, macros, "bool", "what follows ! must be true or false")
        return "bool"
    found = type_of(operand, scope, macros)
    if found not in NUMBERS:
        _fail(operand, f"- needs a number, this is {_name(found)}")
    return found


def _field(node: Tree[Token], scope: Scope, macros: int) -> Type:
    owner, name = type_of(_tree(node.children[0]), scope, macros), _token(node.children[1])
    if not isinstance(owner, type):
        _fail_at(name, f"{_name(owner)} has no field {name}")
    fields = scope_of(owner)
    if name not in fields:
        _fail_at(name, f"there is no field {name}", _similar(str(name), fields) or _choices(owner))
    return fields[name]


def _method(node: Tree[Token], scope: Scope, macros: int) -> Type:
    owner_node, name = _tree(node.children[0]), _token(node.children[1])
    arguments = _arguments(node, 2)
    owner = type_of(owner_node, scope, macros)
    if name in _MACROS:
        return _macro(node, name, owner, arguments, scope, macros)
    if name == "size" and not arguments:
        return _size(owner_node, owner)
    if owner == "string" and name in _STRING_METHODS and len(arguments) == 1:
        _expect(arguments[0], scope, macros, "string", f"{name} takes a text")
        _check_pattern(str(name), arguments[0])
        return "bool"
    if owner == "timestamp" and name in _TIME_METHODS and len(arguments) <= 1:
        for argument in arguments:
            _expect(argument, scope, macros, "string", f"{name} takes a time zone such as 'Europe/Berlin'")
        return "int"
    known = {"string": _STRING_METHODS, "timestamp": _TIME_METHODS}.get(str(owner), _MACROS)
    return _fail_at(
        name, f"{_name(owner)} has no method {name} with {len(arguments)} arguments", _similar(str(name), known)
    )


def _macro(
    node: Tree[Token], name: Token, owner: Type, arguments: list[Tree[Token]], scope: Scope, macros: int
) -> Type:
    if not isinstance(owner, str) or not owner.startswith("list("):
        _fail_at(name, f"{name} is for lists, this is {_name(owner)}")
    if len(arguments) != 2 or unwrapped(arguments[0]).data != "ident":
        _fail_at(name, f"{name} takes a name and an expression", f"For example products.{name}(p, p == '8001').")
    if macros >= _MAX_MACROS:
        _fail_at(name, "lists are nested too deeply here", "Two levels are allowed.")
    item = str(_token(unwrapped(arguments[0]).children[0]))
    inner = {**scope, item: owner[5:-1]}
    found = type_of(arguments[1], inner, macros + 1)
    if name == "map":
        return f"list({found})" if isinstance(found, str) else _fail(arguments[1], "map must give a plain value")
    if found != "bool":
        _fail(arguments[1], f"what {name} asks of each item must be true or false, this is {_name(found)}")
    return owner if name == "filter" else "bool"


def _call(node: Tree[Token], scope: Scope, macros: int) -> Type:
    name, arguments = _token(node.children[0]), _arguments(node, 1)
    if name == "has":
        _fail_at(name, "has() is not needed: every field has a value", 'An unknown text is "", an unknown number 0.')
    if len(arguments) != 1 or name not in (*_FUNCTIONS, "size"):
        _fail_at(name, f"there is no function {name} with {len(arguments)} arguments", _similar(str(name), _FUNCTIONS))
    found = type_of(arguments[0], scope, macros)
    if name == "size":
        return _size(arguments[0], found)
    if found not in _FUNCTIONS[name]:
        _fail(arguments[0], f"{name}() cannot take {_name(found)}")
    return str(name)


def _size(node: Tree[Token], owner: Type) -> Type:
    if owner != "string" and not (isinstance(owner, str) and owner.startswith("list(")):
        _fail(node, f"size is for texts and lists, this is {_name(owner)}")
    return "int"


def _ident(node: Tree[Token], scope: Scope, macros: int) -> Type:
    name = _token(node.children[0])
    if name not in scope:
        _fail_at(
            name, f"there is nothing called {name} here", _similar(str(name), scope) or f"There is {_listed(scope)}."
        )
    return scope[name]


def _literal(node: Tree[Token], scope: Scope, macros: int) -> Type:
    token = _token(node.children[0])
    if token.type == "NULL_LIT":
        _fail_at(token, "no field is ever null", 'An unknown text is "", an unknown number 0.')
    if token.type not in _LITERALS:
        _fail_at(token, f"{token} cannot be used here", "There are texts, numbers, true and false.")
    return _LITERALS[token.type]


def _list(node: Tree[Token], scope: Scope, macros: int) -> Type:
    items = _arguments(node, 0)
    if not items:
        _fail(node, "an empty list holds nothing to compare with")
    first = type_of(items[0], scope, macros)
    for item in items[1:]:
        if not _alike(first, found := type_of(item, scope, macros)):
            _fail(item, f"a list holds one type, here {_name(first)} and {_name(found)}")
    return f"list({first})" if isinstance(first, str) else _fail(node, "a list holds plain values")


def _inside(node: Tree[Token], scope: Scope, macros: int) -> Type:
    return type_of(_tree(node.children[0]), scope, macros)


def _unsupported(node: Tree[Token], scope: Scope, macros: int) -> Never:
    _fail(node, "this form is not used in conditions", "Write comparisons joined with && and ||.")


_RULES = {
    "expr": _choice,
    "conditionalor": _logic,
    "conditionaland": _logic,
    "relation": _relation,
    "addition": _sum,
    "multiplication": _product,
    "unary": _unary,
    "member_dot": _field,
    "member_dot_arg": _method,
    "ident_arg": _call,
    "ident": _ident,
    "literal": _literal,
    "list_lit": _list,
    "paren_expr": _inside,
}


def _expect(node: Tree[Token], scope: Scope, macros: int, wanted: str, message: str) -> None:
    if (found := type_of(node, scope, macros)) != wanted:
        _fail(node, f"{message}, this is {_name(found)}")


def _alike(left: Type, right: Type) -> bool:
    return left == right or (left in NUMBERS and right in NUMBERS)


def _check_pattern(method: str, argument: Tree[Token]) -> None:
    literal = unwrapped(argument)
    if method != "matches":
        return
    if literal.data != "literal":
        _fail(argument, "matches takes a pattern in quotes", "RE2 syntax applies.")
    try:
        re2.compile(str(celstr(_token(literal.children[0]))), _QUIET)
    except re2.error as error:
        _fail(argument, f"not a regular expression: {error.args[0].decode()}", "RE2 syntax applies.")


def _check_depth(tree: Tree[Token]) -> None:
    level, depth = [tree], 0
    while level:
        depth += 1
        if depth > _MAX_DEPTH:
            _fail(level[0], "nested too deeply", "Split it into several campaigns.")
        level = [child for node in level for child in node.children if isinstance(child, Tree)]


def _comparison_hint(left: Type, right: Type) -> str | None:
    if "timestamp" in (left, right) and "string" in (left, right):
        return "Write timestamp('2026-11-22T10:00:00Z')."
    if "string" in (left, right) and {left, right} & NUMBERS:
        return "Texts stand in quotes, numbers do not."
    for group in (left, right):
        if isinstance(group, type):
            return _choices(group)
    return None


def _similar(name: str, known: Mapping[str, object] | set[str]) -> str | None:
    close = difflib.get_close_matches(name, known, 1, 0.6)
    return f"Did you mean {close[0]}?" if close else None


def _choices(group: type[BaseModel]) -> str:
    return f"Its fields: {_listed(group.model_fields)}."


def _listed(names: Mapping[str, object]) -> str:
    return ", ".join(names)


def _name(found: Type) -> str:
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


def _arguments(node: Tree[Token], position: int) -> list[Tree[Token]]:
    return [_tree(child) for child in _tree(node.children[position]).children] if len(node.children) > position else []


def _tree(child: Tree[Token] | Token) -> Tree[Token]:
    assert isinstance(child, Tree)
    return child


def _token(child: Tree[Token] | Token) -> Token:
    assert isinstance(child, Token)
    return child


def _fail(node: Tree[Token], message: str, hint: str | None = None) -> Never:
    raise ConditionError(message, node.meta.line, node.meta.column, hint)


def _fail_at(token: Token, message: str, hint: str | None = None) -> Never:
    raise ConditionError(message, token.line or 1, token.column or 1, hint)


__all__ = ["ConditionError", "Scope", "Type", "check", "operands", "scope_of", "type_of", "unwrapped"]

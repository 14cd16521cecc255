"""Types of a CEL expression. cel-python checks them only while evaluating; a marketer wants to know while typing.

Types are their CEL names ("int", "list(string)"); a group of fields (`mention`) is the pydantic model itself.
"""

from collections.abc import Mapping
from typing import Never

import re2  # type: ignore[import-untyped]
from celpy.evaluation import celstr
from lark import Token, Tree
from pydantic import BaseModel

from services.rewards.conditions.contexts import cel_type
from services.rewards.conditions.messages import (
    NUMBERS,
    Type,
    choices,
    comparison_hint,
    fail,
    fail_at,
    listed,
    similar,
    type_name,
)
from services.rewards.conditions.trees import arguments_of, operands, token_of, tree_of, unwrapped

Scope = Mapping[str, Type]
_ORDERED = NUMBERS | {"string", "timestamp", "duration", "bool"}
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


def check(tree: Tree[Token], context: type[BaseModel]) -> None:
    """Raise `ConditionError` unless the expression is a bool over the context's fields."""
    _check_depth(tree)
    scope = scope_of(context)
    found = type_of(tree, scope)
    if found != "bool":
        fail(
            tree,
            f"a condition must be true or false, this is {type_name(found)}",
            "Compare it with something, for example > 0.",
        )


def scope_of(model: type[BaseModel]) -> dict[str, Type]:
    """The names a model's fields give, with their types."""
    return {name: _type(field.annotation) for name, field in model.model_fields.items()}


def type_of(node: Tree[Token], scope: Scope, macros: int = 0) -> Type:
    """The type of an expression; `macros` = how many list macros are around it."""
    node = unwrapped(node)
    return _RULES.get(str(node.data), _unsupported)(node, scope, macros)


def _type(annotation: object) -> Type:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return cel_type(annotation)


def _choice(node: Tree[Token], scope: Scope, macros: int) -> Type:
    condition, yes, no = (tree_of(child) for child in node.children)
    _expect(condition, scope, macros, "bool", "what stands before ? must be true or false")
    first, second = type_of(yes, scope, macros), type_of(no, scope, macros)
    if not _alike(first, second):
        fail(no, f"both outcomes must have one type, these are {type_name(first)} and {type_name(second)}")
    return first


def _logic(node: Tree[Token], scope: Scope, macros: int) -> Type:
    sign = "||" if node.data == "conditionalor" else "&&"
    for child in node.children:
        _expect(tree_of(child), scope, macros, "bool", f"both sides of {sign} must be true or false")
    return "bool"


def _relation(node: Tree[Token], scope: Scope, macros: int) -> Type:
    operator, left_node, right_node = operands(node)
    left, right = type_of(left_node, scope, macros), type_of(right_node, scope, macros)
    if operator == "in":
        return _membership(right_node, left, right)
    if not _alike(left, right):
        fail(right_node, f"cannot compare {type_name(left)} with {type_name(right)}", comparison_hint(left, right))
    if operator not in ("eq", "ne") and left not in _ORDERED:
        fail(left_node, f"{type_name(left)} has no order, {_SIGNS[operator]} does not apply")
    if isinstance(left, type):
        fail(left_node, f"{type_name(left)} is a group of fields, compare one of them", choices(left))
    return "bool"


def _membership(node: Tree[Token], item: Type, container: Type) -> Type:
    if not isinstance(container, str) or not container.startswith("list("):
        fail(node, f"`in` needs a list on its right, this is {type_name(container)}", "Lists are written ['ru', 'en'].")
    if not _alike(item, container[5:-1]):
        fail(node, f"this {container} cannot hold {type_name(item)}")
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
    return fail(right_node, f"cannot reckon with {type_name(left)} and {type_name(right)}")


def _product(node: Tree[Token], scope: Scope, macros: int) -> Type:
    operator, left_node, right_node = operands(node)
    left, right = type_of(left_node, scope, macros), type_of(right_node, scope, macros)
    if left not in NUMBERS or right not in NUMBERS:
        fail(right_node, f"cannot reckon with {type_name(left)} and {type_name(right)}")
    if operator == "mod" and (left, right) != ("int", "int"):
        fail(right_node, "% is for whole numbers")
    return "int" if left == right == "int" else "double"


def _unary(node: Tree[Token], scope: Scope, macros: int) -> Type:
    sign, operand = tree_of(node.children[0]), tree_of(node.children[1])
    if sign.data == "unary_not":
        _expect(operand, scope, macros, "bool", "what follows ! must be true or false")
        return "bool"
    found = type_of(operand, scope, macros)
    if found not in NUMBERS:
        fail(operand, f"- needs a number, this is {type_name(found)}")
    return found


def _field(node: Tree[Token], scope: Scope, macros: int) -> Type:
    owner, name = type_of(tree_of(node.children[0]), scope, macros), token_of(node.children[1])
    if not isinstance(owner, type):
        fail_at(name, f"{type_name(owner)} has no field {name}")
    fields = scope_of(owner)
    if name not in fields:
        fail_at(name, f"there is no field {name}", similar(str(name), fields) or choices(owner))
    return fields[name]


def _method(node: Tree[Token], scope: Scope, macros: int) -> Type:
    owner_node, name = tree_of(node.children[0]), token_of(node.children[1])
    arguments = arguments_of(node, 2)
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
    return fail_at(
        name, f"{type_name(owner)} has no method {name} with {len(arguments)} arguments", similar(str(name), known)
    )


def _macro(
    node: Tree[Token], name: Token, owner: Type, arguments: list[Tree[Token]], scope: Scope, macros: int
) -> Type:
    if not isinstance(owner, str) or not owner.startswith("list("):
        fail_at(name, f"{name} is for lists, this is {type_name(owner)}")
    if len(arguments) != 2 or unwrapped(arguments[0]).data != "ident":
        fail_at(name, f"{name} takes a name and an expression", f"For example products.{name}(p, p == '8001').")
    if macros >= _MAX_MACROS:
        fail_at(name, "lists are nested too deeply here", "Two levels are allowed.")
    item = str(token_of(unwrapped(arguments[0]).children[0]))
    inner = {**scope, item: owner[5:-1]}
    found = type_of(arguments[1], inner, macros + 1)
    if name == "map":
        return f"list({found})" if isinstance(found, str) else fail(arguments[1], "map must give a plain value")
    if found != "bool":
        fail(arguments[1], f"what {name} asks of each item must be true or false, this is {type_name(found)}")
    return owner if name == "filter" else "bool"


def _call(node: Tree[Token], scope: Scope, macros: int) -> Type:
    name, arguments = token_of(node.children[0]), arguments_of(node, 1)
    if name == "has":
        fail_at(name, "has() is not needed: every field has a value", 'An unknown text is "", an unknown number 0.')
    if len(arguments) != 1 or name not in (*_FUNCTIONS, "size"):
        fail_at(name, f"there is no function {name} with {len(arguments)} arguments", similar(str(name), _FUNCTIONS))
    found = type_of(arguments[0], scope, macros)
    if name == "size":
        return _size(arguments[0], found)
    if found not in _FUNCTIONS[name]:
        fail(arguments[0], f"{name}() cannot take {type_name(found)}")
    return str(name)


def _size(node: Tree[Token], owner: Type) -> Type:
    if owner != "string" and not (isinstance(owner, str) and owner.startswith("list(")):
        fail(node, f"size is for texts and lists, this is {type_name(owner)}")
    return "int"


def _ident(node: Tree[Token], scope: Scope, macros: int) -> Type:
    name = token_of(node.children[0])
    if name not in scope:
        fail_at(name, f"there is nothing called {name} here", similar(str(name), scope) or f"There is {listed(scope)}.")
    return scope[name]


def _literal(node: Tree[Token], scope: Scope, macros: int) -> Type:
    token = token_of(node.children[0])
    if token.type == "NULL_LIT":
        fail_at(token, "no field is ever null", 'An unknown text is "", an unknown number 0.')
    if token.type not in _LITERALS:
        fail_at(token, f"{token} cannot be used here", "There are texts, numbers, true and false.")
    return _LITERALS[token.type]


def _list(node: Tree[Token], scope: Scope, macros: int) -> Type:
    items = arguments_of(node, 0)
    if not items:
        fail(node, "an empty list holds nothing to compare with")
    first = type_of(items[0], scope, macros)
    for item in items[1:]:
        if not _alike(first, found := type_of(item, scope, macros)):
            fail(item, f"a list holds one type, here {type_name(first)} and {type_name(found)}")
    return f"list({first})" if isinstance(first, str) else fail(node, "a list holds plain values")


def _inside(node: Tree[Token], scope: Scope, macros: int) -> Type:
    return type_of(tree_of(node.children[0]), scope, macros)


def _unsupported(node: Tree[Token], scope: Scope, macros: int) -> Never:
    fail(node, "this form is not used in conditions", "Write comparisons joined with && and ||.")


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
        fail(node, f"{message}, this is {type_name(found)}")


def _alike(left: Type, right: Type) -> bool:
    return left == right or (left in NUMBERS and right in NUMBERS)


def _check_pattern(method: str, argument: Tree[Token]) -> None:
    literal = unwrapped(argument)
    if method != "matches":
        return
    if literal.data != "literal":
        fail(argument, "matches takes a pattern in quotes", "RE2 syntax applies.")
    try:
        re2.compile(str(celstr(token_of(literal.children[0]))), _QUIET)
    except re2.error as error:
        fail(argument, f"not a regular expression: {error.args[0].decode()}", "RE2 syntax applies.")


def _check_depth(tree: Tree[Token]) -> None:
    level, depth = [tree], 0
    while level:
        depth += 1
        if depth > _MAX_DEPTH:
            fail(level[0], "nested too deeply", "Split it into several campaigns.")
        level = [child for node in level for child in node.children if isinstance(child, Tree)]

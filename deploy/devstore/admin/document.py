"""GraphQL documents: parsed, validated and held against deprecations, before anything is executed."""

from collections.abc import Callable, Iterator
from decimal import Decimal
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    GraphQLError,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLSchema,
    NoDeprecatedCustomRule,
    OperationDefinitionNode,
    OperationType,
    build_schema,
    get_operation_ast,
    parse,
    specified_rules,
    type_from_ast,
    validate,
)

from deploy.devstore.shops import moment, utc

SCHEMA_FILE = Path(__file__).parents[1] / "schema.graphql"
RULES = (*specified_rules, NoDeprecatedCustomRule)
# These need `@idempotent(key:)` since 2026-04.
IDEMPOTENT = frozenset({"refundCreate"})


@cache
def schema() -> GraphQLSchema:
    """The pruned official schema, with scalars that refuse what is none of theirs."""
    built = build_schema(SCHEMA_FILE.read_text(encoding="utf-8"))
    for name, read in (("DateTime", _date_time), ("Decimal", _decimal), ("Money", _decimal), ("UnsignedInt64", int)):
        built.type_map[name].coerce_input_value = _scalar(name, read)  # type: ignore[attr-defined]
    return built


def _scalar(name: str, read: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def parse(value: Any) -> Any:
        try:
            return read(value)
        except (ArithmeticError, TypeError, ValueError) as error:
            raise GraphQLError(f"{name} cannot represent value: {value!r}") from error

    return parse


def _date_time(value: Any) -> str:
    return utc(moment(value))


def _decimal(value: Any) -> str:
    return str(Decimal(str(value)))


@lru_cache(maxsize=512)
def checked(query: str) -> tuple[DocumentNode | None, tuple[GraphQLError, ...]]:
    """The parsed document and what is wrong with it: syntax, unknown or deprecated names."""
    try:
        document = parse(query)
    except GraphQLError as error:
        return None, (error,)
    return document, (*validate(schema(), document, RULES), *_missing_keys(document))


def _missing_keys(document: DocumentNode) -> Iterator[GraphQLError]:
    for field in mutations(document):
        if field.name.value in IDEMPOTENT and not any(d.name.value == "idempotent" for d in field.directives or ()):
            yield GraphQLError(
                f"The @idempotent directive is required for the {field.name.value} mutation.",
                field,
                extensions={"code": "BAD_REQUEST"},
            )


def mutations(document: DocumentNode) -> Iterator[FieldNode]:
    """The root fields of the mutations in a document."""
    for node in document.definitions:
        if isinstance(node, OperationDefinitionNode) and node.operation is OperationType.MUTATION:
            yield from (s for s in node.selection_set.selections if isinstance(s, FieldNode))


def operation(document: DocumentNode, name: str | None) -> OperationDefinitionNode | None:
    return get_operation_ast(document, name)


def root_names(node: OperationDefinitionNode) -> list[str]:
    """The operation's own name and its root fields."""
    own = [node.name.value] if node.name else []
    return own + [s.name.value for s in node.selection_set.selections if isinstance(s, FieldNode)]


def deprecated_inputs(node: OperationDefinitionNode, variables: dict[str, Any]) -> Iterator[GraphQLError]:
    """Deprecated input fields that hide in the variables, which document validation cannot see."""
    for definition in node.variable_definitions or ():
        input_type = type_from_ast(schema(), definition.type)
        value = variables.get(definition.variable.name.value)
        yield from _deprecated_in(input_type, value, f"${definition.variable.name.value}")  # type: ignore[arg-type]


def _deprecated_in(input_type: GraphQLInputType | None, value: Any, path: str) -> Iterator[GraphQLError]:
    if isinstance(input_type, GraphQLNonNull):
        yield from _deprecated_in(input_type.of_type, value, path)
    elif isinstance(input_type, GraphQLList):
        for index, item in enumerate(value if isinstance(value, list) else ()):
            yield from _deprecated_in(input_type.of_type, item, f"{path}[{index}]")
    elif isinstance(input_type, GraphQLInputObjectType) and isinstance(value, dict):
        for key, field in input_type.fields.items():
            if key in value:
                if field.deprecation_reason is not None:
                    yield GraphQLError(
                        f"The input field {input_type.name}.{key} ({path}) is deprecated. {field.deprecation_reason}"
                    )
                yield from _deprecated_in(field.type, value[key], f"{path}.{key}")

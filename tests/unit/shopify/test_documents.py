"""Every document is valid against Shopify's schema and uses nothing that is deprecated there."""

from pathlib import Path

import pytest
from graphql import GraphQLSchema, NoDeprecatedCustomRule, build_schema, parse, specified_rules, validate

from shared.shopify import documents

SCHEMA = Path(__file__).parents[3] / "deploy" / "devstore" / "schema.graphql"


@pytest.fixture(scope="module")
def schema() -> GraphQLSchema:
    # Shopify's own schema breaks a rule of the specification (deprecations that an interface lacks): not checked.
    return build_schema(SCHEMA.read_text(), assume_valid=True)


@pytest.mark.parametrize("name", sorted(documents.ALL))
def test_document_is_valid_and_current(schema: GraphQLSchema, name: str) -> None:
    errors = validate(schema, parse(documents.ALL[name]), [*specified_rules, NoDeprecatedCustomRule])
    assert errors == []


def test_all_documents_are_listed() -> None:
    assert {"PRODUCTS_PAGE", "DISCOUNT_BASIC_CREATE", "DISCOUNT_BY_CODE", "ORDERS_PAGE"} <= documents.ALL.keys()


def test_deprecated_field_would_be_seen(schema: GraphQLSchema) -> None:
    errors = validate(schema, parse("{ orders(first: 1) { nodes { totalPrice } } }"), [NoDeprecatedCustomRule])
    assert "deprecated" in errors[0].message

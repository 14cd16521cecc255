"""Make `schema.graphql`, the part of Shopify's Admin GraphQL schema that Vouch speaks, from the official introspection.

    python -m deploy.devstore.prune_schema ADMIN_2026-10.json.gz > deploy/devstore/schema.graphql

`schema_types.txt` lists the object types, interfaces and unions that are kept. A field stays when its type and all its
argument types are inside the kept set; scalars, enums and input objects are kept when something kept refers to them.
Nothing is invented, so a document that is valid here is valid at Shopify. Deprecations stay, descriptions go.
"""

import gzip
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from graphql import build_client_schema, print_schema

Json = dict[str, Any]
KEPT = Path(__file__).with_name("schema_types.txt")
CLOSED = ("SCALAR", "ENUM", "INPUT_OBJECT")


def kept_names() -> set[str]:
    """The names in `schema_types.txt`; `#` starts a comment."""
    lines = (line.partition("#")[0].split() for line in KEPT.read_text().splitlines())
    return {name for names in lines for name in names}


def named(type_ref: Json) -> str:
    """The innermost type's name of `[Order!]!`-like references."""
    while type_ref.get("ofType"):
        type_ref = type_ref["ofType"]
    return str(type_ref["name"])


def pruned(introspection: Json, kept: set[str]) -> Json:
    """The introspection with only `kept` types and what they need of scalars, enums and inputs."""
    schema = introspection["__schema"]
    types: dict[str, Json] = {t["name"]: t for t in schema["types"]}
    if unknown := kept - types.keys():
        raise SystemExit(f"not in the official schema: {', '.join(sorted(unknown))}")
    result = {name: _pruned_type(types[name], types, kept) for name in sorted(kept)}
    _close(result, types)
    meta = [t for t in schema["types"] if t["name"].startswith("__")]
    return {"__schema": {**schema, "types": [*result.values(), *meta]}}


def _pruned_type(type_: Json, types: dict[str, Json], kept: set[str]) -> Json:
    fields = [f for f in type_["fields"] or () if _inside(f, types, kept)]
    interfaces, members = (
        [ref for ref in type_.get(key) or () if ref["name"] in kept] for key in ("interfaces", "possibleTypes")
    )
    only = {
        "interfaces": [ref for ref in interfaces if _fits(type_, types[ref["name"]])],
        "possibleTypes": [ref for ref in members if _fits(types[ref["name"]], type_)],
    }
    if type_["fields"] and not fields:
        raise SystemExit(f"{type_['name']}: no field is left, keep more types")
    return {**type_, **only, "fields": [_short(f) for f in fields], "description": None}


def _fits(type_: Json, interface: Json) -> bool:
    """GraphQL forbids to deprecate a field in a type that its interface does not; such a type loses the interface."""
    promised = {f["name"] for f in interface["fields"] or () if not f["isDeprecated"]}
    return not any(f["isDeprecated"] and f["name"] in promised for f in type_["fields"] or ())


def _inside(field: Json, types: dict[str, Json], kept: set[str]) -> bool:
    """Whether a field's own type is kept; argument types are scalars, enums and inputs and come along by themselves."""
    return named(field["type"]) in kept or types[named(field["type"])]["kind"] in CLOSED


def _short(element: Json) -> Json:
    """An element without its description and with a deprecation reason of one line."""
    reason = element.get("deprecationReason")
    short = {**element, "description": None}
    if reason is not None:
        short["deprecationReason"] = reason.strip().partition("\n")[0]
    if element.get("args"):
        short["args"] = [_short(arg) for arg in element["args"]]
    return short


def _close(result: dict[str, Json], types: dict[str, Json]) -> None:
    """Add scalars, enums and input objects that the kept types refer to, and those that these refer to."""
    todo = [name for type_ in result.values() for name in _referred(type_)]
    while todo:
        name = todo.pop()
        if name not in result and types[name]["kind"] in CLOSED:
            result[name] = _shortened(types[name])
            todo.extend(_referred(result[name]))


def _shortened(type_: Json) -> Json:
    lists = {key: [_short(item) for item in type_.get(key) or ()] for key in ("inputFields", "enumValues")}
    return {**type_, **lists, "description": None}


def _referred(type_: Json) -> Iterator[str]:
    for field in type_.get("fields") or ():
        yield named(field["type"])
        yield from (named(arg["type"]) for arg in field["args"])
    yield from (named(field["type"]) for field in type_.get("inputFields") or ())


def main(source: str) -> None:
    """Print the pruned SDL of the introspection result in `source` (JSON, gzipped)."""
    with gzip.open(source) as stream:
        answer = json.load(stream)
    print("# Part of Shopify's Admin GraphQL schema 2026-10. Made by prune_schema.py; do not edit.\n")
    print(print_schema(build_client_schema(pruned(answer.get("data", answer), kept_names()))))  # type: ignore[arg-type]


if __name__ == "__main__":
    main(sys.argv[1])

"""The contracts as JSON Schema, and what a change to them would break.

`schemas.json` beside this file is what was last agreed on. A field may be added when it is optional; none may be
renamed, removed, retyped or become required, and no value of an enumeration may go: records that were written before
must be readable after. `python -m shared.contracts.compatibility` writes the file anew when nothing breaks.
"""

import json
import sys
from pathlib import Path
from typing import Any

from shared.contracts import registry

Schema = dict[str, Any]
AGREED = Path(__file__).with_name("schemas.json")
_PROSE = {"title", "description", "examples", "default"}


def current() -> Schema:
    """JSON Schema of every message, by name, with the topic it travels on and the field that keys it."""
    return {
        name: {
            "topic": model.topic.value,
            "keyed_by": model.keyed_by,
            "version": model.version,
            "schema": model.model_json_schema(),
        }
        for name, model in sorted(registry.items())
    }


def agreed() -> Schema:
    """What was last agreed on."""
    schemas: Schema = json.loads(AGREED.read_text(encoding="utf-8"))
    return schemas


def breaks(old: Schema, new: Schema) -> list[str]:
    """What in `new` would keep a reader from understanding what was written under `old`, one sentence each."""
    found = []
    for name, was in old.items():
        now = new.get(name)
        if now is None:
            found.append(f"{name} is gone")
            continue
        found += [
            f"{name}: {part} was {was[part]!r}" for part in ("topic", "keyed_by", "version") if was[part] != now[part]
        ]
        found += _narrowed(name, was["schema"], now["schema"], was["schema"], now["schema"])
    return found


def _narrowed(path: str, old: Schema, new: Schema, old_root: Schema, new_root: Schema) -> list[str]:
    old, new = _resolve(old, old_root), _resolve(new, new_root)
    found = [f"{path}.{name} is required now" for name in set(new.get("required", ())) - set(old.get("required", ()))]
    for name, was in old.get("properties", {}).items():
        if name not in new.get("properties", {}):
            found.append(f"{path}.{name} is gone")
        else:
            found += _narrowed(f"{path}.{name}", was, new["properties"][name], old_root, new_root)
    was_allowed: list[Any] = old.get("enum", [])
    if lost := set(map(str, was_allowed)) - set(map(str, new.get("enum") or was_allowed)):
        found.append(f"{path} no longer allows {', '.join(sorted(lost))}")
    if lost := _kinds(old, old_root) - _kinds(new, new_root):
        found.append(f"{path} can no longer be {', '.join(sorted(lost))}")
    if "items" in old and "items" in new:
        found += _narrowed(f"{path}[]", old["items"], new["items"], old_root, new_root)
    return found


def _resolve(schema: Schema, root: Schema) -> Schema:
    while "$ref" in schema:
        schema = root["$defs"][schema["$ref"].rpartition("/")[2]]
    return schema


def _kinds(schema: Schema, root: Schema) -> set[str]:
    """JSON types a value may have; a model counts by its name."""
    if "$ref" in schema:
        return {schema["$ref"].rpartition("/")[2]}
    if "anyOf" in schema:
        return set().union(*(_kinds(part, root) for part in schema["anyOf"]))
    kind = schema.get("type", "anything")
    return {kind} if isinstance(kind, str) else set(kind)


def without_prose(schema: Any) -> Any:
    """The schema's meaning alone, for comparing."""
    if isinstance(schema, dict):
        return {
            name: without_prose(value)
            for name, value in schema.items()
            if name not in _PROSE or isinstance(value, dict)
        }
    return [without_prose(value) for value in schema] if isinstance(schema, list) else schema


def main() -> int:
    """Write the agreed schemas anew unless something breaks."""
    found = breaks(agreed(), current()) if AGREED.exists() else []
    for sentence in found:
        print(sentence, file=sys.stderr)
    if found:
        print("Give the message a new version and a new name instead.", file=sys.stderr)
        return 1
    AGREED.write_text(json.dumps(current(), indent=1, ensure_ascii=False, sort_keys=True) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

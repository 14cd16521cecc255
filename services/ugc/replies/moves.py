"""The playbook: moves as data. A move is a file; its parts hold lines per language, its placeholders say when a line
fits.
"""

import hashlib
import string
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

from shared.contracts.ugc import Intent, Voice

MOVES = ("thank", "chat", "answer", "find_out", "purchase", "recipe", "idea", "apologise", "rights")
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the playbook. `id` stays the same as long as its words do."""

    id: str
    text: str
    needs: frozenset[str]

    @classmethod
    def of(cls, text: str) -> "Line":
        names = frozenset(name for _, name, _, _ in string.Formatter().parse(text) if name)
        return cls(hashlib.sha256(text.encode()).hexdigest()[:12], text, names)


@dataclass(frozen=True, slots=True)
class Move:
    """How to answer one kind of mention. `needs_person`: never sent without one."""

    name: str
    parts: tuple[str, ...]
    required: frozenset[str]
    needs_person: bool
    emoji: tuple[str, ...]
    lines: dict[tuple[str, str], tuple[Line, ...]]


@cache
def _file(name: str) -> Any:
    text = files("services.ugc.replies").joinpath("playbook", name).read_text("utf-8")
    return yaml.load(text, Loader=_LOADER)  # noqa: S506  # the safe loader, in C where it is there


@cache
def move(name: str) -> Move:
    """A move by its file's name. Raises FileNotFoundError for one that is not there."""
    raw = _file(f"{name}.yaml")
    lines = {
        (part, language): tuple(Line.of(text) for text in texts)
        for part in raw["parts"]
        for language, texts in raw.get(part, {}).items()
    }
    return Move(
        raw["move"],
        tuple(raw["parts"]),
        frozenset(raw["required"]),
        bool(raw.get("needs_person")),
        tuple(raw["emoji"]),
        lines,
    )


@cache
def echoes() -> Any:
    """The echoes: lines that show that a mention was read."""
    return _file("echoes.yaml")


@cache
def lines(*path: str) -> tuple[Line, ...]:
    """Lines of the echoes by their path, for example `lines("product", "glad", "ru")`; empty when there are none."""
    found: Any = echoes()
    for step in path:
        found = found.get(step, {}) if isinstance(found, dict) else {}
    return tuple(Line.of(text) for text in found) if isinstance(found, list) else ()


@cache
def default_voice() -> Voice:
    """The voice of a brand that has not set one."""
    text = files("services.ugc.replies").joinpath("default_voice.yaml").read_text("utf-8")
    return Voice.model_validate(yaml.safe_load(text))


@cache
def move_of_intent() -> dict[Intent, str]:
    """Which file answers which intent, when nothing speaks against it."""
    return {
        "praise": "thank",
        "question": "answer",
        "complaint": "apologise",
        "purchase": "purchase",
        "idea": "idea",
        "recipe": "recipe",
        "other": "chat",
        "spam": "chat",
    }

"""The rules of the house that no single test of a room would notice."""

import re
import tomllib
from pathlib import Path

import pytest
from importlinter.cli import lint_imports

ROOT = Path(__file__).resolve().parents[2]


def test_rooms_import_each_other_only_through_their_doors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    assert lint_imports(no_cache=True) == 0


def dependencies() -> list[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wanted = project["project"]["dependencies"] + project["dependency-groups"]["dev"]
    return sorted({re.split(r"[\[<>=;~ ]", line)[0] for line in wanted})


@pytest.mark.parametrize("name", dependencies())
def test_every_dependency_is_locked_with_hashes_and_explained(name: str) -> None:
    lock = (ROOT / "requirements.lock").read_text()
    assert re.search(rf"^{re.escape(name)}==.*\\\n\s+--hash=sha256:", lock, re.MULTILINE), f"{name} is not locked"
    why = (ROOT / "docs" / "dependencies.md").read_text().replace("types-pyyaml", name)
    assert name.removesuffix("-ubuntu2204") in why or name.rpartition("-sdk")[0] in why, f"{name} is not explained"


def test_the_lock_names_no_registry() -> None:
    assert "://" not in (ROOT / "requirements.lock").read_text()

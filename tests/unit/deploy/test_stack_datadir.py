"""The data directory: ours or refused, secrets made once and for the owner alone, one supervisor at a time."""

import base64
import json
from pathlib import Path

import pytest

from deploy.stack.datadir import FORMAT, DataDir
from deploy.stack.errors import StackError


@pytest.fixture
def directory(tmp_path: Path) -> DataDir:
    made = DataDir.named(tmp_path / "data")
    made.open()
    return made


def test_a_new_directory_becomes_ours_and_opens_again(directory: DataDir) -> None:
    directory.open()
    assert directory.notes() == {"format": FORMAT}
    assert directory.root.stat().st_mode & 0o077 == 0


def test_an_empty_directory_is_taken(tmp_path: Path) -> None:
    DataDir.named(tmp_path).open()


def test_a_foreign_directory_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("")
    with pytest.raises(StackError, match=r"was not made by Vouch.*--data-dir"):
        DataDir.named(tmp_path).open()
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")
    with pytest.raises(StackError, match="is a file"):
        DataDir.named(tmp_path / "data").open()


@pytest.mark.parametrize("content", ['{"format": 99}', "{}", "not json"])
def test_another_format_is_refused(directory: DataDir, content: str) -> None:
    (directory.root / "stack.json").write_text(content)
    with pytest.raises(StackError, match="start afresh with another --data-dir"):
        directory.open()


def test_secrets_are_made_once_for_the_owner_alone(directory: DataDir) -> None:
    made = directory.secrets()
    assert directory.secrets() == made
    assert len(base64.b64decode(made.master_key)) == 32
    assert len(made.operator_token) >= 24
    assert (directory.root / "secrets.json").stat().st_mode & 0o777 == 0o600


def test_damaged_secrets_are_said_and_kept(directory: DataDir) -> None:
    path = directory.root / "secrets.json"
    path.write_text('{"master_key": "half')
    with pytest.raises(StackError, match="is damaged"):
        directory.secrets()
    assert path.read_text() == '{"master_key": "half'


def test_what_is_remembered_is_for_the_owner_alone(directory: DataDir) -> None:
    directory.remember(directory.vouch_json, {"admin_api_key": "vk_…"})
    assert directory.vouch_json.stat().st_mode & 0o777 == 0o600
    assert json.loads(directory.vouch_json.read_text()) == {"admin_api_key": "vk_…"}


def test_a_torn_record_is_no_record(directory: DataDir) -> None:
    directory.record("ugc").parent.mkdir(parents=True)
    directory.record("ugc").write_text('{"pid": 12')
    assert directory.records() == {}


def test_one_supervisor_at_a_time(directory: DataDir) -> None:
    with directory.locked():
        with pytest.raises(StackError, match=r"already running.*vouch down"), directory.locked():
            pass
    with directory.locked():
        assert directory.supervisor.exists()
    assert not directory.supervisor.exists()


def test_a_large_log_is_set_aside(directory: DataDir) -> None:
    log = directory.log("ugc")
    log.parent.mkdir()
    log.write_bytes(b"x" * 10_000_001)
    directory.rotate("ugc")
    assert not log.exists()
    assert log.with_suffix(".log.1").exists()
    assert directory.logs() == []

"""Small decisions of the stack: options, ports, Java, jars, exits, what is said."""

import socket
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.stack import control, kafka, mongod, ports
from deploy.stack.console import activity
from deploy.stack.errors import StackError
from deploy.stack.keeper import describe_exit
from deploy.stack.options import Options
from deploy.stack.snapshot import PartState, Phase, Snapshot, State

HERE = Path()


@pytest.mark.parametrize("kafka", ["auto", "apache", "embedded", "localhost:9092", "a:1,b:65535"])
def test_known_brokers(kafka: str) -> None:
    assert Options(HERE, kafka=kafka).external_kafka is (":" in kafka)


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"kafka": "redpanda"}, "use auto, apache, embedded or HOST:PORT"),
        ({"kafka": "host:port"}, "use auto, apache, embedded or HOST:PORT"),
        ({"kafka": "a:1,b"}, "use auto, apache, embedded or HOST:PORT"),
        ({"kafka": ":9092"}, "use auto, apache, embedded or HOST:PORT"),
        ({"kafka": "a:99999"}, "use auto, apache, embedded or HOST:PORT"),
        ({"mongo": "localhost"}, "use auto or a connection string"),
        ({"port": 80}, "choose one between 1024 and"),
        ({"port": 65530}, "choose one between 1024 and"),
    ],
)
def test_wrong_options_say_what_is_right(wrong: dict[str, object], sentence: str) -> None:
    with pytest.raises(StackError, match=sentence):
        Options(HERE, **wrong)  # type: ignore[arg-type]


def test_no_two_parts_share_a_port() -> None:
    assert len(set(ports.OFFSETS.values())) == len(ports.OFFSETS)


def test_a_taken_port_is_named() -> None:
    with socket.socket() as taken:
        taken.bind((ports.HOST, 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(StackError, match=rf"Port {port}, which kafka needs, is in use by .*pid.*--port"):
            ports.require_free({"kafka": port})
    ports.require_free({"kafka": port})


@pytest.mark.parametrize(
    ("banner", "major"),
    [
        ('openjdk version "17.0.15" 2025-04-15', 17),
        ('openjdk version "21" 2023-09-19', 21),
        ('java version "1.8.0_392"', 8),
        ("The operation couldn't be completed. Unable to locate a Java Runtime.", 0),
    ],
)
def test_java_versions(banner: str, major: int) -> None:
    assert kafka.java_major(banner) == major


def test_no_java_is_a_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(kafka.KafkaUnavailable, match="there is no java on the PATH"):
        kafka.find_java()


def test_an_old_java_is_a_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    java = tmp_path / "bin" / "java"
    java.parent.mkdir()
    java.write_text("#!/bin/sh\necho 'openjdk version \"11.0.2\"' >&2\n")
    java.chmod(0o755)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    with pytest.raises(kafka.KafkaUnavailable, match=r"needs Java 17 or newer; .* is Java 11"):
        kafka.find_java()


def test_no_maven_is_a_sentence_and_leaves_no_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("VOUCH_CACHE", str(tmp_path / "cache"))
    with pytest.raises(kafka.KafkaUnavailable, match="there is no mvn on the PATH"):
        kafka.jars()
    assert not list(tmp_path.glob("cache/*"))


def test_a_changed_missing_or_additional_jar_is_refused(tmp_path: Path) -> None:
    for name in ["kafka-clients-4.4.0.jar", "evil.jar"]:
        (tmp_path / name).write_bytes(b"not what it says")
        with pytest.raises(kafka.KafkaUnavailable, match="not the pinned ones"):
            kafka.check_jars(tmp_path)


def test_the_pinned_version_has_its_checksums() -> None:
    names = kafka.checksums()
    assert f"kafka_2.13-{kafka.version()}.jar" in names
    assert all(len(digest) == 64 for digest in names.values())


def test_kafka_listens_on_loopback_only(tmp_path: Path) -> None:
    found = kafka.Apache("java", tmp_path, tmp_path, 9092, 9093).properties()
    assert found["listeners"] == "PLAINTEXT://127.0.0.1:9092,CONTROLLER://127.0.0.1:9093"
    assert found["auto.create.topics.enable"] == "false"


def test_mongod_is_small_and_on_loopback(tmp_path: Path) -> None:
    line = " ".join(mongod.command(Path("mongod"), tmp_path, 27017))
    assert "--bind_ip 127.0.0.1 --port 27017" in line
    assert "--wiredTigerCacheSizeGB 0.5" in line
    assert "--replSet vouch" in line


@given(st.sets(st.sampled_from([*ports.OFFSETS, "something-new"])))
def test_nothing_ends_before_what_uses_it(names: set[str]) -> None:
    order = control.ending_order(names)
    flat = [name for stage in order for name in stage]
    assert sorted(flat) == sorted(names)
    if "mongod" in names:
        assert flat[-1] == "mongod"
    if {"gateway", "kafka"} <= names:
        assert flat.index("gateway") < flat.index("kafka")


@pytest.mark.parametrize(("code", "said"), [(1, "ended with exit code 1"), (-9, "was killed by signal 9")])
def test_exits_are_described(code: int, said: str) -> None:
    assert describe_exit(code) == said


def snapshot(*parts: PartState, phase: Phase = Phase.STARTING, doing: str | None = None) -> Snapshot:
    return Snapshot(phase=phase, activity=doing, gateway_url="http://x", kafka="apache", demo=False, parts=[*parts])


def test_what_is_under_way_is_said() -> None:
    fetching = PartState(name="kafka", state=State.STARTING, detail="fetching")
    ready = PartState(name="mongod", state=State.READY, since=datetime.now(UTC))
    assert activity(snapshot(fetching, ready)) == "starting kafka (fetching)"
    assert activity(snapshot(ready, doing="creating topics")) == "creating topics"
    assert activity(snapshot(ready, phase=Phase.STOPPING)) == "ending mongod"


def test_well_means_every_part_is_ready() -> None:
    ready = PartState(name="mongod", state=State.READY)
    looping = PartState(name="ugc", state=State.CRASH_LOOP)
    assert control.is_well(snapshot(ready, phase=Phase.READY))
    assert not control.is_well(snapshot(ready, looping, phase=Phase.READY))
    assert not control.is_well(snapshot(ready))
    assert not control.is_well(None)

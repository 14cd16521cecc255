"""Apache Kafka as a single KRaft node from jars of Maven Central, on Java 17 or newer."""

import asyncio
import base64
import hashlib
import os
import re
import secrets
import shutil
import subprocess
import xml.etree.ElementTree as xml
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from deploy.stack.errors import StackError
from deploy.stack.ports import HOST
from deploy.stack.processes import PROJECT, write_atomically

POM = PROJECT / "deploy" / "kafka" / "pom.xml"
COPY_DEPENDENCIES = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"
OLDEST_JAVA = 17
FETCH_SECONDS = 600
JVM = (
    "-Xms96m",
    "-Xmx384m",
    "-XX:+UseSerialGC",
    "-XX:+ExitOnOutOfMemoryError",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSSXXX",
)


class KafkaUnavailable(StackError):
    """Apache Kafka can't be had on this machine; the text says which part is missing."""


@lru_cache
def version() -> str:
    """The pinned version, as the pom has it."""
    found = xml.parse(POM).getroot().findtext("{*}properties/{*}kafka.version")
    assert found is not None, f"{POM} names no kafka.version"
    return found


def cache() -> Path:
    """Where the jars live; shared by all stacks of this checkout. VOUCH_CACHE moves it."""
    return Path(os.environ.get("VOUCH_CACHE") or PROJECT / ".vouch") / f"kafka-{version()}"


def find_java() -> str:
    """The java to run. Raises KafkaUnavailable when there is none, or when it is too old."""
    home = os.environ.get("JAVA_HOME")
    java = str(Path(home) / "bin" / "java") if home else shutil.which("java")
    if not java or not Path(java).exists():
        raise KafkaUnavailable(f"Apache Kafka needs Java {OLDEST_JAVA} or newer, and there is no java on the PATH.")
    major = java_major(subprocess.run([java, "-version"], capture_output=True, text=True, timeout=30).stderr)
    if major < OLDEST_JAVA:
        raise KafkaUnavailable(f"Apache Kafka needs Java {OLDEST_JAVA} or newer; {java} is Java {major}.")
    return java


def java_major(banner: str) -> int:
    """17 from `openjdk version "17.0.15" …`, 8 from `java version "1.8.0_392"`, 0 from what is not a banner."""
    found = re.search(r'version "(?:1\.)?(\d+)', banner)
    return int(found.group(1)) if found else 0


def checksums() -> dict[str, str]:
    """File name → SHA-256 of every jar of the pinned version."""
    lines = POM.with_name(f"kafka-{version()}.sha256").read_text().splitlines()
    return {name: digest for digest, name in (line.split() for line in lines)}


def sha256(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def check_jars(folder: Path) -> None:
    """Raises KafkaUnavailable unless the folder holds exactly the known jars, byte for byte."""
    found = {jar.name: sha256(jar) for jar in folder.glob("*.jar")}
    wrong = sorted(name for name, digest in (found.items() ^ checksums().items()) if digest)
    if wrong:
        raise KafkaUnavailable(
            f"The Kafka jars in {folder} are not the pinned ones (first difference: {wrong[0]}). "
            f"Nothing of them was run; delete the folder and start again."
        )


def jars(say: Callable[[str], None] = lambda text: None) -> Path:
    """The folder of checked jars, fetched once per version. Raises KafkaUnavailable when they can't be had.

    A half-fetched folder is never used: it gets its name only when every jar is there and has the right hash.
    """
    folder = cache()
    if not folder.is_dir():
        say(f"fetching Apache Kafka {version()} from Maven Central (43 MB, once)")
        draft = folder.with_name(f"{folder.name}.{os.getpid()}.part")
        try:
            _fetch(draft)
            check_jars(draft)
            _claim(draft, folder)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
    check_jars(folder)
    return folder


def _claim(draft: Path, folder: Path) -> None:
    try:
        draft.rename(folder)
    except OSError:
        if not folder.is_dir():  # else another process was quicker
            raise


def _fetch(target: Path) -> None:
    maven = shutil.which("mvn")
    if not maven:
        raise KafkaUnavailable("Apache Kafka is fetched with Maven, and there is no mvn on the PATH.")
    goals = [COPY_DEPENDENCIES, "-DincludeScope=runtime", f"-DoutputDirectory={target}"]
    try:
        done = subprocess.run(
            [maven, "-q", "-B", "-f", str(POM), *goals], capture_output=True, text=True, timeout=FETCH_SECONDS
        )
    except subprocess.TimeoutExpired:
        raise KafkaUnavailable(f"Maven Central did not deliver Apache Kafka within {FETCH_SECONDS} seconds.") from None
    if done.returncode:
        reason = next((line for line in done.stdout.splitlines() if "ERROR" in line), done.stderr.strip()[-300:])
        raise KafkaUnavailable(f"Maven could not fetch Apache Kafka {version()}: {reason}")


@dataclass(frozen=True, slots=True)
class Apache:
    """One broker of its own: `data` holds its log, its configuration and nothing else."""

    java: str
    libraries: Path
    data: Path
    port: int
    controller_port: int

    @property
    def bootstrap(self) -> str:
        return f"{HOST}:{self.port}"

    def prepare(self) -> None:
        """Write the configuration, and format the storage when this is a new data directory."""
        self.data.mkdir(parents=True, exist_ok=True)
        write_atomically(self._configuration, "".join(f"{key}={value}\n" for key, value in self.properties().items()))
        if not (self.data / "log" / "meta.properties").exists():
            self._format()

    def _format(self) -> None:
        cluster = base64.urlsafe_b64encode(b"\x01" + secrets.token_bytes(15)).decode().rstrip("=")
        done = subprocess.run(
            [*self._jvm(), "kafka.tools.StorageTool", "format", "-t", cluster, "-c", str(self._configuration)],
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise StackError(
                f"Kafka's storage in {self.data} can't be formatted: {(done.stderr or done.stdout).strip()[-500:]}"
            )

    def command(self) -> list[str]:
        return [*self._jvm(), "kafka.Kafka", str(self._configuration)]

    @property
    def _configuration(self) -> Path:
        return self.data / "server.properties"

    def _jvm(self) -> list[str]:
        return [self.java, *JVM, "-cp", f"{self.libraries}/*"]

    def properties(self) -> dict[str, object]:
        return {
            "process.roles": "broker,controller",
            "node.id": 1,
            "controller.quorum.voters": f"1@{HOST}:{self.controller_port}",
            "controller.listener.names": "CONTROLLER",
            "listeners": f"PLAINTEXT://{HOST}:{self.port},CONTROLLER://{HOST}:{self.controller_port}",
            "advertised.listeners": f"PLAINTEXT://{HOST}:{self.port}",
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
            "log.dirs": self.data / "log",
            "auto.create.topics.enable": "false",
            "default.replication.factor": 1,
            "offsets.topic.replication.factor": 1,
            "offsets.topic.num.partitions": 4,
            "transaction.state.log.replication.factor": 1,
            "transaction.state.log.min.isr": 1,
            "transaction.state.log.num.partitions": 1,
            "share.coordinator.state.topic.replication.factor": 1,
            "share.coordinator.state.topic.min.isr": 1,
            "group.initial.rebalance.delay.ms": 0,
            "message.max.bytes": 8_388_608,
            "replica.fetch.max.bytes": 8_388_608,
            "log.segment.bytes": 67_108_864,
            "log.cleaner.dedupe.buffer.size": 16_777_216,
            "num.network.threads": 2,
            "num.io.threads": 4,
            "controlled.shutdown.enable": "false",
            # After a kill the node waits for its former self's session to end; the default would be nine seconds.
            "broker.session.timeout.ms": 3000,
            "broker.heartbeat.interval.ms": 500,
        }


async def ready(bootstrap: str) -> bool:
    """True once the broker answers for its topics."""
    if not await _listens(bootstrap.split(",")[0]):
        return False
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap, request_timeout_ms=2000)
    try:
        await admin.start()
        await admin.list_topics()
    except (KafkaError, OSError, AssertionError):
        return False
    finally:
        await admin.close()
    return True


async def _listens(address: str) -> bool:
    """Whether anything accepts connections there; asked first, since the Kafka client complains aloud when not."""
    host, _, port = address.rpartition(":")
    try:
        _, writer = await asyncio.wait_for(asyncio.open_connection(host, int(port)), 2)
    except (OSError, TimeoutError):
        return False
    writer.close()
    return True

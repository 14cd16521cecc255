"""What `vouch up` was asked for."""

from dataclasses import dataclass
from pathlib import Path

from deploy.stack.errors import StackError
from deploy.stack.ports import HOST, OFFSETS, port_of

AUTO = "auto"


@dataclass(frozen=True, slots=True)
class Options:
    """`kafka` is auto, apache, embedded or host:port; `mongo` is auto or a connection string."""

    data_dir: Path
    port: int = 8000
    kafka: str = AUTO
    mongo: str = AUTO
    demo: bool = False
    traffic: bool = True

    def __post_init__(self) -> None:
        highest = 65535 - max(OFFSETS.values())
        if not 1024 <= self.port <= highest:
            raise StackError(f"--port {self.port} leaves no room: choose one between 1024 and {highest}.")
        if self.kafka not in {AUTO, "apache", "embedded"} and not self._is_address(self.kafka):
            raise StackError(f"--kafka {self.kafka} is not known: use auto, apache, embedded or HOST:PORT.")
        if self.mongo != AUTO and not self.mongo.startswith(("mongodb://", "mongodb+srv://")):
            raise StackError(f"--mongo {self.mongo} is not known: use auto or a connection string (mongodb://…).")

    @staticmethod
    def _is_address(text: str) -> bool:
        hosts = [entry.rpartition(":") for entry in text.split(",")]
        return all(host and port.isdecimal() and 0 < int(port) < 65536 for host, _, port in hosts)

    @property
    def external_kafka(self) -> bool:
        return ":" in self.kafka

    def port_of(self, part: str) -> int:
        return port_of(part, self.port)

    def url(self, part: str) -> str:
        return f"http://{HOST}:{self.port_of(part)}"

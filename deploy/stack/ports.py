"""Which ports a stack uses, and who sits on one that is taken."""

import socket
from collections.abc import Mapping

import psutil

from deploy.stack.errors import StackError

HOST = "127.0.0.1"

OFFSETS: Mapping[str, int] = {
    "gateway": 0,
    "ugc": 1,
    "ambassadors": 2,
    "rewards": 3,
    "devstore": 10,
    "devnet": 11,
    "traffic": 12,
    "mongod": 20,
    "kafka": 21,
    "kafka-controller": 22,
}


def port_of(part: str, base: int) -> int:
    return base + OFFSETS[part]


def is_free(port: int) -> bool:
    """True when a server could listen here. A port in TIME_WAIT counts as free, as it does for the servers."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True


def listener(port: int) -> str | None:
    """«name (pid 123)» of the process that listens on `port`, where the system lets us know."""
    try:
        for connection in psutil.net_connections("tcp"):
            if connection.status == psutil.CONN_LISTEN and connection.laddr.port == port and connection.pid:
                return f"{psutil.Process(connection.pid).name()} (pid {connection.pid})"
    except psutil.Error:
        pass
    return None


def require_free(parts: Mapping[str, int]) -> None:
    """Refuse to start when a port is taken: name the first one, its user, and the way out."""
    for part, port in parts.items():
        if not is_free(port):
            user = listener(port)
            by = f"by {user}" if user else "by another process"
            raise StackError(
                f"Port {port}, which {part} needs, is in use {by}. "
                f"End that process, or choose other ports with --port (everything from N to N+22 is used)."
            )


def free_ports(count: int) -> list[int]:
    """Ports that were free a moment ago, from the system's ephemeral range (for tests and side stacks)."""
    probes = [socket.socket() for _ in range(count)]
    try:
        for probe in probes:
            probe.bind((HOST, 0))
        return [int(probe.getsockname()[1]) for probe in probes]
    finally:
        for probe in probes:
            probe.close()

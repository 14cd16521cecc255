"""A whole Vouch, started as people start it: `vouch up --demo --no-traffic`, then driven over HTTP alone."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import httpx
import psutil
import pytest

from deploy.stack import control, ports
from deploy.stack.datadir import DataDir
from deploy.stack.processes import Recorded

T = TypeVar("T")
Json = dict[str, Any]
SPAN = 23  # ports a stack takes from its base


def free_base() -> int:
    """A base port whose whole span is free."""
    for base in range(21000, 60000, 50):
        if all(ports.is_free(base + offset) for offset in range(SPAN)):
            return base
    raise RuntimeError("no span of free ports")


class LiveStack:
    """A running stack and clients for each side of it."""

    def __init__(self, directory: Path, kafka: str) -> None:
        self.directory, self._kafka = directory, kafka
        self._base = free_base()
        self.facts: Json = {}

    def vouch(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run the `vouch` command on this stack."""
        command = [sys.executable, "-m", "deploy.cli", *arguments, "--data-dir", str(self.directory)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
        if check and done.returncode:
            pytest.fail(
                f"vouch {arguments} ended with {done.returncode}:\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
            )
        return done

    def up(self) -> None:
        """Start (again) and read DIR/vouch.json."""
        self.vouch("up", "--demo", "--no-traffic", "--detach", "--port", str(self._base), "--kafka", self._kafka)
        self.connect()

    def connect(self) -> None:
        """Read DIR/vouch.json of a stack that runs."""
        self.facts = json.loads((self.directory / "vouch.json").read_text())
        headers = {"Authorization": f"Bearer {self.facts['admin_api_key']}"}
        self.admin = httpx.Client(base_url=self.facts["gateway_url"], headers=headers, timeout=20)
        token = {"Authorization": f"Bearer {self.facts['ambassador']['token']}"}
        self.me = httpx.Client(base_url=self.facts["gateway_url"], headers=token, timeout=20)
        self.door = httpx.Client(base_url=self.facts["gateway_url"], timeout=20)
        self.devnet = httpx.Client(base_url=self.facts["devnet_url"], timeout=20)
        self.devstore = httpx.Client(base_url=self.facts["devstore_url"], timeout=20)

    def down(self) -> None:
        """End it; whatever is left of it fails the test."""
        pids = self.pids()
        self.vouch("down")
        left = [f"{name} ({pid})" for name, pid in pids.items() if psutil.pid_exists(pid) and not _is_zombie(pid)]
        assert left == [], f"`vouch down` left processes behind: {left}"

    def status(self) -> Json:
        """What `vouch status --json` says, without a process of its own for each look."""
        snapshot = control.look(DataDir.named(self.directory))
        found: Json = json.loads(snapshot.model_dump_json()) if snapshot else {"phase": "absent", "parts": []}
        return found

    def pids(self) -> dict[str, int]:
        """Process ids by part."""
        return {part["name"]: part["pid"] for part in self.status().get("parts", []) if part["pid"]}

    def kill(self, part: str) -> None:
        """SIGKILL a part; the supervisor brings it back."""
        recorded = Recorded.read(DataDir.named(self.directory).supervisor) if part == "supervisor" else None
        os.kill(recorded.pid if recorded else self.pids()[part], signal.SIGKILL)

    @property
    def shop(self) -> str:
        return str(self.facts["shopify"]["shop_domain"])

    def get(self, path: str, **query: Any) -> Json:
        """An admin's GET that must succeed."""
        answer = self.admin.get(path, params=query)
        assert answer.status_code == 200, f"GET {path}: {answer.status_code} {answer.text}"
        body: Json = answer.json()
        return body

    def post(self, path: str, body: Json | None = None, **more: Any) -> Json:
        """An admin's POST that must succeed."""
        answer = self.admin.post(path, json=body or {}, **more)
        assert answer.is_success, f"POST {path}: {answer.status_code} {answer.text}"
        made: Json = answer.json()
        return made

    def everything(self, path: str, **query: Any) -> list[Json]:
        """All pages of an admin's list."""
        found: list[Json] = []
        cursor: Json = {}
        while True:
            page = self.get(path, limit=200, **query, **cursor)
            found += page["data"]
            if not page["next_cursor"]:
                return found
            cursor = {"cursor": page["next_cursor"]}

    def say(self, **post: Any) -> Json:
        """A person says something on the dev network."""
        answer = self.devnet.post("/_dev/post", json=post)
        assert answer.is_success, answer.text
        said: Json = answer.json()
        return said

    def variants(self) -> list[Json]:
        """What can be bought."""
        products = self.devstore.get(f"/_dev/shops/{self.shop}/products").json()["data"]
        return [product["variants"][0] for product in products]

    def buy(self, **order: Any) -> Json:
        """A checkout at the dev store; returns the order."""
        line = {"variant_id": self.variants()[0]["id"], "quantity": 1}
        answer = self.devstore.post(f"/_dev/shops/{self.shop}/checkout", json={"lines": [line], "paid": True} | order)
        assert answer.is_success, answer.text
        sold: Json = answer.json()
        return sold

    def order(self, order_id: object, action: str, body: Json | None = None) -> Json:
        """Something happens to an order at the dev store: refund, cancel, edit, pay."""
        answer = self.devstore.post(f"/_dev/shops/{self.shop}/orders/{order_id}/{action}", json=body or {})
        assert answer.is_success, answer.text
        done: Json = answer.json()
        return done

    def proxy(self, path: str, customer: object = None, method: str = "GET", **more: Any) -> httpx.Response:
        """A storefront's request through the dev store's App Proxy, signed by it."""
        query = {"as_customer": str(customer)} if customer else {}
        return self.devstore.request(method, f"/shops/{self.shop}/apps/vouch/{path}", params=query, **more)


def eventually(look: Callable[[], T | None], what: str, seconds: float = 30) -> T:
    """What `look` finds once it finds something; fails with `what` otherwise."""
    deadline = time.monotonic() + seconds
    while True:
        found = look()
        if found:
            return found
        if time.monotonic() > deadline:
            pytest.fail(f"not within {seconds:.0f} s: {what}")
        time.sleep(0.05)


def _is_zombie(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


@contextmanager
def live_stack(directory: Path, kafka: str) -> Iterator[LiveStack]:
    """A stack that ends with the block."""
    stack = LiveStack(directory, kafka)
    try:
        stack.up()
        yield stack
    finally:
        stack.vouch("down", check=False)

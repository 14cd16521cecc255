"""`vouch up --demo` as a person runs it: from nothing to the whole demo, through crashes, and to nothing again."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import httpx
import psutil
import pytest

from deploy.stack.datadir import DataDir
from deploy.stack.ports import OFFSETS, is_free
from deploy.stack.processes import PROJECT, Recorded

pytestmark = [pytest.mark.timeout(600), pytest.mark.broker]
T = TypeVar("T")
PARTS = {"mongod", "kafka", "devstore", "devnet", "gateway", "ugc", "ambassadors", "rewards"}


class Demo:
    """One data directory and port, driven through the command line."""

    def __init__(self, root: Path, kafka: str) -> None:
        self.directory = DataDir.named(root)
        self.kafka = kafka
        self.port = free_base()

    def vouch(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-m", "deploy.cli", *arguments, "--data-dir", str(self.directory.root)]
        return subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=400)

    def up(self) -> "subprocess.CompletedProcess[str]":
        options = ["--demo", "--no-traffic", "--detach", "--kafka", self.kafka, "--port", str(self.port)]
        return self.vouch("up", *options)

    @property
    def facts(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.directory.vouch_json.read_text())
        return found

    def status(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.vouch("status", "--json").stdout)
        return found

    def get(self, path: str, token: str | None = None) -> Any:
        headers = {"Authorization": f"Bearer {token or self.facts['admin_api_key']}"}
        answer = httpx.get(self.facts["gateway_url"] + path, headers=headers, timeout=20)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def processes(self) -> list[int]:
        """Every process on this machine that has to do with this data directory."""
        root = str(self.directory.root)
        listed = psutil.process_iter(["pid", "cmdline", "status"])
        return [p.pid for p in listed if root in " ".join(p.info["cmdline"] or []) and p.pid != os.getpid()]


def free_base() -> int:
    """A base port whose whole range is free."""
    for base in range(30_000, 60_000, 100):
        if all(is_free(base + offset) for offset in OFFSETS.values()):
            return base
    raise AssertionError("no free ports")


def until(probe: Callable[[], T | None], seconds: float = 120) -> T:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = probe()
        if found:
            return found
        time.sleep(0.5)
    raise AssertionError("it never came true")


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory, kafka_kind: str) -> Iterator[Demo]:
    made = Demo(tmp_path_factory.mktemp("demo") / "data", kafka_kind)
    started = made.up()
    assert started.returncode == 0, started.stdout + started.stderr
    yield made
    made.vouch("down")


def test_vouch_json_has_what_a_program_needs(demo: Demo) -> None:
    facts = demo.facts
    assert set(facts) >= {
        "version", "gateway_url", "brand_id", "currency", "admin_api_key", "ambassador", "shopify", "connections",
        "devstore_url", "devnet_url", "mongo_uri", "kafka", "other_brand",
    }  # fmt: skip
    assert set(facts["ambassador"]) == {"id", "code", "token", "link"}
    assert set(facts["shopify"]) == {"shop_domain", "client_id", "client_secret"}
    assert {name: set(value) for name, value in facts["connections"].items()} == {
        "telegram": {"id", "secret"},
        "vk": {"id", "secret", "confirmation", "group_id"},
        "instagram": {"id", "account_id", "app_secret", "verify_token"},
        "tiktok": {"id", "client_secret"},
        "youtube": {"id"},
        "inbound": {"id", "secret"},
    }
    assert set(facts["other_brand"]) == {"brand_id", "admin_api_key", "shop_domain"}
    assert demo.directory.vouch_json.stat().st_mode & 0o777 == 0o600


def test_the_demo_is_there_and_nothing_moves(demo: Demo) -> None:
    assert len(demo.get("/v1/admin/products?limit=200")["data"]) >= 12
    assert [person["status"] for person in demo.get("/v1/admin/ambassadors")["data"]] == ["active"]
    assert len(demo.get("/v1/admin/programs")["data"]) == 1
    assert {campaign["trigger"] for campaign in demo.get("/v1/admin/campaigns")["data"]} == {
        "order_attributed", "mention_approved",
    }  # fmt: skip
    networks = [connection["network"] for connection in demo.get("/v1/admin/connections")["data"]]
    assert sorted(networks) == ["inbound", "instagram", "telegram", "tiktok", "vk", "youtube"]
    for kind in ("mentions", "replies", "orders", "grants"):
        assert demo.get(f"/v1/admin/{kind}")["data"] == []


def test_the_ambassador_can_sign_in_and_her_link_leads_to_the_shop(demo: Demo) -> None:
    ambassador = demo.facts["ambassador"]
    assert demo.get("/v1/me", ambassador["token"])["id"] == ambassador["id"]
    answer = httpx.head(ambassador["link"])
    assert answer.status_code == 302
    assert answer.headers["location"].startswith(demo.facts["devstore_url"])


def test_status_names_every_part(demo: Demo) -> None:
    found = demo.status()
    assert found["phase"] == "ready"
    assert {part["name"]: part["state"] for part in found["parts"]} == dict.fromkeys(PARTS, "ready")
    assert demo.vouch("status").returncode == 0


def test_the_embedded_broker_is_announced_loudly(demo: Demo) -> None:
    said = any("MEMORY" in notice for notice in demo.status()["notices"])
    assert said is (demo.kafka == "embedded")


def test_a_second_up_is_refused(demo: Demo) -> None:
    refused = demo.up()
    assert refused.returncode == 1
    assert "already running" in " ".join(refused.stderr.split())


def test_keys_create_makes_a_key_that_works(demo: Demo) -> None:
    made = demo.vouch("keys", "create", "--role", "viewer")
    key = made.stdout.strip()
    assert re.fullmatch(r"vk_\S+", key)
    assert demo.get("/v1/admin/brand", key)["id"] == demo.facts["brand_id"]


def test_logs_show_a_part_and_name_the_others(demo: Demo) -> None:
    assert "gateway" in demo.vouch("logs", "gateway").stdout
    unknown = demo.vouch("logs", "nobody")
    assert unknown.returncode == 1
    assert "gateway" in unknown.stderr


@pytest.mark.parametrize("part", ["ugc", "gateway", "kafka", "mongod"])
def test_any_part_may_be_killed(demo: Demo, part: str) -> None:
    before = demo.directory.records()[part]
    os.kill(before.pid, signal.SIGKILL)
    until(lambda: demo.directory.records().get(part) not in {None, before} or None)
    until(lambda: demo.vouch("status").returncode == 0)
    until(lambda: ready(demo))
    assert demo.get("/v1/admin/brand")["id"] == demo.facts["brand_id"]


def ready(demo: Demo) -> bool:
    urls = [f"http://127.0.0.1:{demo.port + OFFSETS[name]}/readyz" for name in ("gateway", "ugc", "rewards")]
    try:
        return all(httpx.get(url, timeout=5).status_code == 200 for url in urls)
    except httpx.HTTPError:
        return False


def test_up_recovers_after_the_supervisor_was_killed_and_reuses_what_is_there(demo: Demo) -> None:
    before = demo.facts
    supervisor = Recorded.read(demo.directory.supervisor)
    assert supervisor
    os.kill(supervisor.pid, signal.SIGKILL)
    until(lambda: not supervisor.alive())
    old = {recorded.pid for recorded in demo.directory.records().values() if recorded.alive()}
    assert demo.vouch("status").returncode == 1
    again = demo.up()
    assert again.returncode == 0, again.stdout + again.stderr
    new = {recorded.pid for recorded in demo.directory.records().values()}
    assert len(old) == len(new) == len(PARTS)
    assert not old & new
    assert not [pid for pid in old if psutil.pid_exists(pid)]
    after = demo.facts
    for changed in (before, after):
        changed["ambassador"].pop("token")
        changed.pop("kafka")
    assert before == after
    assert len(demo.get("/v1/admin/ambassadors")["data"]) == 1
    assert len(demo.get("/v1/admin/campaigns")["data"]) == 2


def test_down_leaves_nothing_behind(demo: Demo) -> None:
    done = demo.vouch("down")
    assert done.returncode == 0
    assert set(re.findall(r"[a-z]+", done.stdout.lower())) >= PARTS
    assert demo.processes() == []
    assert all(is_free(demo.port + offset) for offset in OFFSETS.values())
    assert demo.status()["phase"] == "stopped"

"""docker-compose.yml agrees with the code: services, ports, settings, versions, metrics."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.demo.connections import NETWORKS
from deploy.stack import kafka, mongod, plan
from deploy.stack.ports import OFFSETS
from shared.settings import Settings

ROOT = Path(__file__).parents[3]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if service["image"] == "vouch"}
BASE = 8000


def env_file(path: str) -> dict[str, str]:
    lines = (ROOT / path).read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def environment(service: str) -> dict[str, Any]:
    return dict(SERVICES[service].get("environment") or {})


@pytest.mark.parametrize("service", plan.SERVICES)
def test_each_service_listens_where_it_does_locally(service: str) -> None:
    port = BASE + OFFSETS[service]
    assert environment(service)["VOUCH_HTTP_PORT"] == port
    assert SERVICES[service]["command"] == [f"services.{service}"]
    assert f":{port}/readyz" in SERVICES[service]["healthcheck"]["test"][-1]


@pytest.mark.parametrize("name", ["devstore", "devnet"])
def test_the_local_world_is_behind_the_demo_profile(name: str) -> None:
    port = BASE + OFFSETS[name]
    assert SERVICES[name]["profiles"] == ["demo"]
    assert SERVICES[name]["ports"] == [f"127.0.0.1:{port}:{port}"]
    assert f"--port={port}" in SERVICES[name]["command"]


def test_only_loopback_is_published() -> None:
    ports = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


@pytest.mark.parametrize("service", [*plan.SERVICES])
def test_every_variable_is_a_setting(service: str) -> None:
    names = {name.removeprefix("VOUCH_").removesuffix("_FILE").lower() for name in environment(service)}
    assert names <= set(Settings.model_fields)
    needed = {name for name, field in Settings.model_fields.items() if field.is_required()}
    assert needed <= names


def test_the_demo_points_every_service_at_the_local_world() -> None:
    settings = env_file("deploy/docker/demo.env")
    assert settings.pop("COMPOSE_PROFILES") == "demo"
    assert {name.removeprefix("VOUCH_").lower() for name in settings} <= set(Settings.model_fields)
    local = {f"VOUCH_{network.upper()}_API_URL" for network in plan.NETWORKS}
    assert local | {"VOUCH_SHOPIFY_URL", "VOUCH_PUBLIC_URL"} == set(settings)
    assert set(settings) <= set(environment("gateway"))
    assert set(NETWORKS) == {*plan.NETWORKS, "inbound"}


def test_names_under_localhost_lead_to_the_containers() -> None:
    addresses = re.findall(r"http://([a-z]+)\.localhost:(\d+)", (ROOT / "deploy/docker/demo.env").read_text())
    for name, port in addresses:
        assert SERVICES[name]["networks"]["default"]["aliases"] == [f"{name}.localhost"]
        assert f"127.0.0.1:{port}:{port}" in SERVICES[name]["ports"]


def test_one_kafka_version_everywhere() -> None:
    assert SERVICES["kafka"]["image"] == f"apache/kafka:{kafka.version()}"


def test_kafka_is_set_as_in_the_local_stack(tmp_path: Path) -> None:
    local = kafka.Apache("java", tmp_path, tmp_path, 9092, 9093).properties()
    theirs = {k.removeprefix("KAFKA_").lower().replace("_", "."): v for k, v in environment("kafka").items()}
    same = ["auto.create.topics.enable", "message.max.bytes", "group.initial.rebalance.delay.ms", "process.roles"]
    assert {name: theirs[name] for name in same} == {name: local[name] for name in same}


def test_mongo_is_the_same_replica_set() -> None:
    assert mongod.REPLICA_SET in SERVICES["mongo"]["command"]
    assert f'_id: "{mongod.REPLICA_SET}"' in SERVICES["mongo"]["healthcheck"]["test"][-1]
    assert environment("gateway")["VOUCH_MONGO_URI"].endswith(f"?replicaSet={mongod.REPLICA_SET}")


def test_every_volume_is_declared_and_used() -> None:
    mounts = [mount.split(":")[0] for service in SERVICES.values() for mount in service.get("volumes", [])]
    named = {mount for mount in mounts if not mount.startswith(".")}
    assert named == set(COMPOSE["volumes"])
    assert all((ROOT / mount).exists() for mount in mounts if mount.startswith("."))


def test_dependencies_are_services_whose_condition_can_come_true() -> None:
    for service in SERVICES.values():
        needs = service.get("depends_on", {})
        for name, need in needs.items() if isinstance(needs, dict) else []:
            assert name in SERVICES
            assert need["condition"] != "service_healthy" or "healthcheck" in SERVICES[name]


def test_our_containers_cannot_write_or_gain_rights() -> None:
    for name, service in OURS.items():
        if name != "secrets":
            assert service["read_only"]
            assert service["cap_drop"] == ["ALL"]


def test_prometheus_scrapes_every_service() -> None:
    jobs = yaml.safe_load((ROOT / "deploy/prometheus/prometheus.yml").read_text())["scrape_configs"]
    targets = {target for job in jobs for config in job["static_configs"] for target in config["targets"]}
    assert targets == {f"{name}:{BASE + OFFSETS[name]}" for name in plan.SERVICES}


def test_the_dashboard_asks_for_metrics_that_exist() -> None:
    sources = [*(ROOT / "shared").rglob("*.py"), *(ROOT / "services").rglob("*.py")]
    known = {name for source in sources for name in re.findall(r'"(vouch_[a-z_]+)"', source.read_text())}
    dashboard = json.loads((ROOT / "deploy/grafana/dashboards/vouch.json").read_text())
    asked = {
        name.removesuffix("_bucket")
        for panel in dashboard["panels"]
        for target in panel["targets"]
        for name in re.findall(r"vouch_[a-z_]+", target["expr"])
    }
    assert asked
    assert asked <= known


def test_the_image_has_the_locked_versions() -> None:
    def pins(path: str) -> set[str]:
        return set(re.findall(r"^([a-z0-9._-]+==[^ \\]+)", (ROOT / path).read_text(), re.MULTILINE))

    image = pins("deploy/docker/requirements.lock")
    assert image
    assert image <= pins("requirements.lock")
    assert not [pin for pin in image if pin.startswith(("fiftyone", "pytest", "mypy"))]


def test_the_image_runs_as_nobody_special() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text()
    last_stage = dockerfile.split("\nFROM ")[-1]
    assert re.search(r"^USER 10001:10001$", last_stage, re.MULTILINE)
    assert dockerfile.count("\nFROM ") == 2
    for source in re.findall(r"^COPY (?!--from)(\S+)", dockerfile, re.MULTILINE):
        assert (ROOT / source).exists()

"""The gateway on real Kafka and MongoDB: tenants, idempotency, isolation, webhooks, dead letters, live events."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from shared.contracts.gateway import BrandChanges, ConnectShop, UpdateBrand
from shared.kafka import consumer
from shared.records import Incoming, dead_letter, outgoing
from shared.settings import Settings
from shared.topics import Service
from tests.integration.gateway_running import (
    OPERATOR,
    Door,
    gateway_running,
    local,
    ready,
    shopify_delivery,
    standard_delivery,
    tenant,
    until,
)

SHOP, OTHER = "vouch-demo.myshopify.com", "other-brand.myshopify.com"
MENTION = {"external_id": "r1", "kind": "review", "text": "Best beans!", "posted_at": "2026-11-22T10:00:00Z"}


@pytest.fixture
def settings(mongo_uri: str, kafka: str, kafka_kind: str, topic_prefix: str, database_prefix: str) -> Settings:
    return local(mongo_uri, kafka, topic_prefix, database_prefix, kafka_embedded=kafka_kind == "embedded")


@pytest.fixture
async def door(settings: Settings) -> AsyncIterator[Door]:
    async with gateway_running(settings) as running:
        await ready(running)
        yield running


async def ingress(door: Door, topic: str) -> list[Any]:
    """Every record of a topic, read from its beginning."""
    reader = consumer(door.gateway.settings, door.gateway.settings.topic_prefix + topic, group=None)
    await reader.start()
    found: list[Any] = []
    try:
        while batches := await reader.getmany(timeout_ms=1500):
            found += [record for records in batches.values() for record in records]
    finally:
        await reader.stop()
    return found


async def test_a_tenant_is_made_and_its_keys_work_at_once(door: Door) -> None:
    brand = await tenant(door)
    assert (await door.call("GET", "/v1/admin/brand", brand.viewer)).json()["shop_domain"] == SHOP
    changed = await door.call("PATCH", "/v1/admin/brand", brand.owner, json={"name": "North"})
    assert changed.status_code == 200
    assert changed.json()["name"] == "North"
    assert changed.json()["currency"] == "EUR"
    again = await door.call("POST", "/v1/operator/brands", json={**NEW_BRAND, "shop_domain": SHOP}, headers=OPERATOR)
    assert (again.status_code, again.json()["type"]) == (409, "/problems/brand-exists")


NEW_BRAND = {"name": "B", "shop_domain": OTHER, "currency": "EUR", "storefront_url": "https://b.example"}


async def test_roles_and_revocation(door: Door) -> None:
    brand = await tenant(door)
    assert (await door.call("PATCH", "/v1/admin/brand", brand.viewer, json={"name": "X"})).status_code == 403
    made = (await door.call("POST", "/v1/admin/keys", brand.owner, json={"role": "viewer", "name": "temp"})).json()
    assert (await door.call("GET", "/v1/admin/brand", made["key"])).status_code == 200
    revoked = await door.call("DELETE", f"/v1/admin/keys/{made['id']}", brand.owner)
    assert revoked.json()["revoked_at"]

    async def useless() -> bool:
        return (await door.call("GET", "/v1/admin/brand", made["key"])).status_code == 401

    await until(useless, "the revoked key is refused")
    listed = (await door.call("GET", "/v1/admin/keys", brand.owner)).json()["data"]
    assert made["key"] not in json.dumps(listed)


async def test_an_idempotency_key_gives_the_first_answer_again(door: Door) -> None:
    brand = await tenant(door)
    wish = {"json": {"role": "viewer", "name": "one"}, "headers": {"Idempotency-Key": "k1"}}
    first = await door.call("POST", "/v1/admin/keys", brand.owner, **wish)
    again = await door.call("POST", "/v1/admin/keys", brand.owner, **wish)
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()
    assert again.headers["Idempotency-Replayed"] == "true"
    other = {"json": {"role": "owner", "name": "one"}, "headers": {"Idempotency-Key": "k1"}}
    reused = await door.call("POST", "/v1/admin/keys", brand.owner, **other)
    assert (reused.status_code, reused.json()["type"]) == (422, "/problems/idempotency-key-reused")
    elsewhere = await door.call(
        "PATCH", "/v1/admin/brand", brand.owner, json={"name": "Y"}, headers={"Idempotency-Key": "k1"}
    )
    assert elsewhere.status_code == 422
    mine = await door.call(
        "POST",
        "/v1/operator/keys",
        json={"brand_id": brand.id, "role": "viewer", "name": "one"},
        headers=OPERATOR | {"Idempotency-Key": "k1"},
    )
    assert mine.status_code == 201, "keys are the principal's own"


async def test_twenty_at_once_under_one_key_have_one_effect(door: Door) -> None:
    brand = await tenant(door)
    wish = {"json": {"role": "viewer", "name": "many"}, "headers": {"Idempotency-Key": "many"}}
    answers = await asyncio.gather(*(door.call("POST", "/v1/admin/keys", brand.owner, **wish) for _ in range(20)))
    assert {answer.status_code for answer in answers} <= {201, 409}
    assert any(answer.status_code == 201 for answer in answers)
    listed = (await door.call("GET", "/v1/admin/keys", brand.owner)).json()["data"]
    assert sum(key["name"] == "many" for key in listed) == 1


async def test_a_command_not_decided_in_time_is_answered_202_and_found_later(settings: Settings) -> None:
    hasty = settings.model_copy(update={"command_timeout": 0.001})
    async with gateway_running(hasty) as door:
        await ready(door)
        body = {"brand_id": "brd_none", "role": "owner", "name": "x"}
        answer = await door.call("POST", "/v1/operator/keys", json=body, headers=OPERATOR)
        assert answer.status_code == 202
        assert answer.headers["Location"] == f"/v1/commands/{answer.json()['id']}"
        # The operator's commands aren't a brand's: nobody's key may read them.
        patient = await tenant_of(door)
        assert (await door.call("GET", answer.headers["Location"], patient)).status_code == 404
        wish = await door.call("PATCH", "/v1/admin/brand", patient, json={"name": "Later"})
        assert wish.status_code == 202

        async def done() -> bool:
            state = (await door.call("GET", wish.headers["Location"], patient)).json()
            return bool(state["status"] == "done" and state["outcome"]["body"]["name"] == "Later")

        await until(done, "the command's outcome")


async def tenant_of(door: Door) -> str:
    """An owner's key, made patiently."""
    hasty, door.gateway.bus._settings = (
        door.gateway.bus._settings,
        door.gateway.settings.model_copy(update={"command_timeout": 10}),
    )
    try:
        return (await tenant(door)).owner
    finally:
        door.gateway.bus._settings = hasty


async def test_connections_show_what_we_made_once_and_never_again(door: Door) -> None:
    brand = await tenant(door)
    body = {"network": "inbound", "name": "Reviews"}
    made = await door.call("POST", "/v1/admin/connections", brand.owner, json=body)
    assert made.status_code == 201, made.text
    secret, id = made.json()["secrets"]["secret"], made.json()["id"]
    assert made.json()["webhook_url"].endswith(f"/webhooks/inbound/{id}")
    shown = await door.call("GET", "/v1/admin/connections", brand.viewer)
    assert secret not in shown.text
    assert [one["id"] for one in shown.json()["data"]] == [id]
    wrong = await door.call(
        "POST", "/v1/admin/connections", brand.owner, json={"network": "vk", "name": "x", "settings": {"groop": "1"}}
    )
    assert wrong.status_code == 422
    assert {error["pointer"] for error in wrong.json()["errors"]} >= {
        "/settings/groop",
        "/settings/group_id",
        "/secrets/access_token",
    }
    gone = await door.call("DELETE", f"/v1/admin/connections/{id}", brand.owner)
    assert gone.status_code == 204

    async def refused() -> bool:
        return (
            await door.http.post(f"/webhooks/inbound/{id}", **standard_delivery(MENTION, secret))
        ).status_code == 404

    await until(refused, "a removed connection takes nothing")


async def test_s01_the_same_webhook_a_hundred_times_at_once(door: Door) -> None:
    """All 2xx; the records say that they are one (what the processor makes of that is proved with the processor)."""
    brand = await tenant(door)
    made = (
        await door.call("POST", "/v1/admin/connections", brand.owner, json={"network": "inbound", "name": "R"})
    ).json()
    delivery = standard_delivery(MENTION, made["secrets"]["secret"])
    answers = await asyncio.gather(*(door.http.post(f"/webhooks/inbound/{made['id']}", **delivery) for _ in range(100)))
    assert {answer.status_code for answer in answers} == {200}
    records = await ingress(door, "ingress.social")
    assert {dict(record.headers)["dedupe"] for record in records} == {f"{made['id']}/msg_1".encode()}
    assert {record.value for record in records} == {delivery["content"]}


async def test_s02_what_is_not_signed_right_is_refused_and_not_stored(door: Door) -> None:
    await tenant(door)
    order = {"id": 5001, "admin_graphql_api_id": "gid://shopify/Order/5001"}
    good = shopify_delivery(order, topic="orders/create", shop=SHOP, webhook_id="w1")
    altered = {**good, "content": good["content"].replace(b"5001", b"5002", 1)}
    again = {**good, "content": json.dumps(order, separators=(",", ":")).encode()}
    foreign = shopify_delivery(order, topic="orders/create", shop=SHOP, webhook_id="w1", secret="other")
    missing = {**good, "headers": {k: v for k, v in good["headers"].items() if "Hmac" not in k}}
    unknown = shopify_delivery(order, topic="orders/create", shop="nobody.myshopify.com", webhook_id="w1")
    mixed = shopify_delivery(order, topic="products/update", shop=SHOP, webhook_id="w1")
    for delivery, status in (
        (altered, 401),
        (again, 401),
        (foreign, 401),
        (missing, 400),
        (unknown, 401),
        (mixed, 401),
    ):
        answer = await door.http.post("/webhooks/shopify", **delivery)
        assert answer.status_code == status, answer.text
        assert answer.headers["Content-Type"] == "application/problem+json"
    assert await ingress(door, "ingress.shopify") == []
    assert (await door.http.post("/webhooks/shopify", **good)).status_code == 200
    (record,) = await ingress(door, "ingress.shopify")
    headers = {name: value.decode() for name, value in record.headers}
    assert record.value == good["content"]
    assert headers["dedupe"] == f"{SHOP}/w1"
    assert headers["shopify-topic"] == "orders/create"
    assert record.key.decode().endswith(":5001")


async def test_wrong_mentions_are_refused_with_a_pointer(door: Door) -> None:
    brand = await tenant(door)
    made = (
        await door.call("POST", "/v1/admin/connections", brand.owner, json={"network": "inbound", "name": "R"})
    ).json()
    path, secret = f"/webhooks/inbound/{made['id']}", made["secrets"]["secret"]
    for wrong, pointer in (
        ({**MENTION, "kind": "song"}, "/kind"),
        ({**MENTION, "mood": "good"}, "/mood"),
        ([MENTION, {**MENTION, "posted_at": "yesterday"}], "/1/posted_at"),
    ):
        answer = await door.http.post(path, **standard_delivery(wrong, secret))
        assert answer.status_code == 422, answer.text
        assert answer.json()["errors"][0]["pointer"] == pointer
    assert await ingress(door, "ingress.social") == []


async def test_another_brands_key_finds_nothing(door: Door) -> None:
    mine, other = await tenant(door), await tenant(door, OTHER)
    made = (
        await door.call("POST", "/v1/admin/connections", mine.owner, json={"network": "inbound", "name": "R"})
    ).json()
    key = (await door.call("POST", "/v1/admin/keys", mine.owner, json={"role": "viewer", "name": "k"})).json()
    assert (await door.call("DELETE", f"/v1/admin/connections/{made['id']}", other.owner)).status_code == 404
    assert (await door.call("DELETE", f"/v1/admin/keys/{key['id']}", other.owner)).status_code == 404
    assert (await door.call("GET", "/v1/admin/connections", other.owner)).json()["data"] == []
    assert (await door.call("GET", "/v1/admin/brand", key["key"])).status_code == 200


async def test_an_uninstall_disconnects_the_shop(door: Door) -> None:
    brand = await tenant(door)
    gateway = door.gateway
    command = ConnectShop(brand_id=brand.id, shop_domain=SHOP, sealed_token=gateway.sealer.seal(brand.id, "t"))
    reply = await gateway.bus.execute(command, actor="test", command_id="cmd_connect", timeout=10)
    assert reply
    assert (await door.call("GET", "/v1/admin/shopify", brand.viewer)).json()["connected"] is True
    await door.http.post(
        "/webhooks/shopify", **shopify_delivery({"id": 1}, topic="app/uninstalled", shop=SHOP, webhook_id="u1")
    )

    async def disconnected() -> bool:
        return (await door.call("GET", "/v1/admin/shopify", brand.viewer)).json()["connected"] is False

    await until(disconnected, "the shop is disconnected")


async def test_dead_letters_are_filed_and_put_back_once(door: Door) -> None:
    mine, other = await tenant(door), await tenant(door, OTHER)
    command = UpdateBrand(brand_id=mine.id, changes=BrandChanges(name="Risen"))
    record = outgoing(command, id="cmd_dead")
    failed = Incoming(record.topic, 0, 999_999, record.key, record.value, record.headers)
    await door.gateway.producer.send(dead_letter(failed, Service.GATEWAY, "boom", "trace"))

    async def filed() -> bool:
        return bool((await door.call("GET", "/v1/admin/dead-letters", mine.marketer)).json()["data"])

    await until(filed, "the dead letter is listed")
    (letter,) = (await door.call("GET", "/v1/admin/dead-letters", mine.marketer)).json()["data"]
    assert (letter["error"], letter["type"], letter["offset"]) == ("boom", "UpdateBrand", 999_999)
    replay = f"/v1/admin/dead-letters/{letter['id']}/replay"
    assert (await door.call("POST", replay, other.owner)).status_code == 404
    assert (await door.call("POST", replay, mine.owner)).json()["replayed_by"].startswith("key:")
    assert (await door.call("POST", replay, mine.owner)).status_code == 409

    async def risen() -> bool:
        return bool((await door.call("GET", "/v1/admin/brand", mine.viewer)).json()["name"] == "Risen")

    await until(risen, "the command has its effect after all")


async def test_events_reach_those_who_watch_the_brand_and_nobody_else(door: Door) -> None:
    mine, other = await tenant(door), await tenant(door, OTHER)
    frames: list[str] = []

    async def watch() -> None:
        async for frame in door.gateway.hub.watch(mine.id, frozenset({"BrandConfigured"})):
            frames.append(frame)

    watching = asyncio.create_task(watch())
    await asyncio.sleep(0.1)
    await door.call("PATCH", "/v1/admin/brand", other.owner, json={"name": "Not mine"})
    await door.call("PATCH", "/v1/admin/brand", mine.owner, json={"name": "Mine"})

    async def told() -> bool:
        return any("event: BrandConfigured" in frame and "Mine" in frame for frame in frames)

    await until(told, "the event arrives")
    watching.cancel()
    assert not any("Not mine" in frame for frame in frames)

"""Faults on purpose: each must look to the adapters as it does on the real network."""

from datetime import UTC, datetime

import pytest

from deploy.devnet.faults import Mischief, Window
from deploy.devnet.models import Fault
from deploy.devnet.store import Store
from shared.contracts.gateway import NetworkName
from shared.contracts.ugc import NeutralMention
from shared.networks.base import OutboundReply, Published, PublishRetry, PublishUncertain
from tests.unit.devnet.support import DevNet, running_devnet

TARGETS: dict[NetworkName, str] = {
    "telegram": "-1001:7", "vk": "wall-2001_5_r6", "instagram": "17900", "tiktok": "11:22", "youtube": "Ugx",
    "inbound": "forum-1",
}  # fmt: skip
networks = pytest.mark.parametrize("network", TARGETS)


def reply(network: NetworkName, text: str = "Спасибо!", number: int = 1) -> OutboundReply:
    return OutboundReply(
        id=f"rpl_{number}", target=TARGETS[network], kind="comment", text=text, created_at=datetime.now(UTC)
    )


async def publish(devnet: DevNet, network: NetworkName, number: int = 1) -> Published:
    one = reply(network, number=number)
    return await devnet.networks[network].publish(devnet.gateway.connections[network], one, devnet.client)


@networks
async def test_throttling_passes(devnet: DevNet, network: NetworkName) -> None:
    await devnet.faults({"network": network, "kind": "429", "times": 1, "seconds": 2})
    with pytest.raises(PublishRetry) as caught:
        await publish(devnet, network)
    assert caught.value.after > 0
    assert await devnet.replies(network) == []
    await publish(devnet, network)
    assert await devnet.replies(network) == ["Спасибо!"]


@networks
async def test_an_answer_that_stays_away_leaves_one_reply(network: NetworkName) -> None:
    """Scenario 20: repeated where the network dedupes, read back where it can be, else uncertain."""
    async with running_devnet(total_timeout=0.5) as devnet:
        await devnet.faults({"network": network, "kind": "timeout_after", "times": 1})
        adapter, connection = devnet.networks[network], devnet.gateway.connections[network]
        one = reply(network)
        if adapter.repeatable:
            with pytest.raises(PublishRetry):
                await adapter.publish(connection, one, devnet.client)
            await adapter.publish(connection, one, devnet.client)
        else:
            with pytest.raises(PublishUncertain):
                await adapter.publish(connection, one, devnet.client)
            if network != "telegram":
                assert await adapter.read_back(connection, one, devnet.client) is not None
        assert await devnet.replies(network) == ["Спасибо!"]


@networks
async def test_an_answer_that_stays_away_before_the_work_leaves_none(network: NetworkName) -> None:
    async with running_devnet(total_timeout=0.5) as devnet:
        await devnet.faults({"network": network, "kind": "timeout_before", "times": 1})
        with pytest.raises((PublishRetry, PublishUncertain)):
            await publish(devnet, network)
        assert await devnet.replies(network) == []
        adapter, connection = devnet.networks[network], devnet.gateway.connections[network]
        if network in ("instagram", "tiktok", "youtube"):
            assert await adapter.read_back(connection, reply(network), devnet.client) is None


@networks
async def test_5xx_says_nothing_about_what_was_done(devnet: DevNet, network: NetworkName) -> None:
    await devnet.faults({"network": network, "kind": "5xx_after", "times": 1})
    with pytest.raises((PublishRetry, PublishUncertain)):
        await publish(devnet, network)
    assert await devnet.replies(network) == ["Спасибо!"]
    await devnet.faults({"network": network, "kind": "5xx", "times": 1})
    with pytest.raises((PublishRetry, PublishUncertain)):
        await publish(devnet, network, number=2)
    assert await devnet.replies(network) == ["Спасибо!"]


async def test_webhooks_are_repeated_until_they_are_taken(devnet: DevNet) -> None:
    devnet.gateway.refuse = 2
    await devnet.say("vk", "привет")
    await devnet.gateway.wait_for(1)
    (delivery,) = (await devnet.call("GET", "/_dev/deliveries")).json()["deliveries"]
    assert delivery["attempts"] >= 2


async def test_a_duplicate_is_the_same_delivery_twice(devnet: DevNet) -> None:
    await devnet.faults({"network": "telegram", "on": "webhooks", "kind": "duplicate"})
    await devnet.say("telegram", "дважды")
    first, second = await devnet.gateway.wait_for(2)
    assert first.delivery_id == second.delivery_id
    assert first.body == second.body


async def test_reordered_webhooks_all_arrive(devnet: DevNet) -> None:
    await devnet.faults({"network": "tiktok", "on": "webhooks", "kind": "reorder", "times": 1, "seconds": 0.5})
    for text in ("one", "two", "three"):
        await devnet.say("tiktok", text)
    heard = await devnet.gateway.wait_for(3)
    mentions = [one.parsed[0] for one in heard]
    assert [m.text for m in mentions if isinstance(m, NeutralMention)] == ["two", "three", "one"]


async def test_telegram_limits_a_group_to_twenty_a_minute(devnet: DevNet) -> None:
    for number in range(20):
        await publish(devnet, "telegram", number)
    with pytest.raises(PublishRetry) as caught:
        await publish(devnet, "telegram", 21)
    assert 30 < caught.value.after <= 60
    assert len(await devnet.replies("telegram")) == 20


async def test_youtube_has_a_daily_quota(devnet: DevNet) -> None:
    connection = devnet.gateway.connections["youtube"]
    small = {**connection.model_dump(exclude={"brand_id"}), "settings": {**connection.settings, "quota": "51"}}
    await devnet.call("PUT", "/_dev/connections", small)
    await publish(devnet, "youtube")
    with pytest.raises(PublishRetry) as caught:
        await publish(devnet, "youtube", 2)
    assert caught.value.after > 0


def test_faults_count_down_and_keep_to_their_path_and_chance() -> None:
    store = Store(":memory:")
    mischief = Mischief(store, chance=lambda: 0.5)
    store.put_faults(
        [
            Fault(network="vk", kind="429", times=1, path="/wall."),
            Fault(network="*", kind="delay", probability=0.5),
            Fault(network="*", on="webhooks", kind="duplicate"),
        ]
    )
    assert mischief.strikes("calls", "vk", "/vk/method/messages.send") is None
    struck = mischief.strikes("calls", "vk", "/vk/method/wall.createComment")
    assert struck is not None
    assert struck.kind == "429"
    assert mischief.strikes("calls", "vk", "/vk/method/wall.createComment") is None
    webhook = mischief.strikes("webhooks", "tiktok")
    assert webhook is not None
    assert webhook.kind == "duplicate"


def test_a_window_gives_room_again_when_time_has_passed() -> None:
    now = [0.0]
    window = Window(clock=lambda: now[0])
    assert [window.wait("k", 2, 60) for _ in range(3)] == [0, 0, 60]
    assert window.wait("other", 2, 60) == 0
    now[0] = 45
    assert window.wait("k", 2, 60) == 15
    now[0] = 60
    assert window.wait("k", 2, 60) == 0

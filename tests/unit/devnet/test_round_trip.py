"""The dev network and the adapters, against each other: said, heard, answered, seen."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from shared.contracts.gateway import NetworkName
from shared.contracts.ugc import MentionKind, NeutralMention
from shared.networks.base import Deleted, OutboundReply, PublishRefused
from tests.unit.devnet.support import DevNet, register, running_devnet

RU = "Обожаю ваш #кофе @northwind ☕🎉"
PUSHED: list[tuple[NetworkName, MentionKind]] = [
    ("telegram", "post"), ("telegram", "message"), ("vk", "comment"), ("vk", "post"), ("vk", "message"),
    ("instagram", "comment"), ("instagram", "story"), ("instagram", "message"), ("tiktok", "comment"),
    ("inbound", "post"), ("inbound", "review"),
]  # fmt: skip


def to(mention: NeutralMention, text: str = "Спасибо, Анна!", reply_id: str = "rpl_1") -> OutboundReply:
    return OutboundReply(
        id=reply_id, target=mention.external_id, kind=mention.kind, text=text, created_at=datetime.now(UTC)
    )


async def heard(devnet: DevNet, count: int = 1) -> NeutralMention:
    one = (await devnet.gateway.wait_for(count))[-1].parsed[0]
    assert isinstance(one, NeutralMention)
    return one


@pytest.mark.parametrize(("network", "kind"), PUSHED)
async def test_what_a_person_says_is_heard_and_answered(
    devnet: DevNet, network: NetworkName, kind: MentionKind
) -> None:
    post = await devnet.say(network, RU, kind=kind, author={"handle": "anna", "name": "Анна К"})
    mention = await heard(devnet)
    assert (mention.external_id, mention.kind, mention.text) == (post["id"], kind, RU)
    assert mention.author.id == post["author"]["id"]  # type: ignore[index]
    adapter, connection = devnet.networks[network], devnet.gateway.connections[network]
    published = await adapter.publish(connection, to(mention), devnet.client)
    assert published.external_id
    assert await devnet.replies(network) == ["Спасибо, Анна!"]


async def test_youtube_is_polled(devnet: DevNet) -> None:
    post = await devnet.say("youtube", RU)
    adapter, connection = devnet.networks["youtube"], devnet.gateway.connections["youtube"]
    (mention,) = (await adapter.poll(connection, None, devnet.client)).mentions
    assert (mention.external_id, mention.text, mention.author.handle) == (post["id"], RU, "anna")
    await adapter.publish(connection, to(mention), devnet.client)
    assert await devnet.replies("youtube") == ["Спасибо, Анна!"]
    poll = await adapter.poll(connection, None, devnet.client)
    assert [one.external_id for one in poll.mentions] == [post["id"]]


@pytest.mark.parametrize("form", [{"kind": "post"}, {"kind": "comment", "mention": True}])
async def test_instagram_mentions_are_named_then_fetched(devnet: DevNet, form: dict[str, Any]) -> None:
    await devnet.say("instagram", RU, **form)
    named = await heard(devnet)
    adapter, connection = devnet.networks["instagram"], devnet.gateway.connections["instagram"]
    assert named.text == ""
    assert adapter.needs_fetch(named)
    full = await adapter.fetch(connection, named, devnet.client)
    assert (full.text, full.author.handle) == (RU, "anna")
    await adapter.publish(connection, to(full), devnet.client)
    assert await devnet.replies("instagram") == ["Спасибо, Анна!"]


@pytest.mark.parametrize("network", ["telegram", "vk", "instagram", "tiktok", "inbound"])
async def test_conversations_keep_their_thread(devnet: DevNet, network: NetworkName) -> None:
    first = await devnet.say(network, "Какой помол для турки?", kind="comment")
    await heard(devnet)
    await devnet.say(network, "Тоже интересно", reply_to=first["id"], author="boris")
    second = await heard(devnet, 2)
    assert second.parent_external_id == first["id"]
    await devnet.networks[network].publish(devnet.gateway.connections[network], to(second), devnet.client)
    (thread,) = (await devnet.call("GET", f"/_dev/threads?network={network}")).json()["threads"]
    assert [post["by_brand"] for post in thread["replies"]] == [False, True]


async def test_edits_and_deletions_arrive_where_the_network_tells_of_them(devnet: DevNet) -> None:
    post = await devnet.say("vk", "Вкусно", kind="comment")
    await heard(devnet)
    await devnet.call("POST", "/_dev/edit", {"connection": "con_vk", "id": post["id"], "text": "Очень вкусно"})
    assert (await heard(devnet, 2)).text == "Очень вкусно"
    await devnet.call("POST", "/_dev/delete", {"connection": "con_vk", "id": post["id"]})
    assert (await devnet.gateway.wait_for(3))[2].parsed == [Deleted(external_id=str(post["id"]))]
    mention = NeutralMention(external_id=str(post["id"]), kind="comment", posted_at=datetime.now(UTC))
    with pytest.raises(PublishRefused) as caught:
        await devnet.networks["vk"].publish(devnet.gateway.connections["vk"], to(mention), devnet.client)
    assert caught.value.permanent


async def test_things_said_elsewhere_can_be_answered_unless_the_connection_is_strict(devnet: DevNet) -> None:
    targets: dict[NetworkName, str] = {
        "telegram": "-1001:7", "vk": "wall-2001_5_r6", "instagram": "17900", "tiktok": "11:22", "youtube": "Ugx",
        "inbound": "forum-1",
    }  # fmt: skip
    for network, target in targets.items():
        mention = NeutralMention(external_id=target, kind="comment", posted_at=datetime.now(UTC))
        await devnet.networks[network].publish(devnet.gateway.connections[network], to(mention), devnet.client)
        assert await devnet.replies(network) == ["Спасибо, Анна!"]
    await register(devnet, strict=True)
    for network, target in targets.items():
        unknown = NeutralMention(external_id=target[:-1] + "9", kind="comment", posted_at=datetime.now(UTC))
        reply = to(unknown, reply_id="rpl_2")
        with pytest.raises(PublishRefused):
            await devnet.networks[network].publish(devnet.gateway.connections[network], reply, devnet.client)


async def test_wrong_tokens_are_refused_without_blaming_the_text(devnet: DevNet) -> None:
    targets: dict[NetworkName, str] = {
        "telegram": "-1001:7", "vk": "wall-2001_5_r6", "instagram": "17900", "tiktok": "11:22", "youtube": "Ugx"
    }  # fmt: skip
    for network, target in targets.items():
        name = "bot_token" if network == "telegram" else "access_token"
        right = devnet.gateway.connections[network]
        wrong = right.model_copy(update={"secrets": {**right.secrets, name: "1:wrong"}})
        mention = NeutralMention(external_id=target, kind="comment", posted_at=datetime.now(UTC))
        with pytest.raises(PublishRefused) as caught:
            await devnet.networks[network].publish(wrong, to(mention), devnet.client)
        assert not caught.value.permanent, network
    for network in targets:
        assert await devnet.replies(network) == []


async def test_texts_that_are_too_long_are_refused_for_good(devnet: DevNet) -> None:
    cases: list[tuple[NetworkName, str, int]] = [
        ("telegram", "-1001:7", 4097),
        ("instagram", "17900", 2201),
        ("tiktok", "11:22", 151),
        ("youtube", "Ugx", 10_001),
    ]
    for network, target, length in cases:
        mention = NeutralMention(external_id=target, kind="comment", posted_at=datetime.now(UTC))
        reply = to(mention, "a" * length)
        with pytest.raises(PublishRefused) as caught:
            await devnet.networks[network].publish(devnet.gateway.connections[network], reply, devnet.client)
        assert caught.value.permanent


async def test_handshakes_of_vk_and_meta(devnet: DevNet) -> None:
    for name in ("vk", "instagram", "telegram"):
        said = (await devnet.call("POST", f"/_dev/connections/con_{name}/handshake")).json()
        assert said["ok"], said


async def test_everything_survives_a_restart(tmp_path: Path) -> None:
    path = str(tmp_path / "devnet.sqlite3")
    async with running_devnet(path) as first:
        first.gateway.refuse = 1000
        await first.say("telegram", RU)
        await first.faults({"network": "vk", "kind": "429"})
    async with running_devnet(path) as second:
        assert (await heard(second)).text == RU
        assert (await second.call("GET", "/_dev/faults")).json()["faults"][0]["kind"] == "429"
        threads = (await second.call("GET", "/_dev/threads")).json()["threads"]
        assert [thread["post"]["text"] for thread in threads] == [RU]


async def test_the_page_and_the_errors_of_its_calls(devnet: DevNet) -> None:
    assert (await devnet.call("GET", "/healthz")).json() == {"status": "ok"}
    page = await devnet.call("GET", "/?lang=ru")
    assert page.status == 200
    assert "Учебная соцсеть" in page.body.decode()
    wrong = {"network": "tiktok", "text": "x", "kind": "story"}
    assert (await devnet.call("POST", "/_dev/post", wrong)).status == 409
    assert (await devnet.call("POST", "/_dev/post", {"network": "vk", "text": "x", "odd": 1})).status == 422
    assert (await devnet.call("POST", "/_dev/post", {"network": "vk", "text": "x", "reply_to": "no"})).status == 409
    assert (await devnet.call("PUT", "/_dev/connections", {"id": "", "network": "vk"})).status == 422
    assert b"AAToken" not in (await devnet.call("GET", "/_dev/connections")).body
    assert b"AAToken" not in (await devnet.call("GET", "/_dev/calls")).body

"""A reply is posted at most once: time-outs after posting, refusals, crashes in the middle of the call."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from services.ugc.replies import effects
from services.ugc.replies.pace import Paces
from services.ugc.views import ReplyView
from shared.contracts.ugc import ApproveReply, ForgetMention, RejectReply
from shared.errors import Reply
from shared.settings import Settings
from tests.integration.ugc_running import BRAND, FakeNetwork, Ugc, fake_network, running, until, update, wall_reply
from tests.settings import settings_for

PRAISE = "Обожаю вашу эфиопию! Аромат нереальный"


@pytest.fixture
def settings(mongo_uri: str, kafka: str, kafka_kind: str, topic_prefix: str, database_prefix: str) -> Settings:
    return settings_for(mongo_uri, kafka, topic_prefix, database_prefix, kafka_embedded=kafka_kind == "embedded")


@pytest.fixture
async def network() -> AsyncIterator[FakeNetwork]:
    async with fake_network() as fake:
        yield fake


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(effects, "_SETTLE", 0.05)
    monkeypatch.setattr(effects, "paces", Paces())


async def approve(ugc: Ugc, draft: ReplyView) -> Reply:
    return await ugc.command(ApproveReply(brand_id=BRAND, mention_id=draft.mention_id, reply_id=draft.id))


async def test_s20_a_time_out_after_posting_parks_the_reply_where_the_network_cannot_be_asked(
    settings: Settings, network: FakeNetwork
) -> None:
    network.mode = ["broken"]
    async with running(settings, network) as ugc:
        await ugc.hear("telegram", update(PRAISE))
        draft = await ugc.reply("proposed")
        await approve(ugc, draft)
        parked = await ugc.reply("uncertain")
        assert len(network.posts) == 1
        assert "can't be asked" in (parked.reason or "")
        # A person looked: it is not there. Only now it is posted again, because they say so.
        assert (await approve(ugc, parked)).status == 200
        await ugc.reply("sent")
        assert len(network.posts) == 2


async def test_s20_where_the_network_knows_our_key_the_call_is_repeated_and_posts_once(
    settings: Settings, network: FakeNetwork
) -> None:
    network.mode = ["broken"]
    async with running(settings, network) as ugc:
        await ugc.hear("vk", wall_reply(PRAISE))
        draft = await ugc.reply("proposed")
        await approve(ugc, draft)
        sent = await ugc.reply("sent")
        assert [post["message"] for post in network.posts] == [draft.text]
        assert sent.external_id == "wall-2001_45_r500"


async def test_a_crash_in_the_middle_of_the_call_never_posts_twice(settings: Settings, network: FakeNetwork) -> None:
    network.mode = ["silent"]
    async with running(settings, network) as ugc:
        await ugc.hear("telegram", update(PRAISE))
        await approve(ugc, await ugc.reply("proposed"))
        await until(lambda: _posted(network), "the network has the reply and does not answer")
        ugc.runtime.runner.stop = _die(ugc)  # type: ignore[union-attr, method-assign]
    async with running(settings, network, prepared=False) as again:
        await again.runtime.database["effects"].update_many(
            {"state": "running"}, {"$set": {"lease": datetime.now(UTC) - timedelta(seconds=1)}}
        )
        parked = await again.reply("uncertain")
        assert len(network.posts) == 1
        assert parked.status == "uncertain"
        left = await again.command(
            RejectReply(brand_id=BRAND, mention_id=parked.mention_id, reply_id=parked.id, reason="it is there")
        )
        assert left.body["status"] == "rejected"


def _die(ugc: Ugc):  # type: ignore[no-untyped-def]
    """Stop the runner as a killed process would: its tasks vanish without a trace."""
    runner = ugc.runtime.runner
    assert runner

    async def stop() -> None:
        for task in (*runner._loops, *runner._tasks):
            task.cancel()
        await asyncio.gather(*runner._loops, *runner._tasks, return_exceptions=True)

    return stop


async def _posted(network: FakeNetwork) -> bool:
    return len(network.posts) == 1


async def test_a_flood_wait_is_kept_and_the_reply_leaves_later(settings: Settings, network: FakeNetwork) -> None:
    network.mode = ["flood"]
    async with running(settings, network) as ugc:
        await ugc.hear("telegram", update(PRAISE))
        await approve(ugc, await ugc.reply("proposed"))
        lane = await _lane(ugc)
        assert lane["until"] > datetime.now(UTC) - timedelta(seconds=1)
        await ugc.reply("sent")
        assert len(network.posts) == 1


async def _lane(ugc: Ugc) -> dict[str, datetime]:
    async def held() -> bool:
        return await ugc.db.count("lanes", {"_id": "connection:con_tg"}) == 1

    await until(held, "the connection's lane is held")
    found = await ugc.db.find_one("lanes", {"_id": "connection:con_tg"})
    assert found
    return found


async def test_s20_a_mention_taken_back_before_the_reply_leaves_is_not_answered(
    settings: Settings, network: FakeNetwork
) -> None:
    network.mode = ["flood"]
    async with running(settings, network) as ugc:
        await ugc.hear("vk", wall_reply(PRAISE))
        await ugc.hear("telegram", update(PRAISE))
        await until(lambda: _drafts(ugc), "two drafts")
        draft = next(reply for reply in await ugc.replies() if reply.network == "telegram")
        await approve(ugc, draft)
        await _lane(ugc)
        await ugc.publish(
            ForgetMention(
                brand_id=BRAND,
                mention_id=draft.mention_id,
                connection_id="con_tg",
                network="telegram",
                external_id="-100200:45",
            )
        )
        await until(lambda: _failed(ugc, draft.id), "the reply has been stopped")
        assert network.posts == []


async def _drafts(ugc: Ugc) -> bool:
    return len(await ugc.replies()) == 2


async def _failed(ugc: Ugc, id: str) -> bool:
    found = next(reply for reply in await ugc.replies() if reply.id == id)
    return (found.status, found.reason) == ("failed", "the mention was deleted before the reply left")

"""From a delivery on `ingress.social` to a published reply, through real Kafka and MongoDB."""

from collections.abc import AsyncIterator

import pytest

from services.ugc.replies.moves import default_voice
from shared.contracts.ambassadors import AmbassadorChanged, AmbassadorProfile, NetworkAccount
from shared.contracts.ugc import (
    ApproveReply,
    EditReply,
    ModerateMention,
    RegenerateReply,
    RejectReply,
    ReplyPolicy,
    RequestRights,
    SetVoice,
    Voice,
)
from shared.settings import Settings
from tests.integration.ugc_running import BRAND, COMMENT, Ugc, fake_network, running, until, update, wall_reply
from tests.settings import settings_for

PRAISE = "Обожаю вашу эфиопию! Аромат нереальный #утроскофе"


@pytest.fixture
def settings(mongo_uri: str, kafka: str, kafka_kind: str, topic_prefix: str, database_prefix: str) -> Settings:
    return settings_for(mongo_uri, kafka, topic_prefix, database_prefix, kafka_embedded=kafka_kind == "embedded")


@pytest.fixture
async def ugc(settings: Settings) -> AsyncIterator[Ugc]:
    async with fake_network() as network, running(settings, network) as started:
        yield started


async def test_a_post_becomes_an_understood_mention_and_an_approved_reply_is_published(ugc: Ugc) -> None:
    await ugc.hear("telegram", update(PRAISE))
    draft = await ugc.reply("proposed")
    mention = await ugc.mention("-100200:45")
    assert mention
    assert (mention.language, mention.intent, mention.status, mention.products) == (
        "ru",
        "praise",
        "approved",
        ["8001"],
    )
    assert mention.sentiment.score > 0.5
    assert (mention.hashtags, mention.reply_id) == (["утроскофе"], draft.id)
    assert (draft.language, draft.generator, draft.guardrails) == ("ru", "composer", [])
    approved = await ugc.command(ApproveReply(brand_id=BRAND, mention_id=mention.id, reply_id=draft.id))
    assert (approved.status, approved.body["status"]) == (200, "approved")
    sent = await ugc.reply("sent")
    assert [post["text"] for post in ugc.network.posts] == [draft.text]
    assert ugc.network.posts[0]["reply_parameters"]["message_id"] == 45
    assert [line.change for line in sent.history] == ["propose", "approve", "send", "sent"]
    assert sent.external_id == "-100200:901"


async def test_one_post_is_one_mention_however_often_it_is_delivered(ugc: Ugc) -> None:
    for _ in range(20):
        await ugc.hear("telegram", update(PRAISE), dedupe="telegram/450")
    for _ in range(5):
        await ugc.hear("telegram", update(PRAISE))
    await ugc.hear("telegram", update("Great coffee, thanks!", 46))
    await until(lambda: _count(ugc, 2), "two drafts")
    assert await ugc.db.count("mentions", {}) == 2
    assert len(await ugc.replies()) == 2


async def _count(ugc: Ugc, replies: int) -> bool:
    return len(await ugc.replies()) >= replies


async def test_an_edit_is_read_again_and_drafted_anew_and_a_deletion_leaves_no_words(ugc: Ugc) -> None:
    await ugc.hear("vk", wall_reply(PRAISE))
    first = await ugc.reply("proposed")
    await ugc.hear("vk", wall_reply("Обожаю вашу колумбию уилу, спасибо!", "edit"))
    await until(lambda: _count(ugc, 2), "a second draft")
    old, new = await ugc.replies()
    assert (old.id, old.status, old.reason) == (first.id, "superseded", "the mention was edited")
    mention = await ugc.mention(COMMENT, "vk")
    assert mention
    assert (mention.products, mention.reply_id, new.status) == (["8002"], new.id, "proposed")
    await ugc.hear("vk", wall_reply(PRAISE))  # the older version again: nothing new
    await ugc.hear("vk", wall_reply("", "delete"))
    assert (await ugc.reply("superseded")).id == new.id
    mention = await ugc.mention(COMMENT, "vk")
    assert mention
    assert (mention.text, mention.deleted, mention.products, mention.hashtags) == ("", True, [], [])
    refused = await ugc.command(ApproveReply(brand_id=BRAND, mention_id=mention.id, reply_id=new.id))
    assert (refused.status, ugc.network.posts) == (409, [])


async def test_spam_gets_no_answer_and_a_complaint_waits_for_a_person(ugc: Ugc) -> None:
    await ugc.command(SetVoice(brand_id=BRAND, voice=_sending_by_itself()))
    await ugc.hear("telegram", update("ЗАРАБОТОК без вложений! Пиши в лс t.me/+abc", 1))
    await ugc.hear("telegram", update("Заказ опоздал на три часа, верните деньги", 2))
    draft = await ugc.reply("proposed")
    spam, complaint = await ugc.mention("-100200:1"), await ugc.mention("-100200:2")
    assert spam
    assert complaint
    assert (spam.status, spam.rejection, spam.reply_id, spam.no_reply) == ("rejected", "SPAM", None, "mention_rejected")
    assert (complaint.status, complaint.intent) == ("new", "complaint")
    assert (draft.mention_id, draft.move, draft.needs_person) == (complaint.id, "apologise", True)
    hidden = await ugc.command(ModerateMention(brand_id=BRAND, mention_id=complaint.id, action="hide"))
    assert hidden.body["status"] == "hidden"
    assert (await ugc.reply("superseded")).id == draft.id
    assert ugc.network.posts == []


def _sending_by_itself() -> Voice:
    return default_voice().model_copy(update={"policy": ReplyPolicy(auto_send=True)})


async def test_the_policy_sends_praise_by_itself(ugc: Ugc) -> None:
    await ugc.command(SetVoice(brand_id=BRAND, voice=_sending_by_itself()))
    await ugc.hear("telegram", update(PRAISE))
    sent = await ugc.reply("sent")
    assert sent.automatic
    assert sent.history[1].actor == "policy:auto_send"
    assert len(ugc.network.posts) == 1


async def test_people_edit_regenerate_and_reject(ugc: Ugc) -> None:
    await ugc.hear("telegram", update(PRAISE))
    draft = await ugc.reply("proposed")
    about = {"brand_id": BRAND, "mention_id": draft.mention_id}
    bad = await ugc.command(EditReply(**about, reply_id=draft.id, text="Скидка 50% по ссылке https://evil.example/x"))
    assert (bad.status, bad.body["type"]) == (422, "/problems/reply-fails-guardrails")
    assert {error["detail"].split(":")[0] for error in bad.body["errors"]} == {"LINK", "DISCOUNT"}
    good = await ugc.command(EditReply(**about, reply_id=draft.id, text="Анна, спасибо! Эфиопия и правда хороша."))
    assert (good.status, good.body["history"][-1]["text"]) == (200, "Анна, спасибо! Эфиопия и правда хороша.")
    again = await ugc.command(RegenerateReply(**about, reply_id=draft.id))
    assert (again.status, again.body["status"]) == (202, "superseded")
    fresh = await ugc.reply("proposed")
    assert fresh.id == again.body["superseded_by"]
    assert fresh.text != draft.text
    rejected = await ugc.command(RejectReply(**about, reply_id=fresh.id, reason="not now"))
    assert (rejected.body["status"], rejected.body["reason"]) == ("rejected", "not now")
    late = await ugc.command(ApproveReply(**about, reply_id=fresh.id))
    assert (late.status, ugc.network.posts) == (409, [])
    nobody = await ugc.command(ApproveReply(brand_id="brd_other", mention_id=draft.mention_id, reply_id=draft.id))
    assert nobody.status == 404


async def test_an_ambassador_is_recognised_and_the_reason_kept(ugc: Ugc) -> None:
    profile = AmbassadorProfile(
        name="Anna", customer_id="7001", accounts=[NetworkAccount(network="telegram", account_id="42", verified=True)]
    )
    await ugc.publish(
        AmbassadorChanged(
            brand_id=BRAND,
            ambassador_id="amb_1",
            program_id="prg_1",
            status="active",
            code="ANNA",
            tier=None,
            profile=profile,
            change="approve",
        )
    )
    await until(lambda: _knows_people(ugc), "the ambassador is known")
    await ugc.hear("telegram", update(PRAISE))
    await ugc.reply("proposed")
    mention = await ugc.mention("-100200:45")
    assert mention
    assert (mention.author.person_id, mention.author.customer_id) == ("amb_1", "7001")
    assert mention.author.match_reason == "the telegram id 42 belongs to ambassador Anna (verified)"


async def _knows_people(ugc: Ugc) -> bool:
    return await ugc.db.count("people", {}) == 1


async def test_rights_are_asked_in_the_thread_and_granted_by_the_author_alone(ugc: Ugc) -> None:
    await ugc.hear("telegram", update(PRAISE))
    answer = await ugc.reply("proposed")
    asked = await ugc.command(RequestRights(brand_id=BRAND, mention_id=answer.mention_id))
    assert (asked.status, asked.body["rights"]["status"], asked.body["reply_id"]) == (202, "requested", answer.id)
    await until(lambda: _count(ugc, 2), "the request is drafted")
    request = (await ugc.replies())[1]
    assert (request.purpose, request.move, request.status) == ("rights", "ask_rights", "proposed")
    await ugc.command(ApproveReply(brand_id=BRAND, mention_id=answer.mention_id, reply_id=request.id))
    await ugc.reply("sent")
    await ugc.hear("telegram", update("Да, конечно!", 50, reply_to=45, author=43))
    await until(lambda: _heard(ugc, "-100200:50"), "a stranger's yes is heard")
    assert await _rights(ugc) == "requested"
    await ugc.hear("telegram", update("Да, конечно!", 51, reply_to=45))
    await until(lambda: _granted(ugc), "the author's yes grants")


async def _heard(ugc: Ugc, external_id: str) -> bool:
    return await ugc.mention(external_id) is not None


async def _rights(ugc: Ugc) -> str:
    mention = await ugc.mention("-100200:45")
    assert mention
    return mention.rights.status


async def _granted(ugc: Ugc) -> bool:
    return await _rights(ugc) == "granted"

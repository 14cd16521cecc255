import json
from typing import Any

import pytest

from shared.contracts.ugc import NeutralMention
from shared.http import OutcomeUnknown
from shared.networks.base import (
    Deleted,
    FetchFailed,
    Ignored,
    InboundRequest,
    InvalidPayload,
    Parsed,
    PublishRefused,
    PublishRetry,
    PublishUncertain,
)
from shared.networks.tiktok import TikTok
from shared.security.signatures import SignatureInvalid, sign_tiktok
from tests.unit.networks.support import HEADERS, NOW, answer, connection, dumped, reply, script

NETWORK = TikTok("https://business-api.tiktok.com")
COMMENT = {
    "comment_id": 7225000000000000001,
    "video_id": 7224000000000000001,
    "parent_comment_id": 0,
    "comment_type": "comment",
    "comment_action": "insert",
    "timestamp": 1795341600123,
    "unique_identifier": "uid-1",
    "text": "need this",
}


def parse(content: Any, event: str = "comment.update") -> Parsed:
    text = content if isinstance(content, str) else json.dumps(content)
    body = {"client_key": "k", "event": event, "create_time": 1795341600, "user_openid": "biz-1", "content": text}
    (one,) = NETWORK.parse(dumped(body), HEADERS, connection("tiktok"))
    return one


def test_the_signature_with_its_time() -> None:
    import time

    at = int(time.time())
    header = {"tiktok-signature": sign_tiktok(b"{}", "tt-secret", at)}
    NETWORK.verify(InboundRequest.of("POST", header, body=b"{}"), connection("tiktok"))
    old = {"TikTok-Signature": sign_tiktok(b"{}", "tt-secret", at - 1000)}
    with pytest.raises(SignatureInvalid):
        NETWORK.verify(InboundRequest.of("POST", old, body=b"{}"), connection("tiktok"))


def test_a_comment_keeps_both_ids_a_reply_needs() -> None:
    one = parse(COMMENT)
    assert isinstance(one, NeutralMention)
    assert one.external_id == "7224000000000000001:7225000000000000001"
    assert (one.text, one.author.id) == ("need this", "uid-1")
    assert one.parent_external_id == "video:7224000000000000001"
    assert one.posted_at.timestamp() == pytest.approx(1795341600.123)
    below = parse({**COMMENT, "parent_comment_id": 5, "comment_type": "reply"})
    assert isinstance(below, NeutralMention)
    assert below.parent_external_id == "7224000000000000001:5"


@pytest.mark.parametrize("action", ["delete", "set_to_hidden", "set_to_friends_only"])
def test_what_is_hidden_is_gone(action: str) -> None:
    gone = parse({**COMMENT, "comment_action": action, "text": None} | {"text": ""})
    assert gone == Deleted(external_id="7224000000000000001:7225000000000000001")


def test_a_comment_made_public_again_is_back() -> None:
    assert isinstance(parse({**COMMENT, "comment_action": "set_to_public"}), NeutralMention)


def test_other_events_and_own_comments_are_ignored() -> None:
    assert isinstance(parse({"reason": 1}, "authorization.removed"), Ignored)
    assert isinstance(parse({**COMMENT, "owner": True}), Ignored)


@pytest.mark.parametrize(
    ("content", "pointer"),
    [("no json", "/content"), ("[]", "/content"), ({"video_id": 1}, "/content/comment_id")],
)
def test_wrong_shapes_are_named(content: Any, pointer: str) -> None:
    with pytest.raises(InvalidPayload) as caught:
        parse(content)
    assert caught.value.pointer == pointer


async def test_a_reply_in_the_business_api() -> None:
    client = script(answer(200, {"code": 0, "message": "OK", "request_id": "r", "data": {"comment_id": "777"}}))
    published = await NETWORK.publish(connection("tiktok"), reply("11:22"), client)
    assert published.external_id == "11:777"
    (call,) = client.calls
    assert call.url == "https://business-api.tiktok.com/open_api/v1.3/business/comment/reply/create/"
    assert call.options["headers"] == {"Access-Token": "act.token"}
    expected = {"business_id": "biz-1", "video_id": "11", "comment_id": "22", "text": "Спасибо, Аня!"}
    assert call.options["json"] == expected


@pytest.mark.parametrize(
    ("status", "code", "error"),
    [
        (200, 40100, PublishRetry),
        (429, None, PublishRetry),
        (200, 40105, PublishRefused),
        (200, 40002, PublishRefused),
        (200, 50000, PublishUncertain),
        (503, None, PublishUncertain),
    ],
)
async def test_codes_come_with_status_200(status: int, code: int | None, error: type[Exception]) -> None:
    said = {"code": code, "message": "no", "request_id": "r", "data": {}} if code else None
    with pytest.raises(error) as caught:
        await NETWORK.publish(connection("tiktok"), reply("11:22"), script(answer(status, said)))
    if isinstance(caught.value, PublishRefused):
        assert caught.value.permanent is (code == 40002)


async def test_an_unknown_outcome_is_read_back_never_repeated() -> None:
    assert not NETWORK.repeatable
    with pytest.raises(PublishUncertain):
        await NETWORK.publish(connection("tiktok"), reply("11:22"), script(OutcomeUnknown("x")))
    ours = {"comment_id": "777", "text": "Спасибо, Аня!", "owner": True, "create_time": int(NOW.timestamp()) + 2}
    old, theirs = {**ours, "create_time": 1}, {**ours, "owner": False}

    def listing(*comments: Any) -> Any:
        return script(answer(200, {"code": 0, "message": "OK", "data": {"comments": list(comments)}}))

    assert await NETWORK.read_back(connection("tiktok"), reply("11:22"), listing(old, theirs)) is None
    assert await NETWORK.read_back(connection("tiktok"), reply("11:22"), listing(theirs, ours)) == "11:777"


async def test_a_comment_without_text_is_fetched() -> None:
    named = parse({name: COMMENT[name] for name in ("comment_id", "video_id")})
    assert isinstance(named, NeutralMention)
    assert NETWORK.needs_fetch(named)
    row = {"comment_id": str(COMMENT["comment_id"]), "text": "need this", "username": "ann", "user_id": "u1"}
    client = script(answer(200, {"code": 0, "data": {"comments": [row]}}))
    full = await NETWORK.fetch(connection("tiktok"), named, client)
    assert (full.text, full.author.handle, full.author.id) == ("need this", "ann", "u1")
    with pytest.raises(FetchFailed) as caught:
        await NETWORK.fetch(connection("tiktok"), named, script(answer(200, {"code": 0, "data": {"comments": []}})))
    assert caught.value.permanent

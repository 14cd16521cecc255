from datetime import timedelta
from typing import Any

import pytest

from shared.contracts.ugc import NeutralMention
from shared.http import NotSent, OutcomeUnknown
from shared.networks.base import (
    Deleted,
    FetchFailed,
    HandshakeResponse,
    Ignored,
    InboundRequest,
    InvalidPayload,
    Parsed,
    PublishRefused,
    PublishRetry,
    PublishUncertain,
    ReadBackUnsupported,
)
from shared.networks.instagram import Instagram
from shared.security.signatures import SignatureInvalid, SignatureMissing, sign_instagram
from tests.unit.networks.support import HEADERS, NOW, answer, connection, dumped, reply, script

NETWORK = Instagram("https://graph.facebook.com")
OWN = "17841400000000001"
COMMENT = {"id": "179001", "text": "Love it", "from": {"id": "88", "username": "ann"}, "media": {"id": "178001"}}


def parse(*entries: dict[str, Any]) -> list[Parsed]:
    body = dumped({"object": "instagram", "entry": list(entries)})
    return NETWORK.parse(body, HEADERS, connection("instagram"))


def change(field: str, value: dict[str, Any]) -> dict[str, Any]:
    return {"id": OWN, "time": 1795341600, "changes": [{"field": field, "value": value}]}


def test_the_signature_over_the_raw_bytes() -> None:
    body = b'{"object":"instagram","entry":[]}'
    signed = {"X-Hub-Signature-256": sign_instagram(body, "app-secret")}
    assert NETWORK.verify(InboundRequest.of("POST", signed, body=body), connection("instagram")) is None
    with pytest.raises(SignatureInvalid):
        NETWORK.verify(InboundRequest.of("POST", signed, body=body + b" "), connection("instagram"))
    with pytest.raises(SignatureMissing):
        NETWORK.verify(InboundRequest.of("POST", body=body), connection("instagram"))


def test_the_handshake_echoes_the_challenge() -> None:
    query = {"hub.mode": "subscribe", "hub.verify_token": "verify-me", "hub.challenge": "1158201444"}
    handshake = NETWORK.verify(InboundRequest.of("GET", query=query), connection("instagram"))
    assert handshake == HandshakeResponse(body="1158201444")
    with pytest.raises(SignatureInvalid):
        NETWORK.verify(InboundRequest.of("GET", query={**query, "hub.verify_token": "no"}), connection("instagram"))
    doubled = [*query.items(), ("hub.verify_token", "verify-me")]
    with pytest.raises(SignatureInvalid):
        NETWORK.verify(InboundRequest.of("GET", query=doubled), connection("instagram"))
    with pytest.raises(SignatureMissing):
        NETWORK.verify(InboundRequest.of("GET"), connection("instagram"))


def test_comments_in_a_batch_keep_their_order() -> None:
    reply_to = {**COMMENT, "id": "179002", "parent_id": "179001"}
    first, second, live = parse(
        change("comments", COMMENT), change("comments", reply_to), change("live_comments", COMMENT)
    )
    assert isinstance(first, NeutralMention)
    assert (first.external_id, first.kind, first.text) == ("179001", "comment", "Love it")
    assert (first.author.id, first.author.handle) == ("88", "ann")
    assert first.parent_external_id == "media:178001"
    assert isinstance(second, NeutralMention)
    assert second.parent_external_id == "179001"
    assert isinstance(live, NeutralMention)


def test_the_shape_for_apps_with_instagram_login() -> None:
    (one,) = parse({"id": OWN, "time": 1795341600, "field": "comments", "value": COMMENT})
    assert isinstance(one, NeutralMention)


def test_mentions_have_only_ids_and_need_a_fetch() -> None:
    caption, comment = parse(
        change("mentions", {"media_id": "178009"}),
        change("mentions", {"media_id": "178009", "comment_id": "179009"}),
    )
    assert isinstance(caption, NeutralMention)
    assert isinstance(comment, NeutralMention)
    assert (caption.external_id, caption.kind) == ("mention:178009", "post")
    assert (comment.external_id, comment.kind) == ("mention:178009:179009", "comment")
    assert NETWORK.needs_fetch(caption)
    assert not NETWORK.needs_fetch(caption.model_copy(update={"text": "hi"}))


def test_messages_and_story_mentions() -> None:
    def event(**message: Any) -> dict[str, Any]:
        sent = {"sender": {"id": "88"}, "recipient": {"id": OWN}, "timestamp": 1795341600123}
        return {"id": OWN, "time": 1795341600500, "messaging": [{**sent, "message": {"mid": "m1", **message}}]}

    story = {"type": "story_mention", "payload": {"url": "https://cdn.example/story.jpg"}}
    said, mentioned, echo, gone = parse(
        event(text="Привет"), event(attachments=[story]), event(text="x", is_echo=True), event(is_deleted=True)
    )
    assert isinstance(said, NeutralMention)
    assert (said.kind, said.external_id) == ("message", "dm:88:m1")
    assert said.posted_at.timestamp() == pytest.approx(1795341600.123)
    assert isinstance(mentioned, NeutralMention)
    assert (mentioned.kind, mentioned.media[0].url) == ("story", "https://cdn.example/story.jpg")
    assert isinstance(echo, Ignored)
    assert gone == Deleted(external_id="dm:88:m1")
    seen = {"id": OWN, "time": 1, "messaging": [{"sender": {"id": "88"}, "timestamp": 1, "read": {"mid": "m1"}}]}
    assert isinstance(parse(seen)[0], Ignored)


def test_own_comments_other_accounts_and_other_fields_are_ignored() -> None:
    own = {**COMMENT, "from": {"id": OWN}}
    other = {**change("comments", COMMENT), "id": "999"}
    parsed = parse(change("comments", own), other, change("story_insights", {"media_id": "1"}))
    assert all(isinstance(one, Ignored) for one in parsed)
    assert len(parsed) == 3


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        (b"{}", "/object"),
        (b'{"object": "page", "entry": []}', "/object"),
        (b'{"object": "instagram", "entry": 1}', "/entry"),
        (dumped({"object": "instagram", "entry": [{"id": OWN, "time": "x"}]}), "/entry/0/time"),
        (dumped({"object": "instagram", "entry": [change("comments", {"text": "x"})]}), "/entry/0/changes/0/value/id"),
    ],
)
def test_wrong_shapes_are_named(body: bytes, pointer: str) -> None:
    with pytest.raises(InvalidPayload) as caught:
        NETWORK.parse(body, HEADERS, connection("instagram"))
    assert caught.value.pointer == pointer


@pytest.mark.parametrize(
    ("target", "path", "fields"),
    [
        ("179001", "179001/replies", {"message": "Спасибо, Аня!"}),
        ("mention:178009", f"{OWN}/mentions", {"media_id": "178009", "message": "Спасибо, Аня!"}),
        (
            "mention:178009:179009",
            f"{OWN}/mentions",
            {"media_id": "178009", "comment_id": "179009", "message": "Спасибо, Аня!"},
        ),
        ("dm:88:m1", f"{OWN}/messages", {"recipient": {"id": "88"}, "message": {"text": "Спасибо, Аня!"}}),
    ],
)
async def test_each_kind_is_answered_where_it_was_said(target: str, path: str, fields: dict[str, Any]) -> None:
    client = script(answer(200, {"id": "179555"}))
    published = await NETWORK.publish(connection("instagram"), reply(target), client)
    assert published.external_id == "179555"
    (call,) = client.calls
    assert call.url == f"https://graph.facebook.com/v24.0/{path}"
    assert call.options["json"] == fields
    assert call.options["headers"] == {"Authorization": "Bearer IGtoken"}


def graph_error(code: int, **fields: Any) -> dict[str, Any]:
    return {"error": {"message": "no", "type": "OAuthException", "code": code, "fbtrace_id": "A", **fields}}


@pytest.mark.parametrize(
    ("status", "said", "error"),
    [
        (400, graph_error(4), PublishRetry),
        (429, None, PublishRetry),
        (400, graph_error(2, is_transient=True), PublishUncertain),
        (500, graph_error(1), PublishUncertain),
        (400, graph_error(190), PublishRefused),
        (400, graph_error(100, error_subcode=33), PublishRefused),
        (200, {}, PublishUncertain),
    ],
)
async def test_graph_errors(status: int, said: Any, error: type[Exception]) -> None:
    with pytest.raises(error) as caught:
        await NETWORK.publish(connection("instagram"), reply("179001"), script(answer(status, said)))
    if isinstance(caught.value, PublishRefused):
        assert caught.value.permanent is (said["error"]["code"] == 100)


async def test_an_unknown_outcome_is_read_back() -> None:
    with pytest.raises(PublishUncertain):
        await NETWORK.publish(connection("instagram"), reply("179001"), script(OutcomeUnknown("x")))
    ours = {"id": "179777", "text": "Спасибо, Аня!", "timestamp": "2026-11-22T10:00:03+0000", "from": {"id": OWN}}
    earlier = {**ours, "timestamp": (NOW - timedelta(days=1)).isoformat()}
    theirs = {**ours, "from": {"id": "88"}}
    assert await NETWORK.read_back(connection("instagram"), reply("179001"), script(answer(200, {"data": []}))) is None
    others = script(answer(200, {"data": [earlier, theirs]}))
    assert await NETWORK.read_back(connection("instagram"), reply("179001"), others) is None
    there = script(answer(200, {"data": [earlier, ours]}))
    assert await NETWORK.read_back(connection("instagram"), reply("179001"), there) == "179777"
    with pytest.raises(PublishRetry):
        await NETWORK.read_back(connection("instagram"), reply("179001"), script(answer(503)))
    with pytest.raises(ReadBackUnsupported):
        await NETWORK.read_back(connection("instagram"), reply("mention:1"), script())


async def test_a_mention_is_fetched_with_text_and_author() -> None:
    (named,) = parse(change("mentions", {"media_id": "178009"}))
    assert isinstance(named, NeutralMention)
    media = {
        "id": "178009",
        "caption": "My morning @northwind",
        "media_type": "VIDEO",
        "media_url": "https://cdn.example/v.mp4",
        "permalink": "https://www.instagram.com/reel/x/",
        "username": "ann",
        "timestamp": "2026-11-22T09:00:00+0000",
        "like_count": 12,
    }
    client = script(answer(200, {"mentioned_media": media, "id": OWN}))
    full = await NETWORK.fetch(connection("instagram"), named, client)
    assert (full.text, full.kind, full.author.handle) == ("My morning @northwind", "video", "ann")
    assert full.engagement.likes == 12
    assert full.posted_at.hour == 9
    assert client.calls[0].options["params"]["fields"].startswith("mentioned_media.media_id(178009){")
    with pytest.raises(FetchFailed) as caught:
        await NETWORK.fetch(connection("instagram"), named, script(answer(400, graph_error(100))))
    assert caught.value.permanent
    with pytest.raises(FetchFailed) as caught:
        await NETWORK.fetch(connection("instagram"), named, script(NotSent("x")))
    assert not caught.value.permanent

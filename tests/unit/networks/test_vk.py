from typing import Any

import pytest

from shared.contracts.ugc import NeutralMention
from shared.http import OutcomeUnknown
from shared.networks.base import (
    Deleted,
    HandshakeResponse,
    Ignored,
    InboundRequest,
    InvalidPayload,
    Parsed,
    PublishRefused,
    PublishRetry,
)
from shared.networks.vk import Vk
from shared.security.signatures import SignatureInvalid, SignatureMissing
from tests.unit.networks.support import HEADERS, answer, connection, dumped, reply, script

NETWORK = Vk("https://api.vk.com")
REPLY = {"id": 67, "from_id": 555, "date": 1795341600, "text": "Вкусно!", "post_id": 45, "post_owner_id": -2001}


def event(kind: str, what: Any = None, **fields: Any) -> dict[str, Any]:
    body = {"type": kind, "group_id": 2001, "event_id": "e1", "v": "5.199", "secret": "vk-secret", **fields}
    return body if what is None else {**body, "object": what}


def parse(kind: str, what: Any) -> Parsed:
    (one,) = NETWORK.parse(dumped(event(kind, what)), HEADERS, connection("vk"))
    return one


def verify(body: bytes) -> HandshakeResponse | None:
    return NETWORK.verify(InboundRequest.of("POST", body=body), connection("vk"))


def test_the_secret_and_the_community_prove_the_sender() -> None:
    assert verify(dumped(event("wall_reply_new", REPLY))) is None
    for wrong in (event("wall_reply_new", secret="x"), event("wall_reply_new", group_id=2002)):
        with pytest.raises(SignatureInvalid):
            verify(dumped(wrong))
    without = event("wall_reply_new")
    del without["secret"]
    for body in (dumped(without), b"", b"no json", b"[]"):
        with pytest.raises(SignatureMissing):
            verify(body)


def test_the_confirmation_is_answered_with_the_string_of_the_community() -> None:
    assert verify(b'{"type": "confirmation", "group_id": 2001}') == HandshakeResponse(body="c0nf1rm")
    for wrong in (event("confirmation", group_id=2002), event("confirmation", secret="x")):
        with pytest.raises(SignatureInvalid):
            verify(dumped(wrong))
    assert NETWORK.acknowledgement() == "ok"


def test_a_comment_on_the_wall() -> None:
    size = [{"url": f"https://sun.example/{w}.jpg", "width": w, "height": w} for w in (100, 900, 300)]
    photo = {"type": "photo", "photo": {"id": 1, "sizes": size}}
    gif = {"type": "doc", "doc": {"ext": "gif", "url": "https://vk.com/doc1.gif"}}
    odd = {"type": "podcast", "podcast": 7}
    one = parse("wall_reply_new", {**REPLY, "attachments": [photo, gif, odd, None], "reply_to_comment": 60})
    assert isinstance(one, NeutralMention)
    assert (one.external_id, one.kind, one.text) == ("wall-2001_45_r67", "comment", "Вкусно!")
    assert (one.author.id, one.author.handle) == ("555", None)
    assert one.permalink == "https://vk.com/wall-2001_45?reply=67"
    assert one.parent_external_id == "wall-2001_45_r60"
    assert [(m.type, m.url) for m in one.media] == [
        ("image", "https://sun.example/900.jpg"),
        ("gif", "https://vk.com/doc1.gif"),
    ]


@pytest.mark.parametrize(
    ("kind", "what", "external_id"),
    [
        ("wall_reply_edit", REPLY, "wall-2001_45_r67"),
        ("wall_reply_restore", REPLY, "wall-2001_45_r67"),
        (
            "photo_comment_new",
            {"id": 3, "from_id": 5, "date": 1, "text": "a", "photo_id": 9, "photo_owner_id": -2001},
            "photo-2001_9_r3",
        ),
        (
            "video_comment_new",
            {"id": 2, "from_id": 5, "date": 1, "text": "a", "video_id": 8, "video_owner_id": -2001},
            "video-2001_8_r2",
        ),
        ("wall_post_new", {"id": 12, "from_id": 5, "owner_id": -2001, "date": 1, "text": "a"}, "wall-2001_12"),
        (
            "message_new",
            {"message": {"date": 1, "peer_id": 5, "from_id": 5, "conversation_message_id": 4, "text": "a"}},
            "message5_4",
        ),
        (
            "message_new",
            {"date": 1, "peer_id": 5, "from_id": 5, "conversation_message_id": 4, "text": "a"},
            "message5_4",
        ),
    ],
)
def test_the_kinds_of_mention(kind: str, what: Any, external_id: str) -> None:
    one = parse(kind, what)
    assert isinstance(one, NeutralMention)
    assert one.external_id == external_id


def test_deletions_name_the_same_ids() -> None:
    assert parse("wall_reply_delete", {"owner_id": -2001, "id": 67, "deleter_id": 1, "post_id": 45}) == Deleted(
        external_id="wall-2001_45_r67"
    )
    assert parse("photo_comment_delete", {"owner_id": -2001, "id": 3, "photo_id": 9}) == Deleted(
        external_id="photo-2001_9_r3"
    )


@pytest.mark.parametrize(
    ("kind", "what"),
    [
        ("wall_reply_new", {**REPLY, "from_id": -2001}),
        ("wall_post_new", {"id": 1, "from_id": -2001, "owner_id": -2001, "date": 1}),
        ("wall_post_new", {"id": 1, "from_id": 5, "owner_id": -2001, "date": 1, "post_type": "suggest"}),
        ("message_new", {"date": 1, "peer_id": 5, "from_id": -2001, "conversation_message_id": 4, "out": 1}),
        ("group_join", {"user_id": 1}),
        ("a_kind_of_2027", None),
    ],
)
def test_own_words_and_other_events_are_ignored(kind: str, what: Any) -> None:
    assert isinstance(parse(kind, what), Ignored)


@pytest.mark.parametrize(
    ("kind", "what", "pointer"),
    [
        ("wall_reply_new", None, "/object"),
        ("wall_reply_new", [], "/object"),
        ("wall_reply_new", {**REPLY, "date": "today"}, "/object/date"),
        ("wall_reply_new", {**REPLY, "date": 1e300}, "/object/date"),
        ("wall_reply_new", {**REPLY, "post_id": None}, "/object/post_id"),
        ("message_new", {"message": {}}, "/object/message/date"),
    ],
)
def test_wrong_shapes_are_named(kind: str, what: Any, pointer: str) -> None:
    with pytest.raises(InvalidPayload) as caught:
        parse(kind, what)
    assert caught.value.pointer == pointer


async def test_a_reply_carries_a_guid_and_answers_the_comment() -> None:
    client = script(answer(200, {"response": {"comment_id": 70, "parents_stack": []}}))
    published = await NETWORK.publish(connection("vk"), reply("wall-2001_45_r67"), client)
    assert published.external_id == "wall-2001_45_r70"
    assert published.permalink == "https://vk.com/wall-2001_45?reply=70"
    (call,) = client.calls
    assert call.url == "https://api.vk.com/method/wall.createComment"
    assert call.options["form"] == {
        "owner_id": "-2001",
        "post_id": "45",
        "reply_to_comment": "67",
        "from_group": "2001",
        "guid": "rpl_1",
        "message": "Спасибо, Аня!",
        "access_token": "vk1.a.token",
        "v": "5.199",
    }


async def test_photos_videos_and_messages_have_methods_of_their_own() -> None:
    client = script(*(answer(200, {"response": 5}) for _ in range(4)))
    for target in ("photo-2001_9_r3", "video-2001_8_r2", "message5_4", "message5_4"):
        await NETWORK.publish(connection("vk"), reply(target), client)
    methods = [call.url.rpartition("/")[2] for call in client.calls]
    assert methods == ["photos.createComment", "video.createComment", "messages.send", "messages.send"]
    assert client.calls[2].options["form"]["random_id"] == client.calls[3].options["form"]["random_id"]


@pytest.mark.parametrize(("code", "after"), [(6, 1.0), (9, 600.0), (10, 5.0), (29, 3600.0)])
async def test_errors_that_pass(code: int, after: float) -> None:
    said = {"error": {"error_code": code, "error_msg": "wait"}}
    with pytest.raises(PublishRetry) as caught:
        await NETWORK.publish(connection("vk"), reply("wall-1_2"), script(answer(200, said)))
    assert caught.value.after == after


@pytest.mark.parametrize(("code", "permanent"), [(14, False), (5, False), (27, False), (213, True), (100, True)])
async def test_errors_that_stay(code: int, permanent: bool) -> None:
    said = {"error": {"error_code": code, "error_msg": "no"}}
    with pytest.raises(PublishRefused) as caught:
        await NETWORK.publish(connection("vk"), reply("wall-1_2"), script(answer(200, said)))
    assert caught.value.permanent is permanent


async def test_an_unknown_outcome_may_be_repeated_since_vk_dedupes() -> None:
    assert NETWORK.repeatable
    for outcome in (OutcomeUnknown("x"), answer(504)):
        with pytest.raises(PublishRetry):
            await NETWORK.publish(connection("vk"), reply("wall-1_2"), script(outcome))

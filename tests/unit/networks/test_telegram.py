from typing import Any

import pytest

from shared.contracts.ugc import Media, NeutralMention
from shared.http import NotSent, OutcomeUnknown
from shared.networks.base import (
    Ignored,
    InboundRequest,
    InvalidPayload,
    Parsed,
    PublishRefused,
    PublishRetry,
    PublishUncertain,
    ReadBackUnsupported,
)
from shared.networks.telegram import Telegram
from shared.security.signatures import SignatureInvalid, SignatureMissing
from tests.unit.networks.support import HEADERS, answer, connection, dumped, reply, script

NETWORK = Telegram("https://api.telegram.org/")
GROUP = {"id": -1001500, "type": "supergroup", "title": "Coffee", "username": "coffee_club"}
ANN = {"id": 5, "is_bot": False, "first_name": "Аня", "last_name": "К", "username": "ann_k", "language_code": "ru"}
TEXT = "Обожаю ваш #Кофе ☕ @northwind"


def message(**fields: Any) -> dict[str, Any]:
    return {"message_id": 42, "date": 1795341600, "chat": GROUP, "from": ANN, "text": TEXT, **fields}


def parse(**update: Any) -> Parsed:
    (one,) = NETWORK.parse(dumped({"update_id": 9, **update}), HEADERS, connection("telegram"))
    return one


def mention(**update: Any) -> NeutralMention:
    one = parse(**update)
    assert isinstance(one, NeutralMention)
    return one


def test_the_secret_token_proves_the_sender_also_during_a_rotation() -> None:
    request = InboundRequest.of("POST", {"x-telegram-bot-api-secret-token": "tg-secret"}, body=b"{}")
    NETWORK.verify(request, connection("telegram"))
    NETWORK.verify(request, connection("telegram", secret="next", secret_previous="tg-secret"))
    with pytest.raises(SignatureInvalid):
        NETWORK.verify(request, connection("telegram", secret="next"))
    with pytest.raises(SignatureMissing):
        NETWORK.verify(InboundRequest.of("POST"), connection("telegram"))
    twice = InboundRequest.of("POST", [("X-Telegram-Bot-Api-Secret-Token", "tg-secret")] * 2)
    with pytest.raises(SignatureInvalid):
        NETWORK.verify(twice, connection("telegram"))


def test_a_group_message_becomes_a_post_with_what_a_reply_needs() -> None:
    entities = [{"type": "hashtag", "offset": 11, "length": 5}, {"type": "mention", "offset": 19, "length": 10}]
    one = mention(message=message(entities=entities))
    assert (one.external_id, one.kind, one.text) == ("-1001500:42", "post", TEXT)
    assert (one.author.id, one.author.handle, one.author.name) == ("5", "ann_k", "Аня К")
    assert one.hashtags == ["кофе"]
    assert one.mentioned_handles == ["northwind"]
    assert one.permalink == "https://t.me/coffee_club/42"
    assert one.posted_at.isoformat() == "2026-11-22T10:00:00+00:00"


def test_replies_private_messages_and_channel_posts() -> None:
    above = message(message_id=40, reply_to_message=None)
    assert mention(message=message(reply_to_message=above)).parent_external_id == "-1001500:40"
    assert mention(message=message(reply_to_message=above)).kind == "comment"
    assert mention(message=message(chat={"id": 5, "type": "private", "first_name": "Аня"})).kind == "message"
    channel = {"id": -1007, "type": "channel", "title": "Новости"}
    post = {"message_id": 3, "date": 1795341600, "chat": channel, "sender_chat": channel, "text": "кофе"}
    said = mention(channel_post=post)
    assert (said.kind, said.author.name, said.permalink) == ("post", "Новости", "https://t.me/c/7/3")


def test_an_edit_is_the_same_mention_with_the_time_of_the_edit() -> None:
    one = mention(edited_message=message(text="передумала", edit_date=1795341660))
    assert one.external_id == "-1001500:42"
    assert one.edited_at is not None
    assert one.edited_at.timestamp() == 1795341660


def test_captions_and_media() -> None:
    sizes = [{"file_id": f"f{w}", "file_unique_id": str(w), "width": w, "height": w} for w in (90, 800, 320)]
    photo = message(text=None, caption="Мой латте", photo=sizes)
    one = mention(message=photo)
    assert one.text == "Мой латте"
    assert one.media == [Media(type="image", url="telegram-file:f800")]
    gif = {"file_id": "g", "file_unique_id": "g", "width": 1, "height": 1, "duration": 2}
    document = {"file_id": "g", "file_unique_id": "g"}
    assert [m.type for m in mention(message=message(animation=gif, document=document)).media] == ["gif"]


@pytest.mark.parametrize(
    ("update", "reason"),
    [
        ({"message": message(**{"from": {**ANN, "is_bot": True}})}, "from a bot"),
        ({"message": message(text=None, new_chat_title="Новое имя")}, "a service message"),
        ({"message": message(is_automatic_forward=True)}, "a copy of a channel post"),
        ({"message": message(chat={"id": 5, "type": "private"}, text="/start")}, "a command to the bot"),
        ({"poll_answer": {"poll_id": "1"}}, "not a message"),
        ({"a_kind_of_2027": {"x": 1}}, "not a message"),
        ({}, "not a message"),
    ],
)
def test_what_is_no_mention_is_ignored_with_a_reason(update: dict[str, Any], reason: str) -> None:
    one = parse(**update)
    assert isinstance(one, Ignored)
    assert one.reason == reason


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        (b"", ""),
        (b"[]", ""),
        (b'{"message": {}}', "/update_id"),
        (dumped({"update_id": 1, "message": {"message_id": "x"}}), "/message/message_id"),
        (b"\xff", ""),
        (b"[" * 100_000, ""),
        (b'{"update_id": NaN}', ""),
    ],
)
def test_wrong_shapes_are_named(body: bytes, pointer: str) -> None:
    with pytest.raises(InvalidPayload) as caught:
        NETWORK.parse(body, HEADERS, connection("telegram"))
    assert caught.value.pointer == pointer


def test_half_a_surrogate_pair_does_not_reach_the_store() -> None:
    one = mention(message=message(text="\ud83d кофе"))
    assert one.text == "\ufffd кофе"


def test_update_ids_dedupe_at_the_door() -> None:
    assert NETWORK.delivery_id(InboundRequest.of("POST", body=b'{"update_id": 77}')) == "77"
    assert len(NETWORK.delivery_id(InboundRequest.of("POST", body=b"nonsense"))) == 64


SENT = {"ok": True, "result": {"message_id": 99, "date": 1795341700, "chat": GROUP, "text": "Спасибо, Аня!"}}


async def test_a_reply_is_a_message_under_the_mention() -> None:
    client = script(answer(200, SENT))
    published = await NETWORK.publish(connection("telegram"), reply("-1001500:42"), client)
    assert (published.external_id, published.permalink) == ("-1001500:99", "https://t.me/coffee_club/99")
    (call,) = client.calls
    assert call.url == "https://api.telegram.org/bot7000000001:AAToken/sendMessage"
    assert call.options["json"]["chat_id"] == -1001500
    assert call.options["json"]["reply_parameters"]["message_id"] == 42
    assert call.options["json"]["text"] == "Спасибо, Аня!"


async def test_a_gif_goes_along_when_the_text_fits_a_caption() -> None:
    client = script(answer(200, SENT), answer(200, SENT))
    gif = (Media(type="gif", url="https://cdn.example/thanks.gif"),)
    await NETWORK.publish(connection("telegram"), reply("-1001500:42", media=gif), client)
    await NETWORK.publish(connection("telegram"), reply("-1001500:42", "a" * 1025, media=gif), client)
    assert client.calls[0].url.endswith("/sendAnimation")
    assert client.calls[0].options["json"]["animation"] == "https://cdn.example/thanks.gif"
    assert client.calls[1].url.endswith("/sendMessage")


async def test_throttling_says_when_to_come_back() -> None:
    said = {"ok": False, "error_code": 429, "description": "Too Many Requests", "parameters": {"retry_after": 7}}
    with pytest.raises(PublishRetry) as caught:
        await NETWORK.publish(connection("telegram"), reply("-1:2"), script(answer(429, said)))
    assert caught.value.after == 7


@pytest.mark.parametrize(("status", "permanent"), [(400, True), (403, True), (401, False), (404, False)])
async def test_refusals(status: int, permanent: bool) -> None:
    said = {"ok": False, "error_code": status, "description": "no"}
    with pytest.raises(PublishRefused) as caught:
        await NETWORK.publish(connection("telegram"), reply("-1:2"), script(answer(status, said)))
    assert caught.value.permanent is permanent
    assert "AAToken" not in caught.value.reason


async def test_what_is_known_after_a_failure() -> None:
    with pytest.raises(PublishRetry):
        await NETWORK.publish(connection("telegram"), reply("-1:2"), script(NotSent("x")))
    for outcome in (OutcomeUnknown("x"), answer(502), answer(200, {"ok": True, "result": {}})):
        with pytest.raises(PublishUncertain):
            await NETWORK.publish(connection("telegram"), reply("-1:2"), script(outcome))
    with pytest.raises(ReadBackUnsupported):
        await NETWORK.read_back(connection("telegram"), reply("-1:2"), script())


async def test_an_id_that_is_not_telegrams_is_never_sent() -> None:
    with pytest.raises(PublishRefused):
        await NETWORK.publish(connection("telegram"), reply("post-1"), script())

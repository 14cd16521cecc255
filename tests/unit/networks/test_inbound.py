import time
from datetime import timedelta
from typing import Any

import pytest
from standardwebhooks import Webhook

from shared.contracts.ugc import NeutralMention
from shared.http import AddressRefused, OutcomeUnknown
from shared.networks.base import (
    Deleted,
    InboundRequest,
    InvalidPayload,
    PublishRefused,
    PublishRetry,
)
from shared.networks.inbound import Inbound
from shared.security.signatures import SignatureInvalid, SignatureMissing, standard_headers
from tests.unit.networks.support import HEADERS, SECRETS, answer, connection, dumped, reply, script

NETWORK = Inbound()
SECRET = SECRETS["inbound"]["secret"]
MENTION = {
    "external_id": "forum-1",
    "kind": "review",
    "text": "Лучший кофе",
    "author": {"id": "u1", "handle": None, "name": "Аня", "followers": 10},
    "permalink": "https://forum.example/1",
    "posted_at": "2026-11-22T12:00:00+03:00",
    "media": [{"type": "image", "url": "https://forum.example/1.jpg"}],
    "parent_external_id": None,
    "engagement": {"likes": 1, "comments": 0, "shares": 0, "views": 9},
    "deleted": False,
}


def parse(value: Any) -> Any:
    return NETWORK.parse(dumped(value), HEADERS, connection("inbound"))


def test_standard_webhooks_prove_the_sender() -> None:
    body = dumped(MENTION)
    headers = standard_headers(body, "msg_1", int(time.time()), [SECRET])
    NETWORK.verify(InboundRequest.of("POST", headers, body=body), connection("inbound"))
    assert NETWORK.delivery_id(InboundRequest.of("POST", headers, body=body)) == "msg_1"
    with pytest.raises(SignatureInvalid):
        NETWORK.verify(InboundRequest.of("POST", headers, body=body + b" "), connection("inbound"))
    del headers["webhook-id"]
    with pytest.raises(SignatureMissing):
        NETWORK.verify(InboundRequest.of("POST", headers, body=body), connection("inbound"))


def test_one_mention_or_a_list() -> None:
    (one,) = parse(MENTION)
    assert type(one) is NeutralMention
    assert (one.kind, one.author.handle, one.engagement.views) == ("review", None, 9)
    assert one.posted_at.utcoffset() == timedelta(hours=3)
    gone = {**MENTION, "external_id": "forum-2", "deleted": True}
    assert parse([MENTION, gone])[1] == Deleted(external_id="forum-2")
    assert parse([]) == []


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"external_id": ""}, "/external_id"),
        ({"kind": "tweet"}, "/kind"),
        ({"posted_at": "2026-11-22T12:00:00"}, ""),
        ({"surprise": 1}, "/surprise"),
        ({"author": {"id": "u1", "surprise": 1}}, "/author/surprise"),
        ({"media": [{"type": "sound", "url": "x"}]}, "/media/0/type"),
        ({"engagement": {"likes": -1}}, "/engagement/likes"),
    ],
)
def test_wrong_and_unknown_fields_are_named(change: dict[str, Any], pointer: str) -> None:
    with pytest.raises(InvalidPayload) as caught:
        parse([MENTION, {**MENTION, **change}])
    assert caught.value.pointer == "/1" + pointer


def test_bodies_that_are_no_mentions() -> None:
    values: list[Any] = [None, 1, "text", [1], [[]], {"external_id": "x"}, [MENTION] * 1001]
    for value in values:
        with pytest.raises(InvalidPayload):
            parse(value)


async def test_replies_leave_as_standard_webhooks_with_the_replys_id() -> None:
    client = script(answer(202))
    published = await NETWORK.publish(connection("inbound"), reply("forum-1"), client)
    assert published.external_id == "rpl_1"
    (call,) = client.calls
    assert call.url == "https://receiver.example/replies"
    assert call.options["from_outside"] is True
    event = Webhook(SECRET).verify(call.options["body"], call.options["headers"])
    assert call.options["headers"]["webhook-id"] == "rpl_1"
    assert event["type"] == "reply.created"
    assert event["data"]["in_reply_to"] == "forum-1"
    assert event["data"]["text"] == "Спасибо, Аня!"


async def test_the_receiver_may_name_what_it_posted() -> None:
    client = script(answer(200, {"external_id": "forum-1-r1"}))
    assert (await NETWORK.publish(connection("inbound"), reply("forum-1"), client)).external_id == "forum-1-r1"


async def test_outcomes() -> None:
    async def publish(outcome: Any) -> None:
        await NETWORK.publish(connection("inbound"), reply("forum-1"), script(outcome))

    for outcome in (OutcomeUnknown("x"), answer(502), answer(429, None, Retry_After="9")):
        with pytest.raises(PublishRetry):
            await publish(outcome)
    for status, permanent in ((410, True), (422, True), (401, False), (302, False)):
        with pytest.raises(PublishRefused) as caught:
            await publish(answer(status))
        assert caught.value.permanent is permanent
    with pytest.raises(PublishRefused):
        await publish(AddressRefused("inside"))

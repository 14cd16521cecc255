from datetime import UTC, datetime
from typing import Any

import pytest

from shared.http import OutcomeUnknown
from shared.networks.base import InboundRequest, InvalidPayload, PublishRefused, PublishRetry, PublishUncertain
from shared.networks.youtube import YouTube, _until_quota
from shared.security.signatures import SignatureMissing
from tests.unit.networks.support import HEADERS, answer, connection, dumped, reply, script

NETWORK = YouTube("https://www.googleapis.com")


def comment(comment_id: str, at: str, channel: str = "UCann", **snippet: Any) -> dict[str, Any]:
    said = {
        "textOriginal": f"text of {comment_id}",
        "textDisplay": f"text of {comment_id}",
        "authorDisplayName": "@ann",
        "authorChannelId": {"value": channel},
        "videoId": "vid",
        "likeCount": 2,
        "publishedAt": at,
        "updatedAt": at,
    }
    return {"kind": "youtube#comment", "id": comment_id, "snippet": {**said, **snippet}}


def thread(top: dict[str, Any], *replies: dict[str, Any]) -> dict[str, Any]:
    snippet = {"channelId": "UCown", "videoId": "vid", "topLevelComment": top, "totalReplyCount": len(replies)}
    return {"kind": "youtube#commentThread", "id": top["id"], "snippet": snippet, "replies": {"comments": [*replies]}}


def page(*threads: dict[str, Any], token: str | None = None) -> dict[str, Any]:
    listing = {"kind": "youtube#commentThreadListResponse", "items": list(threads)}
    return {**listing, "nextPageToken": token} if token else listing


A = comment("A", "2026-11-22T10:00:00Z")
B = comment("B", "2026-11-21T10:00:00Z")
B1 = comment("B.1", "2026-11-22T09:00:00Z", parentId="B")
OWN = comment("B.2", "2026-11-22T09:30:00Z", channel="UCown", parentId="B")


async def test_a_poll_finds_comments_and_replies_but_not_our_own() -> None:
    client = script(answer(200, page(thread(A), thread(B, B1, OWN))))
    poll = await NETWORK.poll(connection("youtube"), None, client)
    assert [one.external_id for one in poll.mentions] == ["A", "B", "B.1"]
    assert poll.cursor == "2026-11-22T10:00:00+00:00"
    top, _, below = poll.mentions
    assert (top.parent_external_id, below.parent_external_id) == ("video:vid", "B")
    assert (top.author.id, top.author.handle, top.engagement.likes) == ("UCann", "ann", 2)
    assert top.permalink == "https://www.youtube.com/watch?v=vid&lc=A"
    assert client.calls[0].options["params"]["allThreadsRelatedToChannelId"] == "UCown"


async def test_the_next_poll_brings_what_is_new_or_edited() -> None:
    edited = comment("B", "2026-11-21T10:00:00Z", updatedAt="2026-11-22T11:00:00Z")
    client = script(answer(200, page(thread(A), token="p2")), answer(200, page(thread(edited), token="p3")))
    client.outcomes.append(answer(200, page(thread(comment("C", "2026-11-01T00:00:00Z")), token="p4")))
    poll = await NETWORK.poll(connection("youtube"), "2026-11-22T10:00:00+00:00", client)
    assert [one.external_id for one in poll.mentions] == ["A", "B"]
    assert poll.cursor == "2026-11-22T11:00:00+00:00"
    assert [call.options["params"].get("pageToken") for call in client.calls] == [None, "p2", "p3"]


async def test_an_empty_channel_keeps_its_cursor() -> None:
    cursor = "2026-11-22T10:00:00+00:00"
    assert (await NETWORK.poll(connection("youtube"), cursor, script(answer(200, page())))).cursor == cursor


async def test_a_reply_to_a_reply_goes_to_the_thread() -> None:
    client = script(answer(200, {"kind": "youtube#comment", "id": "B.9"}))
    published = await NETWORK.publish(connection("youtube"), reply("B.1"), client)
    assert published.external_id == "B.9"
    assert client.calls[0].options["json"] == {"snippet": {"parentId": "B", "textOriginal": "Спасибо, Аня!"}}


def error(status: int, reason: str) -> Any:
    return answer(status, {"error": {"code": status, "message": "no", "errors": [{"reason": reason}]}})


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        (error(403, "quotaExceeded"), PublishRetry),
        (error(403, "rateLimitExceeded"), PublishRetry),
        (error(403, "commentsDisabled"), PublishRefused),
        (error(401, "authError"), PublishRefused),
        (error(500, "backendError"), PublishUncertain),
        (OutcomeUnknown("x"), PublishUncertain),
    ],
)
async def test_errors(outcome: Any, expected: type[Exception]) -> None:
    with pytest.raises(expected):
        await NETWORK.publish(connection("youtube"), reply("B"), script(outcome))


async def test_an_unknown_outcome_is_read_back() -> None:
    ours = comment("B.7", "2026-11-22T10:00:04Z", channel="UCown", textOriginal="Спасибо, Аня!")
    other = comment("B.8", "2026-11-22T10:00:04Z", textOriginal="Спасибо, Аня!")
    found = script(answer(200, {"items": [other, {"odd": 1}, ours]}))
    assert await NETWORK.read_back(connection("youtube"), reply("B"), found) == "B.7"
    assert await NETWORK.read_back(connection("youtube"), reply("B"), script(answer(200, {"items": [other]}))) is None


def test_the_quota_starts_anew_at_midnight_in_the_pacific_also_when_clocks_change() -> None:
    assert _until_quota(datetime(2026, 11, 22, 10, tzinfo=UTC)) == 22 * 3600
    assert _until_quota(datetime(2026, 11, 1, 7, 30, tzinfo=UTC)) == 24.5 * 3600


def test_youtube_pushes_nothing() -> None:
    with pytest.raises(SignatureMissing):
        NETWORK.verify(InboundRequest.of("POST"), connection("youtube"))
    with pytest.raises(InvalidPayload) as caught:
        NETWORK.parse(dumped(page({"snippet": {}})), HEADERS, connection("youtube"))
    assert caught.value.pointer == "/items/0/snippet/topLevelComment"

"""Instagram (Meta Graph API): comments, mentions, story mentions and messages.

https://developers.facebook.com/docs/instagram-platform/webhooks/examples

`external_id`: a comment on our media is its id; a mention elsewhere is `mention:{media_id}` (caption) or
`mention:{media_id}:{comment_id}`; a message or story mention is `dm:{sender_id}:{mid}`.
"""

import hashlib
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from pydantic import Field

from shared.contracts.gateway import NetworkName
from shared.contracts.ugc import Author, Media, MentionKind, NeutralMention
from shared.http import HttpClient
from shared.networks.base import (
    Connection,
    Deleted,
    HandshakeResponse,
    Ignored,
    InboundRequest,
    InvalidPayload,
    Limits,
    Needs,
    NetworkBase,
    OutboundReply,
    Parsed,
    Published,
)
from shared.networks.eligibility import Eligibility, ReplyRule
from shared.networks.instagram_api import fetch_mentioned, find_reply, publish
from shared.networks.payload import MAX_TEXT, Id, Shape, clip, from_unix, read_object, shaped
from shared.security.signatures import SignatureMissing, verify_instagram, verify_verify_token

ELIGIBILITY = Eligibility(
    version="2026-11-01",
    source="https://developers.facebook.com/docs/instagram-platform/private-replies",
    rules=(
        ReplyRule(
            kinds=frozenset({"message", "story"}),
            window=timedelta(hours=24),
            audience="wrote_to_us",
            automation="consent",
            max_length=1000,
        ),
        ReplyRule(kinds=frozenset({"comment", "post", "video"}), window=timedelta(days=30), max_length=2200),
    ),
)
_VISUAL = {"image": "image", "video": "video", "ig_reel": "video", "reel": "video", "animated_gif": "gif"}


class _From(Shape):
    id: Id | None = None
    username: str | None = None


class _MediaRef(Shape):
    id: Id
    media_product_type: str | None = None


class _CommentValue(Shape):
    id: Id
    text: str = ""
    sender: _From = Field(default_factory=lambda: _From(), alias="from")
    media: _MediaRef | None = None
    parent_id: Id | None = None


class _MentionValue(Shape):
    media_id: Id
    comment_id: Id | None = None


class _Change(Shape):
    field: str
    value: dict[str, Any] = Field(default_factory=dict)


class _Entry(Shape):
    id: Id
    time: float
    changes: list[_Change] = Field(default_factory=list)
    field: str | None = None
    value: dict[str, Any] = Field(default_factory=dict)
    messaging: list[dict[str, Any]] = Field(default_factory=list)


class _Notification(Shape):
    object: str
    entry: list[_Entry]


class _Party(Shape):
    id: Id


class _Attachment(Shape):
    type: str
    payload: dict[str, Any] = Field(default_factory=dict)


class _DirectMessage(Shape):
    mid: str
    text: str = ""
    is_echo: bool = False
    is_deleted: bool = False
    attachments: list[_Attachment] = Field(default_factory=list)


class _Messaging(Shape):
    sender: _Party
    timestamp: float
    message: _DirectMessage


class Instagram(NetworkBase):
    name: NetworkName = "instagram"
    needs = Needs(settings=("account_id",), secrets=("app_secret", "verify_token", "access_token"))
    limits = Limits(per_hour=750)
    eligibility = ELIGIBILITY

    def verify(self, request: InboundRequest, connection: Connection) -> HandshakeResponse | None:
        if request.method == "GET":
            return _handshake(request, connection)
        verify_instagram(request.body, request.header("X-Hub-Signature-256"), connection.accepted("app_secret"))
        return None

    def delivery_id(self, request: InboundRequest) -> str:
        """Meta numbers no deliveries; a repetition is the same bytes."""
        return hashlib.sha256(request.body).hexdigest()

    def parse(self, body: bytes, headers: Mapping[str, str], connection: Connection) -> list[Parsed]:
        notification = shaped(_Notification, read_object(body))
        if notification.object != "instagram":
            raise InvalidPayload("/object", "is not instagram")
        own = connection.settings["account_id"]
        return [parsed for index, entry in enumerate(notification.entry) for parsed in _entry(index, entry, own)]

    def needs_fetch(self, mention: NeutralMention) -> bool:
        return mention.external_id.startswith("mention:") and not mention.text and not mention.media

    async def fetch(self, connection: Connection, mention: NeutralMention, client: HttpClient) -> NeutralMention:
        return await fetch_mentioned(self.api_url, connection, mention, client)

    async def publish(self, connection: Connection, reply: OutboundReply, client: HttpClient) -> Published:
        return await publish(self.api_url, connection, reply, client)

    async def read_back(self, connection: Connection, reply: OutboundReply, client: HttpClient) -> str | None:
        return await find_reply(self.api_url, connection, reply, client)


def _handshake(request: InboundRequest, connection: Connection) -> HandshakeResponse:
    verify_verify_token(request.parameter("hub.verify_token"), connection.accepted("verify_token"))
    challenge = request.parameter("hub.challenge")
    if request.parameter("hub.mode") != "subscribe" or not challenge:
        raise SignatureMissing("The parameters hub.mode=subscribe and hub.challenge are missing.")
    return HandshakeResponse(body=challenge)


def _entry(index: int, entry: _Entry, own: str) -> Iterator[Parsed]:
    if entry.id != own:
        yield Ignored(kind="entry", reason="another account")
        return
    at = from_unix(entry.time, f"/entry/{index}/time")
    for number, change in enumerate(entry.changes):
        yield _change(change, at, own, f"/entry/{index}/changes/{number}/value")
    if entry.field is not None:  # apps with Instagram login get the change without its list
        yield _change(_Change(field=entry.field, value=entry.value), at, own, f"/entry/{index}/value")
    for number, message in enumerate(entry.messaging):
        yield _messaging(message, own, f"/entry/{index}/messaging/{number}")


def _change(change: _Change, at: datetime, own: str, pointer: str) -> Parsed:
    if change.field in ("comments", "live_comments"):
        return _comment(change.field, shaped(_CommentValue, change.value, pointer), at, own)
    if change.field == "mentions":
        return _mention(shaped(_MentionValue, change.value, pointer), at)
    return Ignored(kind=change.field[:100], reason="not a mention")


def _comment(field: str, comment: _CommentValue, at: datetime, own: str) -> Parsed:
    if comment.sender.id == own:
        return Ignored(kind=field, reason="written by the account itself")
    return NeutralMention(
        external_id=comment.id,
        kind="comment",
        text=comment.text[:MAX_TEXT],
        author=Author(id=comment.sender.id, handle=clip(comment.sender.username)),
        posted_at=at,  # the webhook carries no time of its own
        parent_external_id=comment.parent_id or (f"media:{comment.media.id}" if comment.media else None),
    )


def _mention(value: _MentionValue, at: datetime) -> NeutralMention:
    external_id = f"mention:{value.media_id}" + (f":{value.comment_id}" if value.comment_id else "")
    kind: MentionKind = "comment" if value.comment_id else "post"
    return NeutralMention(external_id=external_id, kind=kind, posted_at=at)


def _messaging(raw: dict[str, Any], own: str, pointer: str) -> Parsed:
    if "message" not in raw:
        names = ", ".join(sorted(set(raw) - {"sender", "recipient", "timestamp"}))
        return Ignored(kind=f"messaging: {names}"[:100], reason="not a message")
    event = shaped(_Messaging, raw, pointer)
    message, sender = event.message, event.sender.id
    external_id = f"dm:{sender}:{message.mid}"[:512]
    if message.is_echo or sender == own:
        return Ignored(kind="messaging", reason="written by the account itself")
    if message.is_deleted:
        return Deleted(external_id=external_id)
    stories = [part for part in message.attachments if part.type == "story_mention"]
    return NeutralMention(
        external_id=external_id,
        kind="story" if stories else "message",
        text=message.text[:MAX_TEXT],
        author=Author(id=sender),
        posted_at=from_unix(event.timestamp, f"{pointer}/timestamp"),
        media=[media for media in map(_media, message.attachments[:50]) if media is not None],
    )


def _media(part: _Attachment) -> Media | None:
    url = part.payload.get("url")
    kind = "image" if part.type == "story_mention" else _VISUAL.get(part.type)
    if kind is None or not isinstance(url, str) or len(url) > 2048:
        return None
    return Media.model_validate({"type": kind, "url": url})

"""VK: a community's wall, photos, videos and messages. https://dev.vk.com/ru/api/community-events/json-schema

`external_id` is VK's own notation with the reply behind it: `wall-1_45`, `wall-1_45_r67`, `photo-1_9_r3`,
`video-1_8_r2`, and `message{peer_id}_{conversation_message_id}`.
"""

import hashlib
import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from pydantic import Field

from shared.contracts.gateway import NetworkName
from shared.contracts.ugc import Author, Media, NeutralMention
from shared.http import Answer, HttpClient
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
    PublishRefused,
    PublishRetry,
)
from shared.networks.eligibility import Eligibility, ReplyRule
from shared.networks.outcome import LATER, SOON, found, post, token
from shared.networks.payload import MAX_TEXT, Shape, from_unix, read_object, shaped
from shared.security.signatures import SignatureInvalid, verify_vk_secret

API_VERSION = "5.199"
ELIGIBILITY = Eligibility(
    version="2026-11-01",
    source="https://dev.vk.com/ru/community-messages/getting-started",
    rules=(
        ReplyRule(kinds=frozenset({"message"}), audience="wrote_to_us", automation="allowed", max_length=4096),
        ReplyRule(
            kinds=frozenset({"post", "comment", "video"}),
            window=timedelta(days=30),
            audience="our_posts",
            automation="allowed",
            max_length=4096,
        ),
    ),
)
_TARGET = re.compile(r"(wall|photo|video)(-?\d+)_(\d+)(?:_r(\d+))?", re.ASCII)
_MESSAGE = re.compile(r"message(-?\d+)_(\d+)", re.ASCII)
_COMMENT = re.compile(r"(wall_reply|photo_comment|video_comment)_(new|edit|restore|delete)", re.ASCII)
_THING = {"wall_reply": "wall", "photo_comment": "photo", "video_comment": "video"}
# https://dev.vk.com/ru/reference/errors
_RETRY = {1: SOON, 6: 1.0, 9: 600.0, 10: SOON, 29: 3600.0, 32: LATER, 43: LATER}
_CARE = frozenset({2, 3, 4, 5, 8, 14, 17, 24, 25, 27, 28, 34, 203, 1051, 1116})


class _Comment(Shape):
    id: int
    from_id: int = 0
    date: float
    text: str = ""
    owner_id: int | None = None
    post_id: int | None = None
    post_owner_id: int | None = None
    photo_id: int | None = None
    photo_owner_id: int | None = None
    video_id: int | None = None
    video_owner_id: int | None = None
    reply_to_comment: int | None = None
    parents_stack: list[int] = Field(default_factory=list)
    attachments: list[Any] = Field(default_factory=list)


class _Post(Shape):
    id: int
    owner_id: int
    from_id: int = 0
    signer_id: int | None = None
    date: float
    edited: float | None = None
    text: str = ""
    post_type: str = "post"
    attachments: list[Any] = Field(default_factory=list)


class _Message(Shape):
    date: float
    peer_id: int
    from_id: int
    conversation_message_id: int
    text: str = ""
    out: int = 0
    attachments: list[Any] = Field(default_factory=list)


class Vk(NetworkBase):
    name: NetworkName = "vk"
    needs = Needs(settings=("group_id",), secrets=("secret", "confirmation", "access_token"))
    limits = Limits(per_second=20)
    eligibility = ELIGIBILITY
    repeatable = True

    def verify(self, request: InboundRequest, connection: Connection) -> HandshakeResponse | None:
        """VK signs nothing: the body's `secret` proves the sender. A confirmation may come before there is one."""
        event = _event(request.body)
        handshake = event.get("type") == "confirmation"
        if not (handshake and "secret" not in event):
            verify_vk_secret(event.get("secret"), connection.accepted("secret"))
        if str(event.get("group_id")) != connection.settings.get("group_id"):
            raise SignatureInvalid("The field group_id is not this connection's community.")
        return HandshakeResponse(body=connection.secrets.get("confirmation", "")) if handshake else None

    def acknowledgement(self) -> str:
        return "ok"

    def delivery_id(self, request: InboundRequest) -> str:
        event_id = _event(request.body).get("event_id")
        return event_id if isinstance(event_id, str) and event_id else hashlib.sha256(request.body).hexdigest()

    def parse(self, body: bytes, headers: Mapping[str, str], connection: Connection) -> list[Parsed]:
        event = read_object(body)
        kind, what = event.get("type"), event.get("object")
        if not isinstance(kind, str):
            raise InvalidPayload("/type", "is not a string")
        own = -int(connection.settings["group_id"])
        if comment := _COMMENT.fullmatch(kind):
            return [_comment(kind, comment[1], comment[2], what, own)]
        if kind == "wall_post_new":
            return [_post(kind, shaped(_Post, what, "/object"), own)]
        if kind == "message_new":
            return [_message(kind, what)]
        return [Ignored(kind=kind[:100], reason="not a mention")]

    async def publish(self, connection: Connection, reply: OutboundReply, client: HttpClient) -> Published:
        method, fields = _call(reply, connection)
        secrets = {"access_token": token(connection.secrets, "access_token"), "v": API_VERSION}
        answer = await post(client, f"{self.api_url}/method/{method}", repeatable=True, form={**fields, **secrets})
        return _published(answer, reply)


def _event(body: bytes) -> dict[str, Any]:
    """The notification, or nothing when it is none: then its secret is missing."""
    try:
        return read_object(body)
    except InvalidPayload:
        return {}


def _comment(kind: str, family: str, action: str, what: Any, own: int) -> Parsed:
    thing = _THING[family]
    # A deletion carries no date and author.
    comment = shaped(
        _Comment, {"date": 0, **what} if action == "delete" and isinstance(what, dict) else what, "/object"
    )
    owner, item = _place(comment, thing, own)
    external_id = f"{thing}{owner}_{item}_r{comment.id}"
    if action == "delete":
        return Deleted(external_id=external_id)
    if comment.from_id == own:
        return Ignored(kind=kind, reason="written by the community itself")
    above = comment.reply_to_comment or (comment.parents_stack[-1] if comment.parents_stack else None)
    return NeutralMention(
        external_id=external_id,
        kind="comment",
        text=comment.text[:MAX_TEXT],
        author=_author(comment.from_id),
        permalink=f"https://vk.com/{thing}{owner}_{item}" + (f"?reply={comment.id}" if thing == "wall" else ""),
        posted_at=from_unix(comment.date, "/object/date"),
        media=_media(comment.attachments),
        parent_external_id=f"{thing}{owner}_{item}" + (f"_r{above}" if above else ""),
    )


def _place(comment: _Comment, thing: str, own: int) -> tuple[int, int]:
    """Whose wall, photo or video, and which."""
    owners = {"wall": comment.post_owner_id, "photo": comment.photo_owner_id, "video": comment.video_owner_id}
    items = {"wall": comment.post_id, "photo": comment.photo_id, "video": comment.video_id}
    item = items[thing]
    if item is None:
        name = "post" if thing == "wall" else thing
        raise InvalidPayload(f"/object/{name}_id", "is missing")
    return owners[thing] or comment.owner_id or own, item


def _post(kind: str, wall: _Post, own: int) -> Parsed:
    author = wall.signer_id or wall.from_id
    if wall.post_type not in ("post", "reply"):
        return Ignored(kind=kind, reason=f"not published ({wall.post_type[:20]})")
    if author == own:
        return Ignored(kind=kind, reason="written by the community itself")
    external_id = f"wall{wall.owner_id}_{wall.id}"
    return NeutralMention(
        external_id=external_id,
        kind="post",
        text=wall.text[:MAX_TEXT],
        author=_author(author),
        permalink=f"https://vk.com/{external_id}",
        posted_at=from_unix(wall.date, "/object/date"),
        edited_at=from_unix(wall.edited, "/object/edited") if wall.edited else None,
        media=_media(wall.attachments),
    )


def _message(kind: str, what: Any) -> Parsed:
    # Since API 5.103 the message is wrapped together with what the client can show.
    wrapped = isinstance(what, dict) and "message" in what
    message = shaped(_Message, what["message"] if wrapped else what, "/object/message" if wrapped else "/object")
    if message.out or message.from_id < 0:
        return Ignored(kind=kind, reason="written by a community")
    return NeutralMention(
        external_id=f"message{message.peer_id}_{message.conversation_message_id}",
        kind="message",
        text=message.text[:MAX_TEXT],
        author=_author(message.from_id),
        posted_at=from_unix(message.date, "/object/message/date"),
        media=_media(message.attachments),
    )


def _author(from_id: int) -> Author:
    """VK sends the id only; zero is an author it does not show."""
    return Author(id=str(from_id) if from_id else None)


def _media(attachments: list[Any]) -> list[Media]:
    return [media for media in map(_attachment, attachments[:50]) if media is not None]


def _attachment(value: Any) -> Media | None:
    kind = found(value, "type")
    if kind == "photo":
        sizes = [size for size in found(value, "photo", "sizes") or [] if isinstance(found(size, "url"), str)]
        largest = max(sizes, key=lambda size: _area(size), default=None)
        return Media(type="image", url=largest["url"][:2048]) if largest else None
    if kind == "video" and isinstance(found(value, "video", "id"), int):
        return Media(
            type="video", url=f"https://vk.com/video{found(value, 'video', 'owner_id')}_{value['video']['id']}"
        )
    if kind == "doc" and found(value, "doc", "ext") == "gif" and isinstance(found(value, "doc", "url"), str):
        return Media(type="gif", url=value["doc"]["url"][:2048])
    return None


def _area(size: dict[str, Any]) -> int:
    width, height = size.get("width"), size.get("height")
    return width * height if isinstance(width, int) and isinstance(height, int) else 0


def _call(reply: OutboundReply, connection: Connection) -> tuple[str, dict[str, str]]:
    """The method and its parameters. `guid` and `random_id` let VK drop a repetition."""
    group = connection.settings["group_id"]
    if message := _MESSAGE.fullmatch(reply.target):
        random_id = int.from_bytes(hashlib.sha256(reply.id.encode()).digest()[:4]) & 0x7FFFFFFF
        return "messages.send", {
            "peer_id": message[1],
            "message": reply.text,
            "random_id": str(random_id),
            "group_id": group,
        }
    target = _TARGET.fullmatch(reply.target)
    if target is None:
        raise PublishRefused(permanent=True, reason="The mention's id names nothing on VK.")
    thing, owner, item, comment = target.groups()
    fields = {"owner_id": owner, "message": reply.text, "guid": reply.id}
    if comment:
        fields["reply_to_comment"] = comment
    if thing == "wall":
        return "wall.createComment", {**fields, "post_id": item, "from_group": group}
    return f"{thing}{'s' if thing == 'photo' else ''}.createComment", {
        **fields,
        f"{thing}_id": item,
        "from_group": "1",
    }


def _published(answer: Answer, reply: OutboundReply) -> Published:
    said = answer.json()
    posted = found(said, "response")
    if posted is not None:
        return _posted(posted, reply)
    code, message = found(said, "error", "error_code"), found(said, "error", "error_msg")
    reason = f"VK error {code}: {message}"[:300] if code else f"VK answered {answer.status}."
    if code in _RETRY or answer.status == 429:
        raise PublishRetry(_RETRY.get(code, answer.retry_after or LATER), reason)
    if code is None:
        raise PublishRetry(LATER, reason)  # not VK's voice; repeating is safe
    raise PublishRefused(permanent=code not in _CARE, reason=reason)


def _posted(posted: Any, reply: OutboundReply) -> Published:
    number = posted if isinstance(posted, int) else found(posted, "comment_id")
    if _MESSAGE.fullmatch(reply.target):
        return Published(external_id=f"message:{number}")
    place = reply.target.partition("_r")[0]
    link = f"https://vk.com/{place}" + (f"?reply={number}" if place.startswith("wall") else "")
    return Published(external_id=f"{place}_r{number}", permalink=link)

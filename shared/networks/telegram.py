"""Telegram: a bot in groups, channels and private chats. https://core.telegram.org/bots/api

`external_id` is `{chat_id}:{message_id}`, which is what a reply needs. Media are `telegram-file:{file_id}`.
"""

import hashlib
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from aiogram.types import Chat, Message, MessageEntity, Update
from pydantic import ValidationError

from shared.contracts.gateway import NetworkName
from shared.contracts.ugc import Author, Media, MentionKind, NeutralMention
from shared.http import Answer, HttpClient
from shared.networks.base import (
    Connection,
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
    PublishUncertain,
)
from shared.networks.eligibility import Eligibility, ReplyRule, text_length
from shared.networks.outcome import LATER, found, post, token
from shared.networks.payload import MAX_TEXT, clip, from_unix, read_object, to_pointer
from shared.security.signatures import verify_telegram_secret

ELIGIBILITY = Eligibility(
    version="2026-11-01",
    source="https://core.telegram.org/bots/faq",
    rules=(
        ReplyRule(kinds=frozenset({"message"}), audience="wrote_to_us", automation="allowed", max_length=4096),
        ReplyRule(
            kinds=frozenset({"post", "comment"}),
            window=timedelta(days=30),
            automation="allowed",
            max_length=4096,
            media=frozenset({"gif"}),
        ),
    ),
)
MAX_CAPTION = 1024
_MESSAGES = ("message", "edited_message", "channel_post", "edited_channel_post")


class Telegram(NetworkBase):
    name: NetworkName = "telegram"
    needs = Needs(secrets=("secret", "bot_token"), optional=("bot_username",))
    limits = Limits(per_second=30, per_target_per_second=1, per_group_per_minute=20)
    eligibility = ELIGIBILITY

    def verify(self, request: InboundRequest, connection: Connection) -> None:
        verify_telegram_secret(request.header("X-Telegram-Bot-Api-Secret-Token"), connection.accepted("secret"))

    def delivery_id(self, request: InboundRequest) -> str:
        try:
            return str(int(read_object(request.body)["update_id"]))
        except (InvalidPayload, KeyError, TypeError, ValueError):
            return hashlib.sha256(request.body).hexdigest()

    def parse(self, body: bytes, headers: Mapping[str, str], connection: Connection) -> list[Parsed]:
        raw = read_object(body)
        if not isinstance(raw.get("update_id"), int):
            raise InvalidPayload("/update_id", "is not a number")
        kind = next((kind for kind in _MESSAGES if raw.get(kind)), None)
        if kind is None:
            names = ", ".join(sorted(name for name in raw if name != "update_id")) or "nothing"
            return [Ignored(kind=names[:100], reason="not a message")]
        return [_heard(kind, _message(raw, kind))]

    async def publish(self, connection: Connection, reply: OutboundReply, client: HttpClient) -> Published:
        chat_id, message_id = _target(reply.target)
        gif = next((media.url for media in reply.media if media.type == "gif"), None)
        method, content = _content(reply.text, gif)
        url = f"{self.api_url}/bot{token(connection.secrets, 'bot_token')}/{method}"
        answer = await post(
            client,
            url,
            json={
                "chat_id": chat_id,
                "reply_parameters": {"message_id": message_id, "allow_sending_without_reply": False},
                **content,
            },
        )
        return _published(answer)


def _content(text: str, gif: str | None) -> tuple[str, dict[str, Any]]:
    if gif and text_length(text) <= MAX_CAPTION:
        return "sendAnimation", {"animation": gif, "caption": text}
    return "sendMessage", {"text": text, "link_preview_options": {"is_disabled": True}}


def _target(external_id: str) -> tuple[int, int]:
    chat, _, message = external_id.partition(":")
    try:
        return int(chat), int(message)
    except ValueError:
        raise PublishRefused(permanent=True, reason="The mention's id is not chat:message.") from None


def _published(answer: Answer) -> Published:
    said = answer.json()
    if answer.status == 200 and found(said, "ok") is True:
        chat, message = found(said, "result", "chat", "id"), found(said, "result", "message_id")
        if message is None:
            raise PublishUncertain("Telegram named no message.")
        username = found(said, "result", "chat", "username")
        return Published(external_id=f"{chat}:{message}", permalink=_link(chat, username, message))
    reason = f"Telegram answered {answer.status}: {found(said, 'description') or 'no reason given'}"[:300]
    if answer.status == 429:
        after = found(said, "parameters", "retry_after")
        raise PublishRetry(float(after) if isinstance(after, int | float) else LATER, reason)
    # 401 and 404 mean a wrong or revoked token: the account needs care, the text is fine.
    raise PublishRefused(permanent=answer.status not in (401, 404), reason=reason)


def _message(raw: dict[str, Any], kind: str) -> Message:
    try:
        # Only the part we use: an unknown shape elsewhere in the update must not cost us the message.
        update = Update.model_validate({"update_id": raw["update_id"], kind: raw[kind]})
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        raise InvalidPayload(to_pointer(first["loc"]), first["msg"]) from None
    message: Message = getattr(update, kind)
    return message


def _heard(kind: str, message: Message) -> Parsed:
    media = _media(message)
    text = message.text or message.caption or ""
    if message.from_user is not None and message.from_user.is_bot and message.sender_chat is None:
        return Ignored(kind=kind, reason="from a bot")
    if message.is_automatic_forward:
        return Ignored(kind=kind, reason="a copy of a channel post")
    if not text and not media:
        return Ignored(kind=kind, reason="a service message")
    if message.chat.type == "private" and text.startswith("/"):
        return Ignored(kind=kind, reason="a command to the bot")
    return _mention(message, text[:MAX_TEXT], media)


def _mention(message: Message, text: str, media: list[Media]) -> NeutralMention:
    entities = message.entities or message.caption_entities or []
    parent = message.reply_to_message
    return NeutralMention(
        external_id=f"{message.chat.id}:{message.message_id}",
        kind=_kind(message),
        text=text,
        author=_author(message),
        permalink=_link(message.chat.id, message.chat.username, message.message_id),
        posted_at=_aware(message.date),
        edited_at=from_unix(message.edit_date, "/edit_date") if message.edit_date else None,
        media=media,
        hashtags=[tag.lstrip("#").casefold() for tag in _entities(text, entities, "hashtag")],
        mentioned_handles=[handle.lstrip("@") for handle in _entities(text, entities, "mention")],
        parent_external_id=f"{parent.chat.id}:{parent.message_id}" if parent else None,
    )


def _aware(date: datetime) -> datetime:
    return date if date.tzinfo else from_unix(date.timestamp(), "/date")


def _kind(message: Message) -> MentionKind:
    if message.chat.type == "private":
        return "message"
    if message.reply_to_message is not None:
        return "comment"
    return "video" if message.video or message.video_note else "post"


def _author(message: Message) -> Author:
    if message.sender_chat is not None:
        return _of_chat(message.sender_chat)
    if message.from_user is None:
        return _of_chat(message.chat)
    user = message.from_user
    return Author(id=str(user.id), handle=clip(user.username), name=clip(user.full_name))


def _of_chat(chat: Chat) -> Author:
    return Author(id=str(chat.id), handle=clip(chat.username), name=clip(chat.title))


def _media(message: Message) -> list[Media]:
    found: list[Media] = []
    if message.photo:
        largest = max(message.photo, key=lambda size: size.width * size.height)
        found.append(_file("image", largest.file_id))
    # An animation comes with a document of the same file, for old clients.
    if message.animation:
        found.append(_file("gif", message.animation.file_id))
    elif message.video:
        found.append(_file("video", message.video.file_id))
    elif message.video_note:
        found.append(_file("video", message.video_note.file_id))
    return found


def _file(kind: str, file_id: str) -> Media:
    return Media.model_validate({"type": kind, "url": f"telegram-file:{file_id}"[:2048]})


def _entities(text: str, entities: list[MessageEntity], kind: str) -> list[str]:
    return [entity.extract_from(text) for entity in entities if entity.type == kind]


def _link(chat_id: int, username: str | None, message_id: int) -> str | None:
    if username:
        return f"https://t.me/{username}/{message_id}"
    internal = str(chat_id).removeprefix("-100")
    return f"https://t.me/c/{internal}/{message_id}" if str(chat_id).startswith("-100") else None

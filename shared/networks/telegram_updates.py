"""What Telegram sends: updates, read with aiogram's types. https://core.telegram.org/bots/api#update"""

from datetime import datetime
from typing import Any

from aiogram.types import Chat, Message, MessageEntity, Update
from pydantic import ValidationError

from shared.contracts.ugc import Author, Media, MentionKind, NeutralMention
from shared.networks.base import Ignored, InvalidPayload, Parsed
from shared.networks.payload import MAX_TEXT, clip, from_unix, to_pointer
from shared.networks.telegram import permalink

_MESSAGES = ("message", "edited_message", "channel_post", "edited_channel_post")


def parse_update(raw: dict[str, Any]) -> Parsed:
    """The mention an update is about, or why it is none. Raises `InvalidPayload`."""
    if not isinstance(raw.get("update_id"), int):
        raise InvalidPayload("/update_id", "is not a number")
    kind = next((kind for kind in _MESSAGES if raw.get(kind)), None)
    if kind is None:
        names = ", ".join(sorted(name for name in raw if name != "update_id")) or "nothing"
        return Ignored(kind=names[:100], reason="not a message")
    return _heard(kind, _message(raw, kind))


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
        permalink=permalink(message.chat.id, message.chat.username, message.message_id),
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

"""What each network sends when somebody says something: its own payload, signed its own way."""

import json
import time
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from deploy.devnet.models import DevConnection, Person, Post
from deploy.devnet.world import brand_id, home
from shared.security.signatures import sign_instagram, sign_tiktok, standard_headers


@dataclass(frozen=True)
class Webhook:
    """One request to the brand's webhook URL. `accepts` is how the network recognises success."""

    body: bytes
    headers: dict[str, str]
    exact_body: str | None = None
    only_200: bool = False

    def accepted(self, status: int, body: bytes) -> bool:
        good = status == 200 if self.only_200 else 200 <= status < 300
        return good and (self.exact_body is None or body.strip() == self.exact_body.encode())


def webhook(connection: DevConnection, event: dict[str, Any]) -> Webhook | None:
    """The request for an event, or None when the network sends none (Telegram tells of no deletion)."""
    post = Post.model_validate(event["post"])
    make = {"telegram": _telegram, "vk": _vk, "instagram": _instagram, "tiktok": _tiktok, "inbound": _inbound}
    return make[connection.network](connection, post, event["action"], event["number"])


def _unix(at: datetime) -> int:
    return int(at.timestamp())


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def _telegram(connection: DevConnection, post: Post, action: str, number: int) -> Webhook | None:
    if action == "delete":
        return None
    kind = "edited_message" if action == "edit" else "message"
    body = _json({"update_id": 600_000_000 + number, kind: telegram_message(connection, post)})
    secret = connection.secrets.get("secret", "")
    return Webhook(body, {"Content-Type": "application/json", "X-Telegram-Bot-Api-Secret-Token": secret})


def telegram_chat(connection: DevConnection, chat: int, person: Person) -> dict[str, Any]:
    if chat > 0:
        return {"id": chat, "type": "private", "first_name": person.name or "Anna", "username": person.handle}
    return {
        "id": chat,
        "type": "supergroup",
        "title": f"{connection.brand} Club",
        "username": f"club{connection.number}",
    }


def telegram_message(connection: DevConnection, post: Post) -> dict[str, Any]:
    """A Bot API `Message`; people have `from`, and media come as the file ids they would have."""
    chat, _, message_id = post.id.partition(":")
    message: dict[str, Any] = {
        "message_id": int(message_id),
        "from": _telegram_user(connection, post),
        "chat": telegram_chat(connection, int(chat), post.author),
        "date": _unix(post.created_at),
    }
    if post.edited_at is not None:
        message["edit_date"] = _unix(post.edited_at)
    if post.reply_to is not None and post.reply_to.startswith(f"{chat}:"):
        above = {"message_id": int(post.reply_to.partition(":")[2]), "chat": message["chat"], "date": message["date"]}
        message["reply_to_message"] = {**above, "text": "…"}
    message["caption" if post.media else "text"] = post.text
    for media in post.media:
        message |= _telegram_file(media.type, f"{media.type}-{post.number}")
    entities = _telegram_entities(post.text)
    return {**message, "caption_entities" if post.media else "entities": entities} if entities else message


def _telegram_user(connection: DevConnection, post: Post) -> dict[str, Any]:
    if post.by_brand:
        return {"id": int(brand_id(connection)), "is_bot": True, "first_name": connection.brand}
    first, _, last = (post.author.name or post.author.handle or "Anna").partition(" ")
    user = {"id": int(post.author.number), "is_bot": False, "first_name": first, "username": post.author.handle}
    return {**user, "last_name": last} if last else user


def _telegram_file(kind: str, file_id: str) -> dict[str, Any]:
    file = {"file_id": file_id, "file_unique_id": file_id, "width": 1280, "height": 720}
    if kind == "image":
        return {"photo": [{**file, "file_id": f"{file_id}-s", "width": 90, "height": 51}, file]}
    return {"animation" if kind == "gif" else "video": {**file, "duration": 3}}


def _telegram_entities(text: str) -> list[dict[str, Any]]:
    """Hashtags and mentions, counted in UTF-16 code units."""
    found, offset = [], 0
    for word in text.replace("\n", " ").split(" "):
        length = len(word.encode("utf-16-le")) // 2
        if len(word) > 1 and word[0] in "#@" and word[1:].replace("_", "").isalnum():
            found.append({"type": "hashtag" if word[0] == "#" else "mention", "offset": offset, "length": length})
        offset += length + 1
    return found


def _vk(connection: DevConnection, post: Post, action: str, number: int) -> Webhook | None:
    kind, what = _vk_event(connection, post, action)
    body = {
        "group_id": int(connection.settings.get("group_id", "0")),
        "type": kind,
        "event_id": f"{connection.number:x}{number:031x}"[-40:],
        "v": "5.199",
        "object": what,
        "secret": connection.secrets.get("secret", ""),
    }
    return Webhook(_json(body), {"Content-Type": "application/json"}, exact_body="ok", only_200=True)


def _vk_event(connection: DevConnection, post: Post, action: str) -> tuple[str, dict[str, Any]]:
    owner = -int(connection.settings.get("group_id", "0"))
    said = {"from_id": int(post.author.number), "date": _unix(post.created_at), "text": post.text}
    attached = {"attachments": [_vk_attachment(media.type, media.url) for media in post.media]} if post.media else {}
    if post.kind == "message":
        peer, _, number = post.id.removeprefix("message").partition("_")
        ids = {"id": post.number, "conversation_message_id": int(number), "peer_id": int(peer), "out": 0}
        kind = "message_edit" if action == "edit" else "message_new"
        return kind, {"message": {**said, **ids, **attached}, "client_info": {"lang_id": 0, "keyboard": True}}
    place, _, comment = post.id.partition("_r")
    post_id = int(place.rpartition("_")[2])
    if not comment:
        wall = {"id": post_id, "owner_id": owner, "post_type": "post", "can_edit": 0, "marked_as_ads": 0}
        return "wall_post_new", {**said, **wall, **attached}
    if action == "delete":
        return "wall_reply_delete", {"owner_id": owner, "id": int(comment), "deleter_id": 1, "post_id": post_id}
    above = post.reply_to.partition("_r")[2] if post.reply_to else ""
    thread = {"reply_to_comment": int(above), "parents_stack": [int(above)]} if above else {"parents_stack": []}
    reply = {"id": int(comment), "post_id": post_id, "owner_id": owner, "post_owner_id": owner}
    return f"wall_reply_{'edit' if action == 'edit' else 'new'}", {**said, **reply, **thread, **attached}


def _vk_attachment(kind: str, url: str) -> dict[str, Any]:
    if kind == "gif":
        return {"type": "doc", "doc": {"id": 1, "owner_id": 1, "ext": "gif", "url": url, "type": 3}}
    if kind == "video":
        return {"type": "video", "video": {"id": 1, "owner_id": 1, "title": "", "duration": 10}}
    return {
        "type": "photo",
        "photo": {"id": 1, "owner_id": 1, "sizes": [{"type": "x", "url": url, "width": 604, "height": 604}]},
    }


def _instagram(connection: DevConnection, post: Post, action: str, number: int) -> Webhook | None:
    entry = _instagram_entry(connection, post, action)
    if entry is None:
        return None
    account = connection.settings.get("account_id", "0")
    value = {"object": "instagram", "entry": [{"id": account, "time": int(time.time()), **entry}]}
    # Meta escapes everything outside ASCII, and slashes, and signs what it sends.
    body = json.dumps(value, separators=(",", ":")).replace("/", "\\/").encode()
    signature = sign_instagram(body, connection.secrets.get("app_secret", ""))
    return Webhook(body, {"Content-Type": "application/json", "X-Hub-Signature-256": signature})


def _instagram_entry(connection: DevConnection, post: Post, action: str) -> dict[str, Any] | None:
    if post.kind in ("message", "story"):
        return _instagram_message(connection, post, action)
    if action != "new":
        return None  # Instagram tells of no edited or deleted comments
    if post.mention:
        media, _, comment = post.id.removeprefix("mention:").partition(":")
        value = {"media_id": media, **({"comment_id": comment} if comment else {})}
        return {"changes": [{"field": "mentions", "value": value}]}
    comment_value: dict[str, Any] = {
        "from": {"id": post.author.number, "username": post.author.handle or "anna"},
        "media": {"id": home(connection), "media_product_type": "FEED"},
        "id": post.id,
        "text": post.text,
        **({"parent_id": post.reply_to} if post.reply_to else {}),
    }
    return {"changes": [{"field": "comments", "value": comment_value}]}


def _instagram_message(connection: DevConnection, post: Post, action: str) -> dict[str, Any] | None:
    message: dict[str, Any] = {"mid": post.id.rpartition(":")[2]}
    if action == "delete":
        message["is_deleted"] = True
    elif action == "new":
        if post.text:
            message["text"] = post.text
        kind = "story_mention" if post.kind == "story" else None
        urls: list[tuple[str, str]] = [(kind or media.type, media.url) for media in post.media]
        if kind and not urls:
            urls = [(kind, f"https://lookaside.example/ig_messaging_cdn/{post.number}.jpg")]
        if urls:
            message["attachments"] = [{"type": what, "payload": {"url": url}} for what, url in urls]
    else:
        return None
    account = connection.settings.get("account_id", "0")
    sent = {"sender": {"id": post.author.number}, "recipient": {"id": account}, "timestamp": int(time.time() * 1000)}
    return {"messaging": [{**sent, "message": message}]}


def _tiktok(connection: DevConnection, post: Post, action: str, number: int) -> Webhook | None:
    if action == "edit":
        return None  # comments can't be edited there
    video, _, comment = post.id.partition(":")
    above = post.reply_to.partition(":")[2] if post.reply_to else "0"
    content = {
        "comment_id": int(comment),
        "video_id": int(video),
        "parent_comment_id": int(above),
        "comment_type": "reply" if post.reply_to else "comment",
        "comment_action": "delete" if action == "delete" else "insert",
        "timestamp": int(time.time() * 1000),
        "unique_identifier": post.author.number,
        "username": post.author.handle,
        "text": post.text,
    }
    body = _json(
        {
            "client_key": "dev-client-key",
            "event": "comment.update",
            "create_time": int(time.time()),
            "user_openid": connection.settings.get("business_id", ""),
            "content": json.dumps(content, ensure_ascii=False, separators=(",", ":")),
        }
    )
    signature = sign_tiktok(body, connection.secrets.get("client_secret", ""), int(time.time()))
    return Webhook(body, {"Content-Type": "application/json", "TikTok-Signature": signature}, only_200=True)


def _inbound(connection: DevConnection, post: Post, action: str, number: int) -> Webhook | None:
    body = _json(
        {
            "external_id": post.id,
            "kind": post.kind,
            "text": post.text,
            "author": {
                "id": post.author.number,
                "handle": post.author.handle,
                "name": post.author.name,
                "followers": post.author.followers,
            },
            "permalink": None,
            "posted_at": post.created_at.isoformat(),
            "edited_at": post.edited_at.isoformat() if post.edited_at else None,
            "media": [media.model_dump() for media in post.media],
            "parent_external_id": post.reply_to,
            "deleted": action == "delete",
        }
    )
    message_id = f"msg_dev_{connection.number}_{number}"
    signed = standard_headers(body, message_id, int(time.time()), [connection.secrets.get("secret", "")])
    return Webhook(body, {"Content-Type": "application/json", **signed})

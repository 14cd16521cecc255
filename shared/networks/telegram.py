"""Telegram: a bot in groups, channels and private chats. https://core.telegram.org/bots/api

`external_id` is `{chat_id}:{message_id}`, which is what a reply needs. Media are `telegram-file:{file_id}`.
"""

import hashlib
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from shared.contracts.gateway import NetworkName
from shared.http import Answer, HttpClient
from shared.networks.base import (
    Connection,
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
from shared.networks.payload import read_object
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
        # Telegram's types take seconds and 100 MB to load; whoever only verifies (the gateway) does without them.
        from shared.networks.telegram_updates import parse_update

        return [parse_update(read_object(body))]

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
        return Published(external_id=f"{chat}:{message}", permalink=permalink(chat, username, message))
    reason = f"Telegram answered {answer.status}: {found(said, 'description') or 'no reason given'}"[:300]
    if answer.status == 429:
        after = found(said, "parameters", "retry_after")
        raise PublishRetry(float(after) if isinstance(after, int | float) else LATER, reason)
    # 401 and 404 mean a wrong or revoked token: the account needs care, the text is fine.
    raise PublishRefused(permanent=answer.status not in (401, 404), reason=reason)


def permalink(chat_id: int, username: str | None, message_id: int) -> str | None:
    if username:
        return f"https://t.me/{username}/{message_id}"
    internal = str(chat_id).removeprefix("-100")
    return f"https://t.me/c/{internal}/{message_id}" if str(chat_id).startswith("-100") else None

"""Anything else: mentions in the neutral form as Standard Webhooks; replies leave as Standard Webhooks too.

Both ways `webhook-id` stays the same over retries, so a repetition has no second effect.
"""

import json
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from shared.contracts.gateway import NetworkName
from shared.contracts.ugc import Author, Engagement, Media, NeutralMention
from shared.http import AddressRefused, Answer, HttpClient
from shared.networks.base import (
    Connection,
    Deleted,
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
from shared.networks.outcome import LATER, found, post, token
from shared.networks.payload import read_json, to_pointer
from shared.security.signatures import standard_headers, verify_standard_webhook

MAX_MENTIONS = 1000
_STRICT = ConfigDict(extra="forbid", frozen=True)
ELIGIBILITY = Eligibility(
    version="2026-11-01",
    source="the receiver decides",
    rules=(
        ReplyRule(
            kinds=frozenset({"post", "comment", "story", "video", "review", "message"}),
            automation="allowed",
            max_length=4096,
            media=frozenset({"image", "video", "gif"}),
        ),
    ),
)


class _Author(Author):
    model_config = _STRICT


class _Engagement(Engagement):
    model_config = _STRICT


class _Media(Media):
    model_config = _STRICT


class _Mention(NeutralMention):
    """The neutral mention with unknown fields refused: the sender is a program whose author can be told."""

    model_config = _STRICT
    author: _Author = Field(default_factory=lambda: _Author())
    media: list[_Media] = Field(default_factory=list, max_length=50)  # type: ignore[assignment]
    engagement: _Engagement = Field(default_factory=lambda: _Engagement())


_ONE = TypeAdapter(_Mention)


class Inbound(NetworkBase):
    name: NetworkName = "inbound"
    needs = Needs(secrets=("secret",), optional=("reply_url", "reply_secret"))
    limits = Limits()
    eligibility = ELIGIBILITY
    repeatable = True

    def __init__(self, api_url: str = "") -> None:
        super().__init__(api_url)

    def verify(self, request: InboundRequest, connection: Connection) -> None:
        verify_standard_webhook(
            request.body,
            request.header("webhook-id"),
            request.header("webhook-timestamp"),
            request.header("webhook-signature"),
            connection.accepted("secret"),
        )

    def delivery_id(self, request: InboundRequest) -> str:
        return request.header("webhook-id") or ""

    def parse(self, body: bytes, headers: Mapping[str, str], connection: Connection) -> list[Parsed]:
        value = read_json(body)
        if not isinstance(value, list):
            return [_parsed(value, "")]
        if len(value) > MAX_MENTIONS:
            raise InvalidPayload("", f"lists more than {MAX_MENTIONS} mentions")
        return [_parsed(one, f"/{index}") for index, one in enumerate(value)]

    async def publish(self, connection: Connection, reply: OutboundReply, client: HttpClient) -> Published:
        """POST the reply to the connection's `reply_url`; any 2xx is a promise to post it."""
        url = token(connection.settings, "reply_url")
        body = json.dumps(_event(connection, reply), ensure_ascii=False).encode()
        secrets = connection.accepted("reply_secret") or connection.accepted("secret")
        headers = {"Content-Type": "application/json"} | standard_headers(body, reply.id, int(time.time()), secrets)
        try:
            answer = await post(client, url, repeatable=True, body=body, headers=headers, from_outside=True)
        except AddressRefused as error:
            raise PublishRefused(permanent=False, reason=f"reply_url: {error}") from None
        return _published(answer, reply)


def _parsed(value: Any, pointer: str) -> Parsed:
    try:
        mention = _ONE.validate_json(json.dumps(value))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        raise InvalidPayload(pointer + to_pointer(first["loc"]), first["msg"].removeprefix("Value error, ")) from None
    if mention.deleted:
        return Deleted(external_id=mention.external_id)
    return NeutralMention.model_validate(mention.model_dump())


def _event(connection: Connection, reply: OutboundReply) -> dict[str, Any]:
    return {
        "type": "reply.created",
        "timestamp": datetime.now(UTC).isoformat(),
        "data": {
            "reply_id": reply.id,
            "connection_id": connection.id,
            "in_reply_to": reply.target,
            "text": reply.text,
            "media": [media.model_dump() for media in reply.media],
        },
    }


def _published(answer: Answer, reply: OutboundReply) -> Published:
    if 200 <= answer.status < 300:
        named = found(answer.json(), "external_id")
        return Published(external_id=named if isinstance(named, str) and named else reply.id)
    reason = f"The receiver answered {answer.status}."
    if answer.status in (408, 425, 429):
        raise PublishRetry(answer.retry_after or LATER, reason)
    # 401, 403, 404 and redirects are the receiver's set-up, not this reply.
    raise PublishRefused(permanent=answer.status in (400, 409, 410, 413, 422), reason=reason)

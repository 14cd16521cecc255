"""TikTok: comments on a business account's videos.

Webhooks: https://developers.tiktok.com/doc/webhooks-overview; calls: https://business-api.tiktok.com/portal/docs

`external_id` is `{video_id}:{comment_id}`: a reply needs both. Without a client key, what is uncertain is read back.
"""

import hashlib
import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from pydantic import Field

from shared.contracts.gateway import NetworkName
from shared.contracts.ugc import Author, NeutralMention
from shared.http import Answer, HttpClient
from shared.networks.base import (
    Connection,
    Deleted,
    FetchFailed,
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
from shared.networks.eligibility import Eligibility, ReplyRule
from shared.networks.outcome import LATER, found, get, post, token
from shared.networks.payload import MAX_TEXT, Id, Shape, clip, from_unix, read_object, shaped
from shared.security.signatures import verify_tiktok

API_VERSION = "v1.3"
ELIGIBILITY = Eligibility(
    version="2026-11-01",
    source="https://business-api.tiktok.com/portal/docs?id=1742500300395521",
    rules=(ReplyRule(kinds=frozenset({"comment"}), window=timedelta(days=30), audience="our_posts", max_length=150),),
)
_GONE = frozenset({"delete", "deleted", "remove", "set_to_hidden", "hidden", "set_to_friends_only"})
_THROTTLED = frozenset({40100, 40016, 40133, 50002})
_TOKEN = frozenset({40001, 40101, 40102, 40104, 40105, 40110})
_COMMENT_FIELDS = ["comment_id", "video_id", "user_id", "username", "display_name", "text", "create_time", "owner"]


class _Event(Shape):
    event: str
    create_time: float
    content: str = "{}"
    user_openid: Id | None = None


class _Comment(Shape):
    comment_id: Id
    video_id: Id
    comment_action: str = "insert"
    comment_type: str = "comment"
    parent_comment_id: Id | None = None
    timestamp: float | None = None
    text: str = ""
    user_id: Id | None = None
    unique_identifier: Id | None = None
    username: str | None = None
    display_name: str | None = None
    owner: bool = False


class _Reply(Shape):
    comment_id: Id
    text: str = ""
    owner: bool = False
    create_time: Id = "0"


class _Replies(Shape):
    comments: list[_Reply] = Field(default_factory=list)


class TikTok(NetworkBase):
    name: NetworkName = "tiktok"
    needs = Needs(settings=("business_id",), secrets=("client_secret", "access_token"))
    limits = Limits(per_second=10)
    eligibility = ELIGIBILITY

    def verify(self, request: InboundRequest, connection: Connection) -> None:
        verify_tiktok(request.body, request.header("TikTok-Signature"), connection.accepted("client_secret"))

    def delivery_id(self, request: InboundRequest) -> str:
        """TikTok numbers no deliveries; a repetition is the same body (its signature differs)."""
        return hashlib.sha256(request.body).hexdigest()

    def parse(self, body: bytes, headers: Mapping[str, str], connection: Connection) -> list[Parsed]:
        event = shaped(_Event, read_object(body))
        if not event.event.startswith("comment."):
            return [Ignored(kind=event.event[:100], reason="not a comment")]
        comment = shaped(_Comment, _content(event.content), "/content")
        external_id = f"{comment.video_id}:{comment.comment_id}"
        if comment.comment_action.lower() in _GONE or event.event.endswith(".delete"):
            return [Deleted(external_id=external_id)]
        if comment.owner:
            return [Ignored(kind=event.event, reason="written by the account itself")]
        return [_mention(external_id, comment, event.create_time)]

    def needs_fetch(self, mention: NeutralMention) -> bool:
        return not mention.text

    async def fetch(self, connection: Connection, mention: NeutralMention, client: HttpClient) -> NeutralMention:
        """The text and author of a comment whose webhook only had ids."""
        video, comment = _target(mention.external_id)
        params = {"video_id": video, "comment_ids": json.dumps([comment])}
        try:
            said = await self._list(connection, client, "business/comment/list/", params)
        except (PublishRetry, PublishRefused) as error:
            permanent = isinstance(error, PublishRefused) and error.permanent
            raise FetchFailed(permanent=permanent, reason=error.reason) from None
        rows = found(said, "data", "comments")
        row = next((row for row in rows or [] if str(found(row, "comment_id")) == comment), None)
        if row is None:
            raise FetchFailed(permanent=True, reason="TikTok does not show the comment.")
        return _filled(mention, row)

    async def publish(self, connection: Connection, reply: OutboundReply, client: HttpClient) -> Published:
        video, comment = _target(reply.target)
        answer = await post(
            client,
            self._url("business/comment/reply/create/"),
            json={**_account(connection), "video_id": video, "comment_id": comment, "text": reply.text},
            headers=_authorized(connection),
        )
        said = _accepted(answer)
        posted = found(said, "data", "comment_id")
        if posted is None:
            raise PublishUncertain("TikTok named no comment.")
        return Published(external_id=f"{video}:{posted}")

    async def read_back(self, connection: Connection, reply: OutboundReply, client: HttpClient) -> str | None:
        video, comment = _target(reply.target)
        params = {"video_id": video, "comment_id": comment, "sort_field": "create_time", "sort_order": "desc"}
        said = await self._list(connection, client, "business/comment/reply/list/", params)
        since = reply.created_at.timestamp() - 120
        try:
            replies = shaped(_Replies, found(said, "data")).comments
        except InvalidPayload as error:
            raise PublishRetry(LATER, str(error)) from None
        ours = (one for one in replies if one.owner and one.text == reply.text and _seconds(one.create_time) >= since)
        return next((f"{video}:{one.comment_id}" for one in ours), None)

    async def _list(self, connection: Connection, client: HttpClient, path: str, params: dict[str, str]) -> Any:
        query = {**_account(connection), **params, "fields": json.dumps(_COMMENT_FIELDS), "max_count": "30"}
        return _accepted(await get(client, self._url(path), params=query, headers=_authorized(connection)))

    def _url(self, path: str) -> str:
        return f"{self.api_url}/open_api/{API_VERSION}/{path}"


def _content(content: str) -> dict[str, Any]:
    """The event's details: JSON inside a string inside JSON."""
    try:
        return read_object(content.encode("utf-8", "replace"))
    except InvalidPayload as error:
        raise InvalidPayload("/content", error.detail) from error


def _mention(external_id: str, comment: _Comment, created: float) -> NeutralMention:
    parent = comment.parent_comment_id if comment.parent_comment_id not in (None, "", "0") else None
    return NeutralMention(
        external_id=external_id,
        kind="comment",
        text=comment.text[:MAX_TEXT],
        author=Author(
            id=comment.user_id or comment.unique_identifier,
            handle=clip(comment.username),
            name=clip(comment.display_name),
        ),
        permalink=f"https://www.tiktok.com/@{comment.username}/video/{comment.video_id}" if comment.username else None,
        posted_at=from_unix(comment.timestamp or created, "/content/timestamp"),
        parent_external_id=f"{comment.video_id}:{parent}" if parent else f"video:{comment.video_id}",
    )


def _filled(mention: NeutralMention, row: dict[str, Any]) -> NeutralMention:
    author = Author(
        id=str(row["user_id"]) if row.get("user_id") else mention.author.id,
        handle=clip(str(row.get("username") or "")) or mention.author.handle,
        name=clip(str(row.get("display_name") or "")) or mention.author.name,
    )
    return mention.model_copy(update={"text": str(row.get("text") or "")[:MAX_TEXT], "author": author})


def _target(external_id: str) -> tuple[str, str]:
    video, _, comment = external_id.partition(":")
    if not video.isdigit() or not comment.isdigit():
        raise PublishRefused(permanent=True, reason="The mention's id is not video:comment.")
    return video, comment


def _account(connection: Connection) -> dict[str, str]:
    return {"business_id": connection.settings.get("business_id", "")}


def _authorized(connection: Connection) -> dict[str, str]:
    return {"Access-Token": token(connection.secrets, "access_token")}


def _accepted(answer: Answer) -> Any:
    """The answer when TikTok says `code: 0`; errors come with status 200 too."""
    said = answer.json()
    code, message = found(said, "code"), found(said, "message")
    if answer.status == 200 and code == 0:
        return said
    reason = f"TikTok code {code}: {message}"[:300] if code is not None else f"TikTok answered {answer.status}."
    if code in _THROTTLED or answer.status == 429:
        raise PublishRetry(answer.retry_after or LATER, reason)
    if isinstance(code, int) and code >= 50000:
        raise PublishUncertain(reason)
    raise PublishRefused(permanent=code is not None and code not in _TOKEN, reason=reason)


def _seconds(value: str) -> float:
    return float(value) if value.isascii() and value.isdigit() else 0.0

"""YouTube: comments on a channel's videos, polled. https://developers.google.com/youtube/v3/docs

`external_id` is the comment's id; a reply's id begins with its thread's, before the first dot.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import AwareDatetime, Field

from shared.contracts.gateway import NetworkName
from shared.contracts.ugc import Author, Engagement, NeutralMention
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
    Poll,
    Published,
    PublishRefused,
    PublishRetry,
    PublishUncertain,
)
from shared.networks.eligibility import Eligibility, ReplyRule
from shared.networks.outcome import LATER, found, get, post, token
from shared.networks.payload import MAX_TEXT, Shape, clip, read_object, shaped
from shared.security.signatures import SignatureMissing

ELIGIBILITY = Eligibility(
    version="2026-11-01",
    source="https://developers.google.com/youtube/terms/developer-policies",
    rules=(
        ReplyRule(kinds=frozenset({"comment"}), window=timedelta(days=60), audience="our_posts", max_length=10_000),
    ),
)
MAX_PAGES = 20
_PACIFIC = ZoneInfo("America/Los_Angeles")
_QUOTA = frozenset({"quotaExceeded", "dailyLimitExceeded"})
_THROTTLED = frozenset({"rateLimitExceeded", "userRateLimitExceeded"})
_TOKEN = frozenset({"authError", "ineligibleAccount", "accessNotConfigured", "insufficientPermissions", "required"})


class _ChannelId(Shape):
    value: str | None = None


class _Snippet(Shape):
    text_original: str | None = Field(None, alias="textOriginal")
    text_display: str = Field("", alias="textDisplay")
    author: str = Field("", alias="authorDisplayName")
    author_channel: _ChannelId | None = Field(None, alias="authorChannelId")
    video_id: str | None = Field(None, alias="videoId")
    parent_id: str | None = Field(None, alias="parentId")
    like_count: int = Field(0, alias="likeCount", ge=0)
    published_at: AwareDatetime = Field(alias="publishedAt")
    updated_at: AwareDatetime = Field(alias="updatedAt")


class _Comment(Shape):
    id: str
    snippet: _Snippet


class _ThreadSnippet(Shape):
    top: _Comment = Field(alias="topLevelComment")
    video_id: str | None = Field(None, alias="videoId")
    reply_count: int = Field(0, alias="totalReplyCount", ge=0)


class _Replies(Shape):
    comments: list[_Comment] = Field(default_factory=list)


class _Thread(Shape):
    snippet: _ThreadSnippet
    replies: _Replies = Field(default_factory=lambda: _Replies())


class _Page(Shape):
    items: list[_Thread] = Field(default_factory=list)
    next_page: str | None = Field(None, alias="nextPageToken")


class YouTube(NetworkBase):
    name: NetworkName = "youtube"
    needs = Needs(settings=("channel_id",), secrets=("access_token",))
    limits = Limits(units_per_day=10_000, units_per_reply=50)
    eligibility = ELIGIBILITY

    def verify(self, request: InboundRequest, connection: Connection) -> None:
        raise SignatureMissing("YouTube pushes no comments; it is polled.")

    def delivery_id(self, request: InboundRequest) -> str:
        return ""

    def parse(self, body: bytes, headers: Mapping[str, str], connection: Connection) -> list[Parsed]:
        """One page of `commentThreads.list`, as `poll` gets it."""
        own = connection.settings["channel_id"]
        return [one for thread in _page(body).items for one in _mentions(thread, own)]

    async def poll(self, connection: Connection, cursor: str | None, client: HttpClient) -> Poll:
        """Threads newest first, down to `cursor` (an instant, RFC 3339); one unit of quota a page.

        The list is ordered by a thread's own time, so replies to older threads show up only while their thread is
        within the last day of the cursor. Raises PublishRetry or PublishRefused.
        """
        since = _instant(cursor)
        mentions: list[NeutralMention] = []
        page: str | None = None
        for _ in range(MAX_PAGES):
            threads = await self._threads(connection, client, page)
            mentions += [m for t in threads.items for m in _mentions(t, connection.settings["channel_id"])]
            oldest = min((thread.snippet.top.snippet.published_at for thread in threads.items), default=since)
            page = threads.next_page
            if page is None or oldest < since - timedelta(days=1):
                break
        new = [mention for mention in mentions if _changed(mention) >= since]
        newest = max((_changed(mention) for mention in new), default=since)
        return Poll(mentions=tuple(new), cursor=newest.isoformat())

    async def _threads(self, connection: Connection, client: HttpClient, page: str | None) -> _Page:
        params = {
            "part": "snippet,replies",
            "allThreadsRelatedToChannelId": connection.settings["channel_id"],
            "order": "time",
            "maxResults": "100",
            "textFormat": "plainText",
            **({"pageToken": page} if page else {}),
        }
        answer = await get(client, self._url("commentThreads"), params=params, headers=_authorized(connection))
        if answer.status != 200:
            raise _refusal(answer)
        return _page(answer.body)

    async def publish(self, connection: Connection, reply: OutboundReply, client: HttpClient) -> Published:
        answer = await post(
            client,
            self._url("comments"),
            params={"part": "snippet"},
            json={"snippet": {"parentId": _thread_of(reply.target), "textOriginal": reply.text}},
            headers=_authorized(connection),
        )
        if answer.status != 200:
            raise _refusal(answer)
        posted = found(answer.json(), "id")
        if not isinstance(posted, str):
            raise PublishUncertain("YouTube named no comment.")
        return Published(external_id=posted)

    async def read_back(self, connection: Connection, reply: OutboundReply, client: HttpClient) -> str | None:
        params = {
            "part": "snippet",
            "parentId": _thread_of(reply.target),
            "maxResults": "100",
            "textFormat": "plainText",
        }
        answer = await get(client, self._url("comments"), params=params, headers=_authorized(connection))
        rows = found(answer.json(), "items")
        if answer.status != 200 or not isinstance(rows, list):
            raise PublishRetry(LATER, f"YouTube answered {answer.status}.")
        own, since = connection.settings["channel_id"], reply.created_at - timedelta(minutes=2)
        ours = (row for row in map(_maybe, rows) if row and _said_by(row, own) and _text(row) == reply.text)
        return next((row.id for row in ours if row.snippet.published_at >= since), None)

    def _url(self, resource: str) -> str:
        return f"{self.api_url}/youtube/v3/{resource}"


def _page(body: bytes) -> _Page:
    return shaped(_Page, read_object(body))


def _instant(cursor: str | None) -> datetime:
    return datetime.fromisoformat(cursor) if cursor else datetime.fromtimestamp(0, UTC)


def _maybe(row: Any) -> _Comment | None:
    try:
        return shaped(_Comment, row)
    except InvalidPayload:
        return None


def _said_by(comment: _Comment, channel: str) -> bool:
    return comment.snippet.author_channel is not None and comment.snippet.author_channel.value == channel


def _text(comment: _Comment) -> str:
    return comment.snippet.text_original or comment.snippet.text_display


def _changed(mention: NeutralMention) -> datetime:
    return mention.edited_at or mention.posted_at


def _mentions(thread: _Thread, own: str) -> list[NeutralMention]:
    comments = [thread.snippet.top, *thread.replies.comments]
    return [_mention(one, thread) for one in comments if not _said_by(one, own)]


def _mention(comment: _Comment, thread: _Thread) -> NeutralMention:
    said = comment.snippet
    video = said.video_id or thread.snippet.video_id
    top = comment.id == thread.snippet.top.id
    return NeutralMention(
        external_id=comment.id,
        kind="comment",
        text=_text(comment)[:MAX_TEXT],
        author=Author(
            id=said.author_channel.value if said.author_channel else None,
            handle=clip(said.author.removeprefix("@")) if said.author.startswith("@") else None,
            name=clip(said.author),
        ),
        permalink=f"https://www.youtube.com/watch?v={video}&lc={comment.id}" if video else None,
        posted_at=said.published_at,
        edited_at=said.updated_at if said.updated_at > said.published_at else None,
        parent_external_id=(f"video:{video}" if video else None) if top else thread.snippet.top.id,
        engagement=Engagement(likes=said.like_count, comments=thread.snippet.reply_count if top else 0),
    )


def _thread_of(external_id: str) -> str:
    """YouTube threads are two levels deep: a reply to a reply goes to the thread."""
    return external_id.partition(".")[0]


def _authorized(connection: Connection) -> dict[str, str]:
    return {"Authorization": f"Bearer {token(connection.secrets, 'access_token')}"}


def _refusal(answer: Answer) -> Exception:
    said = answer.json()
    cause = found(said, "error", "errors", 0, "reason")
    reason = f"YouTube answered {answer.status}: {cause or found(said, 'error', 'message')}"[:300]
    if cause in _QUOTA:
        return PublishRetry(_until_quota(datetime.now(UTC)), reason)
    if cause in _THROTTLED or answer.status == 429:
        return PublishRetry(answer.retry_after or LATER, reason)
    return PublishRefused(permanent=answer.status != 401 and cause not in _TOKEN, reason=reason)


def _until_quota(now: datetime) -> float:
    """Seconds to the next midnight in Pacific time, when the daily quota starts anew."""
    local = now.astimezone(_PACIFIC)
    midnight = datetime.combine(local.date() + timedelta(days=1), time.min, _PACIFIC)
    return (midnight.astimezone(UTC) - now).total_seconds()

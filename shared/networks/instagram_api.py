"""Calls to the Instagram Graph API, and what its errors mean.

https://developers.facebook.com/docs/instagram-platform/reference
https://developers.facebook.com/docs/graph-api/guides/error-handling
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from shared.contracts.ugc import Author, Engagement, Media, NeutralMention
from shared.http import Answer, HttpClient
from shared.networks.base import (
    Connection,
    FetchFailed,
    OutboundReply,
    Published,
    PublishRefused,
    PublishRetry,
    PublishUncertain,
    ReadBackUnsupported,
)
from shared.networks.outcome import LATER, found, get, post, token
from shared.networks.payload import MAX_TEXT, clip

API_VERSION = "v24.0"
_THROTTLED = frozenset({4, 17, 32, 613, 80001, 80002, 80006})
_TOKEN = frozenset({10, 102, 104, 190, 200, 463, 467})
_OUT_OF_BREATH = frozenset({1, 2})
_MEDIA = "id,caption,media_type,media_url,permalink,timestamp,username,like_count,comments_count"
_COMMENT = "id,text,timestamp,username,like_count,media{id,media_url,permalink}"


async def publish(api_url: str, connection: Connection, reply: OutboundReply, client: HttpClient) -> Published:
    path, fields = _call(connection.settings["account_id"], reply)
    answer = await post(client, f"{api_url}/{API_VERSION}/{path}", json=fields, headers=_authorized(connection))
    said = answer.json()
    if answer.status == 200:
        posted = found(said, "id") or found(said, "message_id")
        if not posted:
            raise PublishUncertain("Instagram named no comment.")
        return Published(external_id=str(posted))
    raise _refusal(answer, said)


def _authorized(connection: Connection) -> dict[str, str]:
    return {"Authorization": f"Bearer {token(connection.secrets, 'access_token')}"}


def _call(account: str, reply: OutboundReply) -> tuple[str, dict[str, Any]]:
    kind, _, rest = reply.target.partition(":")
    if kind == "mention":
        media, _, comment = rest.partition(":")
        fields = {"media_id": media, "message": reply.text}
        return f"{account}/mentions", {**fields, "comment_id": comment} if comment else fields
    if kind == "dm":
        recipient = {"id": rest.partition(":")[0]}
        return f"{account}/messages", {"recipient": recipient, "message": {"text": reply.text}}
    if not reply.target.isdigit():
        raise PublishRefused(permanent=True, reason="The mention's id names nothing on Instagram.")
    return f"{reply.target}/replies", {"message": reply.text}


def _refusal(answer: Answer, said: Any) -> Exception:
    code, message = found(said, "error", "code"), found(said, "error", "message")
    reason = f"Instagram error {code}: {message}"[:300] if code else f"Instagram answered {answer.status}."
    if code in _THROTTLED or answer.status == 429:
        return PublishRetry(answer.retry_after or LATER, reason)
    if code in _OUT_OF_BREATH and found(said, "error", "is_transient"):
        return PublishUncertain(reason)
    return PublishRefused(permanent=code not in _TOKEN and code is not None, reason=reason)


async def find_reply(api_url: str, connection: Connection, reply: OutboundReply, client: HttpClient) -> str | None:
    """The reply among those below the comment. Replies to mentions on others' media can't be listed."""
    if not reply.target.isdigit():
        raise ReadBackUnsupported
    answer = await get(
        client,
        f"{api_url}/{API_VERSION}/{reply.target}/replies",
        params={"fields": "id,text,timestamp,from", "limit": "100"},
        headers=_authorized(connection),
    )
    replies = found(answer.json(), "data")
    if answer.status != 200 or not isinstance(replies, list):
        raise PublishRetry(LATER, f"Instagram answered {answer.status}.")
    own = connection.settings["account_id"]
    ours = (one for one in replies if _is_ours(one, reply, own))
    return next((str(found(one, "id")) for one in ours), None)


def _is_ours(one: Any, reply: OutboundReply, own: str) -> bool:
    author, at = found(one, "from", "id"), _time(found(one, "timestamp"))
    recent = at is None or at >= reply.created_at - timedelta(minutes=2)
    return found(one, "text") == reply.text and author in (None, own) and recent


def _time(value: Any) -> datetime | None:
    try:
        return datetime.fromisoformat(value).astimezone(UTC)
    except (TypeError, ValueError):
        return None


async def fetch_mentioned(
    api_url: str, connection: Connection, mention: NeutralMention, client: HttpClient
) -> NeutralMention:
    """What a `mentions` webhook only named: the comment, or the media with its caption."""
    media_id, _, comment_id = mention.external_id.removeprefix("mention:").partition(":")
    edge = f"mentioned_comment.comment_id({comment_id}){{{_COMMENT}}}" if comment_id else ""
    edge = edge or f"mentioned_media.media_id({media_id}){{{_MEDIA}}}"
    try:
        account = connection.settings["account_id"]
        url = f"{api_url}/{API_VERSION}/{account}"
        answer = await get(client, url, params={"fields": edge}, headers=_authorized(connection))
    except (PublishRetry, PublishRefused) as error:
        raise FetchFailed(permanent=False, reason=error.reason) from None
    said = answer.json()
    what = found(said, "mentioned_comment" if comment_id else "mentioned_media")
    if answer.status != 200 or not isinstance(what, dict):
        refusal = _refusal(answer, said)
        raise FetchFailed(permanent=isinstance(refusal, PublishRefused) and refusal.permanent, reason=str(refusal))
    return _filled(mention, what)


def _filled(mention: NeutralMention, what: dict[str, Any]) -> NeutralMention:
    text, handle = what.get("text") or what.get("caption") or "", what.get("username")
    video = what.get("media_type") in ("VIDEO", "REELS")
    url = what.get("media_url")
    update = {
        "text": str(text)[:MAX_TEXT],
        "author": Author(handle=clip(handle)) if isinstance(handle, str) else mention.author,
        "posted_at": _time(what.get("timestamp")) or mention.posted_at,
        "permalink": clip(what.get("permalink") or found(what, "media", "permalink"), 2048),
        "media": [Media(type="video" if video else "image", url=url)] if isinstance(url, str) else [],
        "kind": "video" if video else mention.kind,
        "engagement": Engagement(likes=_count(what.get("like_count")), comments=_count(what.get("comments_count"))),
    }
    return mention.model_copy(update=update)


def _count(value: Any) -> int:
    return value if isinstance(value, int) and value > 0 else 0

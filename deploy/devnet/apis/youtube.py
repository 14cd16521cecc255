"""YouTube Data API v3: commentThreads.list, comments.list, comments.insert, with the daily quota.

https://developers.google.com/youtube/v3/docs
"""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from deploy.devnet.apis.common import answer, bearer, endpoint
from deploy.devnet.models import DevConnection, Post
from deploy.devnet.world import Gone, World, home

MAX_TEXT = 10_000
QUOTA, LIST_COST, INSERT_COST = 10_000, 1, 50
_PACIFIC = ZoneInfo("America/Los_Angeles")


def refuse(status: int, reason: str, message: str) -> Response:
    detail = {"message": message, "domain": "youtube.comment", "reason": reason}
    return answer({"error": {"code": status, "message": message, "errors": [detail]}}, status)


def throttled(seconds: float) -> Response:
    return refuse(403, "rateLimitExceeded", "The request was throttled.")


def _entry(world: World, request: Request, given: dict[str, Any], cost: int) -> Response | DevConnection:
    connection = world.store.holder("youtube", "access_token", bearer(request, given))
    if connection is None:
        return refuse(401, "authError", "Request had invalid authentication credentials.")
    # Spent before it is known whether the call is any good, as Google does; the day ends at midnight Pacific time.
    day = datetime.now(_PACIFIC).date().isoformat()
    quota = int(connection.settings.get("quota", QUOTA))
    if connection.limits and world.spend(f"quota:{connection.id}:{day}", cost) > quota:
        return refuse(403, "quotaExceeded", "The request cannot be completed because you have exceeded your quota.")
    return connection


async def threads(world: World, request: Request, given: dict[str, Any]) -> Response:
    connection = _entry(world, request, given, LIST_COST)
    if isinstance(connection, Response):
        return connection
    if given.get("allThreadsRelatedToChannelId") != connection.settings.get("channel_id"):
        return refuse(404, "channelNotFound", "The channel could not be found.")
    size, offset = min(int(given.get("maxResults", 20)), 100), int(given.get("pageToken", "0") or 0)
    roots = world.store.roots("youtube", connection.id, size + 1, offset)
    items = [_thread(world, connection, root) for root in roots[:size] if not (root.deleted or root.seen_elsewhere)]
    said = {"kind": "youtube#commentThreadListResponse", "etag": "dev", "items": items}
    page = {"totalResults": len(items), "resultsPerPage": size}
    more = {"nextPageToken": str(offset + size)} if len(roots) > size else {}
    return answer({**said, **more, "pageInfo": page})


async def comments(world: World, request: Request, given: dict[str, Any]) -> Response:
    connection = _entry(world, request, given, LIST_COST if request.method == "GET" else INSERT_COST)
    if isinstance(connection, Response):
        return connection
    if request.method == "GET":
        below = world.store.replies(connection.id, str(given.get("parentId") or ""))
        items = [_comment(connection, post) for post in reversed(below) if not post.deleted]
        return answer({"kind": "youtube#commentListResponse", "etag": "dev", "items": items[:100]})
    snippet = given.get("snippet")
    parent = str(snippet.get("parentId") or "") if isinstance(snippet, dict) else ""
    text = str(snippet.get("textOriginal") or "") if isinstance(snippet, dict) else ""
    return _insert(world, connection, parent, text)


def _insert(world: World, connection: DevConnection, parent: str, text: str) -> Response:
    if not parent:
        return refuse(400, "parentIdMissing", "The comment that is being inserted must be linked to a parent comment.")
    if not text:
        return refuse(400, "commentTextRequired", "The comment text is required.")
    if len(text) > MAX_TEXT:
        return refuse(400, "commentTextTooLong", "The comment text is too long.")
    number = world.store.next_post_number()
    try:
        post = world.answer(connection, parent, f"{parent}.{number:012x}", number, text)
    except Gone:
        return refuse(404, "parentCommentNotFound", "The specified parent comment could not be found.")
    return answer(_comment(connection, post))


def _thread(world: World, connection: DevConnection, root: Post) -> dict[str, Any]:
    below = [post for post in world.store.replies(connection.id, root.id) if not post.deleted]
    return {
        "kind": "youtube#commentThread",
        "etag": "dev",
        "id": root.id,
        "snippet": {
            "channelId": connection.settings.get("channel_id"),
            "videoId": home(connection),
            "topLevelComment": _comment(connection, root),
            "canReply": True,
            "totalReplyCount": len(below),
            "isPublic": True,
        },
        # Like YouTube, at most five of the replies.
        "replies": {"comments": [_comment(connection, post) for post in below[-5:]]},
    }


def _comment(connection: DevConnection, post: Post) -> dict[str, Any]:
    channel = connection.settings.get("channel_id") if post.by_brand else post.author.number
    name = f"@{post.author.handle}" if post.author.handle else post.author.name
    snippet = {
        "channelId": connection.settings.get("channel_id"),
        "videoId": home(connection),
        "textDisplay": post.text,
        "textOriginal": post.text,
        "authorDisplayName": name,
        "authorChannelId": {"value": channel},
        "canRate": True,
        "viewerRating": "none",
        "likeCount": 0,
        "publishedAt": _time(post.created_at),
        "updatedAt": _time(post.edited_at or post.created_at),
        **({"parentId": post.root} if post.root != post.id else {}),
    }
    return {"kind": "youtube#comment", "etag": "dev", "id": post.id, "snippet": snippet}


def _time(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


routes = [
    Route("/youtube/v3/commentThreads", endpoint("youtube", threads, throttled), methods=["GET"]),
    Route("/youtube/youtube/v3/commentThreads", endpoint("youtube", threads, throttled), methods=["GET"]),
    Route("/youtube/v3/comments", endpoint("youtube", comments, throttled), methods=["GET", "POST"]),
    Route("/youtube/youtube/v3/comments", endpoint("youtube", comments, throttled), methods=["GET", "POST"]),
]

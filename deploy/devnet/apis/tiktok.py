"""TikTok API for Business: comment lists and replies. https://business-api.tiktok.com/portal/docs"""

import json
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from deploy.devnet.apis.common import answer, endpoint
from deploy.devnet.models import DevConnection, Post
from deploy.devnet.world import Gone, World
from shared.networks.eligibility import text_length

MAX_TEXT = 150
PER_SECOND = 10


def said(code: int, message: str, data: Any = None) -> Response:
    """Errors come with status 200 and a code of their own."""
    return answer(
        {"code": code, "message": message, "request_id": "2026112210000001013108916601DE70", "data": data or {}}
    )


def throttled(seconds: float) -> Response:
    return said(40100, "Too many requests. Please retry in some time.")


def _refused(world: World, request: Request, given: dict[str, Any]) -> Response | DevConnection:
    connection = world.store.holder("tiktok", "access_token", request.headers.get("access-token", ""))
    if connection is None:
        return said(40105, "Access token is incorrect or has been revoked.")
    if str(given.get("business_id")) != connection.settings.get("business_id", ""):
        return said(40001, "No permission to operate the business account.")
    if connection.limits and world.window.wait(f"tt:{connection.id}", PER_SECOND, 1):
        return throttled(1)
    return connection


async def reply(world: World, request: Request, given: dict[str, Any]) -> Response:
    connection = _refused(world, request, given)
    if isinstance(connection, Response):
        return connection
    video, comment, text = (str(given.get(name) or "") for name in ("video_id", "comment_id", "text"))
    if not video.isdigit() or not comment.isdigit():
        return said(40002, "video_id and comment_id: Missing data for required field.")
    if not text or text_length(text) > MAX_TEXT:
        return said(40002, f"text: Length must be between 1 and {MAX_TEXT}.")
    number = world.store.next_post_number()
    posted = f"{video}:{7_225_000_000_000_000_000 + number}"
    try:
        post = world.answer(connection, f"{video}:{comment}", posted, number, text)
    except Gone:
        return said(40002, "The comment does not exist or is not visible.")
    return said(0, "OK", {**_row(post), "parent_comment_id": comment})


async def listing(world: World, request: Request, given: dict[str, Any]) -> Response:
    """`business/comment/list/` by `comment_ids`, and `business/comment/reply/list/` of a `comment_id`."""
    connection = _refused(world, request, given)
    if isinstance(connection, Response):
        return connection
    video, comment = str(given.get("video_id") or ""), str(given.get("comment_id") or "")
    if comment:
        post = world.store.post(connection.id, f"{video}:{comment}")
        posts = (
            [one for one in world.store.replies(connection.id, post.root) if one.reply_to == post.id] if post else []
        )
    else:
        found = (world.store.post(connection.id, f"{video}:{one}") for one in _ids(given.get("comment_ids")))
        posts = [post for post in found if post is not None]
    rows = [_row(post) for post in reversed(posts) if not post.deleted]
    return said(0, "OK", {"comments": rows[:30], "cursor": len(rows), "has_more": len(rows) > 30})


def _ids(value: Any) -> list[str]:
    try:
        listed = json.loads(value)
    except (TypeError, ValueError):
        return []
    return [str(one) for one in listed] if isinstance(listed, list) else []


def _row(post: Post) -> dict[str, Any]:
    video, _, comment = post.id.partition(":")
    return {
        "comment_id": comment,
        "video_id": video,
        "text": post.text,
        "user_id": post.author.number,
        "username": post.author.handle,
        "display_name": post.author.name,
        "owner": post.by_brand,
        "create_time": str(int(post.created_at.timestamp())),
        "likes": 0,
        "status": "PUBLIC",
    }


_BASE = "/tiktok/open_api/v{version}/business/comment"
routes = [
    Route(f"{_BASE}/reply/create/", endpoint("tiktok", reply, throttled), methods=["POST"]),
    Route(f"{_BASE}/reply/list/", endpoint("tiktok", listing, throttled), methods=["GET"]),
    Route(f"{_BASE}/list/", endpoint("tiktok", listing, throttled), methods=["GET"]),
]

"""Instagram Graph API: replies, mentions, messages, and reading mentioned comments and media.

https://developers.facebook.com/docs/instagram-platform/reference
"""

import re
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from deploy.devnet.apis.common import answer, bearer, endpoint
from deploy.devnet.models import DevConnection, Post
from deploy.devnet.world import Gone, World
from shared.networks.eligibility import text_length

MAX_COMMENT, MAX_MESSAGE = 2200, 1000
MESSAGES_PER_HOUR = 750
_MENTIONED = re.compile(r"mentioned_(comment\.comment_id|media\.media_id)\((\d+)\)")


def refuse(code: int, message: str, status: int = 400, **fields: Any) -> Response:
    kind = "OAuthException" if code in (4, 10, 100, 190, 200, 613) else "GraphMethodException"
    return answer(
        {"error": {"message": message, "type": kind, "code": code, "fbtrace_id": "ADevNetwork", **fields}}, status
    )


def throttled(seconds: float) -> Response:
    return refuse(4, "(#4) Application request limit reached", 403, is_transient=True)


def _not_there(thing: str) -> Response:
    return refuse(100, f"Unsupported request. Object with ID '{thing}' does not exist", error_subcode=33)


def _connection(world: World, request: Request, given: dict[str, Any]) -> DevConnection | None:
    return world.store.holder("instagram", "access_token", bearer(request, given))


INVALID_TOKEN = (190, "Invalid OAuth access token - Cannot parse access token")


async def replies(world: World, request: Request, given: dict[str, Any]) -> Response:
    """`GET|POST /{comment-id}/replies`."""
    connection, comment = _connection(world, request, given), request.path_params["node"]
    if connection is None:
        return refuse(*INVALID_TOKEN, 401)
    if request.method == "GET":
        return _list(world, connection, comment)
    return _answer(world, connection, comment, str(given.get("message") or ""))


def _list(world: World, connection: DevConnection, comment: str) -> Response:
    post = world.store.post(connection.id, comment)
    if post is None:
        return _not_there(comment) if connection.strict else answer({"data": []})
    below = [
        one for one in world.store.replies(connection.id, post.root) if one.reply_to == comment and not one.deleted
    ]
    return answer({"data": [{**_comment(one), "from": {"id": one.author.number}} for one in below]})


def _answer(world: World, connection: DevConnection, target: str, text: str, limit: int = MAX_COMMENT) -> Response:
    if not text:
        return refuse(100, "(#100) The parameter message is required.")
    if text_length(text) > limit:
        return refuse(100, f"(#100) Param message must be less than {limit} characters.", error_subcode=2207023)
    number = world.store.next_post_number()
    try:
        post = world.answer(connection, target, str(17_900_000_000_000_000 + number), number, text)
    except Gone:
        return _not_there(target)
    return answer({"id": post.id})


async def mentions(world: World, request: Request, given: dict[str, Any]) -> Response:
    """`POST /{ig-user-id}/mentions`: on a comment or a caption that mentions the account."""
    connection = _connection(world, request, given)
    if connection is None:
        return refuse(*INVALID_TOKEN, 401)
    if request.path_params["node"] != connection.settings.get("account_id"):
        return _not_there(request.path_params["node"])
    media, comment = str(given.get("media_id") or ""), str(given.get("comment_id") or "")
    if not media.isdigit():
        return refuse(100, "(#100) The parameter media_id is required.")
    target = f"mention:{media}:{comment}" if comment else f"mention:{media}"
    return _answer(world, connection, target, str(given.get("message") or ""))


async def messages(world: World, request: Request, given: dict[str, Any]) -> Response:
    """`POST /{ig-user-id}/messages`: to a person who wrote to the account within 24 hours."""
    connection = _connection(world, request, given)
    if connection is None:
        return refuse(*INVALID_TOKEN, 401)
    recipient, message = given.get("recipient"), given.get("message")
    person = str(recipient.get("id") or "") if isinstance(recipient, dict) else ""
    text = str(message.get("text") or "") if isinstance(message, dict) else ""
    if not person or not text:
        return refuse(100, "(#100) The parameters recipient and message are required.")
    if connection.limits and world.window.wait(f"ig:{connection.id}", MESSAGES_PER_HOUR, 3600):
        return refuse(613, "(#613) Calls to this api have exceeded the rate limit.")
    if not person.isalnum():
        return _not_there(person)
    said = world.store.latest(connection.id, f"dm:{person}:*")
    if said is None and connection.strict:
        return refuse(10, "(#10) This message is sent outside of allowed window.", error_subcode=2534022)
    if text_length(text) > MAX_MESSAGE:
        return refuse(100, "(#100) Length of param message[text] must be less than or equal to 1000")
    number = world.store.next_post_number()
    try:
        target = said.id if said else f"dm:{person}:"
        post = world.answer(connection, target, f"dm:{person}:brand{number}", number, text, kind="message")
    except Gone:
        return _not_there(person)
    return answer({"recipient_id": person, "message_id": post.id.rpartition(":")[2]})


async def read(world: World, request: Request, given: dict[str, Any]) -> Response:
    """`GET /{ig-user-id}?fields=mentioned_media.media_id(…){…}`, likewise mentioned_comment."""
    connection = _connection(world, request, given)
    if connection is None:
        return refuse(*INVALID_TOKEN, 401)
    asked = _MENTIONED.search(str(given.get("fields", "")))
    account = connection.settings.get("account_id", "")
    if asked is None:
        return answer({"id": account, "username": connection.brand})
    comment = asked[1].startswith("comment")
    post = _mentioned(world, connection, asked[2], comment)
    if post is None or post.deleted:
        return _not_there(asked[2])
    field = "mentioned_comment" if comment else "mentioned_media"
    return answer({field: _comment(post) if comment else _media(post), "id": account})


def _mentioned(world: World, connection: DevConnection, number: str, comment: bool) -> Post | None:
    if comment:
        return world.store.latest(connection.id, f"mention:*:{number}")
    return world.store.post(connection.id, f"mention:{number}")


def _comment(post: Post) -> dict[str, Any]:
    number = post.id.rpartition(":")[2]
    return {"id": number, "text": post.text, "timestamp": _time(post), "username": post.author.handle, "like_count": 0}


def _media(post: Post) -> dict[str, Any]:
    url = post.media[0].url if post.media else f"https://scontent.example/v/{post.number}.jpg"
    return {
        "id": post.id.removeprefix("mention:"),
        "caption": post.text,
        "media_type": "VIDEO" if post.kind == "video" else "IMAGE",
        "media_url": url,
        "permalink": f"https://www.instagram.com/p/dev{post.number}/",
        "timestamp": _time(post),
        "username": post.author.handle,
        "like_count": 0,
        "comments_count": 0,
    }


def _time(post: Post) -> str:
    return post.created_at.strftime("%Y-%m-%dT%H:%M:%S+0000")


_BASE = "/instagram/v{version}/{node}"
routes = [
    Route(f"{_BASE}/replies", endpoint("instagram", replies, throttled), methods=["GET", "POST"]),
    Route(f"{_BASE}/mentions", endpoint("instagram", mentions, throttled), methods=["POST"]),
    Route(f"{_BASE}/messages", endpoint("instagram", messages, throttled), methods=["POST"]),
    Route(_BASE, endpoint("instagram", read, throttled), methods=["GET"]),
]

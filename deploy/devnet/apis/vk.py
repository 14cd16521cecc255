"""VK API: wall.createComment, photos.createComment, video.createComment, messages.send. https://dev.vk.com/ru/method"""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from deploy.devnet.apis.common import answer, endpoint
from deploy.devnet.models import DevConnection
from deploy.devnet.world import Gone, World

PER_SECOND = 20
MAX_MESSAGE = 4096
COMMENTS = {
    "wall.createcomment": ("wall", "post_id"),
    "photos.createcomment": ("photo", "photo_id"),
    "video.createcomment": ("video", "video_id"),
}


def refuse(code: int, message: str, given: dict[str, Any] | None = None) -> Response:
    """Errors come with status 200, and repeat the request without its token."""
    kept = [{"key": k, "value": str(v)} for k, v in (given or {}).items() if k != "access_token"]
    return answer({"error": {"error_code": code, "error_msg": message, "request_params": kept}})


def throttled(seconds: float) -> Response:
    return refuse(6, "Too many requests per second")


async def call(world: World, request: Request, given: dict[str, Any]) -> Response:
    method = request.path_params["method"].lower()
    connection = world.store.holder("vk", "access_token", str(given.get("access_token", "")))
    if connection is None:
        return refuse(5, "User authorization failed: invalid access_token (4).", given)
    if "v" not in given:
        return refuse(8, "Invalid request: v (version) is required", given)
    if connection.limits and world.window.wait(f"vk:{connection.id}", PER_SECOND, 1):
        return throttled(1)
    if method in COMMENTS:
        return _comment(world, connection, given, *COMMENTS[method])
    if method == "messages.send":
        return _message(world, connection, given)
    return refuse(3, "Unknown method passed", given)


def _comment(world: World, connection: DevConnection, given: dict[str, Any], thing: str, name: str) -> Response:
    text, owner, item = str(given.get("message") or ""), str(given.get("owner_id") or ""), str(given.get(name) or "")
    if not item.isdigit() or not owner.removeprefix("-").isdigit():
        return refuse(100, f"One of the parameters specified was missing or invalid: {name} is undefined", given)
    if not text:
        return refuse(100, "One of the parameters specified was missing or invalid: message is undefined", given)
    if owner != f"-{connection.settings.get('group_id')}":
        return refuse(15, "Access denied", given)
    place, above = f"{thing}{owner}_{item}", str(given.get("reply_to_comment") or "")
    key = f"{place}:{given['guid']}" if given.get("guid") else None
    post = world.store.post_by_key(connection.id, key) if key else None
    if post is None:
        number = world.store.next_post_number()
        target = f"{place}_r{above}" if above else place
        try:
            post = world.answer(connection, target, f"{place}_r{1000 + number}", number, text, client_key=key)
        except Gone:
            return refuse(213, "Access to status replies denied", given)
    comment = int(post.id.partition("_r")[2])
    if thing != "wall":
        return answer({"response": comment})
    return answer({"response": {"comment_id": comment, "parents_stack": [int(above)] if above.isdigit() else []}})


def _message(world: World, connection: DevConnection, given: dict[str, Any]) -> Response:
    text, peer = str(given.get("message") or ""), str(given.get("peer_id") or given.get("user_id") or "")
    if not peer.isdigit():
        return refuse(100, "One of the parameters specified was missing or invalid: peer_id is undefined", given)
    if "random_id" not in given:
        return refuse(100, "One of the parameters specified was missing or invalid: random_id is undefined", given)
    if not text:
        return refuse(100, "One of the parameters specified was missing or invalid: message is empty", given)
    if len(text) > MAX_MESSAGE:
        return refuse(914, "Message is too long", given)
    key = f"message{peer}:{given['random_id']}" if str(given["random_id"]) != "0" else None
    post = world.store.post_by_key(connection.id, key) if key else None
    if post is None:
        target = _last_said(world, connection, peer)
        if target is None:
            return refuse(901, "Can't send messages for users without permission", given)
        number = world.store.next_post_number()
        post = world.answer(connection, target, f"message{peer}_{number}", number, text, kind="message", client_key=key)
    return answer({"response": post.number})


def _last_said(world: World, connection: DevConnection, peer: str) -> str | None:
    """The person's latest message: a community may only write to who wrote first (unless anything goes)."""
    said = world.store.latest(connection.id, f"message{peer}_*")
    if said is not None:
        return said.id
    return None if connection.strict else f"message{peer}_0"


routes = [Route("/vk/method/{method}", endpoint("vk", call, throttled), methods=["GET", "POST"])]

"""Telegram Bot API: sendMessage, sendAnimation, getMe. https://core.telegram.org/bots/api#making-requests"""

import json
from math import ceil
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from deploy.devnet.apis.common import answer, endpoint
from deploy.devnet.models import DevConnection
from deploy.devnet.webhooks import telegram_message
from deploy.devnet.world import Gone, World, brand_id
from shared.contracts.ugc import Media
from shared.networks.eligibility import text_length

MAX_TEXT, MAX_CAPTION = 4096, 1024
PER_SECOND, PER_GROUP_MINUTE = 30, 20


def refuse(code: int, description: str, **parameters: Any) -> Response:
    said = {"ok": False, "error_code": code, "description": description}
    return answer({**said, "parameters": parameters} if parameters else said, code)


def throttled(seconds: float) -> Response:
    after = max(1, ceil(seconds))
    return refuse(429, f"Too Many Requests: retry after {after}", retry_after=after)


async def call(world: World, request: Request, given: dict[str, Any]) -> Response:
    token, method = request.path_params["token"], request.path_params["method"]
    if ":" not in token:
        return refuse(404, "Not Found")
    connection = world.store.holder("telegram", "bot_token", token)
    if connection is None:
        return refuse(401, "Unauthorized")
    match method.lower():
        case "getme":
            return answer(
                {
                    "ok": True,
                    "result": {"id": int(brand_id(connection)), "is_bot": True, "first_name": connection.brand},
                }
            )
        case "sendmessage":
            return _send(world, connection, given, str(given.get("text") or ""), MAX_TEXT, [])
        case "sendanimation":
            url = str(given.get("animation") or "")
            if not url:
                return refuse(400, "Bad Request: there is no animation in the request")
            media = [Media(type="gif", url=url)]
            return _send(world, connection, given, str(given.get("caption") or ""), MAX_CAPTION, media)
    return refuse(404, "Not Found: method not found")


def _send(
    world: World, connection: DevConnection, given: dict[str, Any], text: str, longest: int, media: list[Media]
) -> Response:
    chat, target = _integer(given.get("chat_id")), _reply_to(given)
    if chat is None:
        return refuse(400, "Bad Request: chat_id is empty")
    if not text and not media:
        return refuse(400, "Bad Request: message text is empty")
    if text_length(text) > longest:
        return refuse(400, "Bad Request: message caption is too long" if media else "Bad Request: message is too long")
    if wait := _wait(world, connection, chat):
        return throttled(wait)
    number = world.store.next_post_number()
    try:
        to = f"{chat}:{target}" if target is not None else f"{chat}:0"
        post = world.answer(connection, to, f"{chat}:{number}", number, text, media=media)
    except Gone:
        return refuse(400, "Bad Request: message to be replied not found")
    return answer({"ok": True, "result": telegram_message(connection, post)})


def _integer(value: Any) -> int | None:
    try:
        return int(value)
    except (TypeError, ValueError):
        return None


def _reply_to(given: dict[str, Any]) -> int | None:
    """`reply_parameters`, an object in JSON calls and serialised JSON in form calls."""
    value = given.get("reply_parameters")
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            return None
    return _integer(value.get("message_id")) if isinstance(value, dict) else None


def _wait(world: World, connection: DevConnection, chat: int) -> float:
    if not connection.limits:
        return 0
    in_group = world.window.wait(f"tg:{chat}", PER_GROUP_MINUTE, 60) if chat < 0 else 0
    return in_group or world.window.wait(f"tg:{connection.id}", PER_SECOND, 1)


routes = [Route("/telegram/bot{token}/{method}", endpoint("telegram", call, throttled), methods=["GET", "POST"])]

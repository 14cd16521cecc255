"""The receiver of neutral replies: Standard Webhooks, checked; a repeated `webhook-id` is answered as the first."""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from deploy.devnet.apis.common import answer, endpoint
from deploy.devnet.models import DevConnection
from deploy.devnet.world import Gone, World
from shared.security.signatures import SignatureError, SignatureInvalid, StandardWebhook, verify_standard_webhook


def throttled(seconds: float) -> Response:
    return answer({"detail": "Too many requests"}, 429, Retry_After=str(max(1, round(seconds))))


async def receive(world: World, request: Request, given: dict[str, Any]) -> Response:
    body = await request.body()
    try:
        connection, delivery = _sender(world, request, body)
    except SignatureError as error:
        return answer({"detail": error.sentence}, error.status)
    known = world.store.post_by_key(connection.id, delivery.id)
    if known is not None:
        return answer({"external_id": known.id})
    data = given.get("data")
    target, text = (str(data.get(k) or "") for k in ("in_reply_to", "text")) if isinstance(data, dict) else ("", "")
    if given.get("type") != "reply.created" or not target or not text:
        return answer({"detail": "Not a reply.created event with data.in_reply_to and data.text"}, 422)
    number = world.store.next_post_number()
    try:
        post = world.answer(connection, target, f"dev-{number}", number, text, client_key=delivery.id)
    except Gone:
        return answer({"detail": "What is replied to is not there"}, 410)
    return answer({"external_id": post.id}, 201)


def _sender(world: World, request: Request, body: bytes) -> tuple[DevConnection, StandardWebhook]:
    """The connection whose secret made the signature. Raises SignatureError."""
    refusal: SignatureError | None = None
    for connection in world.store.connections("inbound"):
        secret = connection.secrets.get("reply_secret") or connection.secrets.get("secret", "")
        message_id, at, signature = (
            request.headers.get(f"webhook-{name}") for name in ("id", "timestamp", "signature")
        )
        try:
            return connection, verify_standard_webhook(body, message_id, at, signature, [secret])
        except SignatureError as error:
            refusal = error
    raise refusal or SignatureInvalid("No inbound connection is registered.")


routes = [Route("/inbound", endpoint("inbound", receive, throttled), methods=["POST"])]

"""Webhooks in: verified on their raw bytes, durable before the answer, nothing else done here."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Request, Response

from services.gateway import ingress
from services.gateway.gateway import Gateway, Gw
from services.gateway.misses import Unknowable
from shared.contracts.gateway import NetworkName
from shared.networks.base import Connection, HandshakeResponse, InboundRequest, InvalidPayload
from shared.problems import FieldError, ProblemError, answers
from shared.security.signatures import SignatureError, verify_shopify_webhook

_PROBLEMS = answers("malformed-request", "unauthorized", "not-found", "too-large", "invalid-request", "unavailable")
router = APIRouter(prefix="/webhooks", tags=["Webhooks in"], responses=_PROBLEMS)
ConnectionId = Annotated[
    str, Path(description="The connection's id; part of the address given to the network.", max_length=64)
]


def _raw_body(description: str, example: Any, media: str = "application/json") -> dict[str, Any]:
    return {
        "requestBody": {
            "required": True,
            "description": description,
            "content": {media: {"schema": {}, "example": example}},
        }
    }


def _text(description: str, example: str = "") -> dict[int | str, dict[str, Any]]:
    return {
        200: {"description": description, "content": {"text/plain": {"schema": {"type": "string"}, "example": example}}}
    }


@router.post(
    "/shopify",
    summary="Shopify delivers",
    description=(
        "Every topic the app subscribes to, and the compliance topics. The brand follows from "
        "`X-Shopify-Shop-Domain`, the topic from "
        "`X-Shopify-Topic`; `X-Shopify-Hmac-SHA256` is checked on the raw body. 200 only once the delivery is "
        "durable; a repetition has no second effect."
    ),
    responses=_text("Stored."),
    openapi_extra=_raw_body(
        "The webhook's payload.", {"id": 5001, "admin_graphql_api_id": "gid://shopify/Order/5001", "name": "#1001"}
    ),
)
async def shopify(request: Request, gateway: Gw) -> Response:
    body, headers = await request.body(), request.headers
    shop = headers.get("x-shopify-shop-domain", "").lower()
    try:
        brand = await gateway.directory.brand_of_shop(shop)
    except Unknowable:
        raise ProblemError("unavailable", "The shop can't be looked up now; send it again.") from None
    _verified(body, headers.get("x-shopify-hmac-sha256"), gateway.directory.app(brand.id).secrets if brand else ())
    if brand is None:
        raise ProblemError("unauthorized", "The shop is not one of ours.")
    topic = headers.get("x-shopify-topic", "").lower()
    if not topic:
        raise ProblemError("malformed-request", "The header X-Shopify-Topic is missing.")
    payload = ingress.read_object(body)
    if not ingress.agrees(topic, shop, payload):
        raise ProblemError("unauthorized", "The headers and the signed body are about different things.")
    record = ingress.shopify_record(brand.id, shop, headers, payload, body, request.state.request_id)
    await gateway.door.accept(record)
    if topic == "app/uninstalled":
        await gateway.door.accept(ingress.uninstalled(brand.id, shop, record))
    return Response(status_code=200)


def _verified(body: bytes, header: str | None, secrets: tuple[str, ...]) -> None:
    try:
        verify_shopify_webhook(body, header, secrets)
    except SignatureError as error:
        raise _refused(error) from None


def _refused(error: SignatureError) -> ProblemError:
    return ProblemError("malformed-request" if error.status == 400 else "unauthorized", error.sentence)


async def _deliver(gateway: Gateway, network: NetworkName, connection_id: str, request: Request) -> Response:
    """One delivery of a network: find the connection, verify, make durable, answer as the network expects."""
    connection = await _connection(gateway, network, connection_id)
    adapter = gateway.networks[network]
    inbound = InboundRequest.of(
        request.method, request.headers.items(), request.query_params.multi_items(), await request.body()
    )
    try:
        handshake = adapter.verify(inbound, connection)
    except SignatureError as error:
        raise _refused(error) from None
    except InvalidPayload as error:
        raise ProblemError(
            "malformed-request", error.detail, errors=[FieldError(pointer=error.pointer, detail=error.detail)]
        ) from None
    if isinstance(handshake, HandshakeResponse):
        return Response(handshake.body, handshake.status, media_type=handshake.content_type)
    if network == "inbound":
        _checked(gateway, inbound, connection)
    else:
        ingress.read_object(inbound.body)
    record = ingress.social_record(connection, adapter.delivery_id(inbound), inbound.body, request.state.request_id)
    await gateway.door.accept(record)
    return Response(adapter.acknowledgement(), 200, media_type="text/plain")


async def _connection(gateway: Gateway, network: NetworkName, connection_id: str) -> Connection:
    try:
        connection = await gateway.directory.connection(connection_id)
    except Unknowable:
        raise ProblemError("unavailable", "The connection can't be looked up now; send it again.") from None
    if connection is None or connection.network != network:
        raise ProblemError("not-found", f"There is no {network} connection {connection_id}.")
    return connection


def _checked(gateway: Gateway, inbound: InboundRequest, connection: Connection) -> None:
    """Programs that send neutral mentions are told what is wrong with them; networks could do nothing about it."""
    try:
        gateway.networks[connection.network].parse(inbound.body, dict(inbound.headers), connection)
    except InvalidPayload as error:
        raise ProblemError("invalid-request", errors=[FieldError(pointer=error.pointer, detail=error.detail)]) from None


@router.post(
    "/telegram/{connection_id}",
    summary="Telegram delivers an update",
    description=(
        "The bot's webhook. `X-Telegram-Bot-Api-Secret-Token` must be the connection's secret; `update_id` "
        "makes repetitions harmless."
    ),
    responses=_text("Stored."),
    openapi_extra=_raw_body(
        "An Update of the Bot API.", {"update_id": 1, "message": {"message_id": 7, "text": "Люблю ваш кофе!"}}
    ),
)
async def telegram(connection_id: ConnectionId, request: Request, gateway: Gw) -> Response:
    return await _deliver(gateway, "telegram", connection_id, request)


@router.post(
    "/vk/{connection_id}",
    summary="VK delivers an event",
    description=(
        "The community's Callback API. `secret` in the body must be the connection's; `confirmation` is "
        "answered with its string, all else with `ok`."
    ),
    responses=_text("Stored, or the confirmation string.", "ok"),
    openapi_extra=_raw_body(
        "A Callback API event.", {"type": "wall_reply_new", "group_id": 1, "event_id": "e1", "v": "5.199", "object": {}}
    ),
)
async def vk(connection_id: ConnectionId, request: Request, gateway: Gw) -> Response:
    return await _deliver(gateway, "vk", connection_id, request)


@router.get(
    "/instagram/{connection_id}",
    summary="Instagram asks whether the webhook is ours",
    description="Meta's handshake: `hub.verify_token` must be the connection's; `hub.challenge` is echoed.",
    responses=_text("The challenge.", "1158201444"),
)
async def instagram_handshake(connection_id: ConnectionId, request: Request, gateway: Gw) -> Response:
    return await _deliver(gateway, "instagram", connection_id, request)


@router.post(
    "/instagram/{connection_id}",
    summary="Instagram delivers",
    description=(
        "Comments, mentions and messages, batched. `X-Hub-Signature-256` is checked on the raw body with the "
        "app's secret."
    ),
    responses=_text("Stored."),
    openapi_extra=_raw_body(
        "A webhook of the Instagram platform.",
        {"object": "instagram", "entry": [{"id": "1784", "time": 1, "changes": []}]},
    ),
)
async def instagram(connection_id: ConnectionId, request: Request, gateway: Gw) -> Response:
    return await _deliver(gateway, "instagram", connection_id, request)


@router.post(
    "/tiktok/{connection_id}",
    summary="TikTok delivers",
    description=(
        "`TikTok-Signature` (`t=…,s=…`) is checked on the raw body with the client secret; an old `t` is refused."
    ),
    responses=_text("Stored."),
    openapi_extra=_raw_body(
        "A TikTok webhook; `content` is a JSON string.", {"event": "comment.update", "create_time": 1, "content": "{}"}
    ),
)
async def tiktok(connection_id: ConnectionId, request: Request, gateway: Gw) -> Response:
    return await _deliver(gateway, "tiktok", connection_id, request)


@router.post(
    "/inbound/{connection_id}",
    summary="Any program delivers mentions",
    description=(
        "Standard Webhooks (`webhook-id`, `webhook-timestamp`, `webhook-signature`); the body is one mention "
        "in the neutral form, or a list. "
        "Wrong mentions are refused with a pointer to what is wrong; `webhook-id` makes repetitions harmless."
    ),
    responses=_text("Stored."),
    openapi_extra=_raw_body(
        "One neutral mention or a list of them.",
        {
            "external_id": "review-77",
            "kind": "review",
            "text": "Best beans in town!",
            "author": {"id": "u1", "name": "Ann"},
            "permalink": "https://reviews.example/77",
            "posted_at": "2026-11-22T10:00:00Z",
        },
    ),
)
async def inbound(connection_id: ConnectionId, request: Request, gateway: Gw) -> Response:
    return await _deliver(gateway, "inbound", connection_id, request)

"""Installing the app at the brand's shop (OAuth, authorization code grant)."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, Field, model_validator

from services.gateway.api.common import READS, WRITES
from services.gateway.auth import OwnerKey, ViewerKey
from services.gateway.commands import Write, accepted, answer_of, respond, send
from services.gateway.credentials import BadToken, InstallState
from services.gateway.effects import SCOPES, token_fields
from services.gateway.gateway import Gateway, Gw
from services.gateway.models import Brand, Shop
from services.gateway.strict import Body
from shared.contracts.gateway import ConfigureShopApp, ConnectShop
from shared.errors import Reply
from shared.ids import derived_id
from shared.problems import ProblemError, answers
from shared.security.signatures import SignatureError, verify_oauth
from shared.shopify import ShopifyError, Unauthorized
from shared.shopify.oauth import OAuth, OfflineToken
from shared.topics import Service

router = APIRouter(tags=["Admin: shop"])


class Install(Body):
    """Which app to install. Left out: the app of this installation of Vouch."""

    client_id: str | None = Field(
        None, min_length=8, max_length=100, description="The app's client id, when the brand has its own app."
    )
    client_secret: str | None = Field(
        None, min_length=8, max_length=200, description="Its client secret; sealed at once, never shown."
    )
    scopes: list[Annotated[str, Field(pattern="^[a-z_]{3,80}$")]] = Field(SCOPES, min_length=1, max_length=50)

    @model_validator(mode="after")
    def _both(self) -> "Install":
        if (self.client_id is None) != (self.client_secret is None):
            raise ValueError("give client_id and client_secret together, or none of them")
        return self


class Authorize(BaseModel):
    """Where to send the merchant."""

    authorize_url: str = Field(examples=["https://vouch-demo.myshopify.com/admin/oauth/authorize?client_id=…"])


class Installed(BaseModel):
    """The app is installed."""

    shop_domain: str = Field(examples=["vouch-demo.myshopify.com"])
    scopes: list[str] = Field(examples=[["read_orders"]])
    connected: bool


class ShopView(BaseModel):
    """How the app stands at the brand's shop."""

    shop_domain: str = Field(examples=["vouch-demo.myshopify.com"])
    connected: bool
    scopes: list[str]
    installed_at: datetime | None
    uninstalled_at: datetime | None
    subscriptions: list[str] = Field(description="Webhook topics the shop delivers.", examples=[["ORDERS_CREATE"]])
    refused_subscriptions: dict[str, str] = Field(description="Topics Shopify refused, and why.")


def _brand(gateway: Gateway, brand_id: str) -> Brand:
    brand = gateway.directory.brand(brand_id)
    if brand is None:
        raise ProblemError("unavailable", "The brand is not known here yet.")
    return brand


@router.get(
    "/v1/admin/shopify",
    responses=READS,
    summary="The shop's connection",
    description="Whether the app is installed, and what it hears.",
)
async def shop(who: ViewerKey, gateway: Gw) -> ShopView:
    raw = await gateway.databases.gateway.find_one("shops", {"_id": who.brand_id})
    if raw is None:
        return ShopView(
            shop_domain=_brand(gateway, who.brand_id).profile.shop_domain,
            connected=False,
            scopes=[],
            installed_at=None,
            uninstalled_at=None,
            subscriptions=[],
            refused_subscriptions={},
        )
    found = Shop.load(raw)
    return ShopView(connected=found.sealed_token is not None, **found.model_dump(include=set(ShopView.model_fields)))


@router.post(
    "/v1/admin/shopify/install",
    response_model=Authorize,
    responses=WRITES,
    summary="Install the app at the shop",
    description="Send the merchant to `authorize_url`; Shopify sends them back to the callback.",
)
async def install(body: Install, who: OwnerKey, write: Write, gateway: Gw, request: Request) -> Response:
    brand = _brand(gateway, who.brand_id)
    client_id = body.client_id or gateway.directory.app(brand.id).client_id
    if not client_id:
        raise ProblemError(
            "conflict", "There is no app to install: give client_id and client_secret, or set VOUCH_SHOPIFY_CLIENT_ID."
        )
    url = OAuth(gateway.settings.shopify_url, gateway.http).authorize_url(
        brand.profile.shop_domain,
        client_id,
        body.scopes,
        _callback_url(gateway),
        gateway.credentials.install_state(brand.id, brand.profile.shop_domain),
    )
    if body.client_secret is None:
        return respond(Reply(body={"authorize_url": url}), write.command_id(who))
    sealed = gateway.sealer.seal(brand.id, body.client_secret)
    command = ConfigureShopApp(brand_id=brand.id, client_id=client_id, sealed_secret=sealed)
    return await write(who, command, shape=lambda _: {"authorize_url": url})


def _callback_url(gateway: Gateway) -> str:
    return f"{gateway.settings.public_url.rstrip('/')}/v1/shopify/callback"


@router.get(
    "/v1/shopify/callback",
    response_model=Installed,
    summary="Shopify sends the merchant back",
    description=(
        "Checks `state` (ours, signed) and `hmac` (Shopify's), exchanges the code for an offline token and "
        "keeps it sealed."
    ),
    responses=answers("malformed-request", "unauthorized", "bad-gateway", "unavailable", "invalid-request")
    | {202: WRITES[202]},
)
async def callback(
    request: Request,
    gateway: Gw,
    state: Annotated[str, Query(max_length=2000)],
    code: Annotated[str, Query(max_length=500)],
) -> Response:
    begun = _begun(gateway, state)
    await gateway.directory.refresh(begun.brand_id)
    _check(gateway, request, begun)
    command_id = derived_id("cmd", "install", begun.nonce, code)
    if earlier := await answer_of(gateway, Service.GATEWAY, command_id):
        return respond(earlier, command_id)  # the page was loaded again
    token = await _exchange(gateway, begun, code)
    fields = token_fields(gateway.sealer, begun.brand_id, token)
    command = ConnectShop(brand_id=begun.brand_id, shop_domain=begun.shop_domain, **fields)
    reply = await send(
        gateway, command, actor="shopify", command_id=command_id, correlation_id=request.state.request_id
    )
    return respond(reply, command_id) if reply else accepted(command_id)


def _begun(gateway: Gateway, state: str) -> InstallState:
    try:
        return gateway.credentials.read_install_state(state)
    except BadToken:
        raise ProblemError(
            "unauthorized", "The state is not ours, or older than a quarter of an hour: begin the install again."
        ) from None


def _check(gateway: Gateway, request: Request, begun: InstallState) -> None:
    app = gateway.directory.app(begun.brand_id)
    try:
        shop = verify_oauth(request.query_params.multi_items(), app.secrets)
    except SignatureError as error:
        raise ProblemError("malformed-request" if error.status == 400 else "unauthorized", error.sentence) from None
    if shop != begun.shop_domain:
        raise ProblemError("unauthorized", "The install was begun for another shop.")


async def _exchange(gateway: Gateway, begun: InstallState, code: str) -> OfflineToken:
    app = gateway.directory.app(begun.brand_id)
    oauth = OAuth(gateway.settings.shopify_url, gateway.http)
    try:
        return await oauth.exchange(begun.shop_domain, app.client_id, app.secrets[0], code)
    except Unauthorized as error:
        raise ProblemError("unauthorized", "Shopify does not accept the code: begin the install again.") from error
    except ShopifyError as error:
        raise ProblemError("bad-gateway", "Shopify gave no token; load this page again.") from error

"""The brand itself: its profile, its API keys, its connections to networks."""

import json
from typing import Annotated

from fastapi import APIRouter, Path, Response
from pydantic import BaseModel, Field, field_validator

from services.gateway.api.common import ONE, READS, WRITES, PageOf
from services.gateway.api.operator import BrandView, CreatedKey, KeyView, TimeZone, WebAddress
from services.gateway.auth import OwnerKey, Principal, ViewerKey
from services.gateway.commands import Write, Writer
from services.gateway.credentials import digest
from services.gateway.gateway import Gateway, Gw
from services.gateway.handlers import brand_body, connection_body, key_body
from services.gateway.models import ApiKey, Brand, Connection, key_id_of
from services.gateway.strict import Body
from shared.contracts.gateway import (
    BrandChanges,
    ConnectNetwork,
    CreateApiKey,
    DisconnectNetwork,
    NetworkName,
    RevokeApiKey,
    Role,
    UpdateBrand,
)
from shared.networks.base import Needs
from shared.pages import Paged, paginate
from shared.problems import FieldError, ProblemError

router = APIRouter(prefix="/v1/admin", tags=["Admin: brand"])


# -- profile -----------------------------------------------------------------------------------------------------
class BrandPatch(Body):
    """What changes; left-out fields stay. Shop and currency never change: all books are kept in it."""

    name: str | None = Field(None, min_length=1, max_length=200, examples=["Northwind Coffee Roasters"])
    time_zone: TimeZone | None = Field(None, examples=["Europe/Berlin"])
    storefront_url: WebAddress | None = Field(None, max_length=500, examples=["https://northwind.example"])
    languages: list[Annotated[str, Field(pattern="^[a-z]{2}$")]] | None = Field(None, min_length=1, max_length=10)


@router.get("/brand", responses=READS | ONE, summary="The brand", description="The profile of the key's brand.")
async def brand(who: ViewerKey, gateway: Gw) -> BrandView:
    raw = await gateway.databases.gateway.find_one("brands", {"_id": who.brand_id})
    if raw is None:
        raise ProblemError("not-found")
    return BrandView.model_validate(brand_body(Brand.load(raw)))


@router.patch(
    "/brand",
    response_model=BrandView,
    responses=WRITES | ONE,
    summary="Change the brand",
    description="Left-out fields stay as they are.",
)
async def change_brand(body: BrandPatch, who: OwnerKey, write: Write) -> Response:
    return await write(who, UpdateBrand(brand_id=who.brand_id, changes=BrandChanges(**body.model_dump())))


# -- keys --------------------------------------------------------------------------------------------------------
class NewBrandKey(Body):
    """A key to make."""

    role: Role
    name: str = Field(min_length=1, max_length=200, description="Who or what will use it.", examples=["marketing team"])


@router.get(
    "/keys",
    responses=READS,
    summary="API keys",
    description="All keys of the brand, revoked ones too; never the keys themselves.",
)
async def keys(who: OwnerKey, gateway: Gw, page: PageOf) -> Paged[KeyView]:
    mine = {"brand_id": who.brand_id}
    return await paginate(
        gateway.databases.gateway,
        "api_keys",
        mine,
        page,
        lambda raw: KeyView.model_validate(key_body(ApiKey.load(raw))),
    )


@router.post(
    "/keys",
    status_code=201,
    response_model=CreatedKey,
    responses=WRITES,
    summary="Make an API key",
    description="The key is in this answer only. Repeating the request under its Idempotency-Key shows it again.",
)
async def create_key(body: NewBrandKey, who: OwnerKey, write: Write, gateway: Gw) -> Response:
    key = gateway.credentials.api_key(write.command_id(who))
    command = CreateApiKey(
        brand_id=who.brand_id,
        key_id=key_id_of(digest(key)),
        name=body.name,
        role=body.role,
        digest=digest(key),
        hint=key[:9],
    )
    return await write(who, command, shape=lambda made: {**made, "key": key})


@router.delete(
    "/keys/{key_id}",
    response_model=KeyView,
    responses=WRITES | ONE,
    summary="Revoke an API key",
    description="It is useless from now on.",
)
async def revoke_key(key_id: Annotated[str, Path(max_length=64)], who: OwnerKey, write: Write) -> Response:
    return await write(who, RevokeApiKey(brand_id=who.brand_id, key_id=key_id))


# -- networks ----------------------------------------------------------------------------------------------------
Names = dict[Annotated[str, Field(max_length=64)], Annotated[str, Field(max_length=4096)]]
# Secrets that either side may choose: left out, the gateway makes them.
_MAKES: dict[NetworkName, str] = {
    "telegram": "secret",
    "vk": "secret",
    "instagram": "verify_token",
    "inbound": "secret",
}


class NewConnection(Body):
    """A network to connect. Which settings and secrets it wants is said in the refusal when one is missing."""

    network: NetworkName
    name: str = Field(min_length=1, max_length=200, examples=["Our coffee chat"])
    settings: Names = Field({}, max_length=20, description="What is not secret.", examples=[{"group_id": "123"}])
    secrets: Names = Field(
        {},
        max_length=20,
        description="Sealed at once, never shown again. A name with `_previous` keeps the one before valid.",
        examples=[{"bot_token": "123:abc"}],
    )

    @field_validator("settings", "secrets")
    @classmethod
    def _not_empty(cls, value: dict[str, str]) -> dict[str, str]:
        if empty := [name for name, text in value.items() if not text.strip()]:
            raise ValueError(f"empty: {', '.join(empty)}")
        return value


class ConnectionView(BaseModel):
    """A connection, without its secrets."""

    id: str = Field(examples=["con_01J9ZQ4Y3N8M5K7T2V6W1X0ABC"])
    network: NetworkName
    name: str
    settings: dict[str, str]
    created_at: str
    webhook_url: str = Field(
        description="Give this address to the network.", examples=["https://gateway.example/webhooks/telegram/con_01J"]
    )


class CreatedConnection(ConnectionView):
    """A new connection, with the secrets the gateway made, shown this once."""

    secrets: dict[str, str] = Field(description="Only those the gateway made.", examples=[{"secret": "kX2…"}])


@router.get(
    "/connections",
    responses=READS,
    summary="Connections to networks",
    description="All of the brand's; secrets are never shown.",
)
async def connections(who: ViewerKey, gateway: Gw, page: PageOf) -> Paged[ConnectionView]:
    mine = {"brand_id": who.brand_id}
    return await paginate(
        gateway.databases.gateway, "connections", mine, page, lambda raw: _view(gateway, Connection.load(raw))
    )


def _view(gateway: Gateway, connection: Connection) -> ConnectionView:
    url = gateway.webhook_url(connection.network, connection.id)
    return ConnectionView.model_validate({**connection_body(connection), "webhook_url": url})


@router.post(
    "/connections",
    status_code=201,
    response_model=CreatedConnection,
    responses=WRITES,
    summary="Connect a network",
    description=(
        "Needs per network: telegram `bot_token`; vk `group_id`, `confirmation`, `access_token`; instagram "
        "`account_id`, `app_secret`, "
        "`access_token`; tiktok `business_id`, `client_secret`, `access_token`; youtube `channel_id`, "
        "`access_token`; inbound none. "
        "The webhook's own secret may be given or is made."
    ),
)
async def connect(body: NewConnection, who: OwnerKey, write: Write, gateway: Gw) -> Response:
    made = _made(body, gateway, write, who)
    _check(body, made, gateway.networks[body.network].needs)
    connection_id = write.new_id("con", who)
    command = ConnectNetwork(
        brand_id=who.brand_id,
        connection_id=connection_id,
        network=body.network,
        name=body.name,
        settings=body.settings,
        sealed_secrets=gateway.sealer.seal(who.brand_id, json.dumps({**body.secrets, **made})),
    )
    url = gateway.webhook_url(body.network, connection_id)
    return await write(who, command, shape=lambda created: {**created, "webhook_url": url, "secrets": made})


def _made(body: NewConnection, gateway: Gateway, write: Writer, who: Principal) -> dict[str, str]:
    name = _MAKES.get(body.network)
    if name is None or name in body.secrets:
        return {}
    make = gateway.credentials.standard_secret if body.network == "inbound" else gateway.credentials.secret
    return {name: make(write.command_id(who), name)}


def _check(body: NewConnection, made: dict[str, str], needs: Needs) -> None:
    """Every name the network wants is there, and none it doesn't know. Raises `ProblemError` (422)."""
    have = {*body.secrets, *made}
    errors = [
        FieldError(pointer=f"/settings/{name}", detail="Field required")
        for name in needs.settings
        if name not in body.settings
    ]
    errors += [
        FieldError(pointer=f"/secrets/{name}", detail="Field required") for name in needs.secrets if name not in have
    ]
    known = {*needs.settings, *needs.optional}
    errors += [
        FieldError(pointer=f"/settings/{name}", detail=f"{body.network} has no such setting")
        for name in set(body.settings) - known
    ]
    known = {*needs.secrets, *needs.optional}
    errors += [
        FieldError(pointer=f"/secrets/{name}", detail=f"{body.network} has no such secret")
        for name in body.secrets
        if name.removesuffix("_previous") not in known
    ]
    if errors:
        raise ProblemError("invalid-request", errors=sorted(errors, key=lambda error: error.pointer or ""))


@router.delete(
    "/connections/{connection_id}",
    status_code=204,
    response_class=Response,
    responses=WRITES | ONE,
    summary="Disconnect a network",
    description="Its webhooks are refused from now on, nothing is published through it any more.",
)
async def disconnect(connection_id: Annotated[str, Path(max_length=64)], who: OwnerKey, write: Write) -> Response:
    return await write(who, DisconnectNetwork(brand_id=who.brand_id, connection_id=connection_id))

"""For whoever runs the installation: brands and their first keys."""

from typing import Annotated
from urllib.parse import urlsplit
from zoneinfo import available_timezones

from fastapi import APIRouter, Response
from pydantic import AfterValidator, BaseModel, Field

from services.gateway.api.common import ONE, READS, WRITES, PageOf
from services.gateway.auth import Operator
from services.gateway.commands import Write
from services.gateway.credentials import digest
from services.gateway.gateway import Gw
from services.gateway.handlers import brand_body
from services.gateway.models import Brand, brand_id_of, key_id_of
from services.gateway.strict import Body
from shared.contracts.gateway import BrandProfile, CreateApiKey, CreateBrand, Role
from shared.money import CurrencyCode
from shared.pages import Paged, paginate

router = APIRouter(prefix="/v1/operator", tags=["Operator"])


def time_zone(value: str) -> str:
    """An IANA name. Raises ValueError."""
    if value not in available_timezones():
        raise ValueError("is no IANA time zone such as Europe/Berlin")
    return value


def web_address(value: str) -> str:
    """An http(s) address. Raises ValueError."""
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username is not None:
        raise ValueError("is no address such as https://northwind.example")
    return value


TimeZone = Annotated[str, AfterValidator(time_zone)]
WebAddress = Annotated[str, AfterValidator(web_address)]


class NewBrand(Body):
    """A brand to take on."""

    name: str = Field(min_length=1, max_length=200, examples=["Northwind Coffee"])
    shop_domain: str = Field(
        pattern=r"^[a-z0-9][a-z0-9-]{0,62}\.myshopify\.com$",
        description="The shop's permanent domain.",
        examples=["vouch-demo.myshopify.com"],
    )
    currency: CurrencyCode
    time_zone: TimeZone = Field(
        "UTC", description="IANA name; days in reports begin at its midnight.", examples=["Europe/Berlin"]
    )
    storefront_url: WebAddress = Field(
        max_length=500, description="Where links lead.", examples=["https://northwind.example"]
    )
    languages: list[Annotated[str, Field(pattern="^[a-z]{2}$")]] = Field(
        default=["en", "ru"], min_length=1, max_length=10
    )


class BrandView(BrandProfile):
    """A brand."""

    id: str = Field(examples=["brd_k3v6m2x7q4n5p8r9s2t3u4v5wa"])
    created_at: str = Field(examples=["2026-11-22T10:00:00+00:00"])


class NewKey(Body):
    """A key to make."""

    brand_id: str = Field(max_length=64, examples=["brd_k3v6m2x7q4n5p8r9s2t3u4v5wa"])
    role: Role
    name: str = Field(min_length=1, max_length=200, description="Who or what will use it.", examples=["marketing team"])


class KeyView(BaseModel):
    """An API key, without the key."""

    id: str = Field(examples=["key_k3v6m2x7q4n5p8r9s2t3u4v5wa"])
    brand_id: str
    name: str
    role: Role
    hint: str = Field(description="The key's first characters.", examples=["vk_3f9aK2"])
    created_at: str
    revoked_at: str | None = None


class CreatedKey(KeyView):
    """A new API key. `key` is shown this once; only its digest is kept."""

    key: str = Field(examples=["vk_3f9aK2…"])


@router.post(
    "/brands",
    status_code=201,
    response_model=BrandView,
    responses=WRITES,
    summary="Take a brand on",
    description="One shop is one brand: a second one for the same shop is refused (409).",
)
async def create_brand(body: NewBrand, who: Operator, write: Write) -> Response:
    profile = BrandProfile(**body.model_dump())
    return await write(
        who, CreateBrand(brand_id=brand_id_of(body.shop_domain), shop_domain=body.shop_domain, profile=profile)
    )


@router.get(
    "/brands", responses=READS, summary="All brands", description="Every brand of this installation, newest first."
)
async def brands(who: Operator, gateway: Gw, page: PageOf) -> Paged[BrandView]:
    return await paginate(gateway.databases.gateway, "brands", {}, page, _brand_view, by="created_at")


def _brand_view(raw: dict[str, object]) -> BrandView:
    return BrandView.model_validate(brand_body(Brand.load(raw)))


@router.post(
    "/keys",
    status_code=201,
    response_model=CreatedKey,
    responses=WRITES | ONE,
    summary="Make an API key for a brand",
    description="The key is in this answer only. Repeating the request under its Idempotency-Key shows it again.",
)
async def create_key(body: NewKey, who: Operator, write: Write, gateway: Gw) -> Response:
    key = gateway.credentials.api_key(write.command_id(who))
    command = CreateApiKey(
        brand_id=body.brand_id,
        key_id=key_id_of(digest(key)),
        name=body.name,
        role=body.role,
        digest=digest(key),
        hint=key[:9],
    )
    return await write(who, command, shape=lambda made: {**made, "key": key})

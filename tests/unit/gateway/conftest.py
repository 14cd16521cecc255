"""A gateway whose servers are nowhere, with a brand and keys that its directory knows."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import httpx
import pytest

from services.gateway import middleware
from services.gateway.app import app, build
from services.gateway.credentials import digest
from services.gateway.gateway import Gateway
from services.gateway.models import ApiKey, Brand, brand_id_of, key_id_of
from shared.contracts.gateway import BrandProfile, Role
from tests.settings import settings_for

SHOP = "vouch-demo.myshopify.com"
BRAND = brand_id_of(SHOP)
NOW = datetime(2026, 11, 22, 10, tzinfo=UTC)


def profile(shop: str = SHOP) -> BrandProfile:
    """A brand's profile."""
    return BrandProfile(
        name="Northwind", shop_domain=shop, currency="EUR", storefront_url="https://northwind.example/en"
    )


def api_key(key: str, role: Role) -> ApiKey:
    """A key of the brand."""
    hashed = digest(key)
    return ApiKey(
        id=key_id_of(hashed), brand_id=BRAND, name=role, role=role, digest=hashed, hint=key[:9], created_at=NOW
    )


@pytest.fixture
async def gateway() -> AsyncIterator[Gateway]:
    settings = settings_for("mongodb://127.0.0.1:9/?replicaSet=none", "127.0.0.1:9", "v.", "v_")
    found = Gateway(app, settings)
    found.directory._brands[BRAND] = Brand(id=BRAND, brand_id=BRAND, profile=profile(), created_at=NOW)
    for role in ("owner", "marketer", "viewer"):
        key = api_key(f"vk_{role}", role)
        found.directory._keys[key.id] = key
    yield found
    found.runtime.client.close()
    found._client.close()


@pytest.fixture
async def http(gateway: Gateway) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(middleware.wrap(build(gateway)), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
        yield client

"""A dev store in this process, without a network."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from deploy.devstore.app import application
from deploy.devstore.catalogue import shops
from deploy.devstore.dev.control import SCOPES
from deploy.devstore.oauth import Tokens
from deploy.devstore.sales import Till
from deploy.devstore.world import Settings, World

SHOP = "vouch-demo.myshopify.com"
Json = dict[str, Any]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World.open(Settings(str(tmp_path / "s.sqlite"), "http://127.0.0.1:9", "http://127.0.0.1:8", usage_lag=5.0))
    yield made
    made.store.close()


@pytest.fixture
def till(world: World) -> Till:
    return Till(world, shops()[SHOP])


@pytest.fixture
def variants(till: Till) -> list[int]:
    """Ids of the variants, in the catalogue's order."""
    products = till.world.store.all(SHOP, "product")
    return [int(variant["id"]) for product in products for variant in product["variants"]]


@dataclass
class Api:
    """The Admin API of the demo shop, asked in process."""

    http: httpx.AsyncClient
    token: str

    async def raw(
        self, query: str, variables: Json | None = None, version: str = "2026-10", token: str | None = None
    ) -> httpx.Response:
        return await self.http.post(
            f"/shops/{SHOP}/admin/api/{version}/graphql.json",
            json={"query": query, "variables": variables or {}},
            headers={"X-Shopify-Access-Token": token or self.token},
        )

    async def __call__(self, query: str, variables: Json | None = None) -> Json:
        """The body of an answer with status 200."""
        response = await self.raw(query, variables)
        assert response.status_code == 200
        return dict(response.json())


@pytest.fixture
async def api(world: World) -> AsyncIterator[Api]:
    app = application(world)
    token = Tokens(world).issue(SHOP, SCOPES, expiring=False)["access_token"]
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://store") as http:
        yield Api(http, token)

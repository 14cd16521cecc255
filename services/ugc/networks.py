"""The networks as this service uses them: parsing needs no settings, calling out does."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache

from shared.brands import Connection as KnownConnection
from shared.contracts.gateway import NetworkName
from shared.effects import Resources
from shared.http import HttpClient
from shared.networks.base import Connection, Network
from shared.networks.registry import build_client, build_networks


@cache
def networks() -> dict[NetworkName, Network]:
    """Every network, for what needs no call: parsing, eligibility."""
    return build_networks()


@dataclass(frozen=True, slots=True)
class Outside:
    """The networks at the operator's addresses, and a client to call them with."""

    networks: dict[NetworkName, Network]
    client: HttpClient


@asynccontextmanager
async def outside(resources: Resources) -> AsyncIterator[Outside]:
    """The networks for one job's calls; the client's connections end with it."""
    settings = resources.settings
    urls: dict[NetworkName, str] = {
        "telegram": settings.telegram_api_url,
        "vk": settings.vk_api_url,
        "instagram": settings.instagram_api_url,
        "tiktok": settings.tiktok_api_url,
        "youtube": settings.youtube_api_url,
    }
    async with build_client(urls) as client:
        yield Outside(build_networks(urls), client)


def bare(connection_id: str, brand_id: str, network: NetworkName, known: KnownConnection | None) -> Connection:
    """A connection without its secrets, as parsing wants it."""
    return Connection(id=connection_id, brand_id=brand_id, network=network, settings=known.settings if known else {})


def unsealed(known: KnownConnection, resources: Resources) -> Connection:
    """A connection with its secrets in clear, for a call."""
    secrets = json.loads(resources.unseal(known.brand_id, known.sealed_secrets))
    return Connection(
        id=known.id, brand_id=known.brand_id, network=known.network, settings=known.settings, secrets=secrets
    )

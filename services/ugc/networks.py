"""The networks as this service uses them: parsing needs no settings, calling out does."""

import json
from functools import cache

from shared.brands import Connection as KnownConnection
from shared.contracts.gateway import NetworkName
from shared.effects import Resources
from shared.http import HttpClient
from shared.networks.base import Connection, Network
from shared.networks.registry import build_client, build_networks
from shared.settings import Settings


@cache
def networks() -> dict[NetworkName, Network]:
    """Every network, for what needs no call: parsing, eligibility."""
    return build_networks()


class Outside:
    """The networks with the operator's addresses and a client to call them; one per process."""

    def __init__(self, settings: Settings) -> None:
        urls: dict[NetworkName, str] = {
            "telegram": settings.telegram_api_url,
            "vk": settings.vk_api_url,
            "instagram": settings.instagram_api_url,
            "tiktok": settings.tiktok_api_url,
            "youtube": settings.youtube_api_url,
        }
        self.networks: dict[NetworkName, Network] = build_networks(urls)
        self.client: HttpClient = build_client(urls)


@cache
def _outside(settings: Settings) -> Outside:
    return Outside(settings)


def outside(resources: Resources) -> Outside:
    """The process's networks."""
    return _outside(resources.settings)


def bare(connection_id: str, brand_id: str, network: NetworkName, known: KnownConnection | None) -> Connection:
    """A connection without its secrets, as parsing wants it."""
    return Connection(id=connection_id, brand_id=brand_id, network=network, settings=known.settings if known else {})


def unsealed(known: KnownConnection, resources: Resources) -> Connection:
    """A connection with its secrets in clear, for a call."""
    secrets = json.loads(resources.unseal(known.brand_id, known.sealed_secrets))
    return Connection(
        id=known.id, brand_id=known.brand_id, network=known.network, settings=known.settings, secrets=secrets
    )

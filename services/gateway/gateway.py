"""Everything an endpoint may use, in one place: made in `app.py`, handed to endpoints by `Gw`."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

import aiohttp
from fastapi import Depends, Request

from services.gateway import repository
from services.gateway.credentials import Credentials
from services.gateway.directory import Directory
from services.gateway.door import Door
from services.gateway.live import Listener, LiveHub
from services.gateway.repository import Doors, Requests, SpoolStore
from services.gateway.spool import Spool
from shared.commands import CommandBus
from shared.contracts.gateway import NetworkName
from shared.mongo import Database, ReadOnly, connect, database
from shared.networks.base import Network
from shared.networks.registry import build_networks
from shared.runtime import Dependency, Runtime, ServiceApp
from shared.security.sealing import Sealer
from shared.settings import Settings
from shared.topics import Service


@dataclass(frozen=True, slots=True)
class Databases:
    """The services' databases, for reading through their views."""

    gateway: ReadOnly
    ugc: ReadOnly
    ambassadors: ReadOnly
    rewards: ReadOnly

    def of(self, service: Service) -> ReadOnly:
        """One service's database."""
        found: ReadOnly = getattr(self, service.value)
        return found


class Gateway:
    """The gateway at work: its HTTP side beside its own processor."""

    def __init__(self, app: ServiceApp, settings: Settings) -> None:
        self.settings = settings
        self.runtime = Runtime(app, settings)
        # Requests have their own connections, which give up on a server that hangs; transactions may take longer.
        self._client = connect(settings, socket_timeout=5.0)
        own = self._database(Service.GATEWAY)
        self.requests, self._own = Requests(own), own
        self.databases = Databases(**{service.value: ReadOnly(self._database(service)) for service in Service})
        self.credentials = Credentials(settings.key_bytes, settings.operator_token.get_secret_value())
        self.sealer = Sealer(settings.key_bytes)
        self.directory = Directory(Doors(own), settings)
        self.hub = LiveHub()
        self.listener = Listener(settings, self.directory, self.hub)
        self.producer = self.runtime.producer
        self.spool = Spool(SpoolStore(own), self.producer)
        self.door = Door(self.producer, self.spool)
        self.bus = CommandBus(settings, self.producer)
        self.networks: dict[NetworkName, Network] = build_networks()
        self._http: aiohttp.ClientSession | None = None
        self._starting: asyncio.Task[None] | None = None

    def _database(self, service: Service) -> Database:
        return database(self._client, self.settings, service)

    @property
    def http(self) -> aiohttp.ClientSession:
        """For the few calls a request itself makes (OAuth)."""
        if self._http is None:
            self._http = aiohttp.ClientSession()
        return self._http

    async def start(self) -> None:
        """Open the door at once; what needs Kafka or MongoDB comes up in the background as soon as they are there."""
        await self.spool.start()
        await self.listener.start()
        await self.bus.start()
        self._starting = asyncio.create_task(self._begin())

    async def _begin(self) -> None:
        await self.runtime.start()
        await repository.prepare(self._own)

    async def stop(self) -> None:
        """Requests have ended: let what they started become durable, then leave."""
        self.hub.close()
        if self._starting:
            self._starting.cancel()
            await asyncio.gather(self._starting, return_exceptions=True)
        await self.door.stop()
        await self.bus.stop()
        await self.listener.stop()
        await self.spool.stop()
        await self.runtime.stop()
        if self._http:
            await self._http.close()
        self._client.close()

    async def dependencies(self) -> dict[str, Dependency]:
        """What the gateway needs and how it is. A spool that holds records is no failure while it drains."""
        found = await self.runtime.dependencies()
        depth, known = self.spool.depth, self.directory.size
        waiting = f"{depth} records wait for Kafka" if depth else "empty"
        loaded = ", ".join(f"{count} {name}" for name, count in known.items())
        found["spool"] = Dependency(depth == 0 or not found["kafka"].ok, waiting)
        found["directory"] = Dependency(
            self.directory.loaded_at is not None, loaded if self.directory.loaded_at else "not loaded yet"
        )
        return found

    def webhook_url(self, network: str, connection_id: str) -> str:
        """Where a network delivers to."""
        return f"{self.settings.public_url.rstrip('/')}/webhooks/{network}/{connection_id}"

    def link_of(self, ambassador_id: str, code: str) -> str:
        """An ambassador's link. It names the brand only where another brand's ambassador has held the code longer."""
        link = f"{self.settings.public_url.rstrip('/')}/r/{code}"
        first = self.directory.link(code, None)
        if first is None or first.id == ambassador_id:
            return link
        mine = self.directory.ambassador(ambassador_id)
        return f"{link}?brand={mine.brand_id}" if mine else link

    def with_link(self, person: dict[str, Any]) -> dict[str, Any]:
        """A service's answer about an ambassador, with the link."""
        return {**person, "link": self.link_of(person["id"], person["code"])} if "code" in person else person

    def learn_person(self, brand_id: str) -> Callable[[dict[str, Any]], None]:
        """What to do with a service's new answer about an ambassador: their link works from now on."""

        def learn(person: dict[str, Any]) -> None:
            self.directory.learn_link(brand_id, person["id"], person["code"], person["status"])

        return learn


def gateway_of(request: Request) -> Gateway:
    """The process's gateway."""
    found: Gateway = request.app.state.gateway
    return found


Gw = Annotated[Gateway, Depends(gateway_of)]

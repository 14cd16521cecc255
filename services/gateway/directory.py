"""Brands, keys, connections and ambassador codes in memory: no database to verify a webhook or to resolve a link.

Loaded at start, kept fresh by events (`shared/contracts/gateway.py`, `AmbassadorChanged`) and, in case an event was
missed, by a slow refresh. What is not known is looked up once in MongoDB before it is refused; when that can't be
asked either, the answer is `Unknowable`, never a wrong "no".
"""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import structlog
from pymongo.errors import PyMongoError

from services.gateway.misses import Misses
from services.gateway.models import AmbassadorLink, ApiKey, Brand, Connection, ShopApp, brand_id_of, key_id_of
from services.gateway.repository import Doors
from shared.contracts.ambassadors import AmbassadorChanged, AmbassadorStatus
from shared.contracts.base import Message
from shared.contracts.gateway import ApiKeyChanged, BrandConfigured, ConnectionConfigured, ConnectionRemoved
from shared.networks.base import Connection as NetworkConnection
from shared.security.sealing import Sealer, Unsealable
from shared.settings import Settings

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class App:
    """A brand's app at Shopify; `secrets` newest first, the one before still valid during a rotation."""

    client_id: str
    secrets: tuple[str, ...]


class Directory:
    """One per process."""

    def __init__(self, doors: Doors, settings: Settings) -> None:
        self._doors, self._sealer = doors, Sealer(settings.key_bytes)
        self._default_app = App(
            settings.shopify_client_id, tuple(secret.get_secret_value() for secret in settings.shopify_client_secrets)
        )
        self._brands: dict[str, Brand] = {}
        self._apps: dict[str, App] = {}
        self._keys: dict[str, ApiKey] = {}
        self._connections: dict[str, tuple[Connection, NetworkConnection | None]] = {}
        self._links: dict[str, AmbassadorLink] = {}
        self._codes: dict[str, set[str]] = {}  # code to ambassador ids, former codes included
        self._links_until: datetime | None = None
        self._misses = Misses()
        self.loaded_at: datetime | None = None

    # -- asking --------------------------------------------------------------------------------------------------
    def brand(self, brand_id: str) -> Brand | None:
        """A brand by its id."""
        return self._brands.get(brand_id)

    async def brand_of_shop(self, shop_domain: str) -> Brand | None:
        """A brand by its shop's permanent domain. Raises `Unknowable`."""
        brand_id = brand_id_of(shop_domain)
        if brand_id not in self._brands:
            await self._misses.ask(brand_id, lambda: self._look(brand_id))
        return self._brands.get(brand_id)

    def brand_named(self, name: str) -> Brand | None:
        """A brand by its id, its shop's domain or the domain's first part: what `?brand=` may say."""
        domain = name if "." in name else f"{name}.myshopify.com"
        return self._brands.get(name) or self._brands.get(brand_id_of(domain))

    def app(self, brand_id: str) -> App:
        """The Shopify app the brand uses: its own, or the deployment's."""
        return self._apps.get(brand_id, self._default_app)

    async def key(self, digest: str) -> ApiKey | None:
        """A key that is good now. Raises `Unknowable`."""
        key_id = key_id_of(digest)
        if key_id not in self._keys:
            await self._misses.ask(key_id, lambda: self._look_for_key(key_id))
        key = self._keys.get(key_id)
        return key if key and key.revoked_at is None else None

    async def connection(self, connection_id: str) -> NetworkConnection | None:
        """A connection with its secrets in clear. Raises `Unknowable`."""
        if connection_id not in self._connections:
            await self._misses.ask(connection_id, lambda: self._look_for_connection(connection_id))
        return self._connections.get(connection_id, (None, None))[1]

    def link(self, code: str, brand_id: str | None) -> AmbassadorLink | None:
        """Whose link a code is: within the brand, or where it has been held longest."""
        folded = code.casefold()
        found = [self._links[id] for id in self._codes.get(folded, ()) if brand_id in (None, self._links[id].brand_id)]
        return min(found, key=lambda link: (link.code != folded, link.since, link.id), default=None)

    async def find_link(self, code: str, brand_id: str | None) -> AmbassadorLink | None:
        """The same, asking MongoDB about a code nobody here has heard of."""
        if code.casefold() not in self._codes:
            await self._misses.ask(f"code/{code.casefold()}", lambda: self._look_for_code(code.casefold()))
        return self.link(code, brand_id)

    def ambassador(self, ambassador_id: str) -> AmbassadorLink | None:
        """An ambassador's code and state."""
        return self._links.get(ambassador_id)

    @property
    def size(self) -> dict[str, int]:
        """How much is known, for /readyz."""
        return {
            "brands": len(self._brands),
            "keys": len(self._keys),
            "connections": len(self._connections),
            "links": len(self._links),
        }

    # -- learning ------------------------------------------------------------------------------------------------
    async def load(self) -> None:
        """Read everything that changed. Raises driver errors."""
        began = datetime.now(UTC)
        brands, apps = await self._doors.all(Brand), await self._doors.all(ShopApp)
        keys, connections = await self._doors.all(ApiKey), await self._doors.all(Connection)
        self._brands = {brand.id: brand for brand in brands}
        self._apps = {app.id: self._opened(app) for app in apps}
        self._keys = {key.id: key for key in keys}
        for gone in set(self._connections) - {connection.id for connection in connections}:
            del self._connections[gone]
        for connection in connections:
            self._put_connection(connection)
        async for link in self._doors.links(self._links_until):
            self._put_link(link)
        # A little overlap: another process's clock or transaction may be behind.
        self._links_until = began - timedelta(minutes=2)
        self.loaded_at = began

    async def refresh(self, brand_id: str) -> None:
        """Read one brand anew, as far as it can be read: what is known stays otherwise."""
        try:
            await self._look(brand_id)
        except PyMongoError as error:
            log.warning("the directory keeps what it knows of a brand", brand=brand_id, error=str(error)[:200])

    async def hear(self, event: Message) -> None:
        """Learn from an event. Raises driver errors when the rest must be read and can't be."""
        match event:
            case ConnectionConfigured():
                known = self._connections.get(event.connection_id)
                self._put_connection(
                    Connection(
                        id=event.connection_id,
                        brand_id=event.brand_id,
                        network=event.network,
                        name=event.name,
                        settings=event.settings,
                        sealed_secrets=event.sealed_secrets,
                        created_at=known[0].created_at if known else datetime.now(UTC),
                    )
                )
            case ConnectionRemoved():
                self._connections.pop(event.connection_id, None)
            case ApiKeyChanged(revoked_at=datetime()) if event.key_id in self._keys:
                self._keys[event.key_id] = self._keys[event.key_id].model_copy(update={"revoked_at": event.revoked_at})
            case BrandConfigured() | ApiKeyChanged():
                await self._look(event.brand_id)
            case AmbassadorChanged():
                self.learn_link(event.brand_id, event.ambassador_id, event.code, event.status)
            case _:
                return

    def learn_link(self, brand_id: str, ambassador_id: str, code: str, status: AmbassadorStatus) -> None:
        """Keep whose link a code is, from an event or from the answer to a command."""
        now, code = datetime.now(UTC), code.casefold()
        known = self._links.get(ambassador_id)
        link = known or AmbassadorLink(
            id=ambassador_id, brand_id=brand_id, code=code, status=status, since=now, changed_at=now
        )
        self._put_link(link.changed(code, status, now))

    async def _look(self, brand_id: str) -> None:
        brand, app, keys, connections = await self._doors.of_brand(brand_id)
        if brand:
            self._brands[brand.id] = brand
        if app:
            self._apps[app.id] = self._opened(app)
        self._keys |= {key.id: key for key in keys}
        for connection in connections:
            self._put_connection(connection)

    async def _look_for_key(self, key_id: str) -> None:
        if found := await self._doors.one(ApiKey, key_id):
            self._keys[key_id] = found
            await self._look(found.brand_id)

    async def _look_for_connection(self, connection_id: str) -> None:
        if found := await self._doors.one(Connection, connection_id):
            self._put_connection(found)

    async def _look_for_code(self, code: str) -> None:
        for found in await self._doors.all(AmbassadorLink, {"code": code}):
            self._put_link(found)

    def _put_connection(self, connection: Connection) -> None:
        known = self._connections.get(connection.id)
        if known and known[0].sealed_secrets == connection.sealed_secrets and known[0].settings == connection.settings:
            return
        self._connections[connection.id] = connection, self._opened_connection(connection)

    def _opened_connection(self, connection: Connection) -> NetworkConnection | None:
        try:
            secrets = json.loads(self._sealer.unseal(connection.brand_id, connection.sealed_secrets))
        except (Unsealable, ValueError) as error:
            log.error("a connection's secrets can't be read", connection=connection.id, error=str(error))
            return None
        return NetworkConnection(
            id=connection.id,
            brand_id=connection.brand_id,
            network=connection.network,
            settings=connection.settings,
            secrets=secrets,
        )

    def _opened(self, app: ShopApp) -> App:
        try:
            return App(app.client_id, tuple(self._sealer.unseal(app.brand_id, sealed) for sealed in app.sealed_secrets))
        except Unsealable as error:
            log.error("an app's secret can't be read", brand=app.brand_id, error=str(error))
            return App(app.client_id, ())

    def _put_link(self, link: AmbassadorLink) -> None:
        for code in _codes(self._links.get(link.id)) - _codes(link):
            self._codes[code].discard(link.id)
        for code in _codes(link):
            self._codes.setdefault(code, set()).add(link.id)
        self._links[link.id] = link


def _codes(link: AmbassadorLink | None) -> set[str]:
    return {link.code, *link.former} if link else set()

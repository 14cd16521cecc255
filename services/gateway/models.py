"""What the gateway keeps: brands, keys, connections, shops, links and dead letters. Changes are pure functions."""

from datetime import datetime
from typing import ClassVar, Self

from pydantic import Field
from pymongo import ASCENDING, DESCENDING, IndexModel

from shared.contracts.ambassadors import AmbassadorStatus
from shared.contracts.gateway import (
    BrandChanges,
    BrandConfigured,
    BrandProfile,
    ConnectionConfigured,
    ConnectShop,
    NetworkName,
    Role,
    ShopConnected,
)
from shared.documents import Document
from shared.ids import derived_id


def brand_id_of(shop_domain: str) -> str:
    """One shop is one brand: the id follows from the shop's permanent domain."""
    return derived_id("brd", shop_domain.lower())


def key_id_of(digest: str) -> str:
    """A key's id follows from its digest, so that a key is found by primary key."""
    return derived_id("key", digest)


class Brand(Document):
    """A tenant. Its id is its `brand_id`."""

    collection: ClassVar[str] = "brands"

    profile: BrandProfile
    created_at: datetime

    def changed(self, changes: BrandChanges) -> Self:
        """The brand with the given fields replaced."""
        given = changes.model_dump(exclude_none=True)
        return self.model_copy(update={"profile": self.profile.model_copy(update=given)})

    @property
    def configured(self) -> BrandConfigured:
        return BrandConfigured(brand_id=self.brand_id, profile=self.profile)


class ApiKey(Document):
    """An API key by its digest. Revoked ones stay, so that they can be named."""

    collection: ClassVar[str] = "api_keys"
    indexes: ClassVar[list[IndexModel]] = [IndexModel([("brand_id", ASCENDING), ("_id", ASCENDING)])]

    name: str
    role: Role
    digest: str
    hint: str
    created_at: datetime
    revoked_at: datetime | None = None


class Connection(Document):
    """A brand's account on a network; its secrets sealed."""

    collection: ClassVar[str] = "connections"
    indexes: ClassVar[list[IndexModel]] = [IndexModel([("brand_id", ASCENDING), ("_id", ASCENDING)])]

    network: NetworkName
    name: str
    settings: dict[str, str]
    sealed_secrets: str
    created_at: datetime

    @property
    def configured(self) -> ConnectionConfigured:
        return ConnectionConfigured(
            brand_id=self.brand_id,
            connection_id=self.id,
            network=self.network,
            name=self.name,
            settings=self.settings,
            sealed_secrets=self.sealed_secrets,
        )


class ShopApp(Document):
    """The brand's own app at Shopify (id = brand id). `sealed_secrets`: the present one, then the one before."""

    collection: ClassVar[str] = "shop_apps"

    client_id: str
    sealed_secrets: list[str]

    def rotated(self, client_id: str, sealed_secret: str) -> Self:
        """With a new secret; the one before stays good when it is the same app's."""
        before = self.sealed_secrets[:1] if client_id == self.client_id else []
        return self.model_copy(update={"client_id": client_id, "sealed_secrets": [sealed_secret, *before]})


class Shop(Document):
    """The app's installation at the brand's shop (id = brand id). Without a token it is uninstalled."""

    collection: ClassVar[str] = "shops"

    shop_domain: str
    sealed_token: str | None
    sealed_refresh_token: str | None = None
    token_expires_at: datetime | None = None
    scopes: list[str] = Field(default_factory=list)
    installed_at: datetime
    uninstalled_at: datetime | None = None
    subscriptions: list[str] = Field(default_factory=list)
    refused_subscriptions: dict[str, str] = Field(default_factory=dict)

    def with_token(self, message: ConnectShop) -> Self:
        """With the next token."""
        return self.model_copy(
            update={
                "shop_domain": message.shop_domain,
                "sealed_token": message.sealed_token,
                "sealed_refresh_token": message.sealed_refresh_token,
                "token_expires_at": message.expires_at,
                "scopes": message.scopes or self.scopes,
                "uninstalled_at": None,
            }
        )

    def uninstalled(self, at: datetime) -> Self:
        """Without its tokens, which are worth nothing any more."""
        return self.model_copy(
            update={"sealed_token": None, "sealed_refresh_token": None, "token_expires_at": None, "uninstalled_at": at}
        )

    def connected(self, *, refreshed: bool) -> ShopConnected:
        """What the other services are told."""
        return ShopConnected(
            brand_id=self.brand_id,
            shop_domain=self.shop_domain,
            sealed_token=self.sealed_token or "",
            scopes=self.scopes,
            refreshed=refreshed,
        )


class AmbassadorLink(Document):
    """Whose link a code is (id = ambassador id), copied from the ambassadors' events. Codes ignore case.

    Former codes keep leading to the person, unless somebody else has taken them.
    """

    collection: ClassVar[str] = "ambassador_links"
    indexes: ClassVar[list[IndexModel]] = [
        # Across brands: links name none, and every gateway process keeps all of them in memory.
        IndexModel([("code", ASCENDING)]),
        IndexModel([("changed_at", ASCENDING)]),
    ]

    code: str
    former: list[str] = Field(default_factory=list)
    status: AmbassadorStatus
    since: datetime
    changed_at: datetime

    def changed(self, code: str, status: AmbassadorStatus, at: datetime) -> Self:
        """With another code or state."""
        former = [self.code, *self.former] if code != self.code else self.former
        changes = {"code": code, "former": [c for c in former if c != code][:20], "status": status, "changed_at": at}
        return self.model_copy(update=changes)


class DeadLetter(Document):
    """A record that a service could not handle, untouched, and why."""

    collection: ClassVar[str] = "dead_letters"
    indexes: ClassVar[list[IndexModel]] = [
        IndexModel([("brand_id", ASCENDING), ("at", DESCENDING), ("_id", DESCENDING)])
    ]

    service: str
    topic: str
    partition: int
    offset: int
    type: str
    error: str
    trace: str
    at: datetime
    key: bytes | None
    value: bytes
    headers: dict[str, str]
    replayed_at: datetime | None = Field(None, description="When it was put back: once, or it would have two effects.")
    replayed_by: str | None = None


DOCUMENTS: list[type[Document]] = [Brand, ApiKey, Connection, ShopApp, Shop, AmbassadorLink, DeadLetter]

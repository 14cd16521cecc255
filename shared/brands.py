"""A service's own copy of brands, shops and connections, kept from the gateway's events. Secrets stay sealed."""

from collections.abc import Awaitable, Callable
from typing import ClassVar

from pymongo import ASCENDING, IndexModel

from shared.contracts.gateway import (
    BrandConfigured,
    BrandProfile,
    ConnectionConfigured,
    ConnectionRemoved,
    NetworkName,
    ShopConnected,
    ShopDisconnected,
)
from shared.documents import Document
from shared.handlers import Handlers
from shared.records import Meta
from shared.unit_of_work import UnitOfWork


class Brand(Document):
    """A brand; its id is the brand id."""

    collection: ClassVar[str] = "brands"
    profile: BrandProfile


class Shop(Document):
    """The brand's connected shop; its id is the brand id. `sealed_token` is None after an uninstall."""

    collection: ClassVar[str] = "shops"
    shop_domain: str
    sealed_token: str | None
    scopes: list[str]


class Connection(Document):
    """A connected network; its id is the connection id."""

    collection: ClassVar[str] = "connections"
    indexes: ClassVar[list[IndexModel]] = [IndexModel([("brand_id", ASCENDING), ("network", ASCENDING)])]
    network: NetworkName
    name: str
    settings: dict[str, str]
    sealed_secrets: str


documents: list[type[Document]] = [Brand, Shop, Connection]


OnShop = Callable[[ShopConnected, UnitOfWork], Awaitable[None]]


def copy_brands(handlers: Handlers, *, on_shop: OnShop | None = None) -> None:
    """Register the handlers that keep the copy; `on_shop` is what else the service does when a shop is connected."""

    @handlers.on(BrandConfigured)
    async def brand_configured(event: BrandConfigured, uow: UnitOfWork, meta: Meta) -> None:
        uow.save(Brand(id=event.brand_id, brand_id=event.brand_id, profile=event.profile))

    @handlers.on(ShopConnected)
    async def shop_connected(event: ShopConnected, uow: UnitOfWork, meta: Meta) -> None:
        uow.save(
            Shop(
                id=event.brand_id, brand_id=event.brand_id, shop_domain=event.shop_domain,
                sealed_token=event.sealed_token, scopes=event.scopes,
            )
        )  # fmt: skip
        if on_shop:
            await on_shop(event, uow)

    @handlers.on(ShopDisconnected)
    async def shop_disconnected(event: ShopDisconnected, uow: UnitOfWork, meta: Meta) -> None:
        shop = await uow.get(Shop, event.brand_id)
        if shop and shop.shop_domain == event.shop_domain:
            uow.save(shop.model_copy(update={"sealed_token": None}))

    @handlers.on(ConnectionConfigured)
    async def connection_configured(event: ConnectionConfigured, uow: UnitOfWork, meta: Meta) -> None:
        uow.save(
            Connection(
                id=event.connection_id, brand_id=event.brand_id, network=event.network, name=event.name,
                settings=event.settings, sealed_secrets=event.sealed_secrets,
            )
        )  # fmt: skip

    @handlers.on(ConnectionRemoved)
    async def connection_removed(event: ConnectionRemoved, uow: UnitOfWork, meta: Meta) -> None:
        uow.delete(Connection, event.connection_id)

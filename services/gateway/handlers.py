"""What the gateway decides by messages: its tenants and their doors, whose link a code is, dead letters."""

from datetime import datetime
from typing import Any

from services.gateway.effects import refresh_due
from services.gateway.models import AmbassadorLink, ApiKey, Brand, Connection, DeadLetter, Shop, ShopApp
from shared.contracts.ambassadors import AmbassadorChanged
from shared.contracts.gateway import (
    ApiKeyChanged,
    ConfigureShopApp,
    ConnectionRemoved,
    ConnectNetwork,
    ConnectShop,
    CreateApiKey,
    CreateBrand,
    DisconnectNetwork,
    DisconnectShop,
    RecordShopSubscriptions,
    ReplayDeadLetter,
    RevokeApiKey,
    ShopDisconnected,
    UpdateBrand,
)
from shared.errors import Refused, Reply
from shared.handlers import Handlers
from shared.ids import derived_id
from shared.records import Header, IngressRecord, Meta, replayed
from shared.topics import Service, Topic
from shared.unit_of_work import UnitOfWork

handlers = Handlers(Service.GATEWAY)


def missing(what: str, id: str) -> Refused:
    """The refusal of a command about something that is not there."""
    return Refused(404, "not-found", "Not found", f"There is no {what} {id}.")


async def _brand(uow: UnitOfWork, brand_id: str) -> Brand:
    brand = await uow.get(Brand, brand_id)
    if brand is None:
        raise missing("brand", brand_id)
    return brand


# -- brands and keys ---------------------------------------------------------------------------------------------
@handlers.on(CreateBrand)
async def create_brand(message: CreateBrand, uow: UnitOfWork, meta: Meta) -> Reply:
    if await uow.get(Brand, message.brand_id):
        raise Refused(
            409,
            "brand-exists",
            "The shop has a brand already",
            f"{message.shop_domain} belongs to brand {message.brand_id}.",
        )
    brand = Brand(id=message.brand_id, brand_id=message.brand_id, profile=message.profile, created_at=uow.now)
    uow.save(brand)
    uow.emit(brand.configured)
    return Reply(status=201, body=brand_body(brand))


@handlers.on(UpdateBrand)
async def update_brand(message: UpdateBrand, uow: UnitOfWork, meta: Meta) -> Reply:
    brand = (await _brand(uow, message.brand_id)).changed(message.changes)
    uow.save(brand)
    uow.emit(brand.configured)
    return Reply(body=brand_body(brand))


def brand_body(brand: Brand) -> dict[str, Any]:
    """A brand as the API shows it."""
    return {"id": brand.id, **brand.profile.model_dump(mode="json"), "created_at": brand.created_at.isoformat()}


@handlers.on(CreateApiKey)
async def create_api_key(message: CreateApiKey, uow: UnitOfWork, meta: Meta) -> Reply:
    await _brand(uow, message.brand_id)
    key = ApiKey(
        id=message.key_id,
        brand_id=message.brand_id,
        name=message.name,
        role=message.role,
        digest=message.digest,
        hint=message.hint,
        created_at=uow.now,
    )
    uow.save(key)
    uow.emit(ApiKeyChanged(brand_id=key.brand_id, key_id=key.id))
    return Reply(status=201, body=key_body(key))


@handlers.on(RevokeApiKey)
async def revoke_api_key(message: RevokeApiKey, uow: UnitOfWork, meta: Meta) -> Reply:
    key = await uow.get(ApiKey, message.key_id)
    if key is None or key.brand_id != message.brand_id:
        raise missing("key", message.key_id)
    revoked = key.model_copy(update={"revoked_at": key.revoked_at or uow.now})
    uow.save(revoked)
    uow.emit(ApiKeyChanged(brand_id=key.brand_id, key_id=key.id, revoked_at=revoked.revoked_at))
    return Reply(body=key_body(revoked))


def key_body(key: ApiKey) -> dict[str, Any]:
    """A key as the API shows it; the key itself is never in it."""
    return key.model_dump(mode="json", include={"id", "brand_id", "name", "role", "hint", "created_at", "revoked_at"})


# -- networks ----------------------------------------------------------------------------------------------------
@handlers.on(ConnectNetwork)
async def connect_network(message: ConnectNetwork, uow: UnitOfWork, meta: Meta) -> Reply:
    await _brand(uow, message.brand_id)
    connection = Connection(
        id=message.connection_id,
        brand_id=message.brand_id,
        network=message.network,
        name=message.name,
        settings=message.settings,
        sealed_secrets=message.sealed_secrets,
        created_at=uow.now,
    )
    uow.save(connection)
    uow.emit(connection.configured)
    return Reply(status=201, body=connection_body(connection))


@handlers.on(DisconnectNetwork)
async def disconnect_network(message: DisconnectNetwork, uow: UnitOfWork, meta: Meta) -> Reply:
    connection = await uow.get(Connection, message.connection_id)
    if connection is None or connection.brand_id != message.brand_id:
        raise missing("connection", message.connection_id)
    uow.delete(Connection, connection.id)
    uow.emit(ConnectionRemoved(brand_id=connection.brand_id, connection_id=connection.id))
    return Reply(status=204)


def connection_body(connection: Connection) -> dict[str, Any]:
    """A connection as the API shows it, without its secrets."""
    return connection.model_dump(mode="json", include={"id", "network", "name", "settings", "created_at"})


# -- the shop ----------------------------------------------------------------------------------------------------
@handlers.on(ConfigureShopApp)
async def configure_shop_app(message: ConfigureShopApp, uow: UnitOfWork, meta: Meta) -> Reply:
    brand = await _brand(uow, message.brand_id)
    known = await uow.get(ShopApp, brand.id)
    if known:
        app = known.rotated(message.client_id, message.sealed_secret)
    else:
        app = ShopApp(
            id=brand.id, brand_id=brand.id, client_id=message.client_id, sealed_secrets=[message.sealed_secret]
        )
    uow.save(app)
    uow.emit(brand.configured)  # every gateway process reads the brand's doors anew
    return Reply()


@handlers.on(ConnectShop)
async def connect_shop(message: ConnectShop, uow: UnitOfWork, meta: Meta) -> Reply:
    brand = await _brand(uow, message.brand_id)
    known = await uow.get(Shop, brand.id)
    if message.refreshed and (known is None or known.sealed_token is None):
        return Reply()  # uninstalled while the next token was on its way
    shop = known or Shop(
        id=brand.id, brand_id=brand.id, shop_domain=message.shop_domain, sealed_token=None, installed_at=uow.now
    )
    shop = shop.with_token(message)
    if not message.refreshed:
        shop = shop.model_copy(update={"installed_at": uow.now})
        uow.effect("subscribe_webhooks", f"subscribe/{meta.id}", brand.id, {}, lane=f"shop:{shop.shop_domain}")
    if shop.token_expires_at and shop.sealed_refresh_token:
        due = refresh_due(uow.now, shop.token_expires_at)
        payload = {"sealed_refresh_token": shop.sealed_refresh_token}
        uow.effect(
            "refresh_shop_token",
            f"refresh/{meta.id}",
            brand.id,
            payload,
            not_before=due,
            lane=f"shop:{shop.shop_domain}",
        )
    uow.save(shop)
    uow.emit(shop.connected(refreshed=message.refreshed))
    return Reply(body={"shop_domain": shop.shop_domain, "scopes": shop.scopes, "connected": True})


@handlers.on(DisconnectShop)
async def disconnect_shop(message: DisconnectShop, uow: UnitOfWork, meta: Meta) -> Reply:
    shop, at = await uow.get(Shop, message.brand_id), message.at or uow.now
    if shop is None or shop.sealed_token is None or shop.installed_at > at:
        return Reply()
    uow.save(shop.uninstalled(at))
    uow.emit(ShopDisconnected(brand_id=shop.brand_id, shop_domain=shop.shop_domain))
    return Reply()


@handlers.on(RecordShopSubscriptions)
async def record_shop_subscriptions(message: RecordShopSubscriptions, uow: UnitOfWork, meta: Meta) -> Reply:
    if shop := await uow.get(Shop, message.brand_id):
        uow.save(shop.model_copy(update={"subscriptions": message.topics, "refused_subscriptions": message.refused}))
    return Reply()


# -- links -------------------------------------------------------------------------------------------------------
@handlers.on(AmbassadorChanged, prefetch=lambda event: [(AmbassadorLink, event.ambassador_id)])
async def keep_link(event: AmbassadorChanged, uow: UnitOfWork, meta: Meta) -> None:
    code, known = event.code.casefold(), await uow.get(AmbassadorLink, event.ambassador_id)
    link = known or AmbassadorLink(
        id=event.ambassador_id,
        brand_id=event.brand_id,
        code=code,
        status=event.status,
        since=meta.at,
        changed_at=uow.now,
    )
    uow.save(link.changed(code, event.status, uow.now))


# -- dead letters ------------------------------------------------------------------------------------------------
async def keep_dead_letter(record: IngressRecord, uow: UnitOfWork) -> None:
    """File a dead letter of any service. The same failure twice is one dead letter."""
    why = {name.removeprefix(Header.DLQ): text for name, text in record.headers.items() if name.startswith(Header.DLQ)}
    uow.save(
        DeadLetter(
            id=derived_id(
                "dlq", why["service"], why["topic"], why["partition"], why["offset"], record.headers.get(Header.ID, "")
            ),
            brand_id=record.brand_id,
            service=why["service"],
            topic=why["topic"],
            partition=int(why["partition"]),
            offset=int(why["offset"]),
            type=record.headers.get(Header.TYPE, ""),
            error=why["error"],
            trace=why["trace"],
            at=datetime.fromisoformat(why["at"]),
            key=record.key,
            value=record.body,
            headers=record.headers,
        )
    )


for _service in Service:
    handlers.ingress(Topic.dead_letters(_service))(keep_dead_letter)


@handlers.on(ReplayDeadLetter)
async def replay_dead_letter(message: ReplayDeadLetter, uow: UnitOfWork, meta: Meta) -> Reply:
    letter = await uow.get(DeadLetter, message.dead_letter_id)
    if letter is None or letter.brand_id != message.brand_id:
        raise missing("dead letter", message.dead_letter_id)
    if letter.replayed_at:
        raise Refused(
            409,
            "already-replayed",
            "Replayed before",
            "If it failed again, it is here as a new dead letter: replay that one.",
        )
    uow.send(replayed(letter.headers, letter.key, letter.value))
    after = letter.model_copy(update={"replayed_at": uow.now, "replayed_by": meta.actor})
    uow.save(after)
    return Reply(body=dead_letter_body(after))


def dead_letter_body(letter: DeadLetter) -> dict[str, Any]:
    """A dead letter as the API shows it: where, what, why; the body as text where it is text."""
    shown = letter.model_dump(mode="json", exclude={"key", "value", "headers", "brand_id"})
    return shown | {"key": _text(letter.key or b""), "body": _text(letter.value[:20_000])}


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")

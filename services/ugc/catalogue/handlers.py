"""Keeping the catalogue current: sync after an install, webhooks, what marketers add."""

import json
from datetime import datetime

from services.ugc.catalogue.shopify import of_deletion, of_webhook
from services.ugc.models import Product, product_key
from services.ugc.registry import handlers
from services.ugc.views import product_view
from shared.brands import Brand, copy_brands
from shared.contracts.gateway import ShopConnected
from shared.contracts.ingress import IngressHeader
from shared.contracts.ugc import CatalogueProduct, DescribeProduct, ProductChanged, RecordProduct
from shared.errors import Permanent, Refused, Reply
from shared.ids import derived_id
from shared.records import IngressRecord, Meta
from shared.topics import Topic
from shared.unit_of_work import UnitOfWork


async def sync_catalogue(event: ShopConnected, uow: UnitOfWork) -> None:
    """A shop was connected: read its whole catalogue. A new install reads it again, a refreshed token does not."""
    if event.refreshed:
        return
    effect_id = derived_id("sync", event.brand_id, event.shop_domain, event.sealed_token)
    uow.effect("sync_catalogue", effect_id, event.brand_id, {}, lane=f"shop:{event.shop_domain}")


copy_brands(handlers, on_shop=sync_catalogue)


@handlers.ingress(Topic.INGRESS_SHOPIFY)
async def hear_shop(record: IngressRecord, uow: UnitOfWork) -> None:
    """Product webhooks become RecordProduct; other topics are other services' business."""
    topic = record.headers.get(IngressHeader.SHOPIFY_TOPIC, "")
    if topic not in ("products/create", "products/update", "products/delete"):
        return
    product = await _product_of(topic, record, uow)
    uow.emit(RecordProduct(brand_id=record.brand_id, product_id=product.product_id, product=product))


async def _product_of(topic: str, record: IngressRecord, uow: UnitOfWork) -> CatalogueProduct:
    try:
        payload = json.loads(record.body)
    except ValueError as error:
        raise Permanent("a products webhook that is not JSON") from error
    if topic == "products/delete":
        return of_deletion(payload, _triggered_at(record))
    brand = await uow.get(Brand, record.brand_id)
    return of_webhook(payload, brand.profile.storefront_url if brand else None)


def _triggered_at(record: IngressRecord) -> datetime:
    stated = record.headers.get(IngressHeader.TRIGGERED_AT, "")
    try:
        return datetime.fromisoformat(stated)
    except ValueError:
        return record.meta.at


@handlers.on(RecordProduct, prefetch=lambda m: [(Product, product_key(m.brand_id, m.product_id))])
async def record_product(message: RecordProduct, uow: UnitOfWork, meta: Meta) -> None:
    """Keep the newest state of a product by the shop's `updated_at`."""
    key = product_key(message.brand_id, message.product_id)
    known = await uow.get(Product, key) or Product(id=key, brand_id=message.brand_id, changed_at=uow.now)
    incoming = message.product
    if known.shop and not _newer(incoming, known.shop):
        return
    if known.shop and not incoming.deleted:
        incoming = incoming.model_copy(
            update={
                "titles": incoming.titles or known.shop.titles,
                "collections": incoming.collections or known.shop.collections,
            }
        )
    if incoming.deleted and known.shop:
        incoming = known.shop.model_copy(update={"deleted": True, "updated_at": incoming.updated_at})
    uow.save(known.model_copy(update={"shop": incoming, "changed_at": uow.now}))
    uow.emit(
        ProductChanged(
            brand_id=message.brand_id, product_id=message.product_id, title=incoming.title, deleted=incoming.deleted
        )
    )


def _newer(incoming: CatalogueProduct, known: CatalogueProduct) -> bool:
    """Later wins; at the same moment a deletion does, and titles that were missing are taken."""
    if incoming.updated_at == known.updated_at:
        return (incoming.deleted and not known.deleted) or bool(
            incoming.titles and not known.titles and not known.deleted
        )
    return incoming.updated_at > known.updated_at


@handlers.on(DescribeProduct, prefetch=lambda m: [(Product, product_key(m.brand_id, m.product_id))])
async def describe_product(message: DescribeProduct, uow: UnitOfWork, meta: Meta) -> Reply:
    """Aliases and facts from a marketer; what is left out stays."""
    known = await uow.get(Product, product_key(message.brand_id, message.product_id))
    if known is None or known.shop is None or known.shop.deleted:
        raise Refused(404, "product-not-found", "No such product")
    update = {name: value for name in ("aliases", "facts") if (value := getattr(message, name)) is not None}
    described = known.model_copy(update={**update, "changed_at": uow.now})
    uow.save(described)
    return Reply(body=product_view(described).model_dump(mode="json"))

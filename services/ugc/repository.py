"""Reads that are more than a document by its id. Writing goes through the unit of work, indexes stand at the
documents.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from services.ugc.catalogue.entries import entry_of
from services.ugc.mentions.people import account_keys
from services.ugc.models import Mention, Person, Product, ReplyDocument, VoiceDocument, product_key
from services.ugc.replies.moves import default_voice
from services.ugc.understanding import ProductMatcher
from shared.brands import Brand
from shared.contracts.gateway import NetworkName
from shared.contracts.ugc import Author, Voice
from shared.mongo import ReadOnly
from shared.unit_of_work import UnitOfWork

_LOOK_EVERY = timedelta(seconds=2)
_BUILD_EVERY = timedelta(seconds=30)
_EARLIER = 10


@dataclass(slots=True)
class _Held:
    """A brand's matcher, when its catalogue was last looked at and when the matcher was built."""

    looked_at: datetime
    built_at: datetime
    newest: datetime | None
    matcher: ProductMatcher


class Catalogues:
    """Each brand's matcher. Looks for a changed catalogue every two seconds at most, and rebuilds every half minute
    anyway: partitions commit in any order, so a change may show up behind a newer one.
    """

    def __init__(self) -> None:
        self._held: dict[str, _Held] = {}

    async def matcher(self, uow: UnitOfWork, brand_id: str) -> ProductMatcher:
        held = self._held.get(brand_id)
        if held and uow.now - held.looked_at < _LOOK_EVERY:
            return held.matcher
        latest = await uow.find_one(Product, {"brand_id": brand_id}, sort=[("changed_at", -1)])
        newest = latest.changed_at if latest else None
        if held and held.newest == newest and uow.now - held.built_at < _BUILD_EVERY:
            held.looked_at = uow.now
            return held.matcher
        products = await uow.find(Product, {"brand_id": brand_id})
        built = ProductMatcher(entry for product in products if (entry := entry_of(product)))
        self._held[brand_id] = _Held(uow.now, uow.now, newest, built)
        return built


catalogues = Catalogues()


async def people_by_account(uow: UnitOfWork, brand_id: str, network: NetworkName, author: Author) -> list[Person]:
    """Who claims the author's account."""
    keys = account_keys(network, author.id, author.handle)
    return await uow.find(Person, {"brand_id": brand_id, "keys": {"$in": keys}}) if keys else []


async def earlier_mentions(uow: UnitOfWork, mention: Mention) -> list[Mention]:
    """The author's other mentions on the network before this one, newest first, at most ten."""
    if not mention.author.id:
        return []
    before = {
        "brand_id": mention.brand_id,
        "network": mention.network,
        "author.id": mention.author.id,
        "posted_at": {"$lt": mention.posted_at},
        "_id": {"$ne": mention.id},
        "deleted": False,
    }
    return await uow.find(Mention, before, sort=[("posted_at", -1)], limit=_EARLIER)


async def voice_of(uow: UnitOfWork, brand_id: str) -> Voice:
    """The brand's voice, or the default."""
    known = await uow.get(VoiceDocument, brand_id)
    return known.voice if known else default_voice()


async def products_of(uow: UnitOfWork, brand_id: str, ids: Iterable[str]) -> list[Product]:
    """Products by Shopify's numbers, in the given order, without those that are gone."""
    keys = [product_key(brand_id, id) for id in ids]
    found = await uow.get_many(Product, keys)
    return [found[key] for key in keys if key in found and found[key].shop and not found[key].shop.deleted]  # type: ignore[union-attr]


async def own_links(uow: UnitOfWork, brand_id: str, products: Iterable[Product]) -> tuple[str, ...]:
    """Where replies may always lead: the storefront, the shop's domain, the products' pages."""
    brand = await uow.get(Brand, brand_id)
    home = [brand.profile.storefront_url, brand.profile.shop_domain] if brand else []
    return (*home, *(product.shop.url for product in products if product.shop and product.shop.url))


async def overdue_replies(db: ReadOnly, now: datetime) -> list[dict[str, Any]]:
    """Replies that wait although their window has closed."""
    return await db.find(ReplyDocument.collection, {"status": "proposed", "expires_at": {"$lt": now}}, limit=500)


async def lapsed_rights(db: ReadOnly, now: datetime) -> list[dict[str, Any]]:
    """Mentions whose right to be shown has run out."""
    return await db.find(Mention.collection, {"rights.status": "granted", "rights.expires_at": {"$lt": now}}, limit=500)

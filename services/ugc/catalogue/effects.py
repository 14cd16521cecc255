"""The first sync of a catalogue: every product through the Admin API, page by page."""

from collections.abc import Sequence
from functools import cache
from typing import Any

from services.ugc.catalogue.shopify import of_graphql
from services.ugc.registry import effects
from shared.brands import Brand, Shop
from shared.contracts.base import Message
from shared.contracts.ugc import RecordProduct
from shared.effects import Job, Resources, RetryLater
from shared.settings import Settings
from shared.shopify import Shopify, Throttled, Unauthorized, Unavailable, documents

_PAGE = 50


@cache
def _client(settings: Settings) -> Shopify:
    return Shopify(settings.shopify_url, settings.shopify_api_version)


@effects.on("sync_catalogue", concurrency=2)
async def sync_catalogue(job: Job, resources: Resources) -> Sequence[Message]:
    """All products as RecordProduct. Reading changes nothing, so a crash simply reads again."""
    raw = await resources.mongo.find_one(Shop.collection, {"_id": job.brand_id})
    shop = Shop.load(raw) if raw else None
    if shop is None or shop.sealed_token is None:
        return []
    known = await resources.mongo.find_one(Brand.collection, {"_id": job.brand_id})
    storefront = Brand.load(known).profile.storefront_url if known else None
    token = resources.unseal(shop.brand_id, shop.sealed_token)
    products = [of_graphql(node, storefront) for node in await _all_products(_client(resources.settings), shop, token)]
    return [
        RecordProduct(brand_id=job.brand_id, product_id=product.product_id, product=product) for product in products
    ]


async def _all_products(client: Shopify, shop: Shop, token: str) -> list[dict[str, Any]]:
    nodes: list[dict[str, Any]] = []
    after: str | None = None
    while True:
        try:
            page = (
                await client.execute(shop.shop_domain, token, documents.PRODUCTS_PAGE, {"first": _PAGE, "after": after})
            )["products"]
        except Throttled as wait:
            raise RetryLater(wait.retry_after, "the shop throttles", whole_lane=True) from wait
        except Unavailable as away:
            raise RetryLater(5, "the shop does not answer") from away
        except Unauthorized as refused:
            raise RetryLater(300, "the shop refuses the token") from refused
        nodes += page["nodes"]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            return nodes

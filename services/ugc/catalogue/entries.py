"""A product as matching and replying see it. Pure."""

from services.ugc.models import Product
from services.ugc.replies.facts import ProductFacts
from services.ugc.understanding import CatalogueEntry


def entry_of(product: Product) -> CatalogueEntry | None:
    """Every name people may use for the product; None for one that is gone."""
    shop = product.shop
    if shop is None or shop.deleted:
        return None
    names = tuple(dict.fromkeys([shop.title, *shop.titles.values(), shop.handle.replace("-", " ")]))
    return CatalogueEntry(
        shop.product_id, tuple(name for name in names if name), tuple(product.aliases), (shop.product_type,)
    )


def facts_of(product: Product, language: str) -> ProductFacts:
    """The product as a reply in a language speaks of it."""
    assert product.shop
    title = product.shop.titles.get(language) or product.shop.title
    facts = tuple(
        fact if fact.product_id else fact.model_copy(update={"product_id": product.shop.product_id})
        for fact in product.facts
    )
    return ProductFacts(product.shop.product_id, title, product.shop.url, facts)

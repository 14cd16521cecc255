"""What a mention says: language, sentiment, intent, products, spam and toxicity. Pure functions, no network."""

from services.ugc.understanding.analyser import VERSION, understand, warm_up
from services.ugc.understanding.products import CatalogueEntry, ProductMatcher

__all__ = ["VERSION", "CatalogueEntry", "ProductMatcher", "understand", "warm_up"]

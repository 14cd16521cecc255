"""Products, collections and customers in their REST shapes, and the seed that every new data file starts with."""

import json
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from deploy.devstore.shops import Shop, utc
from deploy.devstore.store import Store

Json = dict[str, Any]
SEED_FILE = Path(__file__).with_name("seed.json")
EPOCH = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)


@cache
def shops() -> dict[str, Shop]:
    """The shops by domain, as seeded."""
    seeds = json.loads(SEED_FILE.read_text(encoding="utf-8"))["shops"]
    return {seed["domain"]: Shop(id=71_200_000_000 + index, **seed) for index, seed in enumerate(seeds)}


def seed(store: Store, public_url: str) -> None:
    """Fill an empty store; a store that has been seeded stays as it is."""
    with store.transaction():
        if store.setting("seeded"):
            return
        for raw in json.loads(SEED_FILE.read_text(encoding="utf-8"))["shops"]:
            _seed_shop(store, shops()[raw["domain"]], raw, public_url)
        store.set_setting("seeded", 1)


def _seed_shop(store: Store, shop: Shop, raw: Json, public_url: str) -> None:
    collections = {item["handle"]: _seed_collection(store, shop, item) for item in raw["collections"]}
    for item in raw["products"]:
        save_product(store, shop, _product(store, shop, item, collections, public_url))
    for item in raw["customers"]:
        save_customer(store, shop, new_customer(store, shop, EPOCH, **item))


def _seed_collection(store: Store, shop: Shop, item: Json) -> int:
    id_ = store.new_id(shop.domain, "collection")
    body = {
        "id": id_, "admin_graphql_api_id": f"gid://shopify/Collection/{id_}", "handle": item["handle"],
        "title": item["en"], "body_html": "", "published_at": shop.stamp(EPOCH), "sort_order": "best-selling",
        "template_suffix": None, "updated_at": shop.stamp(EPOCH), "_created_at": shop.stamp(EPOCH),
        "_titles": {"en": item["en"], "ru": item["ru"]},
    }  # fmt: skip
    store.put(shop.domain, "collection", body, lookup=item["handle"], created=utc(EPOCH), updated=utc(EPOCH))
    return id_


def _product(store: Store, shop: Shop, item: Json, collections: dict[str, int], public_url: str) -> Json:
    raw_variants = [{"title": v[0], "price": v[1], "grams": v[2]} for v in item["variants"]]
    return new_product(
        store, shop, EPOCH, public_url, handle=item["handle"], title=item["en"],
        titles={"en": item["en"], "ru": item["ru"]}, body_html=f"<p>{item['about']}</p>",
        bodies={"en": item["about"], "ru": item["about_ru"]}, product_type=item["type"], tags=item["tags"],
        variants=raw_variants, gift_card=item.get("gift_card", False),
        collections=[collections[handle] for handle in item["in"]],
    )  # fmt: skip


def new_product(
    store: Store,
    shop: Shop,
    now: datetime,
    public_url: str,
    *,
    title: str,
    variants: list[Json],
    handle: str | None = None,
    titles: dict[str, str] | None = None,
    body_html: str = "",
    bodies: dict[str, str] | None = None,
    product_type: str = "",
    tags: list[str] | None = None,
    gift_card: bool = False,
    collections: list[int] | None = None,
) -> Json:
    """A product of the REST shape. Variants: `{title, price, grams?, sku?}`, price in shop currency."""
    id_, at = store.new_id(shop.domain, "product"), shop.stamp(now)
    handle = handle or f"product-{id_}"
    image = _image(store, shop, id_, f"{public_url}/shops/{shop.domain}/images/{handle}.svg", title, at)
    product = {
        "id": id_, "admin_graphql_api_id": f"gid://shopify/Product/{id_}", "body_html": body_html, "created_at": at,
        "handle": handle, "product_type": product_type, "published_at": at, "template_suffix": None, "title": title,
        "updated_at": at, "vendor": shop.name, "status": "active", "published_scope": "global",
        "tags": ", ".join(tags or []), "variants": [], "options": [], "images": [image], "image": image, "media": [],
        "variant_gids": [], "has_variants_that_requires_components": False, "category": None,
        "_titles": titles or {"en": title}, "_bodies": bodies or {}, "_collections": collections or [],
        "gift_card": gift_card,
    }  # fmt: skip
    return with_variants(store, shop, product, variants, now)


def _image(store: Store, shop: Shop, product_id: int, src: str, alt: str, at: str) -> Json:
    id_ = store.new_id(shop.domain, "image")
    return {
        "id": id_, "alt": alt, "position": 1, "product_id": product_id, "created_at": at, "updated_at": at,
        "admin_graphql_api_id": f"gid://shopify/MediaImage/{id_}", "width": 800, "height": 800, "src": src,
        "variant_ids": [],
    }  # fmt: skip


def with_variants(store: Store, shop: Shop, product: Json, variants: list[Json], now: datetime) -> Json:
    """The product with new variants and the one option that tells them apart."""
    product["variants"] = [_variant(store, shop, product, raw, index + 1, now) for index, raw in enumerate(variants)]
    product["variant_gids"] = [
        {"admin_graphql_api_id": v["admin_graphql_api_id"], "updated_at": v["updated_at"]} for v in product["variants"]
    ]
    single = len(variants) == 1 and variants[0].get("title") in (None, "Default Title")
    name, values = ("Title" if single else "Option"), [v["title"] for v in product["variants"]]
    option = {
        "id": store.new_id(shop.domain, "option"),
        "name": name,
        "product_id": product["id"],
        "position": 1,
        "values": values,
    }
    product["options"] = [option]
    return product


def _variant(store: Store, shop: Shop, product: Json, raw: Json, position: int, now: datetime) -> Json:
    id_, at, title = store.new_id(shop.domain, "variant"), shop.stamp(now), raw.get("title") or "Default Title"
    return {
        "id": id_, "admin_graphql_api_id": f"gid://shopify/ProductVariant/{id_}", "barcode": None,
        "compare_at_price": None, "created_at": at, "inventory_policy": "continue", "option1": title, "option2": None,
        "option3": None, "position": position, "price": raw["price"], "product_id": product["id"],
        "taxable": not product["gift_card"], "title": title, "updated_at": at, "inventory_item_id": id_ + 1_000_000,
        "inventory_quantity": 100, "old_inventory_quantity": 100, "image_id": None, "grams": raw.get("grams", 0),
        "sku": raw.get("sku") or f"{product['handle'].upper()}-{position}",
        "requires_shipping": not product["gift_card"],
    }  # fmt: skip


def save_product(store: Store, shop: Shop, product: Json) -> None:
    created, updated = (utc(datetime.fromisoformat(product[key])) for key in ("created_at", "updated_at"))
    store.put(shop.domain, "product", product, lookup=product["handle"], created=created, updated=updated)


def find_variant(store: Store, shop: Shop, variant_id: int) -> tuple[Json, Json] | None:
    """The product and its variant; None when the shop does not sell it."""
    for product in store.all(shop.domain, "product"):
        for variant in product["variants"]:
            if variant["id"] == variant_id:
                return product, variant
    return None


def new_customer(
    store: Store, shop: Shop, now: datetime, *, email: str | None = None, first_name: str | None = None,
    last_name: str | None = None, phone: str | None = None, locale: str | None = None, city: str = "Berlin",
    tags: list[str] | None = None, note: str | None = None,
) -> Json:  # fmt: skip
    """A customer of the REST shape; `_tags`, `_locale` and the counters are only seen through GraphQL."""
    id_, at = store.new_id(shop.domain, "customer"), shop.stamp(now)
    return {
        "id": id_, "admin_graphql_api_id": f"gid://shopify/Customer/{id_}", "created_at": at, "updated_at": at,
        "first_name": first_name, "last_name": last_name, "state": "disabled", "note": note, "verified_email": True,
        "multipass_identifier": None, "tax_exempt": False, "email": email, "phone": phone, "currency": shop.currency,
        "addresses": [], "tax_exemptions": [],
        "email_marketing_consent": {
            "state": "not_subscribed", "opt_in_level": "single_opt_in", "consent_updated_at": None},
        "sms_marketing_consent": None, "default_address": address(store, shop, id_, first_name, last_name, city),
        "_tags": tags or [], "_locale": locale or shop.locale, "_orders": 0, "_spent": "0.00", "_last_order": None,
    }  # fmt: skip


def address(store: Store, shop: Shop, customer_id: int, first: str | None, last: str | None, city: str) -> Json:
    country = {"DE": "Germany", "US": "United States"}.get(shop.country, shop.country)
    return {
        "id": store.new_id(shop.domain, "address"), "customer_id": customer_id, "first_name": first, "last_name": last,
        "company": None, "address1": "Hauptstraße 1" if shop.country == "DE" else "1 Main Street", "address2": None,
        "city": city, "province": None, "country": country, "zip": "10115" if shop.country == "DE" else "10001",
        "phone": None, "name": " ".join(part for part in (first, last) if part), "province_code": None,
        "country_code": shop.country, "country_name": country, "default": True,
    }  # fmt: skip


def save_customer(store: Store, shop: Shop, customer: Json) -> None:
    created, updated = (utc(datetime.fromisoformat(customer[key])) for key in ("created_at", "updated_at"))
    email = customer["email"].lower() if customer["email"] else None
    store.put(shop.domain, "customer", customer, lookup=email, created=created, updated=updated)


def order_customer(customer: Json) -> Json:
    """The customer inside an order payload: without consents' history and address list."""
    return {key: value for key, value in customer.items() if key not in ("addresses",) and not key.startswith("_")}

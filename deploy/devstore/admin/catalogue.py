"""Products, variants, collections and metafields as GraphQL objects."""

import hashlib
import html
import json
import re
from decimal import Decimal
from typing import Any

from deploy.devstore.admin.context import Context, Json, Obj, gid, lister, number_of, split_tags, when
from deploy.devstore.catalogue import find_variant

ONE = {"count": 1, "precision": "EXACT"}
NONE = {"count": 0, "precision": "EXACT"}
OWNERS = {"ProductVariant": "PRODUCTVARIANT", "AppInstallation": "API_PERMISSION", "DiscountCodeNode": "DISCOUNT"}


def count(number: int) -> Obj:
    return {"count": number, "precision": "EXACT"}


def plain_text(body_html: str, limit: int | None = None) -> str:
    text = html.unescape(re.sub(r"<[^>]+>", " ", body_html)).strip()
    return text if limit is None or len(text) <= limit else text[: limit - 3] + "..."


def product_by_id(ctx: Context, id_: int | None) -> Obj | None:
    doc = ctx.get("product", id_) if id_ is not None else None
    return product(ctx, doc) if doc else None


def variant_by_id(ctx: Context, id_: int | None) -> Obj | None:
    found = find_variant(ctx.store, ctx.shop, id_) if id_ is not None else None
    return variant(ctx, *found) if found else None


def product(ctx: Context, doc: Json) -> Obj:
    """`Product`."""
    prices = [Decimal(v["price"]) for v in doc["variants"]]
    media = [_media(image) for image in doc["images"]]
    variants, ids = doc["variants"], doc["_collections"]
    return {
        "__typename": "Product", "id": gid("Product", doc["id"]), "legacyResourceId": str(doc["id"]),
        "title": doc["title"], "handle": doc["handle"], "descriptionHtml": doc["body_html"], "vendor": doc["vendor"],
        "productType": doc["product_type"],
        "description": lambda **args: plain_text(doc["body_html"], args.get("truncateAt")),
        "tags": split_tags(doc["tags"]), "status": doc["status"].upper(), "isGiftCard": doc["gift_card"],
        "giftCardTemplateSuffix": None, "templateSuffix": None, "requiresSellingPlan": False,
        "combinedListingRole": None, "createdAt": when(doc["created_at"]), "updatedAt": when(doc["updated_at"]),
        "publishedAt": when(doc["published_at"]), "publishedOnPublication": lambda **_: True,
        "publishedInContext": lambda **_: True, "defaultCursor": str(doc["id"]),
        "hasOnlyDefaultVariant": len(variants) == 1, "hasOutOfStockVariants": False,
        "hasVariantsThatRequiresComponents": False, "totalInventory": sum(v["inventory_quantity"] for v in variants),
        "tracksInventory": True, "priceRangeV2": _price_range(ctx, prices),
        "options": lambda first=None, **_: [_option(doc, o) for o in doc["options"]][:first],
        "variants": lister(lambda: variants, lambda v: variant(ctx, doc, v)), "variantsCount": count(len(variants)),
        "collections": lister(lambda: _collections(ctx, ids), lambda c: collection(ctx, c)),
        "inCollection": lambda id, **_: number_of(id, "Collection") in ids,
        "featuredMedia": media[0] if media else None, "media": lister(lambda: media, lambda item: item),
        "mediaCount": count(len(media)), "onlineStoreUrl": store_url(ctx, f"/products/{doc['handle']}"),
        "onlineStorePreviewUrl": store_url(ctx, f"/products/{doc['handle']}"),
        "seo": {"title": doc["title"], "description": plain_text(doc["body_html"])},
        "translations": lambda locale, **_: _translations(doc, locale), "sellingPlanGroupsCount": NONE,
        "productComponentsCount": NONE, "availablePublicationsCount": ONE, "resourcePublicationsCount": lambda **_: ONE,
        **metafields(ctx, "Product", doc["id"]),
    }  # fmt: skip


def _price_range(ctx: Context, prices: list[Decimal]) -> Obj | None:
    return {"minVariantPrice": ctx.money(min(prices)), "maxVariantPrice": ctx.money(max(prices))} if prices else None


def _collections(ctx: Context, ids: list[int]) -> list[Json]:
    return [c for c in ctx.all("collection") if c["id"] in ids]


def store_url(ctx: Context, path: str) -> str:
    return f"{ctx.world.settings.public_url}/shops/{ctx.shop.domain}{path}"


def _translations(doc: Json, locale: str) -> list[Obj]:
    texts = {"title": doc["_titles"].get(locale), "body_html": doc.get("_bodies", {}).get(locale)}
    return [
        {"key": key, "locale": locale, "value": value, "outdated": False, "updatedAt": when(doc["updated_at"])}
        for key, value in texts.items() if value
    ]  # fmt: skip


def _option(doc: Json, option: Json) -> Obj:
    return {
        "__typename": "ProductOption", "id": gid("ProductOption", option["id"]), "name": option["name"],
        "position": option["position"], "values": option["values"], "translations": lambda **_: [],
        "optionValues": [_option_value(doc, option, index) for index in range(len(option["values"]))],
    }  # fmt: skip


def _option_value(doc: Json, option: Json, index: int) -> Obj:
    return {
        "__typename": "ProductOptionValue", "id": gid("ProductOptionValue", option["id"] * 100 + index),
        "name": option["values"][index], "hasVariants": True, "linkedMetafieldValue": None,
        "translations": lambda **_: [],
    }  # fmt: skip


def variant(ctx: Context, doc: Json, item: Json) -> Obj:
    """`ProductVariant` of a product."""
    option, index = doc["options"][0], item["position"] - 1
    return {
        "__typename": "ProductVariant", "id": gid("ProductVariant", item["id"]), "legacyResourceId": str(item["id"]),
        "title": item["title"], "displayName": f"{doc['title']} - {item['title']}", "sku": item["sku"],
        "barcode": item["barcode"], "price": item["price"], "compareAtPrice": item["compare_at_price"],
        "position": item["position"], "taxable": item["taxable"], "createdAt": when(item["created_at"]),
        "updatedAt": when(item["updated_at"]), "defaultCursor": str(item["id"]),
        "availableForSale": doc["status"] == "active", "inventoryPolicy": item["inventory_policy"].upper(),
        "inventoryQuantity": item["inventory_quantity"], "sellableOnlineQuantity": item["inventory_quantity"],
        "requiresComponents": False, "showUnitPrice": False, "unitPrice": None, "translations": lambda **_: [],
        "publishedOnPublication": lambda **_: True, "product": lambda **_: product(ctx, doc),
        "selectedOptions": [
            {"name": option["name"], "value": item["title"], "optionValue": _option_value(doc, option, index)},
        ],
        "media": lister(lambda: [_media(i) for i in doc["images"]], lambda m: m), "inventoryItem": _inventory(item),
        "sellingPlanGroupsCount": NONE, "availablePublicationsCount": ONE, "resourcePublicationsCount": lambda **_: ONE,
        **metafields(ctx, "ProductVariant", item["id"]),
    }  # fmt: skip


def _inventory(item: Json) -> Obj:
    id_ = item["inventory_item_id"]
    return {
        "__typename": "InventoryItem", "id": gid("InventoryItem", id_), "legacyResourceId": str(id_),
        "sku": item["sku"], "tracked": True, "requiresShipping": item["requires_shipping"],
        "createdAt": when(item["created_at"]), "updatedAt": when(item["updated_at"]), "unitCost": None,
        "countryCodeOfOrigin": None, "provinceCodeOfOrigin": None, "harmonizedSystemCode": None, "duplicateSkuCount": 0,
        "locationsCount": ONE,
    }  # fmt: skip


def _media(image: Json) -> Obj:
    shown = {
        "__typename": "Image", "id": gid("ProductImage", image["id"]), "altText": image["alt"], "width": image["width"],
        "height": image["height"], "url": lambda **_: image["src"], "thumbhash": None, "translations": lambda **_: [],
    }  # fmt: skip
    return {
        "__typename": "MediaImage", "id": gid("MediaImage", image["id"]), "alt": image["alt"], "image": shown,
        "status": "READY", "fileStatus": "READY", "mediaContentType": "IMAGE", "mimeType": "image/svg+xml",
        "mediaErrors": [], "mediaWarnings": [], "createdAt": when(image["created_at"]),
        "updatedAt": when(image["updated_at"]), "translations": lambda **_: [],
        "preview": {"image": shown, "status": "READY"},
    }  # fmt: skip


def collection(ctx: Context, doc: Json) -> Obj:
    """`Collection`."""

    def members() -> list[Json]:
        return [p for p in ctx.all("product") if doc["id"] in p["_collections"]]

    return {
        "__typename": "Collection", "id": gid("Collection", doc["id"]), "legacyResourceId": str(doc["id"]),
        "handle": doc["handle"], "title": doc["title"], "descriptionHtml": doc["body_html"],
        "updatedAt": when(doc["updated_at"]), "templateSuffix": None,
        "description": lambda **args: plain_text(doc["body_html"], args.get("truncateAt")), "sortOrder": "BEST_SELLING",
        "products": lister(members, lambda p: product(ctx, p)), "productsCount": lambda **_: count(len(members())),
        "hasProduct": lambda id, **_: any(p["id"] == number_of(id, "Product") for p in members()),
        "publishedOnPublication": lambda **_: True, "seo": {"title": doc["title"], "description": None},
        "translations": lambda locale, **_: _translations(doc, locale), "availablePublicationsCount": ONE,
        "resourcePublicationsCount": lambda **_: ONE, **metafields(ctx, "Collection", doc["id"]),
    }  # fmt: skip


def metafields(ctx: Context, kind: str, id_: int) -> Obj:
    """The two metafield fields that so many types have."""
    owner = gid(kind, id_)

    def listed() -> list[Json]:
        return ctx.store.find_all(ctx.shop.domain, "metafield", owner)

    def one(key: str, namespace: str | None = None, **_: Any) -> Obj | None:
        wanted = (namespace or "$app", key)
        return next((metafield(ctx, m) for m in listed() if (m["namespace"], m["key"]) == wanted), None)

    return {"metafield": one, "metafields": lister(listed, lambda m: metafield(ctx, m))}


def metafield(ctx: Context, doc: Json) -> Obj:
    """`Metafield`."""
    kind = doc["owner"].split("/")[3]
    owner = {"__typename": kind, "id": doc["owner"]}
    return {
        "__typename": "Metafield", "id": gid("Metafield", doc["id"]), "legacyResourceId": str(doc["id"]),
        "namespace": doc["namespace"], "key": doc["key"], "type": doc["type"], "value": doc["value"],
        "jsonValue": json_value(doc), "owner": owner, "ownerType": OWNERS.get(kind, kind.upper()),
        "createdAt": doc["created_at"], "updatedAt": doc["updated_at"], "sizeInBytes": len(doc["value"].encode()),
        "compareDigest": digest(doc["value"]), "translations": lambda **_: [],
    }  # fmt: skip


def digest(value: str) -> str:
    return hashlib.sha256(value.encode()).hexdigest()


def json_value(doc: Json) -> Any:
    """The value of JSON, number, boolean and list types parsed; others as text."""
    if doc["type"] in ("json", "number_integer", "boolean") or doc["type"].startswith("list."):
        return json.loads(doc["value"])
    return doc["value"]

"""Code discounts as GraphQL objects, and how their inputs become discounts."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

from deploy.devstore.admin import catalogue, customers
from deploy.devstore.admin.context import Context, Json, Obj, gid, lister, number_of, user_error
from deploy.devstore.discounts import Discount, Items
from deploy.devstore.shops import moment, utc

MAX_CODES_PER_CALL = 250


def node(ctx: Context, doc: Json, typename: str = "DiscountCodeNode") -> Obj:
    """`DiscountCodeNode`, or `DiscountNode` with the same content under `discount`."""
    field = "codeDiscount" if typename == "DiscountCodeNode" else "discount"
    return {
        "__typename": typename, "id": gid(typename, doc["id"]), field: lambda **_: code_discount(ctx, doc),
        **catalogue.metafields(ctx, "DiscountCodeNode", doc["id"]),
    }  # fmt: skip


def uses_of(ctx: Context, code_id: int) -> list[Json]:
    """Uses that the asynchronous counters know by now."""
    seen = utc(ctx.till.now - timedelta(seconds=ctx.world.settings.usage_lag))
    return [use for use in ctx.store.find_all(ctx.shop.domain, "use", str(code_id)) if use["at"] <= seen]


def redeem_code(ctx: Context, doc: Json) -> Obj:
    """`DiscountRedeemCode`."""
    return {
        "__typename": "DiscountRedeemCode", "id": gid("DiscountRedeemCode", doc["id"]), "code": doc["code"],
        "createdBy": None, "asyncUsageCount": lambda **_: len(uses_of(ctx, doc["id"])),
    }  # fmt: skip


def code_discount(ctx: Context, doc: Json) -> Obj:
    """`DiscountCodeBasic` or `DiscountCodeFreeShipping`."""
    discount = Discount.model_validate(doc)
    shown = {**_terms(ctx, discount), **_counts(ctx, discount)}
    if discount.type == "basic":
        return {**shown, "__typename": "DiscountCodeBasic", "customerGets": _gets(ctx, discount)}
    destination: Obj = {"__typename": "DiscountCountryAll", "allCountries": True}
    if discount.countries is not None:
        destination = {"__typename": "DiscountCountries", "countries": discount.countries, "includeRestOfWorld": False}
    return {
        **shown, "__typename": "DiscountCodeFreeShipping", "destinationSelection": destination,
        "appliesOnOneTimePurchase": True, "appliesOnSubscription": False,
        "maximumShippingPrice": None if discount.maximum_shipping is None else ctx.money(discount.maximum_shipping),
    }  # fmt: skip


def _terms(ctx: Context, discount: Discount) -> Obj:
    return {
        "title": discount.title, "status": discount.status(ctx.till.now), "startsAt": utc(discount.starts_at),
        "endsAt": utc(discount.ends_at) if discount.ends_at else None, "usageLimit": discount.usage_limit,
        "appliesOncePerCustomer": discount.once_per_customer, "createdAt": utc(discount.created_at),
        "updatedAt": utc(discount.updated_at), "tags": discount.tags, "recurringCycleLimit": None,
        "hasTimelineComment": False,
        "combinesWith": {
            "orderDiscounts": discount.combines_order, "productDiscounts": discount.combines_product,
            "shippingDiscounts": discount.combines_shipping, "productDiscountsWithTagsOnSameCartLine": None,
        },
        "context": _context(ctx, discount), "minimumRequirement": _minimum(ctx, discount),
        "discountClasses": [discount.discount_class.upper()], "summary": summary(discount),
        "shortSummary": summary(discount),
    }  # fmt: skip


def summary(discount: Discount) -> str:
    """A sentence such as `10% off entire order`."""
    if discount.type == "free_shipping":
        return "Free shipping on all products"
    worth = f"{discount.percentage * 100:g}%" if discount.percentage is not None else f"{discount.amount}"
    return f"{worth} off {'entire order' if discount.items.all else 'selected items'}"


def _counts(ctx: Context, discount: Discount) -> Obj:
    def codes() -> list[Json]:
        return ctx.codes.of(discount.id)

    def uses() -> list[Json]:
        return [use for code in codes() for use in uses_of(ctx, code["id"])]

    def sales(**_: Any) -> Obj:
        return ctx.money(sum((Decimal(use["sales"]) for use in uses()), Decimal(0)))

    def links(**_: Any) -> list[Obj]:
        head = {"title": discount.title, "targetType": "HOME", "targetItemImage": None}
        return [{**head, "url": catalogue.store_url(ctx, f"/discount/{code['code']}")} for code in codes()]

    return {
        "codes": lister(codes, lambda code: redeem_code(ctx, code)),
        "codesCount": lambda **_: catalogue.count(len(codes())), "asyncUsageCount": lambda **_: len(uses()),
        "totalSales": sales, "shareableUrls": links,
    }  # fmt: skip


def _context(ctx: Context, discount: Discount) -> Obj:
    if discount.customers is not None:
        chosen = discount.customers
        found = lambda **_: [c for c in (customers.by_id(ctx, id_) for id_ in chosen) if c]  # noqa: E731
        return {"__typename": "DiscountCustomers", "customers": found}
    return {"__typename": "DiscountBuyerSelectionAll", "all": "ALL"}


def _minimum(ctx: Context, discount: Discount) -> Obj | None:
    if discount.minimum_subtotal is not None:
        return {
            "__typename": "DiscountMinimumSubtotal",
            "greaterThanOrEqualToSubtotal": ctx.money(discount.minimum_subtotal),
        }
    if discount.minimum_quantity is not None:
        return {"__typename": "DiscountMinimumQuantity", "greaterThanOrEqualToQuantity": str(discount.minimum_quantity)}
    return None


def _gets(ctx: Context, discount: Discount) -> Obj:
    value: Obj = {"__typename": "DiscountPercentage", "percentage": float(discount.percentage or 0)}
    if discount.percentage is None:
        amount = ctx.money(discount.amount or Decimal(0))
        value = {"__typename": "DiscountAmount", "amount": amount, "appliesOnEachItem": discount.each_item}
    return {
        "value": value,
        "items": _items(ctx, discount.items),
        "appliesOnOneTimePurchase": True,
        "appliesOnSubscription": False,
    }


def _items(ctx: Context, items: Items) -> Obj:
    if items.all:
        return {"__typename": "AllDiscountItems", "allItems": True}
    if items.collections:
        listed = lister(
            lambda: [c for c in ctx.all("collection") if c["id"] in items.collections],
            lambda c: catalogue.collection(ctx, c),
        )
        return {"__typename": "DiscountCollections", "collections": listed}
    products = [p for p in ctx.all("product") if p["id"] in items.products]
    variants = [(p, v) for p in ctx.all("product") for v in p["variants"] if v["id"] in items.variants]
    return {
        "__typename": "DiscountProducts", "products": lister(lambda: products, lambda p: catalogue.product(ctx, p)),
        "productVariants": lister(
            lambda: [{"pair": pair} for pair in variants], lambda d: catalogue.variant(ctx, *d["pair"])
        ),
    }  # fmt: skip


def merged(ctx: Context, kind: str, argument: str, wish: Obj, old: Json | None) -> tuple[Discount | None, list[Obj]]:
    """The discount that an input makes of an old one (or of nothing), or the user errors that prevent it."""
    now = ctx.till.now
    doc = dict(old) if old else {"id": 0, "type": kind, "created_at": now, "starts_at": now}
    doc["updated_at"] = now
    errors = [
        *_apply_plain(doc, wish, argument),
        *_apply_context(ctx, doc, wish, argument),
        *_apply_minimum(doc, wish, argument),
    ]
    if kind == "basic":
        errors += _apply_gets(ctx, doc, wish, argument, new=old is None)
    else:
        errors += _apply_shipping(doc, wish, argument)
    errors += _missing(doc, argument)
    return (None, errors) if errors else (Discount.model_validate(doc), [])


def _missing(doc: Json, argument: str) -> list[Obj]:
    errors = []
    if not doc.get("title"):
        errors.append(user_error("Title can't be blank", [argument, "title"], code="BLANK"))
    starts, ends = _moment(doc["starts_at"]), _moment(doc.get("ends_at"))
    if ends and starts and ends <= starts:
        message = "Ends at needs to be after starts_at"
        errors.append(user_error(message, [argument, "endsAt"], code="END_DATE_BEFORE_START_DATE"))
    return errors


def _moment(value: Any) -> Any:
    return moment(value) if isinstance(value, str) else value


def _apply_plain(doc: Json, wish: Obj, argument: str) -> list[Obj]:
    names = {"title": "title", "startsAt": "starts_at", "tags": "tags", "appliesOncePerCustomer": "once_per_customer"}
    nullable = {"endsAt": "ends_at", "usageLimit": "usage_limit"}
    doc.update({own: wish[theirs] for theirs, own in names.items() if wish.get(theirs) is not None})
    doc.update({own: wish[theirs] for theirs, own in nullable.items() if theirs in wish})
    for theirs, own in (
        ("orderDiscounts", "order"),
        ("productDiscounts", "product"),
        ("shippingDiscounts", "shipping"),
    ):
        if wish.get("combinesWith"):
            doc[f"combines_{own}"] = bool(wish["combinesWith"].get(theirs))
    if wish.get("usageLimit") is not None and wish["usageLimit"] < 1:
        return [user_error("Usage limit must be greater than 0", [argument, "usageLimit"], code="GREATER_THAN")]
    return []


def _apply_context(ctx: Context, doc: Json, wish: Obj, argument: str) -> list[Obj]:
    """Who may use it: `context` is one of all, customers, customerSegments, markets."""
    context = wish.get("context")
    if context is None:
        return []
    if "all" in context:
        doc["customers"] = None
        return []
    if "customers" not in context:
        return [
            user_error("The dev store has neither customer segments nor markets", [argument, "context"], code="INVALID")
        ]
    chosen = _changed(doc.get("customers") or [], context["customers"], "add", "remove", "Customer")
    if unknown := [id_ for id_ in chosen if ctx.get("customer", id_) is None]:
        return [
            user_error(
                f"Customer with id {unknown[0]} does not exist",
                [argument, "context", "customers", "add"],
                code="INVALID",
            )
        ]
    doc["customers"] = chosen
    return []


def _changed(ids: list[int], wish: Obj, add: str, remove: str, kind: str) -> list[int]:
    gone = {number_of(g, kind) for g in wish.get(remove) or ()}
    return [i for i in dict.fromkeys([*ids, *(number_of(g, kind) for g in wish.get(add) or ())]) if i not in gone]


def _apply_minimum(doc: Json, wish: Obj, argument: str) -> list[Obj]:
    if "minimumRequirement" not in wish:
        return []
    minimum = wish["minimumRequirement"] or {}
    subtotal = (minimum.get("subtotal") or {}).get("greaterThanOrEqualToSubtotal")
    quantity = (minimum.get("quantity") or {}).get("greaterThanOrEqualToQuantity")
    doc["minimum_subtotal"], doc["minimum_quantity"] = subtotal, quantity
    if subtotal is not None and quantity is not None:
        message = "Minimum subtotal and minimum quantity cannot both be set"
        return [
            user_error(
                message, [argument, "minimumRequirement"], code="MINIMUM_SUBTOTAL_AND_QUANTITY_RANGE_BOTH_PRESENT"
            )
        ]
    return []


def _apply_gets(ctx: Context, doc: Json, wish: Obj, argument: str, *, new: bool) -> list[Obj]:
    gets, path = wish.get("customerGets") or {}, [argument, "customerGets"]
    if new and not (gets.get("value") and gets.get("items")):
        return [user_error("Customer gets value and items can't be blank", path, code="BLANK")]
    errors = _apply_value(doc, gets["value"], [*path, "value"]) if gets.get("value") else []
    return errors + (_apply_items(ctx, doc, gets["items"], [*path, "items"]) if gets.get("items") else [])


def _apply_value(doc: Json, value: Obj, path: list[str]) -> list[Obj]:
    percentage, amount = value.get("percentage"), value.get("discountAmount")
    if "discountOnQuantity" in value or (percentage is None) == (amount is None):
        return [user_error("Specify exactly one of percentage and discountAmount", path, code="INVALID")]
    if percentage is not None and not 0 < percentage <= 1:
        return [user_error("Value must be between 0.0 and 1.0", [*path, "percentage"], code="VALUE_OUTSIDE_RANGE")]
    doc["percentage"] = None if percentage is None else Decimal(str(percentage))
    doc["amount"] = doc["each_item"] = None
    if amount is not None:
        doc["amount"] = Decimal(str(amount.get("amount") or 0))
        doc["each_item"] = bool(amount.get("appliesOnEachItem"))
        if doc["amount"] <= 0:
            return [
                user_error("Amount must be greater than 0", [*path, "discountAmount", "amount"], code="GREATER_THAN")
            ]
    doc["each_item"] = bool(doc["each_item"])
    return []


def _apply_items(ctx: Context, doc: Json, items: Obj, path: list[str]) -> list[Obj]:
    old = Items.model_validate(doc.get("items") or {})
    products, collections = items.get("products") or {}, items.get("collections") or {}
    if items.get("all"):
        doc["items"] = Items().model_dump()
        return (
            [user_error("Cannot combine all with other items", path, code="CONFLICT")]
            if products or collections
            else []
        )
    new = Items(
        all=False, products=_changed(old.products, products, "productsToAdd", "productsToRemove", "Product"),
        variants=_changed(old.variants, products, "productVariantsToAdd", "productVariantsToRemove", "ProductVariant"),
        collections=_changed(old.collections, collections, "add", "remove", "Collection"),
    )  # fmt: skip
    doc["items"] = new.model_dump()
    return _bad_items(ctx, new, path)


def _bad_items(ctx: Context, items: Items, path: list[str]) -> list[Obj]:
    if not (items.products or items.variants or items.collections):
        return [user_error("Items in 'customer get' cannot be blank", path, code="BLANK")]
    if items.collections and (items.products or items.variants):
        return [
            user_error("Cannot entitle collections in combination with products or variants", path, code="CONFLICT")
        ]
    for kind, label, ids in (("product", "Product", items.products), ("collection", "Collection", items.collections)):
        if missing := next((id_ for id_ in ids if ctx.get(kind, id_) is None), None):
            return [user_error(f"{label} with id: {missing} is invalid", path, code="INVALID")]
    if missing := next((id_ for id_ in items.variants if catalogue.variant_by_id(ctx, id_) is None), None):
        return [user_error(f"Product variant with id: {missing} is invalid", path, code="INVALID")]
    return []


def _apply_shipping(doc: Json, wish: Obj, argument: str) -> list[Obj]:
    if "maximumShippingPrice" in wish:
        doc["maximum_shipping"] = wish["maximumShippingPrice"]
    countries = (wish.get("destination") or {}).get("countries")
    if countries is not None:
        doc["countries"] = list(countries.get("add") or [])
        if not doc["countries"]:
            return [user_error("Destination countries can't be blank", [argument, "destination"], code="BLANK")]
    return []

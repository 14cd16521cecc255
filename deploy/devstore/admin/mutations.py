"""Root fields of mutations, but for discounts (`discount_mutations.py`)."""

import json
import re
from collections.abc import Callable, Sequence
from decimal import Decimal
from urllib.parse import urlsplit

from graphql import GraphQLError

from deploy.devstore import webhooks
from deploy.devstore.admin import apps, catalogue, customers, orders
from deploy.devstore.admin.context import Context, Json, Obj, gid, number_of, split_tags, user_error
from deploy.devstore.admin.credit_mutations import mutations as credit
from deploy.devstore.admin.discount_mutations import mutations as discounts
from deploy.devstore.admin.queries import node
from deploy.devstore.changes import Give, RefundWish, Refused
from deploy.devstore.shops import utc

_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


def mutations(ctx: Context) -> dict[str, Callable[..., Obj]]:
    """Root fields by name."""
    return {
        "tagsAdd": lambda id, tags, **_: _tag(ctx, id, lambda old: [*old, *tags]),
        "tagsRemove": lambda id, tags, **_: _tag(ctx, id, lambda old: _without(old, tags)),
        "customerCreate": lambda input, **_: _customer_create(ctx, input),
        "customerUpdate": lambda input, **_: _customer_update(ctx, input),
        "orderUpdate": lambda input, **_: _order_update(ctx, input),
        "orderCancel": lambda **args: _order_cancel(ctx, args),
        "orderMarkAsPaid": lambda input, **_: _mark_paid(ctx, input["id"]),
        "refundCreate": lambda input, **_: _refund(ctx, input),
        "productUpdate": lambda product=None, **_: _product_update(ctx, product),
        "metafieldsSet": lambda metafields, **_: _metafields_set(ctx, metafields),
        "webhookSubscriptionCreate": lambda **args: _subscribe(ctx, args["topic"], args["webhookSubscription"]),
        "webhookSubscriptionUpdate": lambda **args: _resubscribe(ctx, args["id"], args["webhookSubscription"]),
        "webhookSubscriptionDelete": lambda id, **_: _unsubscribe(ctx, id),
        **discounts(ctx),
        **credit(ctx),
    }


def _without(old: list[str], tags: list[str]) -> list[str]:
    gone = {tag.lower() for tag in tags}
    return [tag for tag in old if tag.lower() not in gone]


def _tag(ctx: Context, global_id: str, change: Callable[[list[str]], list[str]]) -> Obj:
    """Tags of a customer, order or product; they ignore case and come sorted, as at Shopify."""
    kind = global_id.split("/")[3] if global_id.count("/") >= 4 else ""
    if kind not in ("Customer", "Order", "Product"):
        raise GraphQLError(f"Invalid id: {global_id}")
    ctx.need(f"write_{kind.lower()}s", "tagsAdd")
    doc = ctx.get(kind.lower(), number_of(global_id, kind))
    if doc is None:
        return {"node": None, "userErrors": [user_error(f"{kind} does not exist", ["id"])]}
    old = doc["_tags"] if kind == "Customer" else split_tags(doc["tags"])
    new = _unique(change(list(old)))
    if new != old:
        _save_tags(ctx, kind, doc, new)
    return {"node": node(ctx, global_id), "userErrors": []}


def _unique(tags: Sequence[str]) -> list[str]:
    return sorted({tag.lower(): tag.strip() for tag in reversed(tags) if tag.strip()}.values(), key=str.lower)


def _save_tags(ctx: Context, kind: str, doc: Json, tags: list[str]) -> None:
    if kind == "Customer":
        doc["_tags"] = tags
        ctx.till.changed_customer(doc)
        return
    doc["tags"] = ", ".join(tags)
    (ctx.till.touch if kind == "Order" else ctx.till.changed_product)(doc)


def _customer_errors(ctx: Context, wish: Obj, own: int | None) -> list[Obj]:
    email = wish.get("email")
    if email and not _EMAIL.fullmatch(email):
        return [user_error("Email is invalid", ["email"])]
    taken = ctx.store.find(ctx.shop.domain, "customer", email.lower()) if email else None
    return [user_error("Email has already been taken", ["email"])] if taken and taken["id"] != own else []


def _customer_create(ctx: Context, wish: Obj) -> Obj:
    ctx.need("write_customers", "customerCreate")
    errors = _customer_errors(ctx, wish, None)
    if not any(wish.get(key) for key in ("email", "phone", "firstName", "lastName")):
        errors.append(user_error("A name, phone number, or email address must be present"))
    if errors:
        return {"customer": None, "userErrors": errors}
    doc = ctx.till.new_customer(
        email=wish.get("email"), first_name=wish.get("firstName"), last_name=wish.get("lastName"),
        phone=wish.get("phone"), locale=wish.get("locale"), tags=_unique(wish.get("tags") or []), note=wish.get("note"),
    )  # fmt: skip
    _set_metafields(ctx, gid("Customer", doc["id"]), wish)
    return {"customer": customers.customer(ctx, doc), "userErrors": []}


def _customer_update(ctx: Context, wish: Obj) -> Obj:
    ctx.need("write_customers", "customerUpdate")
    doc = ctx.get("customer", number_of(wish["id"], "Customer")) if wish.get("id") else None
    if doc is None:
        return {"customer": None, "userErrors": [user_error("Customer does not exist", ["id"])]}
    if errors := _customer_errors(ctx, wish, doc["id"]):
        return {"customer": None, "userErrors": errors}
    names = {"email": "email", "firstName": "first_name", "lastName": "last_name", "phone": "phone", "note": "note",
             "locale": "_locale", "taxExempt": "tax_exempt"}  # fmt: skip
    doc.update({own: wish[theirs] for theirs, own in names.items() if theirs in wish})
    if "tags" in wish:
        doc["_tags"] = _unique(wish["tags"])
    _set_metafields(ctx, wish["id"], wish)
    ctx.till.changed_customer(doc)
    return {"customer": customers.customer(ctx, doc), "userErrors": []}


def _order_update(ctx: Context, wish: Obj) -> Obj:
    ctx.need("write_orders", "orderUpdate")
    doc = ctx.get("order", number_of(wish["id"], "Order"))
    if doc is None:
        return {"order": None, "userErrors": [user_error("Order does not exist", ["id"])]}
    names = {"email": "email", "note": "note", "phone": "phone", "poNumber": "po_number"}
    doc.update({own: wish[theirs] for theirs, own in names.items() if theirs in wish})
    if "tags" in wish:
        doc["tags"] = ", ".join(_unique(wish["tags"]))
    if "customAttributes" in wish:
        doc["note_attributes"] = [{"name": a["key"], "value": a["value"]} for a in wish["customAttributes"]]
    _set_metafields(ctx, wish["id"], wish)
    ctx.till.touch(doc)
    return {"order": orders.order(ctx, doc), "userErrors": []}


def _order_cancel(ctx: Context, args: Obj) -> Obj:
    ctx.need("write_orders", "orderCancel")
    job = {"id": gid("Job", f"cancel-{args['orderId'].rpartition('/')[2]}"), "done": True}
    try:
        ctx.till.cancel(number_of(args["orderId"], "Order"), args["reason"].lower())
    except Refused as refused:
        return {"job": None, "orderCancelUserErrors": [user_error(str(refused), ["orderId"], code="INVALID")]}
    return {"job": job, "orderCancelUserErrors": []}


def _mark_paid(ctx: Context, id_: str) -> Obj:
    ctx.need("write_orders", "orderMarkAsPaid")
    try:
        return {"order": orders.order(ctx, ctx.till.pay(number_of(id_, "Order"))), "userErrors": []}
    except Refused as refused:
        return {"order": None, "userErrors": [user_error(str(refused), ["id"])]}


def _refund(ctx: Context, wish: Obj) -> Obj:
    ctx.need("write_orders", "refundCreate")
    shipping = wish.get("shipping") or {}
    gives = [
        Give(
            number_of(line["lineItemId"], "LineItem"),
            line["quantity"],
            (line.get("restockType") or "NO_RESTOCK").lower(),
        )
        for line in wish.get("refundLineItems") or ()
    ]
    amounts = [Decimal(str(t["amount"])) for t in wish.get("transactions") or () if t["kind"] == "REFUND"]
    cost = Decimal(str(shipping["amount"])) if shipping.get("amount") is not None else None
    wanted = RefundWish(gives, cost, bool(shipping.get("fullRefund")), sum(amounts, Decimal(0)), wish.get("note"))
    try:
        doc, refund = ctx.till.refund(number_of(wish["orderId"], "Order"), wanted)
    except Refused as refused:
        return {"refund": None, "order": None, "userErrors": [user_error(str(refused), refused.field)]}
    return {"refund": orders.refund(ctx, doc, refund), "order": orders.order(ctx, doc), "userErrors": []}


def _product_update(ctx: Context, wish: Obj | None) -> Obj:
    ctx.need("write_products", "productUpdate")
    doc = ctx.get("product", number_of(wish["id"], "Product")) if wish and wish.get("id") else None
    if doc is None or wish is None:
        return {"product": None, "userErrors": [user_error("Product does not exist", ["id"])]}
    names = {
        "title": "title",
        "descriptionHtml": "body_html",
        "handle": "handle",
        "vendor": "vendor",
        "productType": "product_type",
    }
    doc.update({own: wish[theirs] for theirs, own in names.items() if wish.get(theirs) is not None})
    if "tags" in wish:
        doc["tags"] = ", ".join(_unique(wish["tags"]))
    if wish.get("status"):
        doc["status"] = wish["status"].lower()
    _set_metafields(ctx, wish["id"], wish)
    ctx.till.changed_product(doc)
    return {"product": catalogue.product(ctx, doc), "userErrors": []}


def _set_metafields(ctx: Context, owner: str, wish: Obj) -> None:
    for item in wish.get("metafields") or ():
        _set_metafield(ctx, {**item, "ownerId": owner})


def _set_metafield(ctx: Context, item: Obj) -> Json:
    namespace, now = item.get("namespace") or "$app", utc(ctx.till.now)
    old = _metafield_of(ctx, item)
    doc = old or {
        "id": ctx.till.new_id("metafield"), "owner": item["ownerId"], "namespace": namespace, "key": item["key"],
        "created_at": now,
    }  # fmt: skip
    doc |= {
        "value": item["value"],
        "type": item.get("type") or doc.get("type") or "single_line_text_field",
        "updated_at": now,
    }
    ctx.store.put(ctx.shop.domain, "metafield", doc, lookup=doc["owner"], created=doc["created_at"], updated=now)
    return doc


def _metafield_of(ctx: Context, item: Obj) -> Json | None:
    found = ctx.store.find_all(ctx.shop.domain, "metafield", item["ownerId"])
    wanted = (item.get("namespace") or "$app", item["key"])
    return next((m for m in found if (m["namespace"], m["key"]) == wanted), None)


def _metafields_set(ctx: Context, items: list[Obj]) -> Obj:
    """All or none."""
    errors = [error for index, item in enumerate(items) for error in _metafield_errors(ctx, item, index)]
    if len(items) > 25:
        errors = [
            user_error(
                "Exceeded the maximum metafields input limit of 25.",
                ["metafields"],
                code="LESS_THAN_OR_EQUAL_TO",
                elementIndex=None,
            )
        ]
    if errors:
        return {"metafields": None, "userErrors": errors}
    return {"metafields": [catalogue.metafield(ctx, _set_metafield(ctx, item)) for item in items], "userErrors": []}


def _metafield_errors(ctx: Context, item: Obj, index: int) -> list[Obj]:
    def error(code: str, message: str, key: str) -> list[Obj]:
        return [user_error(message, ["metafields", str(index), key], code=code, elementIndex=None)]

    old = _metafield_of(ctx, item)
    if node(ctx, item["ownerId"]) is None:
        return error("INVALID", "Owner does not exist.", "ownerId")
    if not item["value"]:
        return error("BLANK", "Value can't be blank.", "value")
    if "compareDigest" in item and item["compareDigest"] != (catalogue.digest(old["value"]) if old else None):
        return error(
            "STALE_OBJECT",
            "The resource has been updated since it was loaded. Try again with an updated `compareDigest` value.",
            "compareDigest",
        )
    kind = item.get("type") or (old or {}).get("type")
    try:
        catalogue.json_value({"type": kind or "", "value": item["value"]})
    except json.JSONDecodeError:
        return error("INVALID_VALUE", f"Value is invalid JSON for {kind}.", "value")
    return [] if kind else error("BLANK", "Type can't be blank.", "type")


def _subscription_errors(ctx: Context, topic: str, wish: Obj, own: int | None) -> list[Obj]:
    path, uri = ["webhookSubscription", "uri"], wish.get("uri")
    parts = urlsplit(uri or "")
    local = parts.hostname in ("127.0.0.1", "localhost", "::1")
    if not uri or not parts.hostname or not (parts.scheme == "https" or (parts.scheme == "http" and local)):
        return [user_error("Address is invalid: use https, or http on this machine", path)]
    if wish.get("filter") or wish.get("format") == "XML":
        return [user_error("The dev store sends every event, as JSON", ["webhookSubscription", "filter"])]
    if webhooks.taken(ctx.world, ctx.shop, topic, uri, own):
        return [user_error("Address for this topic has already been taken", path)]
    return []


def _subscription_fields(wish: Obj) -> Json:
    names = {
        "uri": "uri",
        "includeFields": "include_fields",
        "metafieldNamespaces": "metafield_namespaces",
        "name": "name",
    }
    return {own: wish[theirs] for theirs, own in names.items() if theirs in wish}


def _subscribe(ctx: Context, topic: str, wish: Obj) -> Obj:
    if errors := _subscription_errors(ctx, topic, wish, None):
        return {"webhookSubscription": None, "userErrors": errors}
    doc = webhooks.subscribe(ctx.world, ctx.shop, topic, _subscription_fields(wish))
    return {"webhookSubscription": apps.subscription(ctx, doc), "userErrors": []}


def _resubscribe(ctx: Context, id_: str, wish: Obj) -> Obj:
    doc = apps.subscription_of(ctx, id_)
    if doc is None:
        return {"webhookSubscription": None, "userErrors": [user_error("Webhook subscription does not exist", ["id"])]}
    if errors := _subscription_errors(ctx, doc["topic"], {"uri": doc["uri"], **wish}, doc["id"]):
        return {"webhookSubscription": None, "userErrors": errors}
    doc |= {**_subscription_fields(wish), "updated_at": utc(ctx.till.now)}
    webhooks.save(ctx.world, ctx.shop, doc)
    return {"webhookSubscription": apps.subscription(ctx, doc), "userErrors": []}


def _unsubscribe(ctx: Context, id_: str) -> Obj:
    doc = apps.subscription_of(ctx, id_)
    if doc is None:
        return {
            "deletedWebhookSubscriptionId": None,
            "userErrors": [user_error("Webhook subscription does not exist", ["id"])],
        }
    ctx.store.delete(ctx.shop.domain, "subscription", doc["id"])
    return {"deletedWebhookSubscriptionId": id_, "userErrors": []}

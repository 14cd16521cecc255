"""Root fields of queries."""

from collections.abc import Callable, Iterable
from typing import Any

from graphql import GraphQLError

from deploy.devstore.admin import apps, catalogue, customers, discounts, listing, orders
from deploy.devstore.admin.context import Context, Json, Obj, number_of, split_tags
from deploy.devstore.admin.discount_mutations import bulk_creation
from deploy.devstore.admin.listing import Item, Reader
from deploy.devstore.catalogue import find_variant
from deploy.devstore.discounts import Discount
from deploy.devstore.shops import moment, utc
from deploy.devstore.world import API_VERSION

Show = Callable[[Context, Json], Obj]
FAR = "9999-12-31T23:59:59Z"

_TIMES: dict[str, Reader] = {
    "created_at": lambda d: moment(d["created_at"]),
    "updated_at": lambda d: moment(d["updated_at"]),
}
_ID: dict[str, Reader] = {"id": lambda d: d["id"], **_TIMES}
ORDER_FIELDS: dict[str, Reader] = {
    **_ID,
    "name": lambda d: [d["name"], d["name"].lstrip("#")],
    "email": lambda d: d["email"],
    "tag": lambda d: split_tags(d["tags"]),
    "test": lambda d: str(d["test"]),
    "status": lambda d: ["any", "cancelled" if d["cancelled_at"] else "open"],
    "financial_status": lambda d: d["financial_status"],
    "customer_id": lambda d: d["customer"] and d["customer"]["id"],
    "discount_code": lambda d: [c["code"] for c in d["discount_codes"]],
    "processed_at": lambda d: moment(d["processed_at"]),
    "source_name": lambda d: d["source_name"],
    "cart_token": lambda d: d["cart_token"],
}
PRODUCT_FIELDS: dict[str, Reader] = {
    **_ID,
    "title": lambda d: d["title"],
    "handle": lambda d: d["handle"],
    "vendor": lambda d: d["vendor"],
    "tag": lambda d: split_tags(d["tags"]),
    "status": lambda d: d["status"],
    "product_type": lambda d: d["product_type"],
    "collection_id": lambda d: d["_collections"],
    "sku": lambda d: [v["sku"] for v in d["variants"]],
}
CUSTOMER_FIELDS: dict[str, Reader] = {
    **_ID,
    "email": lambda d: d["email"],
    "phone": lambda d: d["phone"],
    "first_name": lambda d: d["first_name"],
    "last_name": lambda d: d["last_name"],
    "tag": lambda d: d["_tags"],
    "orders_count": lambda d: d["_orders"],
}


def queries(ctx: Context) -> dict[str, Any]:
    """Root fields by name."""
    return {
        "shop": lambda **_: apps.shop(ctx), "currentAppInstallation": lambda **_: apps.installation(ctx),
        "appInstallation": lambda **_: apps.installation(ctx), "app": lambda **_: apps.app(ctx),
        "publicApiVersions": lambda **_: [{"handle": API_VERSION, "displayName": API_VERSION, "supported": True}],
        "node": lambda id, **_: node(ctx, id), "nodes": lambda ids, **_: [node(ctx, id_) for id_ in ids],
        "job": lambda id, **_: {"__typename": "Job", "id": id, "done": True, "query": None}, **_orders(ctx),
        **_catalogue(ctx), **_customers(ctx), **_discounts(ctx), **_webhooks(ctx),
    }  # fmt: skip


def _list(
    ctx: Context, docs: Callable[[str | None], Iterable[Json]], show: Show, fields: dict[str, Reader], text: Reader,
    ranks: dict[str, Reader], args: Obj,
) -> Obj:  # fmt: skip
    """A root connection: filter, rank, page."""
    if args.get("savedSearchId"):
        raise GraphQLError("The dev store has no saved searches")
    found = listing.matching(docs(args.get("query")), args.get("query"), fields, text)
    key = args.get("sortKey") or "ID"
    rank = {"ID": lambda d: d["id"], "RELEVANCE": lambda d: d["id"], **_RANKS, **ranks}.get(key)
    if rank is None:
        raise GraphQLError(f"The dev store cannot sort by {key}")
    return listing.page([Item(rank(doc), doc["id"], doc) for doc in found], lambda doc: show(ctx, doc), args)


_RANKS: dict[str, Reader] = {
    "CREATED_AT": lambda d: utc(moment(d["created_at"])),
    "UPDATED_AT": lambda d: utc(moment(d["updated_at"])),
    "TITLE": lambda d: d["title"],
}


def _docs(ctx: Context, kind: str) -> Callable[[str | None], Iterable[Json]]:
    """Documents of a kind; a search by `updated_at` reads only that part of them."""

    def read(query: str | None) -> Iterable[Json]:
        times = {
            term.op: utc(moment(term.value))
            for term in listing.terms(query)
            if term.field == "updated_at" and not term.negated
        }
        low, high = (
            times.get(">=", times.get(">", times.get("=", ""))),
            times.get("<=", times.get("<", times.get("=", FAR))),
        )
        return ctx.store.updated_between(ctx.shop.domain, kind, low, high) if times else ctx.all(kind)

    return read


def _count(ctx: Context, kind: str, fields: dict[str, Reader], text: Reader) -> Callable[..., Obj]:
    def count(query: str | None = None, limit: int | None = 10_000, **_: Any) -> Obj:
        number = len(listing.matching(_docs(ctx, kind)(query), query, fields, text))
        if limit is not None and number > limit:
            return {"count": limit, "precision": "AT_LEAST"}
        return catalogue.count(number)

    return count


def _order_text(doc: Json) -> str:
    return f"{doc['name']} {doc['email']}"


def _orders(ctx: Context) -> dict[str, Any]:
    def page(**args: Any) -> Obj:
        ctx.need("read_orders", "orders")
        ranks: dict[str, Reader] = {
            "PROCESSED_AT": lambda d: utc(moment(d["processed_at"])), "ORDER_NUMBER": lambda d: d["order_number"],
            "TOTAL_PRICE": lambda d: float(d["total_price"]),
            "CURRENT_TOTAL_PRICE": lambda d: float(d["current_total_price"]),
        }  # fmt: skip
        return _list(ctx, _docs(ctx, "order"), orders.order, ORDER_FIELDS, _order_text, ranks, args)

    def one(id: str, **_: Any) -> Obj | None:
        ctx.need("read_orders", "order")
        doc = ctx.get("order", number_of(id, "Order"))
        return orders.order(ctx, doc) if doc else None

    return {
        "orders": page, "order": one, "ordersCount": _count(ctx, "order", ORDER_FIELDS, _order_text),
        "orderByIdentifier": lambda identifier, **_: one(identifier["id"]), "refund": lambda id, **_: _refund(ctx, id),
    }  # fmt: skip


def _refund(ctx: Context, id_: str) -> Obj | None:
    ctx.need("read_orders", "refund")
    number = number_of(id_, "Refund")
    found = ((o, r) for o in ctx.all("order") for r in o["refunds"] if r["id"] == number)
    pair = next(found, None)
    return orders.refund(ctx, *pair) if pair else None


def _catalogue(ctx: Context) -> dict[str, Any]:
    def page(**args: Any) -> Obj:
        ctx.need("read_products", "products")
        ranks: dict[str, Reader] = {"VENDOR": lambda d: d["vendor"], "PRODUCT_TYPE": lambda d: d["product_type"]}
        return _list(ctx, _docs(ctx, "product"), catalogue.product, PRODUCT_FIELDS, lambda d: d["title"], ranks, args)

    def one(id: str, **_: Any) -> Obj | None:
        ctx.need("read_products", "product")
        return catalogue.product_by_id(ctx, number_of(id, "Product"))

    def by_identifier(identifier: Obj, **_: Any) -> Obj | None:
        if "handle" not in identifier:
            return one(identifier["id"])
        doc = ctx.store.find(ctx.shop.domain, "product", identifier["handle"])
        return catalogue.product(ctx, doc) if doc else None

    def collections(**args: Any) -> Obj:
        fields: dict[str, Reader] = {
            "id": lambda d: d["id"], "title": lambda d: d["title"], "handle": lambda d: d["handle"],
            "updated_at": _TIMES["updated_at"],
        }  # fmt: skip
        return _list(ctx, _docs(ctx, "collection"), catalogue.collection, fields, lambda d: d["title"], {}, args)

    def collection(id: str, **_: Any) -> Obj | None:
        doc = ctx.get("collection", number_of(id, "Collection"))
        return catalogue.collection(ctx, doc) if doc else None

    return {
        "products": page, "product": one, "productByIdentifier": by_identifier,
        "productsCount": _count(ctx, "product", PRODUCT_FIELDS, lambda d: d["title"]), "collections": collections,
        "collection": collection, "productVariants": lambda **args: _variants(ctx, args),
        "productVariant": lambda id, **_: catalogue.variant_by_id(ctx, number_of(id, "ProductVariant")),
        "productVariantsCount": lambda **_: catalogue.count(sum(len(p["variants"]) for p in ctx.all("product"))),
        "collectionsCount": lambda **_: catalogue.count(len(ctx.all("collection"))),
    }  # fmt: skip


def _variants(ctx: Context, args: Obj) -> Obj:
    ctx.need("read_products", "productVariants")
    fields: dict[str, Reader] = {
        **_ID,
        "sku": lambda d: d["sku"],
        "product_id": lambda d: d["product_id"],
        "title": lambda d: d["title"],
    }

    def show(_: Context, item: Json) -> Obj:
        found = find_variant(ctx.store, ctx.shop, item["id"])
        assert found is not None
        return catalogue.variant(ctx, *found)

    def docs(_: str | None) -> Iterable[Json]:
        return [v for p in ctx.all("product") for v in p["variants"]]

    return _list(
        ctx,
        docs,
        show,
        fields,
        lambda d: d["title"],
        {"SKU": lambda d: d["sku"], "POSITION": lambda d: d["position"]},
        args,
    )


def _customer_text(doc: Json) -> str:
    return f"{doc['first_name']} {doc['last_name']} {doc['email']}"


def _customers(ctx: Context) -> dict[str, Any]:
    def page(**args: Any) -> Obj:
        ctx.need("read_customers", "customers")
        ranks: dict[str, Reader] = {"NAME": lambda d: f"{d['last_name']}, {d['first_name']}"}
        return _list(ctx, _docs(ctx, "customer"), customers.customer, CUSTOMER_FIELDS, _customer_text, ranks, args)

    def one(id: str, **_: Any) -> Obj | None:
        ctx.need("read_customers", "customer")
        return customers.by_id(ctx, number_of(id, "Customer"))

    def by_identifier(identifier: Obj, **_: Any) -> Obj | None:
        ctx.need("read_customers", "customerByIdentifier")
        if "emailAddress" not in identifier:
            return one(identifier["id"])
        doc = ctx.store.find(ctx.shop.domain, "customer", identifier["emailAddress"].lower())
        return customers.customer(ctx, doc) if doc else None

    return {
        "customers": page, "customer": one, "customerByIdentifier": by_identifier,
        "customersCount": _count(ctx, "customer", CUSTOMER_FIELDS, _customer_text),
        "storeCreditAccount": lambda id, **_: _account(ctx, id), "giftCard": lambda id, **_: _gift_card(ctx, id),
    }  # fmt: skip


def _account(ctx: Context, id_: str) -> Obj | None:
    ctx.need("read_store_credit_accounts", "storeCreditAccount")
    doc = ctx.get("store_credit", number_of(id_, "StoreCreditAccount"))
    return customers.account(ctx, doc) if doc else None


def _gift_card(ctx: Context, id_: str) -> Obj | None:
    ctx.need("read_gift_cards", "giftCard")
    doc = ctx.get("gift_card", number_of(id_, "GiftCard"))
    return customers.gift_card(ctx, doc) if doc else None


def _discounts(ctx: Context) -> dict[str, Any]:
    now = ctx.till.now
    fields: dict[str, Reader] = {
        **_ID, "title": lambda d: d["title"], "code": lambda d: [c["code"] for c in ctx.codes.of(d["id"])],
        "status": lambda d: Discount.model_validate(d).status(now), "method": lambda d: "code",
        "type": lambda d: d["type"], "starts_at": lambda d: moment(d["starts_at"]),
        "ends_at": lambda d: d["ends_at"] and moment(d["ends_at"]),
        "times_used": lambda d: sum(len(discounts.uses_of(ctx, c["id"])) for c in ctx.codes.of(d["id"])),
    }  # fmt: skip

    def page(**args: Any) -> Obj:
        ctx.need("read_discounts", "discountNodes")
        ranks: dict[str, Reader] = {
            "STARTS_AT": lambda d: utc(moment(d["starts_at"])),
            "ENDS_AT": lambda d: utc(moment(d["ends_at"])) if d["ends_at"] else FAR,
        }
        show: Show = lambda c, d: discounts.node(c, d, "DiscountNode")  # noqa: E731
        return _list(ctx, _docs(ctx, "discount"), show, fields, lambda d: d["title"], ranks, args)

    def one(id: str, **_: Any) -> Obj | None:
        ctx.need("read_discounts", "discountNode")
        doc = ctx.get("discount", number_of(id, "DiscountNode", "DiscountCodeNode"))
        return discounts.node(ctx, doc, "DiscountNode") if doc else None

    def by_code(code: str, **_: Any) -> Obj | None:
        ctx.need("read_discounts", "codeDiscountNodeByCode")
        found = ctx.codes.find(code)
        doc = ctx.get("discount", found["discount_id"]) if found else None
        return discounts.node(ctx, doc) if doc else None

    return {
        "discountNodes": page, "discountNode": one, "codeDiscountNodeByCode": by_code,
        "discountNodesCount": _count(ctx, "discount", fields, lambda d: d["title"]),
        "discountCodesCount": lambda **_: catalogue.count(len(ctx.codes.all())),
        "discountRedeemCodeBulkCreation": lambda id, **_: _bulk(ctx, id),
    }  # fmt: skip


def _bulk(ctx: Context, id_: str) -> Obj | None:
    ctx.need("read_discounts", "discountRedeemCodeBulkCreation")
    ctx.codes.work_off()
    doc = ctx.get("bulk", number_of(id_, "DiscountRedeemCodeBulkCreation"))
    return bulk_creation(ctx, doc) if doc else None


def _webhooks(ctx: Context) -> dict[str, Any]:
    def page(**args: Any) -> Obj:
        topics, uri, kind = args.get("topics"), args.get("uri"), args.get("format")

        def docs(_: str | None) -> Iterable[Json]:
            found = [s for s in ctx.all("subscription") if not topics or s["topic"] in topics]
            return [s for s in found if (not uri or s["uri"] == uri) and kind in (None, "JSON")]

        return _list(ctx, docs, apps.subscription, _ID, lambda d: d["topic"], {}, args)

    def one(id: str, **_: Any) -> Obj | None:
        doc = ctx.get("subscription", number_of(id, "WebhookSubscription"))
        return apps.subscription(ctx, doc) if doc else None

    count = _count(ctx, "subscription", _ID, lambda d: d["topic"])
    return {"webhookSubscriptions": page, "webhookSubscription": one, "webhookSubscriptionsCount": count}


def node(ctx: Context, global_id: str) -> Obj | None:
    """Any object of the kinds that the dev store has, by its global id."""
    kind = global_id.split("/")[3] if global_id.count("/") >= 4 else ""
    if kind == "ProductVariant":
        return catalogue.variant_by_id(ctx, number_of(global_id, kind))
    found = NODES.get(kind)
    if found is None:
        raise GraphQLError(f"Invalid global id '{global_id}'")
    doc = ctx.get(found[0], number_of(global_id, kind))
    return found[1](ctx, doc) if doc else None


NODES: dict[str, tuple[str, Show]] = {
    "Order": ("order", orders.order),
    "Product": ("product", catalogue.product),
    "Collection": ("collection", catalogue.collection),
    "Customer": ("customer", customers.customer),
    "DiscountCodeNode": ("discount", discounts.node),
    "DiscountNode": ("discount", lambda ctx, doc: discounts.node(ctx, doc, "DiscountNode")),
    "DiscountRedeemCodeBulkCreation": ("bulk", bulk_creation),
    "GiftCard": ("gift_card", customers.gift_card),
    "StoreCreditAccount": ("store_credit", customers.account),
    "Metafield": ("metafield", catalogue.metafield),
    "WebhookSubscription": ("subscription", lambda ctx, doc: apps.subscription(ctx, doc)),
}

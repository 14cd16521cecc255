"""The side entrance for programs: `/_dev/…`. Nothing here exists at Shopify. README.md documents every call."""

import json
import sqlite3
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Any, TypeVar

from pydantic import BaseModel, Field, TypeAdapter, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from deploy.devstore import catalogue
from deploy.devstore.admin.cost import Bucket
from deploy.devstore.admin.endpoint import Admin
from deploy.devstore.changes import Refused
from deploy.devstore.delivery import Policy, PostOffice
from deploy.devstore.faults import Rule
from deploy.devstore.oauth import Tokens
from deploy.devstore.orders import public
from deploy.devstore.sales import BuyerIn, CheckoutIn, EditIn, RefundIn, Strict, Till
from deploy.devstore.shops import Shop, utc
from deploy.devstore.webhooks import emit
from deploy.devstore.world import World

Json = dict[str, Any]
T = TypeVar("T", bound=BaseModel)
Handler = Callable[[Request], Awaitable[Response]]
SCOPES = [
    "read_all_orders", "write_orders", "write_products", "write_customers", "write_discounts",
    "read_store_credit_accounts", "write_store_credit_account_transactions", "write_gift_cards",
]  # fmt: skip


class ProductIn(Strict):
    """A product to add or change; prices in shop currency."""

    title: str | None = None
    handle: str | None = None
    titles: dict[str, str] | None = None
    body_html: str | None = None
    product_type: str | None = None
    tags: list[str] | None = None
    price: str | None = Field(None, pattern=r"^\d+(\.\d+)?$")
    collections: list[int] | None = None
    gift_card: bool = False


class ClockIn(Strict):
    """`advance` moves further by seconds (negative: back); `reset` returns to the machine's time."""

    advance: float | None = None
    reset: bool = False


class ThrottleIn(Strict):
    """The bucket. `available` sets what is left now."""

    maximum: float | None = Field(None, gt=0)
    restore: float | None = Field(None, gt=0)
    available: float | None = Field(None, ge=0)


class CancelIn(Strict):
    reason: str = Field("customer", pattern="^(customer|declined|fraud|inventory|staff|other)$")


class TokenIn(Strict):
    """A token without OAuth, as of a custom app."""

    scopes: list[str] = SCOPES
    expiring: bool = False


class OrderIn(Strict):
    """Fields of an order that a merchant changes by hand."""

    tags: str | None = None
    note: str | None = None


def answered(handler: Handler) -> Handler:
    """Bad bodies are 422 with the fields, refused changes 409 with the sentence."""

    @wraps(handler)
    async def wrapped(request: Request) -> Response:
        try:
            return await handler(request)
        except ValidationError as error:
            details = [{"pointer": "/" + "/".join(map(str, e["loc"])), "detail": e["msg"]} for e in error.errors()]
            return JSONResponse({"error": "the body is not what it should be", "errors": details}, 422)
        except Refused as error:
            return JSONResponse(
                {"error": str(error), "field": error.field}, 404 if "does not exist" in str(error) else 409
            )

    return wrapped


async def body_of(request: Request, model: type[T]) -> T:
    """The body as a model; an empty body is an empty object."""
    return model.model_validate_json(await request.body() or b"{}")


def _call(row: sqlite3.Row) -> Json:
    """A line of the call log with its JSON columns read."""
    parsed = {name: json.loads(row[name]) for name in ("variables", "cost", "errors")}
    return {**dict(row), **parsed}


class DevApi:
    """The handlers; each answers JSON."""

    def __init__(self, world: World, admin: Admin, office: PostOffice) -> None:
        self.world, self.admin, self.office = world, admin, office

    def routes(self) -> list[Route]:
        shop = "/_dev/shops/{shop}"
        table: list[tuple[str, str, Handler]] = [
            ("GET", "/_dev/shops", self.shops), ("GET", "/_dev/faults", self.get_faults),
            ("PUT", "/_dev/faults", self.put_faults), ("DELETE", "/_dev/faults", self.delete_faults),
            ("GET", "/_dev/deliveries", self.deliveries), ("DELETE", "/_dev/deliveries", self.forget_deliveries),
            ("POST", "/_dev/deliveries/{id:int}/redeliver", self.redeliver), ("GET", "/_dev/webhooks", self.get_policy),
            ("PUT", "/_dev/webhooks", self.put_policy), ("POST", f"{shop}/checkout", self.checkout),
            ("GET", f"{shop}/orders", self.orders), ("GET", f"{shop}/orders/{{id:int}}", self.order),
            ("PATCH", f"{shop}/orders/{{id:int}}", self.change_order),
            ("POST", f"{shop}/orders/{{id:int}}/pay", self.pay),
            ("POST", f"{shop}/orders/{{id:int}}/refund", self.refund),
            ("POST", f"{shop}/orders/{{id:int}}/cancel", self.cancel),
            ("POST", f"{shop}/orders/{{id:int}}/edit", self.edit), ("GET", f"{shop}/products", self.products),
            ("POST", f"{shop}/products", self.add_product),
            ("PATCH", f"{shop}/products/{{id:int}}", self.change_product),
            ("DELETE", f"{shop}/products/{{id:int}}", self.delete_product),
            ("GET", f"{shop}/collections", self.collections), ("GET", f"{shop}/customers", self.customers),
            ("POST", f"{shop}/customers", self.add_customer),
            ("POST", f"{shop}/customers/{{id:int}}/data-request", self.data_request),
            ("POST", f"{shop}/customers/{{id:int}}/redact", self.redact), ("POST", f"{shop}/redact", self.redact_shop),
            ("POST", f"{shop}/uninstall", self.uninstall), ("GET", f"{shop}/codes", self.codes),
            ("GET", f"{shop}/calls", self.calls), ("DELETE", f"{shop}/calls", self.forget_calls),
            ("GET", f"{shop}/subscriptions", self.subscriptions),
            ("DELETE", f"{shop}/subscriptions", self.drop_subscriptions), ("POST", f"{shop}/clock", self.clock),
            ("GET", f"{shop}/clock", self.get_clock), ("PUT", f"{shop}/throttle", self.throttle),
            ("POST", f"{shop}/tokens", self.token), ("POST", f"{shop}/tokens/expire", self.expire_tokens),
        ]  # fmt: skip
        return [Route(path, answered(handler), methods=[method]) for method, path, handler in table]

    def _till(self, request: Request) -> Till:
        shop = self.world.shop(request.path_params["shop"])
        if shop is None:
            raise Refused(f"shop {request.path_params['shop']} does not exist")
        return Till(self.world, shop)

    async def shops(self, request: Request) -> Response:
        return JSONResponse({"data": [self._shop(shop) for shop in catalogue.shops().values()]})

    def _shop(self, shop: Shop) -> Json:
        base = f"{self.world.settings.public_url}/shops/{shop.domain}"
        names = (
            "domain",
            "name",
            "currency",
            "time_zone",
            "client_id",
            "client_secret",
            "presentment",
            "taxes_included",
        )
        return {
            **{name: getattr(shop, name) for name in names},
            "storefront_url": f"{base}/",
            "admin_url": f"{base}/admin",
        }

    async def get_faults(self, request: Request) -> Response:
        return JSONResponse({"data": [rule.model_dump() for rule in self.world.faults.rules]})

    async def put_faults(self, request: Request) -> Response:
        """Replace all rules: a list, or `{"rules": [...]}`."""
        raw = json.loads(await request.body() or b"[]")
        rules = TypeAdapter(list[Rule]).validate_python(raw["rules"] if isinstance(raw, dict) else raw)
        if wrong := next((reason for rule in rules if (reason := rule.unusable())), None):
            raise Refused(wrong)
        self.world.faults.replace(rules)
        return await self.get_faults(request)

    async def delete_faults(self, request: Request) -> Response:
        self.world.faults.replace([])
        return await self.get_faults(request)

    async def get_policy(self, request: Request) -> Response:
        return JSONResponse(self.office.policy.model_dump())

    async def put_policy(self, request: Request) -> Response:
        change = json.loads(await request.body() or b"{}")
        self.office.set_policy(Policy.model_validate(self.office.policy.model_dump() | change))
        return await self.get_policy(request)

    async def deliveries(self, request: Request) -> Response:
        """What was sent and what was answered, newest first; `?shop=&topic=&state=&since_id=&limit=`."""
        query, where, values = request.query_params, ["1"], []
        for name in ("shop", "topic", "state"):
            if name in query:
                where.append(f"{name}=?")
                values.append(query[name])
        where.append("id>?")
        sql = f"SELECT * FROM deliveries WHERE {' AND '.join(where)} ORDER BY id DESC LIMIT ?"
        limit, since = min(int(query.get("limit", 100)), 1000), int(query.get("since_id", 0))
        rows = self.world.store.db.execute(sql, (*values, since, limit)).fetchall()
        return JSONResponse(
            {"data": [self._delivery(row, full=query.get("body") == "1") for row in rows], "counts": self._counts()}
        )

    def _counts(self) -> dict[str, int]:
        rows = self.world.store.db.execute("SELECT state, count(*) FROM deliveries GROUP BY state").fetchall()
        return {row[0]: row[1] for row in rows}

    def _delivery(self, row: Any, *, full: bool) -> Json:
        tries = self.world.store.db.execute(
            "SELECT * FROM attempts WHERE delivery=? ORDER BY id", (row["id"],)
        ).fetchall()
        names = ("id", "shop", "topic", "uri", "state", "tries", "due", "created_at")
        told = {**{name: row[name] for name in names}, "headers": json.loads(row["headers"])}
        columns = {
            "at": "at",
            "status": "status",
            "ms": "ms",
            "error": "error",
            "answer": "answer",
            "hmac": "signature",
        }
        told["attempts"] = [{name: attempt[column] for name, column in columns.items()} for attempt in tries]
        return told | ({"body": row["body"].decode()} if full else {})

    async def redeliver(self, request: Request) -> Response:
        """Send it once more with the same ids, whatever became of it."""
        done = self.world.store.db.execute(
            "UPDATE deliveries SET state='pending', tries=0, due=? WHERE id=?", (time.time(), request.path_params["id"])
        )
        self.world.wake.set()
        if not done.rowcount:
            raise Refused(f"delivery {request.path_params['id']} does not exist")
        return JSONResponse({"redelivered": request.path_params["id"]}, 202)

    async def forget_deliveries(self, request: Request) -> Response:
        with self.world.store.transaction():
            self.world.store.db.execute("DELETE FROM attempts")
            self.world.store.db.execute("DELETE FROM deliveries WHERE state<>'pending'")
        return JSONResponse({"counts": self._counts()})

    async def checkout(self, request: Request) -> Response:
        wish = await body_of(request, CheckoutIn)
        order, rejected = self._till(request).checkout(wish)
        listed = [{"code": code, "reason": reason} for code, reason in rejected.items()]
        return JSONResponse({"order": public(order), "rejected_discount_codes": listed}, 201)

    async def orders(self, request: Request) -> Response:
        """Orders, newest first; `?limit=` (50)."""
        till = self._till(request)
        found = list(self.world.store.all(till.shop.domain, "order"))[::-1]
        return JSONResponse({"data": public(found[: int(request.query_params.get("limit", 50))]), "count": len(found)})

    async def order(self, request: Request) -> Response:
        return JSONResponse({"order": public(self._till(request).order(request.path_params["id"]))})

    async def change_order(self, request: Request) -> Response:
        till, wish = self._till(request), await body_of(request, OrderIn)
        with self.world.store.transaction():
            order = till.order(request.path_params["id"]) | wish.model_dump(exclude_none=True)
            till.touch(order)
        return JSONResponse({"order": public(order)})

    async def pay(self, request: Request) -> Response:
        return JSONResponse({"order": public(self._till(request).pay(request.path_params["id"]))})

    async def refund(self, request: Request) -> Response:
        wish = await body_of(request, RefundIn)
        order, refund = self._till(request).refund_as_asked(request.path_params["id"], wish)
        return JSONResponse({"refund": public(refund), "order": public(order)}, 201)

    async def cancel(self, request: Request) -> Response:
        wish = await body_of(request, CancelIn)
        return JSONResponse({"order": public(self._till(request).cancel(request.path_params["id"], wish.reason))})

    async def edit(self, request: Request) -> Response:
        wish = await body_of(request, EditIn)
        order, told = self._till(request).edit(request.path_params["id"], wish)
        return JSONResponse({"order": public(order), **told})

    async def products(self, request: Request) -> Response:
        return JSONResponse({"data": public(list(self.world.store.all(self._till(request).shop.domain, "product")))})

    async def add_product(self, request: Request) -> Response:
        till, wish = self._till(request), await body_of(request, ProductIn)
        if not wish.title or not wish.price:
            raise Refused("a product needs a title and a price", ["title", "price"])
        fields = wish.model_dump(exclude_none=True, exclude={"price"})
        with self.world.store.transaction():
            product = catalogue.new_product(
                self.world.store,
                till.shop,
                till.now,
                self.world.settings.public_url,
                variants=[{"price": wish.price}],
                **fields,
            )
            till.changed_product(product, "products/create")
        return JSONResponse({"product": public(product)}, 201)

    def _product(self, till: Till, request: Request) -> Json:
        product = self.world.store.get(till.shop.domain, "product", request.path_params["id"])
        if product is None:
            raise Refused(f"product {request.path_params['id']} does not exist")
        return product

    async def change_product(self, request: Request) -> Response:
        till, wish = self._till(request), await body_of(request, ProductIn)
        with self.world.store.transaction():
            product = self._product(till, request)
            given = wish.model_dump(exclude_none=True, exclude={"price", "titles", "collections", "tags", "gift_card"})
            product |= given | ({"tags": ", ".join(wish.tags)} if wish.tags is not None else {})
            product["_titles"] |= wish.titles or ({"en": wish.title} if wish.title else {})
            product["_collections"] = product["_collections"] if wish.collections is None else wish.collections
            for variant in product["variants"] if wish.price else ():
                variant["price"] = wish.price
            till.changed_product(product)
        return JSONResponse({"product": public(product)})

    async def delete_product(self, request: Request) -> Response:
        till = self._till(request)
        with self.world.store.transaction():
            till.delete_product(self._product(till, request))
        return Response(status_code=204)

    async def collections(self, request: Request) -> Response:
        return JSONResponse({"data": public(list(self.world.store.all(self._till(request).shop.domain, "collection")))})

    async def customers(self, request: Request) -> Response:
        found = self.world.store.all(self._till(request).shop.domain, "customer")
        return JSONResponse({"data": [{**public(c), "tags": c["_tags"], "orders_count": c["_orders"]} for c in found]})

    async def add_customer(self, request: Request) -> Response:
        till, wish = self._till(request), await body_of(request, BuyerIn)
        with self.world.store.transaction():
            if wish.email and self.world.store.find(till.shop.domain, "customer", wish.email.lower()):
                raise Refused("this e-mail belongs to a customer already", ["email"])
            customer = till.new_customer(**wish.model_dump())
        return JSONResponse({"customer": public(customer)}, 201)

    def _privacy(self, request: Request, topic: str, **more: Any) -> Response:
        """Queue a compliance webhook about a customer."""
        till = self._till(request)
        customer = self.world.store.get(till.shop.domain, "customer", request.path_params["id"])
        if customer is None:
            raise Refused(f"customer {request.path_params['id']} does not exist")
        orders = [
            o["id"]
            for o in self.world.store.all(till.shop.domain, "order")
            if o["customer"] and o["customer"]["id"] == customer["id"]
        ]
        names = {"customers/redact": "orders_to_redact", "customers/data_request": "orders_requested"}
        about = {key: customer[key] for key in ("id", "email", "phone")}
        with self.world.store.transaction():
            head = {"shop_id": till.shop.id, "shop_domain": till.shop.domain}
            emit(self.world, till.shop, topic, {**head, "customer": about, names[topic]: orders, **more})
        return JSONResponse({"sent": topic}, 202)

    async def data_request(self, request: Request) -> Response:
        number = self.world.store.number("data requests")
        return self._privacy(request, "customers/data_request", data_request={"id": number})

    async def redact(self, request: Request) -> Response:
        return self._privacy(request, "customers/redact")

    async def redact_shop(self, request: Request) -> Response:
        till = self._till(request)
        with self.world.store.transaction():
            emit(self.world, till.shop, "shop/redact", {"shop_id": till.shop.id, "shop_domain": till.shop.domain})
        return JSONResponse({"sent": "shop/redact"}, 202)

    async def uninstall(self, request: Request) -> Response:
        """The merchant removes the app: webhook, then tokens and subscriptions are gone."""
        till = self._till(request)
        with self.world.store.transaction():
            shop = {
                "id": till.shop.id, "name": till.shop.name, "email": till.shop.email, "domain": till.shop.domain,
                "myshopify_domain": till.shop.domain, "currency": till.shop.currency,
                "iana_timezone": till.shop.time_zone,
            }  # fmt: skip
            emit(self.world, till.shop, "app/uninstalled", shop)
            Tokens(self.world).revoke_all(till.shop.domain)
            self._drop_subscriptions(till.shop)
        return JSONResponse({"sent": "app/uninstalled"}, 202)

    def _drop_subscriptions(self, shop: Shop) -> int:
        found = list(self.world.store.all(shop.domain, "subscription"))
        for subscription in found:
            self.world.store.delete(shop.domain, "subscription", subscription["id"])
        return len(found)

    async def subscriptions(self, request: Request) -> Response:
        return JSONResponse({"data": list(self.world.store.all(self._till(request).shop.domain, "subscription"))})

    async def drop_subscriptions(self, request: Request) -> Response:
        """As Shopify does after too many failures: they are gone, nobody is told."""
        return JSONResponse({"deleted": self._drop_subscriptions(self._till(request).shop)})

    async def codes(self, request: Request) -> Response:
        """Every discount code with its discount and true use count."""
        domain = self._till(request).shop.domain
        discounts = {d["id"]: d for d in self.world.store.all(domain, "discount")}
        uses = Counter(use["code_id"] for use in self.world.store.all(domain, "use"))
        found = [
            {**code, "uses": uses[code["id"]], "discount": discounts[code["discount_id"]]}
            for code in self.world.store.all(domain, "code")
        ]
        return JSONResponse({"data": found})

    async def calls(self, request: Request) -> Response:
        """The log of Admin calls, newest first, with the shop in the URL and the token seen; `?limit=` (200)."""
        domain, limit = self._till(request).shop.domain, int(request.query_params.get("limit", 200))
        rows = self.world.store.db.execute(
            "SELECT * FROM calls WHERE shop=? ORDER BY id DESC LIMIT ?", (domain, limit)
        ).fetchall()
        return JSONResponse({"data": [_call(row) for row in rows]})

    async def forget_calls(self, request: Request) -> Response:
        gone = self.world.store.db.execute("DELETE FROM calls WHERE shop=?", (self._till(request).shop.domain,))
        return JSONResponse({"deleted": gone.rowcount})

    async def clock(self, request: Request) -> Response:
        till, wish = self._till(request), await body_of(request, ClockIn)
        clock = self.world.clock(till.shop)
        if wish.reset:
            clock.reset()
        if wish.advance is not None:
            clock.advance(wish.advance)
        return await self.get_clock(request)

    async def get_clock(self, request: Request) -> Response:
        clock = self.world.clock(self._till(request).shop)
        return JSONResponse({"now": utc(clock.now()), "shift_seconds": clock.shift.total_seconds()})

    async def throttle(self, request: Request) -> Response:
        till, wish = self._till(request), await body_of(request, ThrottleIn)
        old = self.admin.bucket(till.shop)
        size = {"maximum": wish.maximum or old.maximum, "restore": wish.restore or old.restore}
        self.world.store.set_setting(f"throttle/{till.shop.domain}", size)
        bucket = self.admin.buckets[till.shop.domain] = Bucket(size["maximum"], size["restore"])
        if wish.available is not None:
            bucket.take(max(0.0, bucket.maximum - wish.available))
        return JSONResponse(bucket.status())

    async def token(self, request: Request) -> Response:
        till, wish = self._till(request), await body_of(request, TokenIn)
        return JSONResponse(Tokens(self.world).issue(till.shop.domain, wish.scopes, expiring=wish.expiring), 201)

    async def expire_tokens(self, request: Request) -> Response:
        return JSONResponse({"expired": Tokens(self.world).expire(self._till(request).shop.domain)})

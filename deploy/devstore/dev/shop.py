"""Selling: checkout, orders, products, customers."""

from pydantic import Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from deploy.devstore import catalogue
from deploy.devstore.changes import Refused
from deploy.devstore.dev.base import Handler, Json, Side, answered, body_of
from deploy.devstore.orders import public
from deploy.devstore.sales import Till
from deploy.devstore.wishes import BuyerIn, CheckoutIn, EditIn, RefundIn, Strict


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


class CancelIn(Strict):
    reason: str = Field("customer", pattern="^(customer|declined|fraud|inventory|staff|other)$")


class OrderIn(Strict):
    """Fields of an order that a merchant changes by hand."""

    tags: str | None = None
    note: str | None = None


class ShopSide(Side):
    """The shop by program; each handler answers JSON."""

    def routes(self) -> list[Route]:
        shop = "/_dev/shops/{shop}"
        table: list[tuple[str, str, Handler]] = [
            ("POST", f"{shop}/checkout", self.checkout), ("GET", f"{shop}/orders", self.orders),
            ("GET", f"{shop}/orders/{{id:int}}", self.order), ("PATCH", f"{shop}/orders/{{id:int}}", self.change_order),
            ("POST", f"{shop}/orders/{{id:int}}/pay", self.pay),
            ("POST", f"{shop}/orders/{{id:int}}/refund", self.refund),
            ("POST", f"{shop}/orders/{{id:int}}/cancel", self.cancel),
            ("POST", f"{shop}/orders/{{id:int}}/edit", self.edit), ("GET", f"{shop}/products", self.products),
            ("POST", f"{shop}/products", self.add_product),
            ("PATCH", f"{shop}/products/{{id:int}}", self.change_product),
            ("DELETE", f"{shop}/products/{{id:int}}", self.delete_product),
            ("GET", f"{shop}/collections", self.collections), ("GET", f"{shop}/customers", self.customers),
            ("POST", f"{shop}/customers", self.add_customer),
        ]  # fmt: skip
        return [Route(path, answered(handler), methods=[method]) for method, path, handler in table]

    async def checkout(self, request: Request) -> Response:
        wish = await body_of(request, CheckoutIn)
        order, rejected = self.till(request).checkout(wish)
        listed = [{"code": code, "reason": reason} for code, reason in rejected.items()]
        return JSONResponse({"order": public(order), "rejected_discount_codes": listed}, 201)

    async def orders(self, request: Request) -> Response:
        """Orders, newest first; `?limit=` (50)."""
        till = self.till(request)
        found = list(self.world.store.all(till.shop.domain, "order"))[::-1]
        return JSONResponse({"data": public(found[: int(request.query_params.get("limit", 50))]), "count": len(found)})

    async def order(self, request: Request) -> Response:
        return JSONResponse({"order": public(self.till(request).order(request.path_params["id"]))})

    async def change_order(self, request: Request) -> Response:
        till, wish = self.till(request), await body_of(request, OrderIn)
        with self.world.store.transaction():
            order = till.order(request.path_params["id"]) | wish.model_dump(exclude_none=True)
            till.touch(order)
        return JSONResponse({"order": public(order)})

    async def pay(self, request: Request) -> Response:
        return JSONResponse({"order": public(self.till(request).pay(request.path_params["id"]))})

    async def refund(self, request: Request) -> Response:
        wish = await body_of(request, RefundIn)
        order, refund = self.till(request).refund_as_asked(request.path_params["id"], wish)
        return JSONResponse({"refund": public(refund), "order": public(order)}, 201)

    async def cancel(self, request: Request) -> Response:
        wish = await body_of(request, CancelIn)
        return JSONResponse({"order": public(self.till(request).cancel(request.path_params["id"], wish.reason))})

    async def edit(self, request: Request) -> Response:
        wish = await body_of(request, EditIn)
        order, told = self.till(request).edit(request.path_params["id"], wish)
        return JSONResponse({"order": public(order), **told})

    async def products(self, request: Request) -> Response:
        return JSONResponse({"data": public(list(self.world.store.all(self.till(request).shop.domain, "product")))})

    async def add_product(self, request: Request) -> Response:
        till, wish = self.till(request), await body_of(request, ProductIn)
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
        till, wish = self.till(request), await body_of(request, ProductIn)
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
        till = self.till(request)
        with self.world.store.transaction():
            till.delete_product(self._product(till, request))
        return Response(status_code=204)

    async def collections(self, request: Request) -> Response:
        return JSONResponse({"data": public(list(self.world.store.all(self.till(request).shop.domain, "collection")))})

    async def customers(self, request: Request) -> Response:
        found = self.world.store.all(self.till(request).shop.domain, "customer")
        return JSONResponse({"data": [{**public(c), "tags": c["_tags"], "orders_count": c["_orders"]} for c in found]})

    async def add_customer(self, request: Request) -> Response:
        till, wish = self.till(request), await body_of(request, BuyerIn)
        with self.world.store.transaction():
            if wish.email and self.world.store.find(till.shop.domain, "customer", wish.email.lower()):
                raise Refused("this e-mail belongs to a customer already", ["email"])
            customer = till.new_customer(**wish.model_dump())
        return JSONResponse({"customer": public(customer)}, 201)

"""The shop at work: checkout, payment, refund, cancellation, edit. Each is one transaction with its webhooks."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from deploy.devstore import catalogue, changes, orders, totals
from deploy.devstore.amounts import Exchange
from deploy.devstore.changes import Give, RefundWish, Refused, Scene
from deploy.devstore.codes import Codes
from deploy.devstore.discounts import Applied, Buyer, Candidate, CartLine, Discount, Usage, apply
from deploy.devstore.orders import Bought, Sale
from deploy.devstore.shops import Shop, moment, utc
from deploy.devstore.webhooks import emit
from deploy.devstore.wishes import CheckoutIn, EditIn, LineIn, RefundIn
from deploy.devstore.world import World

Json = dict[str, Any]


@dataclass(frozen=True)
class Till:
    """The shop's till."""

    world: World
    shop: Shop

    @property
    def now(self) -> datetime:
        return self.world.now(self.shop)

    @property
    def scene(self) -> Scene:
        return Scene(self.shop, self.now, self.new_id)

    def new_id(self, kind: str) -> int:
        return self.world.store.new_id(self.shop.domain, kind)

    def quote(self, wish: CheckoutIn) -> tuple[list[Bought], Decimal | None, Applied]:
        """Lines, shipping (None when nothing ships) and what the codes do, without selling anything."""
        lines = self._lines(wish.lines)
        ships = any(bought.variant and bought.variant["requires_shipping"] for bought in lines)
        shipping = (self.shop.shipping_price if wish.shipping is None else wish.shipping) if ships else None
        customer = self._known(wish)
        return lines, shipping, self._apply(wish.discount_codes, lines, shipping, customer)

    def checkout(self, wish: CheckoutIn) -> tuple[Json, dict[str, str]]:
        """Sell. Returns the order and the codes that did not apply with the reason."""
        with self.world.store.transaction():
            customer = self._customer(wish)
            lines, shipping, applied = self.quote(wish.model_copy(update={"customer_id": customer and customer["id"]}))
            if wish.tip:
                lines.append(
                    Bought(CartLine(None, None, frozenset(), 1, wish.tip, discountable=False), "Tip", tip=True)
                )
            order = orders.build(self._sale(wish, lines, shipping, applied, customer))
            if wish.paid:
                orders.pay(order, self.shop, self.now, self.new_id)
            self.save(order)
            self._use_codes(order, customer)
            self._bought(order, customer)
            self._tell(order, "orders/create", *(("orders/paid",) if wish.paid else ()))
        return order, applied.rejected

    def _sale(
        self,
        wish: CheckoutIn,
        lines: Sequence[Bought],
        shipping: Decimal | None,
        applied: Applied,
        customer: Json | None,
    ) -> Sale:
        details = wish.model_dump(mode="json") | {
            "email": customer["email"] if customer else None, "phone": customer["phone"] if customer else None,
        }  # fmt: skip
        return Sale(
            shop=self.shop, exchange=self.shop.exchange(wish.presentment_currency), now=self.now, new_id=self.new_id,
            number=1000 + self.world.store.number(f"{self.shop.domain}/order number"), lines=lines,
            applications=applied.applications, shipping=shipping,
            customer=catalogue.order_customer(customer) if customer else None,
            address=customer["default_address"] if customer else None, details=details,
        )  # fmt: skip

    def _lines(self, wishes: Sequence[LineIn]) -> list[Bought]:
        return [self._line(wish) for wish in wishes]

    def _line(self, wish: LineIn) -> Bought:
        found = catalogue.find_variant(self.world.store, self.shop, wish.variant_id)
        if found is None:
            raise Refused(f"variant {wish.variant_id} is not sold here", ["lines", "variant_id"])
        product, variant = found
        cart = CartLine(
            product_id=product["id"],
            variant_id=variant["id"],
            collection_ids=frozenset(product["_collections"]),
            quantity=wish.quantity,
            price=Decimal(variant["price"]),
            discountable=not product["gift_card"],
        )
        return Bought(cart, product["title"], product, variant, [p.model_dump() for p in wish.properties])

    def _known(self, wish: CheckoutIn) -> Json | None:
        """The customer if there is one already."""
        store, domain = self.world.store, self.shop.domain
        if wish.customer_id is not None:
            customer = store.get(domain, "customer", wish.customer_id)
            if customer is None:
                raise Refused(f"customer {wish.customer_id} does not exist", ["customer_id"])
            return customer
        email = wish.customer.email if wish.customer else None
        return store.find(domain, "customer", email.lower()) if email else None

    def _customer(self, wish: CheckoutIn) -> Json | None:
        """The buyer, made a customer on the first purchase."""
        known = self._known(wish)
        if known or wish.customer is None:
            return known
        return self.new_customer(**wish.customer.model_dump())

    def new_customer(self, **fields: Any) -> Json:
        """A new customer and its webhook."""
        customer = catalogue.new_customer(self.world.store, self.shop, self.now, **fields)
        catalogue.save_customer(self.world.store, self.shop, customer)
        emit(self.world, self.shop, "customers/create", customer)
        return customer

    def _apply(
        self, codes: Sequence[str], lines: Sequence[Bought], shipping: Decimal | None, customer: Json | None
    ) -> Applied:
        candidates, unknown = [], {}
        for code in dict.fromkeys(codes):
            found = Codes(self.world, self.shop).find(code)
            if found is None:
                unknown[code] = "unknown_code"
            else:
                candidates.append(self._candidate(found, customer))
        buyer = Buyer(customer["id"] if customer else None)
        applied = apply(
            candidates, [b.cart for b in lines], shipping or Decimal(0), buyer, self.now, self.shop.currency
        )
        return Applied(applied.applications, unknown | applied.rejected)

    def _candidate(self, code: Json, customer: Json | None) -> Candidate:
        discount = self.world.store.get(self.shop.domain, "discount", code["discount_id"])
        uses = self.world.store.find_all(self.shop.domain, "use", str(code["id"]))
        mine = sum(1 for use in uses if customer and use["customer_id"] == customer["id"])
        return Candidate(code["code"], Discount.model_validate(discount), Usage(len(uses), mine))

    def _use_codes(self, order: Json, customer: Json | None) -> None:
        for used in order["discount_codes"]:
            code = self.world.store.find(self.shop.domain, "code", used["code"].upper())
            assert code is not None
            use = {
                "id": self.new_id("use"), "code_id": code["id"], "discount_id": code["discount_id"],
                "order_id": order["id"], "customer_id": customer and customer["id"], "at": utc(self.now),
                "amount": used["amount"], "sales": order["total_price"],
            }  # fmt: skip
            self.world.store.put(
                self.shop.domain, "use", use, lookup=str(code["id"]), created=use["at"], updated=use["at"]
            )

    def _bought(self, order: Json, customer: Json | None) -> None:
        if customer is None:
            return
        customer["_orders"] += 1
        customer["_spent"] = str(Decimal(customer["_spent"]) + Decimal(order["total_price"]))
        customer["_last_order"] = order["id"]
        self.changed_customer(customer)

    def changed_customer(self, customer: Json) -> None:
        """Save a changed customer and tell."""
        customer["updated_at"] = self.shop.stamp(self.now)
        catalogue.save_customer(self.world.store, self.shop, customer)
        emit(self.world, self.shop, "customers/update", customer)

    def changed_product(self, product: Json, topic: str = "products/update") -> None:
        """Save a new or changed product and tell."""
        product["updated_at"] = self.shop.stamp(self.now)
        catalogue.save_product(self.world.store, self.shop, product)
        emit(self.world, self.shop, topic, product)

    def delete_product(self, product: Json) -> None:
        self.world.store.delete(self.shop.domain, "product", product["id"])
        emit(self.world, self.shop, "products/delete", {"id": product["id"]})

    def save(self, order: Json) -> None:
        created, updated = utc(moment(order["created_at"])), utc(moment(order["updated_at"]))
        self.world.store.put(self.shop.domain, "order", order, lookup=order["name"], created=created, updated=updated)

    def _tell(self, order: Json, *topics: str) -> None:
        for topic in (*topics, "orders/updated"):
            emit(self.world, self.shop, topic, order)

    def order(self, order_id: int) -> Json:
        order = self.world.store.get(self.shop.domain, "order", order_id)
        if order is None:
            raise Refused(f"order {order_id} does not exist", ["id"])
        return order

    def pay(self, order_id: int) -> Json:
        """Pay what is owed."""
        with self.world.store.transaction():
            order = self.order(order_id)
            if order["cancelled_at"] or order["financial_status"] == "paid":
                raise Refused("Nothing is owed on this order", ["id"])
            orders.pay(order, self.shop, self.now, self.new_id)
            self.save(order)
            self._tell(order, "orders/paid")
        return order

    def refund(self, order_id: int, wish: RefundWish) -> tuple[Json, Json]:
        """Refund; returns the order and the refund."""
        with self.world.store.transaction():
            order = self.order(order_id)
            refund = changes.refund(order, wish, self.scene)
            self.save(order)
            emit(self.world, self.shop, "refunds/create", refund)
            self._tell(order)
        return order, refund

    def refund_as_asked(self, order_id: int, wish: RefundIn) -> tuple[Json, Json]:
        """A refund from its JSON form; an empty one gives back everything that is left."""
        gives = [Give(line.line_item_id, line.quantity, line.restock_type) for line in wish.lines]
        if wish.lines or wish.shipping is not None or wish.amount is not None:
            return self.refund(order_id, RefundWish(gives, wish.shipping, False, wish.amount, wish.note))
        lines = self.order(order_id)["line_items"]
        gives = [Give(line["id"], line["current_quantity"], "return") for line in lines if line["current_quantity"]]
        return self.refund(order_id, RefundWish(gives, full_shipping=True, note=wish.note))

    def cancel(self, order_id: int, reason: str = "customer") -> Json:
        """Cancel and give back what is left."""
        with self.world.store.transaction():
            order = self.order(order_id)
            refund = changes.cancel(order, reason, self.scene)
            self.save(order)
            if refund is not None:
                emit(self.world, self.shop, "refunds/create", refund)
            self._tell(order, "orders/cancelled")
        return order

    def edit(self, order_id: int, wish: EditIn) -> tuple[Json, Json]:
        """Edit lines; returns the order and the `order_edit` that `orders/edited` carries."""
        with self.world.store.transaction():
            order = self.order(order_id)
            exchange = totals.exchange_of(order)
            added = [
                orders.line_item(self._addition(order, exchange, bought), 0, bought) for bought in self._lines(wish.add)
            ]
            told = changes.edit(order, [(e.line_item_id, e.quantity) for e in wish.set], added, wish.note, self.scene)
            self.save(order)
            emit(self.world, self.shop, "orders/edited", told)
            self._tell(order)
        return order, told

    def _addition(self, order: Json, exchange: Exchange, bought: Bought) -> Sale:
        """What a line added later is priced against: no discounts."""
        return Sale(
            self.shop, exchange, self.now, self.new_id, order["order_number"], [bought], [], None, None, None, {}
        )

    def touch(self, order: Json) -> None:
        """Save an order whose own fields (tags, note…) were changed and tell."""
        orders.touch(order, self.shop, self.now)
        self.save(order)
        self._tell(order)

"""Steering: faults, deliveries, clocks, buckets, tokens, privacy requests, and the logs."""

import json
import sqlite3
import time
from collections import Counter
from dataclasses import dataclass
from typing import Any

from pydantic import Field, TypeAdapter
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from deploy.devstore import catalogue
from deploy.devstore.admin.cost import Bucket
from deploy.devstore.admin.endpoint import Admin
from deploy.devstore.changes import Refused
from deploy.devstore.codes import Codes
from deploy.devstore.delivery import Policy, PostOffice
from deploy.devstore.dev.base import Handler, Json, Side, answered, body_of
from deploy.devstore.faults import Rule
from deploy.devstore.oauth import Tokens
from deploy.devstore.shops import Shop, utc
from deploy.devstore.webhooks import emit
from deploy.devstore.wishes import Strict

SCOPES = [
    "read_all_orders", "write_orders", "write_products", "write_customers", "write_discounts",
    "read_store_credit_accounts", "write_store_credit_account_transactions", "write_gift_cards",
]  # fmt: skip


class ClockIn(Strict):
    """`advance` moves further by seconds (negative: back); `reset` returns to the machine's time."""

    advance: float | None = None
    reset: bool = False


class ThrottleIn(Strict):
    """The bucket. `available` sets what is left now."""

    maximum: float | None = Field(None, gt=0)
    restore: float | None = Field(None, gt=0)
    available: float | None = Field(None, ge=0)


class TokenIn(Strict):
    """A token without OAuth, as of a custom app."""

    scopes: list[str] = SCOPES
    expiring: bool = False


def _call(row: sqlite3.Row) -> Json:
    """A line of the call log with its JSON columns read."""
    parsed = {name: json.loads(row[name]) for name in ("variables", "cost", "errors")}
    return {**dict(row), **parsed}


@dataclass(frozen=True)
class ControlSide(Side):
    """The strings behind the stage; each handler answers JSON."""

    admin: Admin
    office: PostOffice

    def routes(self) -> list[Route]:
        shop = "/_dev/shops/{shop}"
        table: list[tuple[str, str, Handler]] = [
            ("GET", "/_dev/shops", self.shops), ("GET", "/_dev/faults", self.get_faults),
            ("PUT", "/_dev/faults", self.put_faults), ("DELETE", "/_dev/faults", self.delete_faults),
            ("GET", "/_dev/deliveries", self.deliveries), ("DELETE", "/_dev/deliveries", self.forget_deliveries),
            ("POST", "/_dev/deliveries/{id:int}/redeliver", self.redeliver), ("GET", "/_dev/webhooks", self.get_policy),
            ("PUT", "/_dev/webhooks", self.put_policy),
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

    def _privacy(self, request: Request, topic: str, **more: Any) -> Response:
        """Queue a compliance webhook about a customer."""
        till = self.till(request)
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
        till = self.till(request)
        with self.world.store.transaction():
            emit(self.world, till.shop, "shop/redact", {"shop_id": till.shop.id, "shop_domain": till.shop.domain})
        return JSONResponse({"sent": "shop/redact"}, 202)

    async def uninstall(self, request: Request) -> Response:
        """The merchant removes the app: webhook, then tokens and subscriptions are gone."""
        till = self.till(request)
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
        return JSONResponse({"data": list(self.world.store.all(self.till(request).shop.domain, "subscription"))})

    async def drop_subscriptions(self, request: Request) -> Response:
        """As Shopify does after too many failures: they are gone, nobody is told."""
        return JSONResponse({"deleted": self._drop_subscriptions(self.till(request).shop)})

    async def codes(self, request: Request) -> Response:
        """Every discount code with its discount and true use count."""
        till = self.till(request)
        domain = till.shop.domain
        discounts = {d["id"]: d for d in self.world.store.all(domain, "discount")}
        uses = Counter(use["code_id"] for use in self.world.store.all(domain, "use"))
        found = [
            {**code, "uses": uses[code["id"]], "discount": discounts[code["discount_id"]]}
            for code in Codes(self.world, till.shop).all()
        ]
        return JSONResponse({"data": found})

    async def calls(self, request: Request) -> Response:
        """The log of Admin calls, newest first, with the shop in the URL and the token seen; `?limit=` (200)."""
        domain, limit = self.till(request).shop.domain, int(request.query_params.get("limit", 200))
        rows = self.world.store.db.execute(
            "SELECT * FROM calls WHERE shop=? ORDER BY id DESC LIMIT ?", (domain, limit)
        ).fetchall()
        return JSONResponse({"data": [_call(row) for row in rows]})

    async def forget_calls(self, request: Request) -> Response:
        gone = self.world.store.db.execute("DELETE FROM calls WHERE shop=?", (self.till(request).shop.domain,))
        return JSONResponse({"deleted": gone.rowcount})

    async def clock(self, request: Request) -> Response:
        till, wish = self.till(request), await body_of(request, ClockIn)
        clock = self.world.clock(till.shop)
        if wish.reset:
            clock.reset()
        if wish.advance is not None:
            clock.advance(wish.advance)
        return await self.get_clock(request)

    async def get_clock(self, request: Request) -> Response:
        clock = self.world.clock(self.till(request).shop)
        return JSONResponse({"now": utc(clock.now()), "shift_seconds": clock.shift.total_seconds()})

    async def throttle(self, request: Request) -> Response:
        till, wish = self.till(request), await body_of(request, ThrottleIn)
        old = self.admin.bucket(till.shop)
        size = {"maximum": wish.maximum or old.maximum, "restore": wish.restore or old.restore}
        self.world.store.set_setting(f"throttle/{till.shop.domain}", size)
        bucket = self.admin.buckets[till.shop.domain] = Bucket(size["maximum"], size["restore"])
        if wish.available is not None:
            bucket.take(max(0.0, bucket.maximum - wish.available))
        return JSONResponse(bucket.status())

    async def token(self, request: Request) -> Response:
        till, wish = self.till(request), await body_of(request, TokenIn)
        return JSONResponse(Tokens(self.world).issue(till.shop.domain, wish.scopes, expiring=wish.expiring), 201)

    async def expire_tokens(self, request: Request) -> Response:
        return JSONResponse({"expired": Tokens(self.world).expire(self.till(request).shop.domain)})

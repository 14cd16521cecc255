"""The shop that people click through: server-rendered, no script needed, English and Russian."""

import hashlib
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qsl, urlencode

import aiohttp
from jinja2 import Environment, FileSystemLoader, select_autoescape
from pydantic import BaseModel, ValidationError
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from deploy.devstore import catalogue, proxy
from deploy.devstore.amounts import RATES
from deploy.devstore.changes import Refused
from deploy.devstore.orders import Bought
from deploy.devstore.sales import Till
from deploy.devstore.shops import Shop
from deploy.devstore.texts import TEXTS
from deploy.devstore.wishes import BuyerIn, CheckoutIn, LineIn, NameValue
from deploy.devstore.world import World
from shared.money import quantize

Json = dict[str, Any]
COOKIE = "devstore"
KEPT = ("ref", "vclid")  # what the landing page's query leaves in the cart's attributes
PAGES = Path(__file__).with_name("templates")


class Session(BaseModel):
    """What the shop remembers of a visitor."""

    cart: dict[int, int] = {}
    codes: list[str] = []
    landing_site: str | None = None
    referring_site: str | None = None
    attributes: dict[str, str] = {}
    customer_id: int | None = None
    language: str = "en"
    currency: str | None = None


@dataclass
class Visit:
    """One request of a visitor to a shop."""

    world: World
    shop: Shop
    request: Request
    key: str
    session: Session
    form: dict[str, str] = field(default_factory=dict)

    @property
    def base(self) -> str:
        return f"/shops/{self.shop.domain}"

    @property
    def till(self) -> Till:
        return Till(self.world, self.shop)

    @property
    def customer(self) -> Json | None:
        known = self.session.customer_id
        return self.world.store.get(self.shop.domain, "customer", known) if known else None

    def save(self, response: Response) -> Response:
        self.world.store.set_setting(f"session/{self.key}", self.session.model_dump())
        response.set_cookie(COOKIE, self.key, path=self.base, httponly=True, samesite="lax")
        return response

    def go(self, path: str) -> Response:
        return self.save(RedirectResponse(self.base + path, 303))


View = Callable[["Storefront", Visit], Awaitable[Response]]


class Storefront:
    """Pages and forms of every shop."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.pages = Environment(
            loader=FileSystemLoader(PAGES), autoescape=select_autoescape(), trim_blocks=True, lstrip_blocks=True
        )

    def routes(self) -> list[Route]:
        base = "/shops/{shop}"
        views: list[tuple[str, str, View]] = [
            ("GET", "/", home), ("GET", "/collections/{handle}", home), ("GET", "/products/{handle}", product),
            ("GET", "/cart", cart), ("POST", "/cart", change_cart), ("GET", "/discount/{code}", discount_link),
            ("GET", "/checkout", checkout), ("POST", "/checkout", buy), ("GET", "/orders/{token}", order),
            ("POST", "/session", change_session), ("GET", "/rewards", rewards),
        ]  # fmt: skip
        return [
            Route("/", self.shops), Route(base + "/images/{handle}.svg", self.image),
            *(Route(base + path, self._page(view), methods=[method]) for method, path, view in views),
        ]  # fmt: skip

    def customer_id(self, request: Request) -> str:
        """The id of the customer who is logged in, empty for nobody."""
        known = self._session(request.cookies.get(COOKIE)).customer_id
        return str(known) if known else ""

    def _session(self, key: str | None) -> Session:
        raw = self.world.store.setting(f"session/{key}") if key else None
        return Session.model_validate(raw) if raw else Session()

    def _page(self, view: View) -> Callable[[Request], Awaitable[Response]]:
        async def page(request: Request) -> Response:
            shop = self.world.shop(request.path_params["shop"])
            if shop is None:
                return HTMLResponse("No such shop", 404)
            return await view(self, await self._visit(shop, request))

        return page

    async def _visit(self, shop: Shop, request: Request) -> Visit:
        key = request.cookies.get(COOKIE) or secrets.token_hex(12)
        visit = Visit(self.world, shop, request, key, self._session(key))
        if request.method == "POST":
            visit.form = dict(parse_qsl((await request.body()).decode(errors="replace"), keep_blank_values=True))
        arrive(visit)
        return visit

    def show(self, visit: Visit, page: str, status: int = 200, **values: Any) -> Response:
        """Render a page in the visitor's language."""
        language = visit.session.language
        known = {
            "shop": visit.shop, "base": visit.base, "t": SimpleNamespace(**TEXTS[language]), "lang": language,
            "customer": visit.customer, "count": sum(visit.session.cart.values()),
            "money": lambda amount, currency=None: money(amount, currency or visit.shop.currency, language),
            "customers": list(self.world.store.all(visit.shop.domain, "customer")), "session": visit.session,
            "title_of": lambda doc: title_of(doc, language),
            "about": lambda doc: doc.get("_bodies", {}).get(language, ""),
        }  # fmt: skip
        html = self.pages.get_template(f"{page}.html").render(**known, **values)
        return visit.save(HTMLResponse(html, status))

    async def shops(self, request: Request) -> Response:
        html = self.pages.get_template("shops.html").render(shops=catalogue.shops().values())
        return HTMLResponse(html)

    async def image(self, request: Request) -> Response:
        """A picture made of the product's name: two hues and its first letter."""
        hue = int(hashlib.sha256(request.path_params["handle"].encode()).hexdigest()[:4], 16) % 360
        svg = self.pages.get_template("image.svg").render(hue=hue, letter=request.path_params["handle"][:1].upper())
        return Response(svg, media_type="image/svg+xml", headers={"Cache-Control": "max-age=86400"})


def title_of(doc: Json, language: str) -> str:
    return str(doc.get("_titles", {}).get(language) or doc["title"])


def money(amount: Decimal | str, currency: str, language: str) -> str:
    """An amount as people write it: `1 234,50 €` in Russian, `1,234.50 €` in English."""
    sign = {"EUR": "€", "USD": "$", "GBP": "£", "RUB": "₽"}.get(currency, currency)
    number = f"{quantize(Decimal(amount), currency):,f}"
    if language == "ru":
        number = number.translate({ord(","): "\u00a0", ord("."): ","})
    return f"{number}\u202f{sign}"


def arrive(visit: Visit) -> None:
    """The first page of a visit is its landing page; a later visit through a link is a new landing."""
    query = dict(parse_qsl(visit.request.url.query))
    if query.get("lang") in TEXTS:
        visit.session.language = query["lang"]
    if query.get("currency") in RATES:
        visit.session.currency = query["currency"]
    kept = {name: query[name] for name in KEPT if query.get(name)}
    if visit.request.method != "GET" or (visit.session.landing_site and not kept):
        return
    path = visit.request.url.path.removeprefix(visit.base) or "/"
    visit.session.landing_site = f"{path}?{visit.request.url.query}" if visit.request.url.query else path
    visit.session.referring_site = visit.request.headers.get("referer")
    visit.session.attributes |= kept


async def home(front: Storefront, visit: Visit) -> Response:
    """All products, or those of a collection."""
    store, domain = visit.world.store, visit.shop.domain
    collections, chosen = list(store.all(domain, "collection")), visit.request.path_params.get("handle")
    current = next((c for c in collections if c["handle"] == chosen), None)
    products = [p for p in store.all(domain, "product") if current is None or current["id"] in p["_collections"]]
    status = 404 if chosen and current is None else 200
    return front.show(visit, "home", status, products=products, collections=collections, current=current)


async def product(front: Storefront, visit: Visit) -> Response:
    found = visit.world.store.find(visit.shop.domain, "product", visit.request.path_params["handle"])
    return front.show(visit, "product" if found else "missing", 200 if found else 404, product=found)


def wish_of(visit: Visit, **more: Any) -> CheckoutIn:
    """The visitor's cart as a checkout."""
    session = visit.session
    return CheckoutIn(
        lines=[LineIn(variant_id=variant, quantity=quantity) for variant, quantity in session.cart.items()],
        discount_codes=session.codes, landing_site=session.landing_site, referring_site=session.referring_site,
        note_attributes=[NameValue(name=name, value=value) for name, value in session.attributes.items()],
        presentment_currency=session.currency, cart_token=visit.key, locale=session.language,
        browser_ip=visit.request.client.host if visit.request.client else "127.0.0.1",
        user_agent=visit.request.headers.get("user-agent", ""),
        accept_language=visit.request.headers.get("accept-language", "en"),
        **({"customer_id": session.customer_id} | more),
    )  # fmt: skip


def summary(visit: Visit) -> Json:
    """What the cart costs, with the codes that apply and why others do not."""
    if not visit.session.cart:
        return {"lines": [], "codes": [], "rejected": {}, "shipping": None, "total": Decimal(0)}
    lines, shipping, applied = visit.till.quote(wish_of(visit))
    off = {a.code: a.amount for a in applied.applications}
    total = sum((line.cart.total for line in lines), shipping or Decimal(0)) - sum(off.values())
    return {
        "lines": [_shown(line) for line in lines],
        "codes": off,
        "rejected": applied.rejected,
        "shipping": shipping,
        "total": total,
    }


def _shown(line: Bought) -> Json:
    return {"product": line.product, "variant": line.variant, "quantity": line.cart.quantity, "total": line.cart.total}


async def cart(front: Storefront, visit: Visit) -> Response:
    return front.show(visit, "cart", cart=_safe_summary(visit))


def _safe_summary(visit: Visit) -> Json:
    """A product may have been deleted since it was put into the cart."""
    try:
        return summary(visit)
    except Refused:
        visit.session.cart = {}
        return summary(visit)


async def change_cart(front: Storefront, visit: Visit) -> Response:
    """`variant` + `quantity` sets, `add` adds; `code` enters a discount code, `remove_code` takes it out."""
    form, session = visit.form, visit.session
    if form.get("variant", "").isdigit():
        variant, quantity = int(form["variant"]), int(form["quantity"]) if form.get("quantity", "").isdigit() else 1
        quantity += session.cart.get(variant, 0) if "add" in form else 0
        session.cart = {k: v for k, v in (session.cart | {variant: min(quantity, 99)}).items() if v > 0}
    if code := form.get("code", "").strip():
        session.codes = list(dict.fromkeys([*session.codes, code]))
    if gone := form.get("remove_code"):
        session.codes = [c for c in session.codes if c != gone]
    return visit.go("/cart")


async def discount_link(front: Storefront, visit: Visit) -> Response:
    """Shopify's shareable discount link: the code waits in the cart."""
    visit.session.codes = list(dict.fromkeys([*visit.session.codes, visit.request.path_params["code"]]))
    target = visit.request.query_params.get("redirect", "/")
    return visit.go(target if target.startswith("/") and not target.startswith("//") else "/")


async def checkout(front: Storefront, visit: Visit) -> Response:
    return front.show(visit, "checkout", cart=_safe_summary(visit), error=None)


async def buy(front: Storefront, visit: Visit) -> Response:
    """Buy as the chosen customer or as a new one."""
    form = visit.form
    if not visit.session.cart:
        return visit.go("/cart")
    try:
        made, _ = visit.till.checkout(
            wish_of(visit, **_buyer(visit), tip=Decimal(form.get("tip") or 0), note=form.get("note") or None)
        )
    except (ValidationError, Refused, ArithmeticError) as error:
        return front.show(visit, "checkout", 422, cart=_safe_summary(visit), error=str(error))
    visit.session.customer_id = made["customer"]["id"] if made["customer"] else visit.session.customer_id
    visit.session.cart, visit.session.codes = {}, []
    return visit.go(f"/orders/{made['token']}")


def _buyer(visit: Visit) -> Json:
    chosen = visit.form.get("customer", "")
    if chosen.isdigit():
        return {"customer_id": int(chosen)}
    email = visit.form.get("email", "").strip()
    if "@" not in email:
        raise Refused(TEXTS[visit.session.language]["email_needed"], ["email"])
    names = {"first_name": visit.form.get("first_name") or None, "last_name": visit.form.get("last_name") or None}
    return {"customer_id": None, "customer": BuyerIn(email=email, locale=visit.session.language, **names)}


async def order(front: Storefront, visit: Visit) -> Response:
    token = visit.request.path_params["token"]
    found = next((o for o in visit.world.store.all(visit.shop.domain, "order") if o["token"] == token), None)
    return front.show(visit, "order" if found else "missing", 200 if found else 404, order=found)


async def change_session(front: Storefront, visit: Visit) -> Response:
    """Log in as a customer (or nobody)."""
    chosen = visit.form.get("customer", "")
    visit.session.customer_id = int(chosen) if chosen.isdigit() else None
    return visit.go("/rewards" if visit.form.get("to") == "rewards" else "/")


async def rewards(front: Storefront, visit: Visit) -> Response:
    """What the app says this customer has, asked through the App Proxy as the theme would."""
    answer = await _ask_app(visit)
    return front.show(visit, "rewards", grants=answer, login=urlencode({"to": "rewards"}))


async def _ask_app(visit: Visit) -> list[Json] | None:
    """The grants; None when the app did not answer with any list."""
    query = proxy.signed(visit.shop, [], str(visit.session.customer_id or ""))
    url = f"{visit.world.settings.gateway}/proxy/rewards?{query}"
    try:
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as client, client.get(url) as response:
            body = await response.json(content_type=None) if response.status == 200 else None
    except (aiohttp.ClientError, TimeoutError, ValueError):
        return None
    found = body.get("data") if isinstance(body, dict) else body
    return found if isinstance(found, list) else None

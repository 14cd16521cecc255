"""Makes the demo exist, through the public API alone, and writes DIR/vouch.json. A second run re-uses what is there."""

import secrets
from dataclasses import dataclass
from typing import Any

import aiohttp

from deploy.demo import connections, content
from deploy.demo.api import Api, Refusal, until
from deploy.demo.memory import Memory
from deploy.stack.datadir import DataDir
from deploy.stack.errors import StackError
from deploy.stack.parts import Say

CATALOGUE = 12
SPEC = 1  # of vouch.json


@dataclass(frozen=True, slots=True)
class Place:
    """Where the demo is to be made, and where to write down what came of it."""

    directory: DataDir
    operator_token: str
    gateway_url: str
    devstore_url: str
    devnet_url: str
    mongo_uri: str
    kafka: str


class Seeder:
    """One run. Steps may be repeated from the start at any time: each is remembered or idempotent."""

    def __init__(self, place: Place, http: aiohttp.ClientSession, say: Say) -> None:
        self.place, self.http, self.say = place, http, say
        self.gateway_url, self.devnet_url = place.gateway_url, place.devnet_url
        self.devstore_url = place.devstore_url
        self.operator = Api(http, self.gateway_url, place.operator_token)
        self.devstore, self.devnet = Api(http, self.devstore_url), Api(http, self.devnet_url)
        self.memory = Memory(place.directory)

    async def run(self) -> None:
        await self._forget_what_is_gone()
        shops = {shop["domain"]: shop for shop in (await self.devstore.get("/_dev/shops"))["data"]}
        self.say("demo: brands and keys")
        brand = await self._brand(shops[content.SHOP])
        other = await self._brand(shops[content.OTHER_SHOP])
        admin = Api(self.http, self.gateway_url, brand["key"])
        self.say("demo: shops (OAuth, webhooks, catalogue)")
        await self._install(admin, shops[content.SHOP])
        await self._install(Api(self.http, self.gateway_url, other["key"]), shops[content.OTHER_SHOP])
        self.say("demo: networks, voice")
        accounts = await self._connections(admin, shops[content.SHOP]["name"])
        await self.memory.once("voice", lambda: admin.put("/v1/admin/voice", content.VOICE))
        self.say("demo: programme, ambassador, campaigns")
        ambassador = await self._ambassador(admin)
        for terms in content.CAMPAIGNS:
            await self._thing(admin, "campaigns", terms, terms["name"])
        await self._catalogue(admin)
        await until(lambda: self._leads_on(ambassador["link"]), f"The link {ambassador['link']} leads nowhere")
        self._write(shops, brand, other, accounts, ambassador)

    async def _forget_what_is_gone(self) -> None:
        """What is remembered of another database (a new --mongo, say) is of no use."""
        known = self.memory.get(f"brand:{content.SHOP}")
        if known:
            try:
                await Api(self.http, self.gateway_url, known["key"]).get("/v1/admin/brand")
            except Refusal as refusal:
                if refusal.status not in {401, 403, 404}:
                    raise
                self.memory.forget()

    async def _brand(self, shop: dict[str, Any]) -> dict[str, str]:
        """`{id, key}` of the shop's brand and its owner key."""
        name = f"brand:{shop['domain']}"
        known = self.memory.get(name)
        if known is None:
            known = await self._create_brand(shop)
            self.memory.keep(name, known)
        if known["storefront_url"] != shop["storefront_url"]:
            admin = Api(self.http, self.gateway_url, known["key"])
            await admin.patch("/v1/admin/brand", {"storefront_url": shop["storefront_url"]})
            self.memory.keep(name, known | {"storefront_url": shop["storefront_url"]})
        return dict(known)

    async def _create_brand(self, shop: dict[str, Any]) -> dict[str, str]:
        body = {
            "name": shop["name"],
            "shop_domain": shop["domain"],
            "currency": shop["currency"],
            "time_zone": shop["time_zone"],
            "storefront_url": shop["storefront_url"],
        }
        try:
            brand_id = (await self.operator.post("/v1/operator/brands", body, key=f"demo-brand-{shop['domain']}"))["id"]
        except Refusal as refusal:
            if refusal.status not in {409, 422}:
                raise
            brand_id = await self._existing(shop["domain"], refusal)
        # A key is shown once, so a repetition under the same Idempotency-Key could not bring it back.
        wish = {"brand_id": brand_id, "role": "owner", "name": "demo"}
        key = await self.operator.post("/v1/operator/keys", wish, key=f"demo-key-{secrets.token_hex(8)}")
        return {"id": brand_id, "key": key["key"], "storefront_url": shop["storefront_url"]}

    async def _existing(self, domain: str, refusal: Refusal) -> str:
        found = (await self.operator.get("/v1/operator/brands?limit=200"))["data"]
        for brand in found:
            if brand["shop_domain"] == domain:
                return str(brand["id"])
        raise refusal

    async def _install(self, admin: Api, shop: dict[str, Any]) -> None:
        """The real OAuth flow, clicked through as a merchant would; again when the gateway has moved."""
        name = f"installed:{shop['domain']}:{self.gateway_url}"
        if self.memory.get(name):
            return
        app = {"client_id": shop["client_id"], "client_secret": shop["client_secret"]}
        wish = await admin.post("/v1/admin/shopify/install", app)
        await admin.get(wish["authorize_url"])

        async def subscribed() -> Any:
            return (await self.devstore.get(f"/_dev/shops/{shop['domain']}/subscriptions"))["data"]

        await until(subscribed, f"The app is installed at {shop['domain']}, but no webhook got subscribed")
        self.memory.keep(name, True)

    async def _connections(self, admin: Api, brand: str) -> dict[str, dict[str, Any]]:
        made = {
            name: await connections.connect(admin, self.memory, name, self.devnet_url) for name in connections.NETWORKS
        }
        await connections.register(self.devnet, self.gateway_url, brand, made)
        return made

    async def _ambassador(self, admin: Api) -> dict[str, str]:
        """`{id, code, token, link}` of the one active ambassador; the token is fresh each time."""
        program = await self._thing(admin, "programs", content.PROGRAM, content.PROGRAM["name"])
        person = {**content.AMBASSADOR, "program_id": program["id"], "customer_id": await self._customer()}
        made = await self._thing(admin, "ambassadors", person, content.AMBASSADOR["name"])
        path = f"/v1/admin/ambassadors/{made['id']}"
        now = await admin.get(path)
        if now["status"] != "active":
            await admin.post(f"{path}/approve", {}, key="demo-ambassador-approve")
            now = await until(lambda: self._active(admin, path), "The demo's ambassador does not become active")
        token = await admin.post(f"{path}/token", {})
        return {"id": made["id"], "code": now["code"], "token": token["token"], "link": now["link"]}

    @staticmethod
    async def _active(admin: Api, path: str) -> Any:
        found = await admin.get(path)
        return found if found["status"] == "active" and found.get("code") else None

    async def _customer(self) -> str | None:
        """The ambassador's customer id at the dev store, by her e-mail."""
        found = (await self.devstore.get(f"/_dev/shops/{content.SHOP}/customers"))["data"]
        ids = [str(person["id"]) for person in found if person["email"] == content.AMBASSADOR["email"]]
        return ids[0] if ids else None

    async def _thing(self, admin: Api, kind: str, body: dict[str, Any], name: str) -> dict[str, Any]:
        """The remembered one, else the one of that name, else a new one."""
        known = self.memory.get(f"{kind}:{name}")
        if known is None:
            found = (await admin.get(f"/v1/admin/{kind}?limit=200"))["data"]
            known = next((thing for thing in found if thing["name"] == name), None)
            known = known or await admin.post(f"/v1/admin/{kind}", body, key=f"demo-{kind}-{name.encode().hex()[:40]}")
            self.memory.keep(f"{kind}:{name}", {"id": known["id"]})
        return dict(known)

    async def _catalogue(self, admin: Api) -> None:
        async def arrived() -> bool:
            return len((await admin.get("/v1/admin/products?limit=200"))["data"]) >= CATALOGUE

        self.say("demo: waiting for the catalogue from the shop")
        await until(arrived, "The catalogue does not arrive from the dev store")

    async def _leads_on(self, link: str) -> bool:
        """HEAD, since that is not counted as a click."""
        async with self.http.head(link, allow_redirects=False) as answer:
            return "ref=" in answer.headers.get("Location", "")

    def _write(
        self,
        shops: dict[str, Any],
        brand: dict[str, str],
        other: dict[str, str],
        accounts: dict[str, dict[str, Any]],
        ambassador: dict[str, str],
    ) -> None:
        shop = shops[content.SHOP]
        self.place.directory.remember(
            self.place.directory.vouch_json,
            {
                "version": SPEC,
                "gateway_url": self.gateway_url,
                "brand_id": brand["id"],
                "currency": shop["currency"],
                "admin_api_key": brand["key"],
                "ambassador": ambassador,
                "shopify": {
                    "shop_domain": shop["domain"],
                    "client_id": shop["client_id"],
                    "client_secret": shop["client_secret"],
                },
                "connections": connections.told(accounts),
                "devstore_url": self.devstore_url,
                "devnet_url": self.devnet_url,
                "mongo_uri": self.place.mongo_uri,
                "kafka": self.place.kafka,
                "other_brand": {
                    "brand_id": other["id"],
                    "admin_api_key": other["key"],
                    "shop_domain": content.OTHER_SHOP,
                },
            },
        )


async def seed(place: Place, say: Say) -> None:
    """Seed and write vouch.json. Raises StackError with the words of whoever refused."""
    async with aiohttp.ClientSession() as http:
        try:
            await Seeder(place, http, say).run()
        except KeyError as error:
            raise StackError(f"Seeding the demo: an answer has no {error}.") from error

"""What the people of the demo do, each through the door a real person would use."""

import random
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from deploy.demo.api import Api
from deploy.traffic.lines import AMBASSADOR, LINES, PEOPLE, WEIGHTS, Someone

BROWSER = "Mozilla/5.0 (iPhone; CPU iPhone OS 19_1 like Mac OS X) AppleWebKit/605.1.15 Version/19.1 Mobile Safari/604.1"
FIRST_NAMES = ["Nora", "Felix", "Ирина", "Max", "Ольга", "Leo", "Катя", "Ben", "Юля", "Ida", "Пётр", "Ella"]


class Crowd:
    """`facts` is vouch.json; `chance` decides everything, so that a seed repeats a run."""

    def __init__(self, facts: dict[str, Any], http: aiohttp.ClientSession, chance: random.Random) -> None:
        self.facts, self.http, self.chance = facts, http, chance
        self.devnet = Api(http, facts["devnet_url"])
        self.devstore = Api(http, facts["devstore_url"])
        self.admin = Api(http, facts["gateway_url"], facts["admin_api_key"])
        self.shop = f"/_dev/shops/{facts['shopify']['shop_domain']}"
        self.orders: list[dict[str, Any]] = []

    async def someone_posts(self) -> str:
        mood = self.chance.choices([*WEIGHTS], [*WEIGHTS.values()])[0]
        who = AMBASSADOR if mood == "ambassador" else self.chance.choice(PEOPLE)
        network = self.chance.choice(who.networks)
        text = await self._line(mood, who)
        await self.devnet.post("/_dev/post", self._post(network, who, text))
        return f"{who.name} on {network}: {text}"

    def _post(self, network: str, who: Someone, text: str) -> dict[str, Any]:
        author = {"handle": who.handle, "name": who.name, "followers": who.followers}
        connection = self.facts["connections"][network]["id"]
        return {"network": network, "connection": connection, "author": author, "text": text}

    async def _line(self, mood: str, who: Someone) -> str:
        product = self.chance.choice(await self._products())
        titles = product.get("titles") or {}
        ambassador = self.facts["ambassador"]
        return self.chance.choice(LINES[who.language][mood]).format(
            product=titles.get(who.language) or product["title"], link=ambassador["link"], code=ambassador["code"]
        )

    async def _products(self) -> list[dict[str, Any]]:
        return [dict(product) for product in (await self.admin.get("/v1/admin/products?limit=50"))["data"]]

    async def someone_buys(self) -> str:
        """By the ambassador's link, by her code, by a reward code, or just so."""
        way = self.chance.choices(["link", "code", "link_and_reward", "alone"], [45, 20, 15, 20])[0]
        landing = await self._follow_link() if way.startswith("link") else "/"
        codes = [self.facts["ambassador"]["code"]] if way == "code" else []
        if way == "link_and_reward":
            codes = await self._a_reward_code()
        wish = await self._basket() | {
            "discount_codes": codes,
            "landing_site": landing,
            "referring_site": self.chance.choice([None, "https://t.me/", "https://www.instagram.com/"]),
        }
        order = (await self.devstore.post(f"{self.shop}/checkout", wish))["order"]
        self.orders = [*self.orders[-19:], order]
        return f"{order['name']} by {way.replace('_', ' ')}: {order['total_price']} {order['currency']}"

    async def _follow_link(self) -> str:
        """Where the link leads, as path and query: what Shopify keeps as the landing site."""
        headers = {"User-Agent": BROWSER}
        async with self.http.get(self.facts["ambassador"]["link"], headers=headers, allow_redirects=False) as answer:
            parts = urlsplit(answer.headers.get("Location", "/"))
        return f"{parts.path}?{parts.query}" if parts.query else parts.path

    async def _a_reward_code(self) -> list[str]:
        grants = (await self.admin.get("/v1/admin/grants?status=issued&limit=50"))["data"]
        codes = [grant["code"] for grant in grants if grant.get("code")]
        return [self.chance.choice(codes)] if codes else []

    async def _basket(self) -> dict[str, Any]:
        products = (await self.devstore.get(f"{self.shop}/products"))["data"]
        chosen = self.chance.sample(products, self.chance.choice([1, 1, 2]))
        lines = [
            {"variant_id": self.chance.choice(p["variants"])["id"], "quantity": self.chance.choice([1, 1, 2])}
            for p in chosen
        ]
        name = self.chance.choice(FIRST_NAMES)
        number = self.chance.randrange(1, 400)
        email = f"buyer{number}@example.com"
        return {"lines": lines, "customer": {"email": email, "first_name": name, "last_name": "Demo"}}

    async def someone_sends_back(self) -> str:
        """A refund of one line of a recent order, or of all that is left of it."""
        if not self.orders:
            return await self.someone_buys()
        order = self.orders.pop(self.chance.randrange(len(self.orders)))
        line = self.chance.choice(order["line_items"])
        partly = {"lines": [{"line_item_id": line["id"], "quantity": 1}]}
        await self.devstore.post(f"{self.shop}/orders/{order['id']}/refund", self.chance.choice([partly, {}]))
        return f"{order['name']} comes back"

    async def marketer_decides(self) -> str:
        """Approves what is kind, rejects now and then, and lets drafted replies go out."""
        mentions = (await self.admin.get("/v1/admin/mentions?status=new&limit=10"))["data"]
        for mention in mentions:
            verb = "reject" if mention.get("intent") == "spam" else "approve"
            await self._decide("mentions", mention["id"], verb, {"reason": "SPAM"} if verb == "reject" else {})
        replies = (await self.admin.get("/v1/admin/replies?status=proposed&limit=10"))["data"]
        for reply in replies:
            await self._decide("replies", reply["id"], "approve", {})
        return f"marketer: {len(mentions)} mentions, {len(replies)} replies"

    async def _decide(self, kind: str, id: str, verb: str, body: dict[str, Any]) -> None:
        await self.admin.post(f"/v1/admin/{kind}/{id}/{verb}", body, key=f"demo-{verb}-{id}")

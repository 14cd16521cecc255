"""Redeem codes: unique in a shop whatever their case; bulk creations are worked off when they are due."""

from dataclasses import dataclass
from typing import Any

from deploy.devstore.shops import Shop, utc
from deploy.devstore.world import World

Json = dict[str, Any]
TAKEN = "Code must be unique. Please try a different code."
LONGEST = 255


@dataclass(frozen=True)
class Codes:
    """The codes of one shop."""

    world: World
    shop: Shop

    def find(self, code: str) -> Json | None:
        self.work_off()
        return self.world.store.find(self.shop.domain, "code", code.upper())

    def of(self, discount_id: int) -> list[Json]:
        """The codes of a discount, oldest first."""
        return [code for code in self.all() if code["discount_id"] == discount_id]

    def all(self) -> list[Json]:
        self.work_off()
        return list(self.world.store.all(self.shop.domain, "code"))

    def problem(self, code: str | None, own: int | None = None) -> tuple[str, str] | None:
        """Why a code cannot be had, as Shopify's error code and message; `own`: the id of the code to be renamed."""
        if not code or not code.strip():
            return "BLANK", "Code can't be blank"
        if len(code) > LONGEST:
            return "TOO_LONG", f"Code is too long (maximum is {LONGEST} characters)"
        taken = self.world.store.find(self.shop.domain, "code", code.upper())
        return ("TAKEN", TAKEN) if taken and taken["id"] != own else None

    def add(self, discount_id: int, code: str) -> Json:
        id_ = self.world.store.new_id(self.shop.domain, "code")
        return self.save(
            {"id": id_, "discount_id": discount_id, "code": code, "created_at": utc(self.world.now(self.shop))}
        )

    def save(self, doc: Json) -> Json:
        at = doc["created_at"]
        self.world.store.put(self.shop.domain, "code", doc, lookup=doc["code"].upper(), created=at, updated=at)
        return doc

    def delete(self, code_id: int) -> None:
        self.world.store.delete(self.shop.domain, "code", code_id)

    def ask_bulk(self, discount_id: int, codes: list[str], due: str) -> Json:
        """Record what is to be created; `due` is when it will be, by the shop's clock."""
        bulk = {
            "id": self.world.store.new_id(self.shop.domain, "bulk"), "discount_id": discount_id, "codes": [],
            "created_at": utc(self.world.now(self.shop)), "wanted": codes, "due": due,
        }  # fmt: skip
        return self._save_bulk(bulk)

    def _save_bulk(self, bulk: Json) -> Json:
        state, at = "todo" if bulk["wanted"] else "done", bulk["created_at"]
        self.world.store.put(self.shop.domain, "bulk", bulk, lookup=state, created=at, updated=at)
        return bulk

    def work_off(self) -> None:
        """Create the codes of bulk creations that are due."""
        now = utc(self.world.now(self.shop))
        with self.world.store.transaction():
            for bulk in self.world.store.find_all(self.shop.domain, "bulk", "todo"):
                if bulk["due"] <= now:
                    done = [self._one_of_bulk(bulk["discount_id"], code) for code in bulk["wanted"]]
                    self._save_bulk({**bulk, "codes": done, "wanted": []})

    def _one_of_bulk(self, discount_id: int, code: str) -> Json:
        problem = self.problem(code)
        return {"code": code, "id": None if problem else self.add(discount_id, code)["id"], "problem": problem}

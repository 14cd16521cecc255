"""A unit of work in memory, a Shopify in memory, and messages to begin with."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar

from services.rewards.models import Grant
from shared.contracts.base import Message
from shared.contracts.rewards import CampaignTerms, Caps, DiscountReward, IssueGrant, Recipient
from shared.documents import Document
from shared.records import Meta
from shared.shopify import ShopifyError, UserError, UserErrors, documents

D = TypeVar("D", bound=Document)
BRAND, CAMPAIGN = "brd_1", "cmp_1"
AT = datetime(2026, 11, 22, 10, tzinfo=UTC)


class FakeUnitOfWork:
    """What handlers use of `UnitOfWork`; documents go through their stored form, as in MongoDB."""

    def __init__(self) -> None:
        self.now = AT
        self.rows: dict[str, dict[str, Any]] = {}
        self.emitted: list[Message] = []
        self.jobs: dict[str, tuple[str, dict[str, Any]]] = {}

    async def get(self, model: type[D], id: str) -> D | None:
        raw = self.rows.get(model.collection, {}).get(id)
        return model.load(raw) if raw else None

    async def get_many(self, model: type[D], ids: Iterable[str]) -> dict[str, D]:
        found = {id: await self.get(model, id) for id in ids}
        return {id: document for id, document in found.items() if document}

    async def find(self, model: type[D], filter: Mapping[str, Any], *, limit: int = 0, sort: Any = None) -> list[D]:
        rows = [model.load(raw) for raw in self.rows.get(model.collection, {}).values() if matches(raw, filter)]
        return rows[:limit] if limit else rows

    def save(self, document: Document) -> None:
        self.rows.setdefault(document.collection, {})[document.id] = document.dump()

    def emit(self, message: Message) -> None:
        self.emitted.append(message)

    def effect(self, kind: str, effect_id: str, brand_id: str, payload: dict[str, Any], *, lane: str = "") -> None:
        self.jobs.setdefault(effect_id, (kind, payload))

    def taken(self) -> list[Message]:
        """What was emitted since the last call."""
        messages, self.emitted = self.emitted, []
        return messages

    @property
    def grants(self) -> list[Grant]:
        return [Grant.load(raw) for raw in self.rows.get(Grant.collection, {}).values()]


def matches(raw: Mapping[str, Any], filter: Mapping[str, Any]) -> bool:
    """MongoDB's matching, as far as the repository uses it."""
    return all(
        any(matches(raw, part) for part in wanted) if path == "$or" else _fits(_at(raw, path), wanted)
        for path, wanted in filter.items()
    )


def _at(raw: Any, path: str) -> Any:
    for name in path.split("."):
        raw = raw.get(name) if isinstance(raw, Mapping) else None
    return raw


def _fits(value: Any, wanted: Any) -> bool:
    if not isinstance(wanted, Mapping):
        return wanted in value if isinstance(value, list) else bool(value == wanted)
    return all(value in bound if operator == "$in" else bool(value <= bound) for operator, bound in wanted.items())


class FakeShopify:
    """One shop's discounts. `faults` are taken one per call: an error before the work, or after it (`after=True`)."""

    def __init__(self) -> None:
        self.codes: dict[str, dict[str, Any]] = {}
        self.faults: list[tuple[ShopifyError, bool]] = []
        self.calls: list[str] = []

    async def execute(self, shop: str, token: str, document: str, variables: Mapping[str, Any]) -> dict[str, Any]:
        name = next(name for name, text in documents.ALL.items() if text == document)
        self.calls.append(name)
        fault, after = self.faults.pop(0) if self.faults else (None, False)
        if fault and not after:
            raise fault
        answer = getattr(self, name.lower())(**variables)
        if fault:
            raise fault
        return answer  # type: ignore[no-any-return]

    def discount_basic_create(self, discount: dict[str, Any]) -> dict[str, Any]:
        key = discount["code"].lower()
        if key in self.codes:
            raise UserErrors("shop", [UserError("basicCodeDiscount.code", "TAKEN", "Code must be unique.")])
        self.codes[key] = {
            "id": f"gid://shopify/DiscountCodeNode/{len(self.codes) + 1}",
            "status": "ACTIVE",
            **discount,
        }
        return {"discountCodeBasicCreate": {"codeDiscountNode": {"id": self.codes[key]["id"]}}}

    def discount_by_code(self, code: str) -> dict[str, Any]:
        found = self.codes.get(code.lower())
        return {"codeDiscountNodeByCode": {"id": found["id"], "codeDiscount": found} if found else None}

    def discount_deactivate(self, id: str) -> dict[str, Any]:
        for found in self.codes.values():
            if found["id"] == id:
                found["status"] = "EXPIRED"
                return {"discountCodeDeactivate": {"codeDiscountNode": {"id": id}}}
        raise UserErrors("shop", [UserError("id", "INVALID", "Discount does not exist")])


def terms(**changes: Any) -> CampaignTerms:
    fields: dict[str, Any] = {
        "name": "Thanks",
        "title": {"en": "10% off", "ru": "Скидка 10%"},
        "trigger": "order_attributed",
        "recipient": "buyer",
        "reward": DiscountReward(kind="percent", value="10"),
        "caps": Caps(per_person=None),
    }
    return CampaignTerms.model_validate(fields | changes)


def issue(source: str, customer: str | None = "7001", **recipient: Any) -> IssueGrant:
    key = f"customer:{customer}" if customer else recipient.pop("key", "telegram:42")
    who = Recipient(key=key, customer_id=customer, **recipient)
    return IssueGrant(
        brand_id=BRAND, campaign_id=CAMPAIGN, source_id=source, trigger="order_attributed", recipient=who, at=AT
    )


def meta(actor: str = "system") -> Meta:
    return Meta("", "cmd_1", BRAND, AT, "cmd_1", actor, "commands.rewards", 0, 0)

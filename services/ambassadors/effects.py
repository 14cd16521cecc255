"""Calls to the outside: the ambassadors' personal discount codes at Shopify.

The code is chosen by us and its discount carries a title that names the ambassador, so whatever became of an earlier
try is read back by the code; nothing is ever made twice.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from services.ambassadors.handling import effects
from services.ambassadors.models import Ambassador, Program
from shared.brands import Shop
from shared.contracts.ambassadors import RecordPersonalCode
from shared.contracts.base import Message
from shared.effects import Job, Resources, RetryLater
from shared.shopify import Shopify, Throttled, Unauthorized, Unavailable, UserErrors, documents

NOT_INSTALLED = 60.0
UNAVAILABLE = 15.0


@lru_cache
def client(url: str, version: str) -> Shopify:
    """The process's client."""
    return Shopify(url, version)


@dataclass(frozen=True, slots=True)
class Wish:
    """What is wanted, where, on whose behalf."""

    shopify: Shopify
    shop: str
    token: str
    person: Ambassador
    code: str
    percent: str
    since: str

    @property
    def title(self) -> str:
        """How the discount is recognised as this ambassador's."""
        return f"Vouch: {self.person.profile.name} ({self.person.id})"

    async def run(self, document: str, **variables: Any) -> dict[str, Any]:
        return await self.shopify.execute(self.shop, self.token, document, variables)


@effects.on("personal_code", concurrency=4)
async def personal_code(job: Job, resources: Resources) -> Sequence[Message]:
    """Create or deactivate a personal code; the outcome goes to the ambassador's owner."""
    wish = await _wish(job, resources)
    if wish is None:
        return []
    try:
        return [await (_create(wish) if job.payload["action"] == "create" else _deactivate(wish))]
    except Throttled as error:
        raise RetryLater(error.retry_after, "throttled", whole_lane=True) from error
    except Unavailable as error:
        raise RetryLater(UNAVAILABLE, error.detail, uncertain=error.uncertain) from error
    except Unauthorized as error:
        raise RetryLater(NOT_INSTALLED, error.detail, whole_lane=True) from error
    except UserErrors as error:
        return [_outcome(wish, job.payload["action"], ok=False, reason=error.detail)]


async def _wish(job: Job, resources: Resources) -> Wish | None:
    """The wish with what it needs; None when it is no longer wished. Waits for the shop to be connected."""
    mine = {"_id": job.payload["ambassador_id"], "brand_id": job.brand_id}
    raw = await resources.mongo.find_one(Ambassador.collection, mine)
    person, code = Ambassador.load(raw) if raw else None, str(job.payload["code"])
    if person is None or (job.payload["action"] == "create" and not _wanted(person, code)):
        return None
    shop = await resources.mongo.find_one(Shop.collection, {"_id": job.brand_id})
    if shop is None or not shop["sealed_token"]:
        raise RetryLater(NOT_INSTALLED, "the shop is not connected", whole_lane=True)
    program = await resources.mongo.find_one(Program.collection, {"_id": person.program_id, "brand_id": job.brand_id})
    terms = Program.load(program).current.terms if program else None
    settings = resources.settings
    return Wish(
        shopify=client(settings.shopify_url, settings.shopify_api_version), shop=shop["shop_domain"],
        token=resources.unseal(job.brand_id, shop["sealed_token"]), person=person, code=code,
        percent=format((terms.customer_discount_percent if terms else 0), "f"), since=job.created_at.isoformat(),
    )  # fmt: skip


def _wanted(person: Ambassador, code: str) -> bool:
    return person.code == code and person.shop_code.state == "creating"


async def _create(wish: Wish) -> RecordPersonalCode:
    try:
        data = await wish.run(documents.DISCOUNT_BASIC_CREATE, discount=discount(wish))
    except UserErrors as error:
        if not error.has("TAKEN"):
            raise
        return await _adopt(wish)
    return _outcome(wish, "create", ok=True, discount_id=data["discountCodeBasicCreate"]["codeDiscountNode"]["id"])


def discount(wish: Wish) -> dict[str, Any]:
    """A `DiscountCodeBasicInput`: percent off everything for everybody, once a customer, from now on.

    `percentage` is a fraction of 1; `context` replaces the deprecated `customerSelection` (Admin API 2026-10).
    """
    return {
        "title": wish.title,
        "code": wish.code,
        "startsAt": wish.since,
        "context": {"all": "ALL"},
        "customerGets": {"value": {"percentage": float(wish.percent) / 100}, "items": {"all": True}},
        "appliesOncePerCustomer": False,
        "combinesWith": {"orderDiscounts": False, "productDiscounts": False, "shippingDiscounts": True},
    }


async def _adopt(wish: Wish) -> RecordPersonalCode:
    """The code is there already: from an earlier try or an earlier time (ours), or by somebody else's hand."""
    node = await _found(wish)
    if node is None:
        raise RetryLater(UNAVAILABLE, "the code is taken but cannot be found yet")
    if wish.person.id not in node["codeDiscount"].get("title", ""):
        reason = "The shop has a discount of its own with this code."
        return _outcome(wish, "create", ok=False, discount_id=node["id"], reason=reason)
    if node["codeDiscount"].get("status") != "ACTIVE":
        await wish.run(documents.DISCOUNT_ACTIVATE, id=node["id"])
    return _outcome(wish, "create", ok=True, discount_id=node["id"])


async def _deactivate(wish: Wish) -> RecordPersonalCode:
    node = await _found(wish)
    if node is None or wish.person.id not in node["codeDiscount"].get("title", ""):
        return _outcome(wish, "deactivate", ok=True, reason="The shop has no such code of ours.")
    await wish.run(documents.DISCOUNT_DEACTIVATE, id=node["id"])
    return _outcome(wish, "deactivate", ok=True, discount_id=node["id"])


async def _found(wish: Wish) -> dict[str, Any] | None:
    node: dict[str, Any] | None = (await wish.run(documents.DISCOUNT_BY_CODE, code=wish.code))["codeDiscountNodeByCode"]
    return node


def _outcome(
    wish: Wish, action: Any, *, ok: bool, discount_id: str | None = None, reason: str | None = None
) -> RecordPersonalCode:
    return RecordPersonalCode(
        brand_id=wish.person.brand_id, ambassador_id=wish.person.id, action=action, code=wish.code, ok=ok,
        discount_id=discount_id, reason=reason,
    )  # fmt: skip

"""Calls to Shopify: making and deactivating codes. Each may be tried any number of times and leaves one code."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from services.rewards.codes import code_for, code_key
from services.rewards.discounts import CodeOrder, creation
from services.rewards.grants import CREATE, DEACTIVATE
from shared.brands import Shop
from shared.contracts.base import Message
from shared.contracts.rewards import RecordCodeOutcome
from shared.effects import Effects, Job, Resources, RetryLater
from shared.security.sealing import Unsealable
from shared.shopify import (
    BadDocument,
    Shopify,
    ShopifyError,
    Throttled,
    Unauthorized,
    Unavailable,
    UserError,
    UserErrors,
    documents,
)
from shared.topics import Service

effects = Effects(Service.REWARDS)
GIVE_UP = timedelta(days=3)
"""How long an uninstalled or unauthorised shop is waited for before a grant fails."""
_MAX_CODES = 5


@effects.on(CREATE, concurrency=8)
async def create_code(job: Job, resources: Resources) -> Sequence[Message]:
    """Make the grant's discount. What Shopify refuses for good comes back as the reason the grant failed."""
    order = CodeOrder.model_validate(job.payload)
    try:
        code, discount_id = await _made(order, job, await _shop_calls(job, resources), resources)
    except (UserErrors, BadDocument) as refusal:
        return [_outcome(job, "create", order.code, ok=False, reason=refusal.detail[:500])]
    except ShopifyError as error:
        return _again(job, error, _outcome(job, "create", order.code, ok=False, reason=error.detail[:500]))
    return [_outcome(job, "create", code, ok=True, discount_id=discount_id)]


@effects.on(DEACTIVATE, concurrency=4)
async def deactivate_code(job: Job, resources: Resources) -> Sequence[Message]:
    """Make the grant's discount useless. One that is gone at Shopify is as useless as can be."""
    code = job.payload["code"]
    try:
        await _kill(code, job.payload["discount_id"], await _shop_calls(job, resources))
    except (UserErrors, BadDocument) as refusal:
        return [_outcome(job, "deactivate", code, ok=False, reason=refusal.detail[:500])]
    except ShopifyError as error:
        return _again(job, error, _outcome(job, "deactivate", code, ok=False, reason=error.detail[:500]))
    return [_outcome(job, "deactivate", code, ok=True, discount_id=job.payload["discount_id"])]


async def _kill(code: str, discount_id: str, call: "Call") -> None:
    try:
        await call(documents.DISCOUNT_DEACTIVATE, {"id": discount_id})
    except UserErrors:
        found = await _read_back(call, code)
        if found and found["codeDiscount"].get("status") != "EXPIRED":
            raise


async def _made(order: CodeOrder, job: Job, call: "Call", resources: Resources) -> tuple[str, str]:
    """The code and its discount's id. After any earlier try it is looked up before it is made again."""
    attempt = int(job.state.get("attempt", 1))
    look = job.tries > 1
    while attempt <= _MAX_CODES:
        code = _code(order, attempt, resources)
        if look and (found := await _read_back(call, code)):
            if order.is_ours(found["codeDiscount"].get("title")):
                return code, str(found["id"])
        else:
            try:
                return code, await _create(order, code, call)
            except UserErrors as refusal:
                if not refusal.has("TAKEN"):
                    raise
                if not look:  # ours, from a try that timed out, or somebody else's
                    look = True
                    continue
                # Taken, yet not to be found: Shopify's reads lag behind. Another code now might become a second one.
                raise RetryLater(2.0, f"{code} is taken but cannot be read yet", uncertain=True) from refusal
        attempt += 1
        await job.remember(attempt=attempt)
    taken = f"{_MAX_CODES} codes in a row were taken by other discounts"
    raise UserErrors(job.brand_id, [UserError(field="code", code="TAKEN", message=taken)])


def _code(order: CodeOrder, attempt: int, resources: Resources) -> str:
    if attempt == 1:
        return order.code
    return code_for(code_key(resources.settings.key_bytes), order.prefix, order.grant_id, attempt)


async def _create(order: CodeOrder, code: str, call: "Call") -> str:
    document, variables = creation(order, code)
    data = await call(document, variables)
    payload = next(iter(data.values()))
    return str(payload["codeDiscountNode"]["id"])


async def _read_back(call: "Call", code: str) -> dict[str, Any] | None:
    data = await call(documents.DISCOUNT_BY_CODE, {"code": code})
    found: dict[str, Any] | None = data["codeDiscountNodeByCode"]
    return found


class Call:
    """Calls of one shop with its token."""

    def __init__(self, client: Shopify, shop: str, token: str) -> None:
        self._client, self._shop, self._token = client, shop, token

    async def __call__(self, document: str, variables: dict[str, Any]) -> dict[str, Any]:
        return await self._client.execute(self._shop, self._token, document, variables)


async def _shop_calls(job: Job, resources: Resources) -> Call:
    """The brand's shop, ready to be called. Raises `Unauthorized` while none is connected."""
    raw = await resources.mongo.find_one(Shop.collection, {"_id": job.brand_id})
    shop = Shop.load(raw) if raw else None
    if shop is None or shop.sealed_token is None:
        raise Unauthorized(job.brand_id, "no shop is connected")
    try:
        token = resources.unseal(job.brand_id, shop.sealed_token)
    except Unsealable as error:
        raise Unauthorized(shop.shop_domain, "the shop's token cannot be read with this master key") from error
    return Call(
        _client(resources.settings.shopify_url, resources.settings.shopify_api_version), shop.shop_domain, token
    )


@lru_cache(maxsize=8)
def _client(url: str, version: str) -> Shopify:
    return Shopify(url, version)


def _again(job: Job, error: ShopifyError, given_up: Message) -> list[Message]:
    """Try again as the error says; a shop that stays closed to us ends in `given_up`."""
    match error:
        case Throttled(retry_after=wait):
            raise RetryLater(wait, error.detail, whole_lane=True) from error
        case Unavailable(uncertain=uncertain):
            raise RetryLater(_back_off(job.tries), error.detail, uncertain=uncertain, whole_lane=True) from error
        case _ if datetime.now(UTC) - job.created_at < GIVE_UP:
            raise RetryLater(min(_back_off(job.tries), 60.0), error.detail) from error
        case _:
            return [given_up]


def _back_off(tries: int) -> float:
    """Seconds: 1, 2, 4 … up to two minutes, so that an hour's outage costs some thirty calls a grant at most."""
    return min(2.0 ** min(tries - 1, 7), 120.0)


def _outcome(
    job: Job, action: Any, code: str, *, ok: bool, discount_id: str | None = None, reason: str | None = None
) -> RecordCodeOutcome:
    return RecordCodeOutcome(
        brand_id=job.brand_id,
        campaign_id=job.payload["campaign_id"],
        grant_id=job.payload["grant_id"],
        action=action,
        ok=ok,
        code=code,
        discount_id=discount_id,
        reason=reason,
    )

"""What every change of a person has in common: the announcement, the audit entry, and the code at Shopify."""

from typing import Any

from services.ambassadors.lifecycle import holds_codes
from services.ambassadors.models import Ambassador, AuditEntry, Program, ShopCode
from shared.brands import Shop
from shared.contracts.ambassadors import AmbassadorChanged
from shared.ids import new_id
from shared.records import Meta
from shared.unit_of_work import UnitOfWork


def announce(uow: UnitOfWork, ambassador: Ambassador, change: str) -> None:
    """Tell everybody the person's whole state."""
    uow.emit(
        AmbassadorChanged(
            brand_id=ambassador.brand_id, ambassador_id=ambassador.id, program_id=ambassador.program_id,
            status=ambassador.status, code=ambassador.code, codes=ambassador.codes, tier=ambassador.tier,
            profile=ambassador.profile, change=change,
        )
    )  # fmt: skip


def audit(
    uow: UnitOfWork,
    meta: Meta,
    subject: str,
    change: str,
    before: dict[str, Any],
    after: dict[str, Any],
    reason: str | None = None,
) -> None:
    """Write down who changed what, when and why."""
    uow.save(
        AuditEntry(
            id=new_id("aud"), brand_id=meta.brand_id, subject=subject, at=uow.now, actor=meta.actor, change=change,
            before=before, after=after, reason=reason,
        )
    )  # fmt: skip


async def with_shop_code(uow: UnitOfWork, ambassador: Ambassador, program: Program) -> Ambassador:
    """The person with their code at Shopify brought in line with their status, as a job for the outside world."""
    wanted = holds_codes(ambassador.status) and program.current.terms.customer_discount_percent > 0
    state = ambassador.shop_code.state
    if wanted and state not in ("creating", "active"):
        return await _order(uow, ambassador, "create", "creating")
    if not wanted and state in ("creating", "active"):
        return await _order(uow, ambassador, "deactivate", "deactivating")
    return ambassador


async def _order(uow: UnitOfWork, ambassador: Ambassador, action: str, state: str) -> Ambassador:
    await request_code(uow, ambassador, ambassador.code, action)
    shop_code = ShopCode(state=state, discount_id=ambassador.shop_code.discount_id)
    return ambassador.model_copy(update={"shop_code": shop_code})


async def request_code(uow: UnitOfWork, ambassador: Ambassador, code: str, action: str) -> None:
    """A job that creates or deactivates `code` at the brand's shop. Its id is new for each wish, not for each try."""
    shop = await uow.get(Shop, ambassador.brand_id)
    wish = f"personal-code:{ambassador.id}:{code}:{action}:{len(ambassador.history)}:{int(uow.now.timestamp() * 1000)}"
    payload = {"ambassador_id": ambassador.id, "code": code, "action": action}
    lane = f"shop:{shop.shop_domain}" if shop else f"brand:{ambassador.brand_id}"
    uow.effect("personal_code", wish, ambassador.brand_id, payload, lane=lane)

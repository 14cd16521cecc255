"""Programmes, ambassadors, their codes and links, the audit log."""

import re
from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field

from services.ambassadors.codes import fold
from services.ambassadors.lifecycle import actions
from services.ambassadors.models import Ambassador, AuditEntry, CodeReservation, Program, ShopCode
from shared.brands import Brand
from shared.contracts.ambassadors import AmbassadorAction, AmbassadorStatus, NetworkAccount, ProgramTerms
from shared.views import Page, Paged, ReadOnly, paginate


class ProgramView(BaseModel):
    """A programme with its present terms."""

    id: str = Field(examples=["prg_01J9ZQ4Y3N8M5K7T2V6W1X0ABC"])
    name: str = Field(examples=["Friends of the roastery"])
    version: int = Field(description="Counts the terms; awards keep the version they were made under.", examples=[3])
    terms: ProgramTerms
    created_at: datetime
    updated_at: datetime = Field(description="When the present version came into force.")


def program_view(program: Program) -> ProgramView:
    now = program.current
    return ProgramView(
        id=program.id,
        name=now.name,
        version=now.version,
        terms=now.terms,
        created_at=program.created_at,
        updated_at=now.since,
    )


async def programs(db: ReadOnly, brand_id: str, page: Page) -> Paged[ProgramView]:
    """The brand's programmes, the newest first."""
    return await paginate(
        db,
        Program.collection,
        {"brand_id": brand_id},
        page,
        lambda raw: program_view(Program.load(raw)),
        by="created_at",
    )


async def program(db: ReadOnly, brand_id: str, program_id: str) -> ProgramView | None:
    """One programme."""
    raw = await db.find_one(Program.collection, {"_id": program_id, "brand_id": brand_id})
    return program_view(Program.load(raw)) if raw else None


class AmbassadorView(BaseModel):
    """An ambassador as the brand sees them."""

    id: str = Field(examples=["amb_01J9ZQ4Y3N8M5K7T2V6W1X0ABC"])
    program_id: str
    status: AmbassadorStatus = Field(examples=["active"])
    since: datetime = Field(description="When the status began.")
    actions: list[AmbassadorAction] = Field(
        description="What may be done now.", examples=[["pause", "offboard", "ban"]]
    )
    name: str = Field(examples=["Anna Petrova"])
    email: str | None
    customer_id: str | None = Field(description="Shopify customer id.", examples=["7001"])
    language: str = Field(examples=["ru"])
    accounts: list[NetworkAccount]
    code: str = Field(description="The present personal code.", examples=["ANNA"])
    codes: list[str] = Field(
        description="Every code that leads to them, the present one first.", examples=[["ANNA", "ANNA-OLD"]]
    )
    shop_code: ShopCode = Field(description="The personal discount code's state at Shopify.")
    tier: str | None = Field(examples=["gold"])
    tier_pinned: bool = Field(description="A person has set the tier: it doesn't move by itself.")
    note: str | None
    created_at: datetime


def ambassador_view(person: Ambassador) -> AmbassadorView:
    profile = person.profile
    return AmbassadorView(
        id=person.id, program_id=person.program_id, status=person.status, since=person.since,
        actions=actions(person.status), name=profile.name, email=profile.email, customer_id=profile.customer_id,
        language=profile.language, accounts=profile.accounts, code=person.code, codes=person.codes,
        shop_code=person.shop_code, tier=person.tier, tier_pinned=person.tier_pinned,
        note=person.note, created_at=person.created_at,
    )  # fmt: skip


async def ambassadors(
    db: ReadOnly,
    brand_id: str,
    page: Page,
    *,
    status: AmbassadorStatus | None = None,
    program_id: str | None = None,
    q: str | None = None,
) -> Paged[AmbassadorView]:
    """The brand's ambassadors, the newest first; `q` looks for a part of the name or the beginning of a code."""
    query: dict[str, Any] = {"brand_id": brand_id}
    query |= {name: value for name, value in (("status", status), ("program_id", program_id)) if value}
    if q:
        words = re.escape(q)
        shapes = {"profile.name": words, "codes": f"^{words}"}
        query["$or"] = [{field: {"$regex": shape, "$options": "i"}} for field, shape in shapes.items()]
    return await paginate(
        db, Ambassador.collection, query, page, lambda raw: ambassador_view(Ambassador.load(raw)), by="created_at"
    )


async def ambassador(db: ReadOnly, brand_id: str, ambassador_id: str) -> AmbassadorView | None:
    """One ambassador."""
    raw = await db.find_one(Ambassador.collection, {"_id": ambassador_id, "brand_id": brand_id})
    return ambassador_view(Ambassador.load(raw)) if raw else None


class CodeTarget(BaseModel):
    """Where a code leads."""

    ambassador_id: str
    code: str
    active: bool
    storefront_url: str | None


async def resolve_code(db: ReadOnly, brand_id: str, code: str) -> CodeTarget | None:
    """Whom a code of the brand leads to, whatever its case; None when nobody has it."""
    reservation = await db.find_one(CodeReservation.collection, {"_id": f"{brand_id}:{fold(code)}"})
    if reservation is None:
        return None
    person = await db.find_one(Ambassador.collection, {"_id": reservation["ambassador_id"], "brand_id": brand_id})
    brand = await db.find_one(Brand.collection, {"_id": brand_id})
    return CodeTarget(
        ambassador_id=reservation["ambassador_id"], code=reservation["code"],
        active=bool(person and person["status"] == "active"),
        storefront_url=brand["profile"]["storefront_url"] if brand else None,
    )  # fmt: skip


class LinkView(BaseModel):
    """A link of an ambassador."""

    code: str = Field(examples=["ANNA"])
    url: str = Field(
        description="Share this: it records the click and leads to the storefront.",
        examples=["https://go.example/r/ANNA"],
    )
    present: bool = Field(description="False for an earlier code, which goes on working.")


async def links(db: ReadOnly, brand_id: str, ambassador_id: str, public_url: str) -> list[LinkView]:
    """An ambassador's links, the present one first."""
    person = await ambassador(db, brand_id, ambassador_id)
    base = public_url.rstrip("/")
    codes = person.codes if person else []
    return [LinkView(code=code, url=f"{base}/r/{code}", present=number == 0) for number, code in enumerate(codes)]


class AuditView(BaseModel):
    """Who changed what, when and why."""

    id: str
    at: datetime
    actor: str = Field(examples=["key:key_01J9ZQ4Y3N8M5K7T2V6W1X0ABC"])
    subject: str = Field(
        description="The ambassador, programme or commission.", examples=["amb_01J9ZQ4Y3N8M5K7T2V6W1X0ABC"]
    )
    change: str = Field(examples=["approve"])
    before: dict[str, Any]
    after: dict[str, Any]
    reason: str | None


async def audit(db: ReadOnly, brand_id: str, page: Page, *, subject: str | None = None) -> Paged[AuditView]:
    """The brand's changes of people, programmes and commissions, the newest first."""
    query = {"brand_id": brand_id} | ({"subject": subject} if subject else {})
    return await paginate(
        db, AuditEntry.collection, query, page, lambda raw: AuditView.model_validate(raw | {"id": raw["_id"]}), by="at"
    )

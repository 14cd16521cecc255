"""People and programmes: taken in, moved through the lifecycle, changed; and the clicks on their links."""

from datetime import datetime, timedelta
from typing import Any

from services.ambassadors.handling import handlers
from services.ambassadors.identity import normalise_email
from services.ambassadors.ledger.models import ClickSlot, slot_of
from services.ambassadors.lifecycle import NoSuchStep, step
from services.ambassadors.models import Ambassador, Click, Program, ProgramVersion, ShopCode, StatusChange
from services.ambassadors.orders.json_values import shop_id
from services.ambassadors.people import announce, audit, request_code, with_shop_code
from services.ambassadors.repository import ambassador_of, free_code, program_of, reserve
from services.ambassadors.views.people import ambassador_view, program_view
from shared.brands import copy_brands
from shared.contracts.ambassadors import (
    AddAmbassador,
    AmbassadorProfile,
    ChangeAmbassador,
    ProfileChanges,
    ProgramChanged,
    RecordClick,
    RecordPersonalCode,
    SetProgram,
    UpdateAmbassador,
)
from shared.errors import Refused, Reply
from shared.records import Meta
from shared.unit_of_work import UnitOfWork

_FUTURE = timedelta(minutes=5)
copy_brands(handlers)


@handlers.on(SetProgram, prefetch=lambda m: [(Program, m.program_id)])
async def set_program(message: SetProgram, uow: UnitOfWork, meta: Meta) -> Reply:
    """A new programme (201), or a new version of one; awards already made keep theirs."""
    known = await uow.get(Program, message.program_id)
    if known and known.brand_id != message.brand_id:
        raise Refused(404, "program-not-found", "There is no such programme")
    versions = known.versions if known else []
    if known and (known.current.name, known.current.terms) == (message.name, message.terms):
        return Reply(body=_dump(program_view(known)))
    version = ProgramVersion(version=len(versions) + 1, since=uow.now, name=message.name, terms=message.terms)
    program = Program(
        id=message.program_id, brand_id=message.brand_id, created_at=known.created_at if known else uow.now,
        versions=[*versions, version],
    )  # fmt: skip
    uow.save(program)
    said = {"version": version.version, "name": version.name}
    audit(uow, meta, program.id, "set_program", {"version": len(versions)}, said)
    uow.emit(
        ProgramChanged(
            brand_id=program.brand_id, program_id=program.id, program_version=version.version, name=version.name
        )
    )
    return Reply(status=200 if known else 201, body=_dump(program_view(program)))


@handlers.on(AddAmbassador, prefetch=lambda m: [(Ambassador, m.ambassador_id), (Program, m.program_id)])
async def add_ambassador(message: AddAmbassador, uow: UnitOfWork, meta: Meta) -> Reply:
    """Take a person in, with the wished code or one made of the name."""
    if await uow.get(Ambassador, message.ambassador_id):
        raise Refused(409, "ambassador-exists", "The ambassador exists already")
    await program_of(uow, message.brand_id, message.program_id)
    code = message.code or await free_code(uow, message.brand_id, message.profile.name)
    await reserve(uow, message.brand_id, message.ambassador_id, code)
    profile = _numbered(message.profile)
    person = Ambassador(
        id=message.ambassador_id, brand_id=message.brand_id, program_id=message.program_id, profile=profile,
        mailbox=normalise_email(profile.email), code=code, codes=[code], status=message.status, note=message.note,
        history=[StatusChange(since=uow.now, status=message.status)], created_at=uow.now,
    )  # fmt: skip
    return _changed(uow, meta, None, person, "add", message.note, status=201)


@handlers.on(ChangeAmbassador, prefetch=lambda m: [(Ambassador, m.ambassador_id)])
async def change_ambassador(message: ChangeAmbassador, uow: UnitOfWork, meta: Meta) -> Reply:
    """Move a person through the lifecycle."""
    before = await ambassador_of(uow, message.brand_id, message.ambassador_id)
    try:
        status = step(before.status, message.action, since=before.since, now=uow.now)
    except NoSuchStep as error:
        raise Refused(409, "ambassador-state", "The ambassador's state does not allow it", str(error)) from error
    history = [*before.history, StatusChange(since=uow.now, status=status)]
    program = await program_of(uow, before.brand_id, before.program_id)
    after = await with_shop_code(uow, before.model_copy(update={"status": status, "history": history}), program)
    return _changed(uow, meta, before, after, message.action, message.reason)


@handlers.on(UpdateAmbassador, prefetch=lambda m: [(Ambassador, m.ambassador_id)])
async def update_ambassador(message: UpdateAmbassador, uow: UnitOfWork, meta: Meta) -> Reply:
    """Change a person's profile, code or pinned tier."""
    before = await ambassador_of(uow, message.brand_id, message.ambassador_id)
    program = await program_of(uow, before.brand_id, before.program_id)
    profile = _profile(message.profile or before.profile, message.changes)
    after = before.model_copy(update={"profile": profile, "mailbox": normalise_email(profile.email)})
    after = _pinned(after, message.tier, program)
    if message.code:
        after = await _renamed(uow, after, message.code, program)
    if after == before:
        return Reply(body=_dump(ambassador_view(before)))
    return _changed(uow, meta, before, after, "update", None)


def _profile(profile: AmbassadorProfile, changes: ProfileChanges | None) -> AmbassadorProfile:
    given = changes.model_dump(exclude_none=True) if changes else {}
    emptied = {name: value if value != "" else None for name, value in given.items()}
    return _numbered(AmbassadorProfile.model_validate(profile.model_dump() | emptied))


def _numbered(profile: AmbassadorProfile) -> AmbassadorProfile:
    """The customer id as orders state it: `gid://shopify/Customer/7001` is 7001."""
    return profile.model_copy(update={"customer_id": shop_id(profile.customer_id) or profile.customer_id})


def _pinned(person: Ambassador, tier: str | None, program: Program) -> Ambassador:
    if tier is None:
        return person
    names = [known.name for known in program.current.terms.tiers]
    if tier and tier not in names:
        raise Refused(
            422, "unknown-tier", "The programme has no such tier", f"Its tiers: {', '.join(names) or 'none'}.",
            [{"pointer": "/tier", "detail": "no tier of the programme"}],
        )  # fmt: skip
    return person.model_copy(update={"tier": tier or person.tier, "tier_pinned": bool(tier)})


async def _renamed(uow: UnitOfWork, person: Ambassador, code: str, program: Program) -> Ambassador:
    """The person with another present code. The old one stays theirs, but no longer gives a discount."""
    if code == person.code:
        return person
    await reserve(uow, person.brand_id, person.id, code)
    codes = [code, *(known for known in person.codes if known.casefold() != code.casefold())]
    if person.shop_code.state in ("creating", "active") and code.casefold() != person.code.casefold():
        await request_code(uow, person, person.code, "deactivate")
    renamed = person.model_copy(update={"code": code, "codes": codes, "shop_code": ShopCode()})
    return await with_shop_code(uow, renamed, program)


def _changed(
    uow: UnitOfWork,
    meta: Meta,
    before: Ambassador | None,
    after: Ambassador,
    change: str,
    reason: str | None,
    status: int = 200,
) -> Reply:
    uow.save(after)
    old, new = _facts(before), _facts(after)
    differing = {name for name in new if old.get(name) != new[name]}
    audit(
        uow, meta, after.id, change, {name: old[name] for name in differing if name in old},
        {name: new[name] for name in differing}, reason,
    )  # fmt: skip
    announce(uow, after, change)
    return Reply(status=status, body=_dump(ambassador_view(after)))


def _facts(person: Ambassador | None) -> dict[str, Any]:
    """What the audit log compares."""
    if person is None:
        return {}
    return person.model_dump(mode="json", include={"profile", "code", "status", "tier", "tier_pinned", "program_id"})


def _dump(view: Any) -> dict[str, Any]:
    body: dict[str, Any] = view.model_dump(mode="json")
    return body


@handlers.on(RecordPersonalCode, prefetch=lambda m: [(Ambassador, m.ambassador_id)])
async def record_personal_code(message: RecordPersonalCode, uow: UnitOfWork, meta: Meta) -> None:
    """What came of a code at Shopify. Outcomes of a code that is no longer the present one change nothing."""
    person = await ambassador_of(uow, message.brand_id, message.ambassador_id)
    expected, done = ("creating", "active") if message.action == "create" else ("deactivating", "inactive")
    if message.code != person.code or person.shop_code.state != expected:
        if message.action == "create" and message.ok:
            await _withdraw(uow, person, message.code)
        return
    shop_code = ShopCode(state=done if message.ok else "failed", discount_id=message.discount_id, reason=message.reason)
    changed = person.model_copy(update={"shop_code": shop_code})
    uow.save(changed)
    announce(uow, changed, "personal_code")


async def _withdraw(uow: UnitOfWork, person: Ambassador, code: str) -> None:
    """A code was made that is no longer wanted: its making and its deactivation had crossed."""
    if code != person.code or person.shop_code.state in ("deactivating", "inactive"):
        await request_code(uow, person, code, "deactivate")


@handlers.on(RecordClick, prefetch=lambda m: [(Click, m.click_id)])
async def record_click(message: RecordClick, uow: UnitOfWork, meta: Meta) -> None:
    """Keep a click as evidence, and count it unless a machine made it."""
    if await uow.get(Click, message.click_id):
        return
    at = _moment(message.at, uow.now)
    uow.save(
        Click(
            id=message.click_id, brand_id=message.brand_id, ambassador_id=message.ambassador_id, code=message.code,
            at=at, address_digest=message.address_digest, user_agent=message.user_agent, bot=message.bot,
        )
    )  # fmt: skip
    if message.bot:
        return
    slot = slot_of(at)
    fields = {"brand_id": message.brand_id, "ambassador_id": message.ambassador_id, "at": slot}
    uow.increment(ClickSlot, f"{message.ambassador_id}:{int(slot.timestamp())}", {"clicks": 1}, fields)


def _moment(at: datetime, now: datetime) -> datetime:
    """A clock that runs ahead doesn't put clicks into the future."""
    return at if at <= now + _FUTURE else now

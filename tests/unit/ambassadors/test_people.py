"""People and programmes through their handlers."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from services.ambassadors.models import Ambassador, AuditEntry, Program
from shared.contracts.ambassadors import (
    AddAmbassador,
    AmbassadorChanged,
    AmbassadorProfile,
    ChangeAmbassador,
    NetworkAccount,
    ProfileChanges,
    ProgramTerms,
    RecordClick,
    RecordPersonalCode,
    SetProgram,
    Tier,
    UpdateAmbassador,
)
from shared.errors import Refused
from tests.unit.ambassadors.world import BRAND, NOW, World

TERMS = ProgramTerms(customer_discount_percent=Decimal(10), tiers=[Tier(name="gold", threshold=Decimal(100))])


async def world(terms: ProgramTerms = TERMS) -> World:
    found = World()
    await found.do(SetProgram(brand_id=BRAND, program_id="prg_1", name="Friends", terms=terms))
    return found


async def add(found: World, name: str = "Anna Petrova", id: str = "amb_1", **more: Any) -> dict[str, Any]:
    profile = AmbassadorProfile(name=name, email="Anna@Example.com")
    reply = await found.do(AddAmbassador(brand_id=BRAND, ambassador_id=id, program_id="prg_1", profile=profile, **more))
    assert reply
    assert reply.status == 201
    return reply.body


async def change(found: World, action: Any, id: str = "amb_1") -> dict[str, Any]:
    reply = await found.do(ChangeAmbassador(brand_id=BRAND, ambassador_id=id, action=action, reason="because"))
    assert reply
    return reply.body


def jobs(found: World) -> list[tuple[str, str]]:
    return [(payload["action"], payload["code"]) for _, payload in found.store.effects.values()]


async def test_a_programme_keeps_its_versions() -> None:
    found = await world()
    better = TERMS.model_copy(update={"hold_days": 14})
    await found.do(SetProgram(brand_id=BRAND, program_id="prg_1", name="Friends", terms=better))
    same = await found.do(SetProgram(brand_id=BRAND, program_id="prg_1", name="Friends", terms=better))
    assert same
    assert same.body["version"] == 2
    (program,) = found.store.all(Program)
    assert [version.terms.hold_days for version in program.versions] == [30, 14]


async def test_taken_in_with_a_code_of_the_name() -> None:
    found = await world()
    assert (await add(found))["code"] == "ANNA"
    assert (await add(found, "Анна Смирнова", "amb_2"))["code"] == "ANNASMIRNOVA"
    assert [event.code for event in found.said(AmbassadorChanged)] == ["ANNA", "ANNASMIRNOVA"]


async def test_a_code_is_one_persons_whatever_its_case() -> None:
    found = await world()
    await add(found, code="Anna10")
    with pytest.raises(Refused, match="code-taken"):
        await add(found, "Bob", "amb_2", code="ANNA10")


async def test_unknown_programmes_and_people_are_refused() -> None:
    found = World()
    with pytest.raises(Refused, match="422 program-not-found"):
        await add(found)
    found = await world()
    await add(found)
    with pytest.raises(Refused, match="404 ambassador-not-found"):
        await found.do(ChangeAmbassador(brand_id="brd_other", ambassador_id="amb_1", action="approve"))
    with pytest.raises(Refused, match="409 ambassador-exists"):
        await add(found)
    with pytest.raises(Refused, match="409 ambassador-state"):
        await change(found, "resume")


async def test_every_step_is_in_the_audit_log_with_who_and_why() -> None:
    found = await world()
    await add(found)
    await change(found, "approve")
    entry = found.store.all(AuditEntry)[-1]
    assert (entry.actor, entry.change, entry.reason, entry.subject) == ("key:key_1", "approve", "because", "amb_1")
    assert (entry.before, entry.after) == ({"status": "candidate"}, {"status": "active"})


async def test_the_code_at_shopify_follows_the_status() -> None:
    found = await world()
    await add(found)
    assert jobs(found) == []
    assert (await change(found, "approve"))["shop_code"]["state"] == "creating"
    made = RecordPersonalCode(
        brand_id=BRAND, ambassador_id="amb_1", action="create", code="ANNA", ok=True, discount_id="gid://1"
    )
    await found.do(made)
    assert found.store.all(Ambassador)[0].shop_code.state == "active"
    await change(found, "pause")
    found.store.now = NOW + timedelta(seconds=1)
    await change(found, "offboard")
    assert jobs(found) == [("create", "ANNA"), ("deactivate", "ANNA")]
    found.store.now = NOW + timedelta(seconds=2)
    await found.do(made)  # the making had crossed the farewell: it is taken back
    assert jobs(found)[2:] == [("deactivate", "ANNA")]
    assert found.store.all(Ambassador)[0].shop_code.state == "deactivating"


async def test_no_discount_no_code_at_shopify() -> None:
    found = await world(ProgramTerms())
    await add(found)
    assert (await change(found, "approve"))["shop_code"]["state"] == "none"
    assert jobs(found) == []


async def test_a_new_code_keeps_the_old_link() -> None:
    found = await world()
    await add(found)
    await change(found, "approve")
    reply = await found.do(UpdateAmbassador(brand_id=BRAND, ambassador_id="amb_1", code="PETROVA"))
    assert reply
    assert (reply.body["code"], reply.body["codes"]) == ("PETROVA", ["PETROVA", "ANNA"])
    assert jobs(found) == [("create", "ANNA"), ("deactivate", "ANNA"), ("create", "PETROVA")]
    with pytest.raises(Refused, match="code-taken"):
        await add(found, "Bob", "amb_2", code="anna")


async def test_what_is_left_out_of_an_update_stays() -> None:
    found = await world()
    await add(found)
    account = NetworkAccount(network="telegram", account_id="42")
    update = UpdateAmbassador(
        brand_id=BRAND, ambassador_id="amb_1", changes=ProfileChanges(email="", accounts=[account])
    )
    reply = await found.do(update)
    assert reply
    assert (reply.body["name"], reply.body["email"]) == ("Anna Petrova", None)
    assert reply.body["accounts"][0]["account_id"] == "42"
    assert found.store.all(Ambassador)[0].mailbox is None


async def test_a_pinned_tier_must_be_one_of_the_programme() -> None:
    found = await world()
    await add(found)
    with pytest.raises(Refused, match="unknown-tier"):
        await found.do(UpdateAmbassador(brand_id=BRAND, ambassador_id="amb_1", tier="platinum"))
    reply = await found.do(UpdateAmbassador(brand_id=BRAND, ambassador_id="amb_1", tier="gold"))
    assert reply
    assert (reply.body["tier"], reply.body["tier_pinned"]) == ("gold", True)


async def test_machines_are_no_visitors_and_a_click_counts_once() -> None:
    found = await world()
    click = RecordClick(brand_id=BRAND, ambassador_id="amb_1", click_id="clk_1", code="ANNA", at=NOW)
    for message in (click, click, click.model_copy(update={"click_id": "clk_2", "bot": True})):
        await found.do(message)
    assert [dict(sums) for sums in found.store.sums.values()] == [{"clicks": 1}]

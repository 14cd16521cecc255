"""What the gateway keeps in memory, and how it learns."""

import asyncio
import json
from datetime import timedelta
from typing import Any

import pytest
from pymongo.errors import AutoReconnect

from services.gateway.credentials import digest
from services.gateway.directory import Directory
from services.gateway.misses import Misses, Unknowable
from services.gateway.models import AmbassadorLink, ApiKey, Brand, Connection
from shared.contracts.ambassadors import AmbassadorChanged, AmbassadorProfile, AmbassadorStatus
from shared.contracts.gateway import ApiKeyChanged, ConnectionConfigured, ConnectionRemoved
from shared.security.sealing import Sealer
from tests.settings import settings_for
from tests.unit.gateway.conftest import BRAND, NOW, SHOP, api_key, profile

SETTINGS = settings_for("mongodb://nowhere", "nowhere:9", "v.", "v_", shopify_client_id="app")


class Doors:
    """What is in MongoDB, and whether it answers."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], Any] = {}
        self.away = False
        self.asked = 0

    def keep(self, document: Any) -> None:
        self.kept[(document.collection, document.id)] = document

    async def one(self, model: Any, id: str) -> Any:
        self.asked += 1
        await asyncio.sleep(0)
        if self.away:
            raise AutoReconnect("gone")
        return self.kept.get((model.collection, id))

    async def all(self, model: Any, filter: Any = None) -> list[Any]:
        self.asked += 1
        await asyncio.sleep(0)
        if self.away:
            raise AutoReconnect("gone")
        return [kept for (collection, _), kept in self.kept.items() if collection == model.collection]

    async def of_brand(self, brand_id: str) -> Any:
        return await self.one(Brand, brand_id), None, await self.all(ApiKey), await self.all(Connection)


def made() -> tuple[Directory, Doors]:
    doors = Doors()
    return Directory(doors, SETTINGS), doors  # type: ignore[arg-type]


def changed(id: str, code: str, brand: str = BRAND, status: AmbassadorStatus = "active") -> AmbassadorChanged:
    return AmbassadorChanged(
        brand_id=brand,
        ambassador_id=id,
        program_id="prg_1",
        status=status,
        code=code,
        tier=None,
        profile=AmbassadorProfile(name="Anna"),
        change="approve",
    )


async def test_a_key_nobody_told_of_is_looked_up_once_for_all_who_ask() -> None:
    directory, doors = made()
    doors.keep(api_key("vk_new", "owner"))
    doors.keep(Brand(id=BRAND, brand_id=BRAND, profile=profile(), created_at=NOW))
    found = await asyncio.gather(*(directory.key(digest("vk_new")) for _ in range(100)))
    assert all(key and key.role == "owner" for key in found)
    assert doors.asked <= 4
    assert (await directory.brand_of_shop(SHOP)) is not None


async def test_what_cannot_be_asked_is_unknowable_not_unknown() -> None:
    directory, doors = made()
    doors.away = True
    for question in (directory.key(digest("vk_x")), directory.connection("con_x"), directory.brand_of_shop(SHOP)):
        with pytest.raises(Unknowable):
            await question


async def test_strangers_cannot_make_us_ask_without_end() -> None:
    misses, asked = Misses(per_second=5), 0

    async def look() -> None:
        nonlocal asked
        asked += 1

    refused = 0
    for number in range(50):
        try:
            await misses.ask(str(number), look)
        except Unknowable:
            refused += 1
    assert asked + refused == 50
    assert asked < 20


async def test_a_revoked_key_is_no_key() -> None:
    directory, doors = made()
    key = api_key("vk_a", "viewer")
    doors.keep(key)
    assert await directory.key(digest("vk_a"))
    await directory.hear(ApiKeyChanged(brand_id=BRAND, key_id=key.id, revoked_at=NOW))
    assert await directory.key(digest("vk_a")) is None


async def test_connections_come_and_go_with_events() -> None:
    directory, _ = made()
    sealed = Sealer(SETTINGS.key_bytes).seal(BRAND, json.dumps({"secret": "s"}))
    event = ConnectionConfigured(
        brand_id=BRAND, connection_id="con_1", network="telegram", name="x", settings={}, sealed_secrets=sealed
    )
    await directory.hear(event)
    found = await directory.connection("con_1")
    assert found is not None
    assert found.secrets == {"secret": "s"}
    await directory.hear(ConnectionRemoved(brand_id=BRAND, connection_id="con_1"))
    assert await directory.connection("con_1") is None


async def test_codes_ignore_case_and_former_ones_still_lead_to_their_person() -> None:
    directory, _ = made()
    await directory.hear(changed("amb_1", "ANNA"))
    await directory.hear(changed("amb_1", "ANYA"))
    for code in ("anya", "Anya", "ANNA", "anna"):
        link = directory.link(code, None)
        assert link is not None
        assert link.id == "amb_1"
    await directory.hear(changed("amb_2", "anna"))
    taken = directory.link("ANNA", BRAND)
    assert taken is not None
    assert taken.id == "amb_2", "whoever holds a code now comes before whoever held it"


async def test_one_code_at_two_brands_leads_to_who_held_it_longest_unless_the_brand_is_named() -> None:
    directory, _ = made()
    for id, brand, days in (("amb_new", "brd_b", 0), ("amb_old", "brd_a", 9)):
        since = NOW - timedelta(days=days)
        directory._put_link(
            AmbassadorLink(id=id, brand_id=brand, code="anna", status="active", since=since, changed_at=since)
        )
    first, named = directory.link("ANNA", None), directory.link("ANNA", "brd_b")
    assert first is not None
    assert named is not None
    assert (first.id, named.id) == ("amb_old", "amb_new")
    assert directory.link("ANNA", "brd_c") is None

"""The shop as a visitor without scripts uses it."""

import re
from collections.abc import AsyncIterator

import httpx
import pytest

from deploy.devstore.app import application
from deploy.devstore.sales import Till
from deploy.devstore.texts import TEXTS
from deploy.devstore.world import World
from tests.unit.devstore.conftest import SHOP
from tests.unit.devstore.test_orders import add_code

BASE = f"/shops/{SHOP}"


@pytest.fixture
async def visitor(world: World) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=application(world))
    async with httpx.AsyncClient(transport=transport, base_url="http://store", follow_redirects=True) as browser:
        yield browser


async def buy(visitor: httpx.AsyncClient, variant: int, **buyer: str) -> httpx.Response:
    await visitor.post(f"{BASE}/cart", data={"variant": str(variant), "quantity": "2", "add": "1"})
    return await visitor.post(f"{BASE}/checkout", data=buyer)


async def test_a_visit_through_a_link_is_remembered_until_the_order(
    visitor: httpx.AsyncClient, till: Till, variants: list[int]
) -> None:
    await visitor.get(f"{BASE}/products/v60-dripper?ref=ANNA&vclid=clk_1", headers={"Referer": "https://t.me/zerno"})
    await visitor.get(f"{BASE}/collections/beans")
    add_code(till, "ANNA10", percentage="0.1")
    page = await visitor.post(f"{BASE}/cart", data={"code": "anna10"})
    page = await buy(visitor, variants[0], email="new@example.com", first_name="Олег")
    assert page.status_code == 200
    assert TEXTS["en"]["thanks"] in page.text
    (order,) = till.world.store.all(SHOP, "order")
    assert order["landing_site"] == "/products/v60-dripper?ref=ANNA&vclid=clk_1"
    assert (order["landing_site_ref"], order["referring_site"]) == ("ANNA", "https://t.me/zerno")
    assert order["note_attributes"] == [{"name": "ref", "value": "ANNA"}, {"name": "vclid", "value": "clk_1"}]
    assert [code["code"] for code in order["discount_codes"]] == ["ANNA10"]
    assert order["customer"]["email"] == "new@example.com"


async def test_a_later_link_wins_and_a_plain_visit_does_not(
    visitor: httpx.AsyncClient, till: Till, variants: list[int]
) -> None:
    for path in ("/?ref=FIRST", "/?ref=SECOND", "/"):
        await visitor.get(BASE + path)
    await buy(visitor, variants[0], email="a@b.c")
    (order,) = till.world.store.all(SHOP, "order")
    assert order["landing_site"] == "/?ref=SECOND"


async def test_a_code_that_does_not_apply_says_why_in_the_visitors_language(
    visitor: httpx.AsyncClient, variants: list[int]
) -> None:
    await visitor.get(f"{BASE}/?lang=ru")
    await visitor.post(f"{BASE}/cart", data={"variant": str(variants[0]), "quantity": "1"})
    page = await visitor.get(f"{BASE}/discount/NOPE?redirect=/cart")
    assert TEXTS["ru"]["unknown_code"] in page.text
    assert "Эфиопия Иргачефф" in page.text
    assert 'lang="ru"' in page.text


async def test_discount_links_lead_nowhere_else(visitor: httpx.AsyncClient) -> None:
    for target in ("//evil.example", "https://evil.example"):
        page = await visitor.get(f"{BASE}/discount/A", params={"redirect": target})
        assert page.url.host == "store"


async def test_a_bad_address_keeps_the_cart_and_says_so(
    visitor: httpx.AsyncClient, till: Till, variants: list[int]
) -> None:
    page = await buy(visitor, variants[0], email="nobody")
    assert (page.status_code, TEXTS["en"]["email_needed"] in page.text) == (422, True)
    assert not list(till.world.store.all(SHOP, "order"))


async def test_what_people_write_is_text(visitor: httpx.AsyncClient, variants: list[int]) -> None:
    page = await buy(visitor, variants[0], email="a@b.c", first_name="<script>alert(1)</script>")
    assert "<script>" not in page.text
    assert "<script>" not in (await visitor.get(f"{BASE}/checkout")).text


async def test_pages_show_words_and_local_amounts(visitor: httpx.AsyncClient, variants: list[int]) -> None:
    await visitor.get(f"{BASE}/?lang=ru")
    page = await visitor.post(f"{BASE}/cart", data={"variant": str(variants[1]), "quantity": "30"})
    assert "built-in method" not in page.text
    assert TEXTS["ru"]["update"] in page.text
    assert "1\u00a0470,00\u202f€" in page.text


async def test_rewards_say_when_the_app_is_away(visitor: httpx.AsyncClient) -> None:
    assert TEXTS["en"]["app_away"] in (await visitor.get(f"{BASE}/rewards")).text


@pytest.mark.parametrize("path", ["/products/nope", "/collections/nope", "/orders/nope"])
async def test_unknown_pages_are_404(visitor: httpx.AsyncClient, path: str) -> None:
    assert (await visitor.get(BASE + path)).status_code == 404


async def test_every_picture_of_the_catalogue_exists(visitor: httpx.AsyncClient, till: Till) -> None:
    page = await visitor.get(f"{BASE}/")
    pictures = re.findall(r'src="([^"]+\.svg)"', page.text)
    assert len(pictures) == len(list(till.world.store.all(SHOP, "product")))
    assert {(await visitor.get(url)).headers["content-type"] for url in pictures} == {"image/svg+xml"}


def test_both_languages_say_the_same_things() -> None:
    assert TEXTS["en"].keys() == TEXTS["ru"].keys()

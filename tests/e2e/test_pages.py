"""The pages, in a real browser: a person follows a link and buys; a person reads what was said."""

import shutil
import uuid
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.e2e.test_loop import receipt_of
from tests.live import LiveStack, eventually

pytestmark = pytest.mark.browser
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync", "--no-first-run"]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("there is no Chromium on this machine")
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield running
        running.close()


@pytest.fixture(params=[("en", 1280), ("ru", 390)], ids=["en-desktop", "ru-phone"])
def page(browser: Browser, request: pytest.FixtureRequest) -> Iterator[tuple[Page, str]]:
    language, width = request.param
    context = browser.new_context(viewport={"width": width, "height": 900})
    yield context.new_page(), language
    context.close()


def order_ids(live: LiveStack) -> set[str]:
    return {str(order["order_id"]) for order in live.everything("/v1/admin/orders")}


def test_who_follows_a_link_and_buys_is_attributed(live: LiveStack, page: tuple[Page, str]) -> None:
    tab, language = page
    problems: list[str] = []
    before = order_ids(live)
    tab.on("pageerror", lambda error: problems.append(str(error)))
    tab.goto(live.facts["ambassador"]["link"])
    assert "ref=ANNA10" in tab.url
    shop = f"{live.facts['devstore_url']}/shops/{live.shop}"
    tab.goto(f"{shop}/?lang={language}")
    tab.locator("a[href*='/products/']").first.click()
    tab.locator("form[action$='/cart'] button").click()
    tab.goto(f"{shop}/checkout")
    tab.fill("input[name=email]", f"{uuid.uuid4().hex}@example.com")
    tab.locator("form[method=post] button").last.click()
    tab.wait_for_url("**/orders/**")
    order = eventually(lambda: next(iter(order_ids(live) - before), None), "the order")
    receipt = eventually(lambda: receipt_of(live, order), "the receipt")
    assert receipt["rule"] == "click"
    assert tab.locator("html").get_attribute("lang") == language
    assert tab.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), "the page scrolls sideways"
    assert problems == []


def test_the_networks_page_shows_what_was_said(live: LiveStack, page: tuple[Page, str]) -> None:
    tab, language = page
    mark = uuid.uuid4().hex[:8]
    live.say(network="telegram", text=f"Hello {mark}", author={"handle": "vera"})
    tab.goto(f"{live.facts['devnet_url']}/?lang={language}")
    tab.get_by_text(mark).first.wait_for()


@pytest.mark.parametrize("path", ["/docs", "/asyncapi"])
def test_the_api_pages_need_nothing_from_elsewhere(live: LiveStack, page: tuple[Page, str], path: str) -> None:
    tab, _ = page
    asked: list[str] = []
    tab.on("request", lambda request: asked.append(request.url))
    tab.goto(f"{live.facts['gateway_url']}{path}")
    tab.get_by_text("Vouch").first.wait_for()
    assert [url for url in asked if not url.startswith((live.facts["gateway_url"], "data:"))] == []

"""Where links lead, and who counts as a visitor."""

from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.gateway.clicks import destination, is_prefetch, is_program

HOME = "https://northwind.example/en?a=1"


@given(st.text(max_size=80))
def test_a_link_never_leaves_the_storefront(path: str) -> None:
    led = urlsplit(destination(HOME, path, {"ref": "ANNA"}, []))
    assert (led.scheme, led.netloc) == ("https", "northwind.example")
    assert led.path.startswith("/en")
    assert parse_qs(led.query)["ref"] == ["ANNA"]
    assert parse_qs(led.query)["a"] == ["1"]


@pytest.mark.parametrize("path", ["//evil.example/x", "/\\evil.example", "https://evil.example", "/../admin", "/a\nb"])
def test_odd_paths_lead_home(path: str) -> None:
    assert (
        urlsplit(destination(HOME, path, {}, [])).path == "/en/"[: len(urlsplit(destination(HOME, path, {}, [])).path)]
    )


def test_a_path_and_what_is_passed_on() -> None:
    led = destination(
        HOME, "/products/x?variant=1", {"ref": "ANNA", "vclid": "clk_1"}, [("utm_source", "tg"), ("ref", "EVIL")]
    )
    parts = urlsplit(led)
    assert parts.path == "/en/products/x"
    assert parse_qs(parts.query) == {
        "a": ["1"], "variant": ["1"], "utm_source": ["tg"], "ref": ["ANNA"], "vclid": ["clk_1"],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("agent", "program"),
    [
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 Version/17.0 Safari/604.1",
            False,
        ),
        (
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/130.0 YaBrowser/24.10 Safari/537.36",
            False,
        ),
        ("Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 Chrome/130 Mobile Instagram 300.0 Android", False),
        ("TelegramBot (like TwitterBot)", True),
        ("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", True),
        ("Mozilla/5.0 (compatible; vkShare; +http://vk.com/dev/Share)", True),
        ("facebookexternalhit/1.1", True),
        ("WhatsApp/2.23", True),
        ("curl/8.5.0", True),
        ("", True),
    ],
)
def test_programs_are_told_from_people(agent: str, program: bool) -> None:
    assert is_program(agent) is program


def test_looking_ahead_is_no_visit() -> None:
    assert is_prefetch({"sec-purpose": "prefetch;prerender"})
    assert is_prefetch({"purpose": "prefetch"})
    assert not is_prefetch({"sec-fetch-dest": "document"})

"""The client against a plain HTTP server of its own: whose address and token a call carries, time-outs, fairness."""

import asyncio
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import shopify as shopify_api

from shared.shopify import Shopify, ShopifyError, Throttled, Unavailable, gid, legacy_id, shop_url

ONE, OTHER = "vouch-demo.myshopify.com", "other-brand.myshopify.com"
TOKENS = {ONE: "shpat_one", OTHER: "shpat_other"}


class FakeShops(BaseHTTPRequestHandler):
    """Answers what the query asks for: `ok`, `fail`, `throttle`, `hang` (until released), `redirect`."""

    server: "Server"

    def do_POST(self) -> None:
        query = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["query"]
        self.server.seen.append((self.path, self.headers["X-Shopify-Access-Token"], query))
        if query == "hang":
            self.server.release.wait(10)
        status = {"fail": 500, "throttle": 429, "redirect": 302}.get(query, 200)
        self.send_response(status)
        if query == "redirect":
            self.send_header("Location", f"http://127.0.0.1:{self.server.server_port}/stolen")
        self.end_headers()
        self.wfile.write(json.dumps({"data": {"path": self.path}}).encode())

    def log_message(self, *_: Any) -> None:
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), FakeShops)
        self.seen: list[tuple[str, str | None, str]] = []
        self.release = threading.Event()


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield running
        running.release.set()
        running.shutdown()


def client_of(server: Server, **options: Any) -> Shopify:
    return Shopify(f"http://127.0.0.1:{server.server_port}/shops/{{shop}}", "2026-10", **options)


async def test_s16_interleaved_shops_never_meet(server: Server) -> None:
    """200 calls of two shops interleaved on few threads, many of them failing: each has its own shop's token."""
    async with client_of(server, threads=3, per_shop=3) as client:
        calls = [
            client.execute(shop, TOKENS[shop], query)
            for number in range(100)
            for shop, query in ((ONE, "fail" if number % 3 else "ok"), (OTHER, "ok" if number % 4 else "throttle"))
        ]
        answers = await asyncio.gather(*calls, return_exceptions=True)
    assert len(server.seen) == 200
    assert {(path, token) for path, token, _ in server.seen} == {
        (f"/shops/{shop}/admin/api/2026-10/graphql.json", token) for shop, token in TOKENS.items()
    }
    for shop, answer in zip([ONE, OTHER] * 100, answers, strict=True):
        named = answer.shop if isinstance(answer, ShopifyError) else str(answer)
        assert shop in named


async def test_nothing_is_left_on_the_thread(server: Server) -> None:
    async with client_of(server, threads=1) as client:
        with pytest.raises(Unavailable):
            await client.execute(ONE, TOKENS[ONE], "fail")
        left = await asyncio.get_running_loop().run_in_executor(client._threads, _left_behind)
    assert left == (None, None)


def _left_behind() -> tuple[str | None, str | None]:
    return shopify_api.ShopifyResource.site, shopify_api.ShopifyResource.headers.get("X-Shopify-Access-Token")


async def test_slow_shop_holds_no_other(server: Server) -> None:
    async with client_of(server, threads=3, per_shop=2) as client:
        slow = [asyncio.create_task(client.execute(ONE, TOKENS[ONE], "hang")) for _ in range(10)]
        answer = await client.execute(OTHER, TOKENS[OTHER], "ok")
        assert OTHER in answer["path"]
        assert not any(task.done() for task in slow)
        server.release.set()
        await asyncio.gather(*slow)


async def test_silent_shop_is_unavailable_and_uncertain(server: Server) -> None:
    async with client_of(server, timeout=0.2) as client:
        with pytest.raises(Unavailable) as caught:
            await client.execute(ONE, TOKENS[ONE], "hang")
    assert caught.value.uncertain


async def test_refused_connection_did_nothing(server: Server) -> None:
    async with Shopify("http://127.0.0.1:1/shops/{shop}", "2026-10") as client:
        with pytest.raises(Unavailable) as caught:
            await client.execute(ONE, TOKENS[ONE], "ok")
    assert not caught.value.uncertain


async def test_redirects_are_not_followed(server: Server) -> None:
    async with client_of(server) as client:
        with pytest.raises(Unavailable):
            await client.execute(ONE, TOKENS[ONE], "redirect")
    assert len(server.seen) == 1


async def test_error_bodies_are_not_printed(server: Server, capfd: pytest.CaptureFixture[str]) -> None:
    async with client_of(server) as client:
        with pytest.raises(Throttled):
            await client.execute(ONE, TOKENS[ONE], "throttle")
    assert capfd.readouterr().out == ""


@pytest.mark.parametrize(
    "domain", ["evil.example", "a.myshopify.com.evil.example", "../x.myshopify.com", "", "A.myshopify.com\n"]
)
def test_only_shops_get_a_url(domain: str) -> None:
    with pytest.raises(ValueError, match="permanent domain"):
        shop_url("https://{shop}", domain)


def test_ids() -> None:
    assert gid("Product", "8001") == "gid://shopify/Product/8001"
    assert gid("Product", gid("Product", "8001")) == "gid://shopify/Product/8001"
    assert legacy_id("gid://shopify/Product/8001") == "8001"

"""The outbound client against a local server: what is known after a failure, and what a media address cannot reach."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer, unused_port

from shared.http import AddressRefused, HttpClient, MediaRefused, NotSent, OutcomeUnknown, fetch_media, is_public

Serve = Callable[[Callable[[web.Request], Awaitable[web.StreamResponse]]], Awaitable[TestServer]]


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    servers: list[TestServer] = []

    async def start(handler: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> TestServer:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", handler)
        server = TestServer(app, host="127.0.0.1")
        await server.start_server()
        servers.append(server)
        return server

    yield start
    for server in servers:
        await server.close()


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    """Names and the addresses they resolve to, one list per look-up."""
    table: dict[str, list[str]] = {}

    async def getaddrinfo(loop: Any, host: str, port: int, **kwargs: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in table[host]]

    monkeypatch.setattr(asyncio.BaseEventLoop, "getaddrinfo", getaddrinfo)
    return table


def here(server: TestServer) -> frozenset[str]:
    return frozenset({f"127.0.0.1:{server.port}"})


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1",
        "255.255.255.255", "192.0.2.1", "198.18.0.1", "240.0.0.1", "::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1",
        "fec0::1", "ff02::1", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "64:ff9b::7f00:1", "2002:7f00:1::", "2001:db8::1",
    ],
)  # fmt: skip
def test_private_addresses_in_all_their_forms(address: str) -> None:
    assert not is_public(address)


def test_public_addresses() -> None:
    assert is_public("8.8.8.8")
    assert is_public("2606:4700::1111")


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/a.jpg", "http://[::1]/a.jpg", "http://169.254.169.254/latest/meta-data", "ftp://example.com/a",
        "file:///etc/passwd", "telegram-file:abc", "http://user:pass@example.com/a.jpg", "http://example.com:port/a",
        "http://[::ffff:10.0.0.1]/a", "//example.com/a.jpg", "", "http://", "http://[oops/a.jpg",
    ],
)  # fmt: skip
async def test_addresses_that_are_refused_before_any_connection(url: str) -> None:
    with pytest.raises(MediaRefused):
        await fetch_media(url)


@pytest.mark.parametrize("host", ["2130706433", "0x7f.1", "0177.0.0.1", "localhost", "localhost."])
async def test_other_spellings_of_loopback_are_resolved_and_refused(host: str) -> None:
    with pytest.raises((MediaRefused, NotSent)):
        await fetch_media(f"http://{host}:{unused_port()}/a.jpg")


async def test_names_that_lead_inside_even_with_one_of_several_addresses(names: dict[str, list[str]]) -> None:
    names["inside.example"] = ["10.0.0.7"]
    names["both.example"] = ["93.184.216.34", "127.0.0.1"]
    for host in names:
        with pytest.raises(MediaRefused, match="private network"):
            await fetch_media(f"http://{host}/a.jpg")


async def test_a_redirect_is_checked_like_the_first_address(serve: Serve, names: dict[str, list[str]]) -> None:
    inner_calls: list[str] = []

    async def inner(request: web.Request) -> web.Response:
        inner_calls.append(request.path)
        return web.Response(body=b"secret", content_type="image/png")

    inside = await serve(inner)
    names["rebound.example"] = ["127.0.0.1"]
    targets = [f"http://127.0.0.1:{inside.port}/x", f"http://rebound.example:{inside.port}/x", "file:///etc/passwd"]

    async def redirecting(request: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": targets[int(request.path[1:])]})

    outside = await serve(redirecting)
    for number in range(len(targets)):
        with pytest.raises(MediaRefused):
            await fetch_media(f"http://127.0.0.1:{outside.port}/{number}", trusted=here(outside))
    assert inner_calls == []


async def test_media_is_fetched_over_redirects_from_a_trusted_place(serve: Serve) -> None:
    async def handler(request: web.Request) -> web.Response:
        if request.path == "/start":
            return web.Response(status=301, headers={"Location": "picture?x=1"})
        return web.Response(body=b"\x89PNG", content_type="image/png")

    server = await serve(handler)
    file = await fetch_media(f"http://127.0.0.1:{server.port}/start", trusted=here(server))
    assert (file.content_type, file.data) == ("image/png", b"\x89PNG")


async def test_size_kind_status_redirects_and_time_are_capped(serve: Serve) -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        if request.path == "/loop":
            return web.Response(status=302, headers={"Location": "/loop"})
        if request.path == "/page":
            return web.Response(text="<html>", content_type="text/html")
        if request.path == "/squeezed":
            return web.Response(body=b"x", content_type="image/png", headers={"Content-Encoding": "gzip"})
        if request.path == "/slow":
            await asyncio.sleep(5)
        if request.path == "/endless":
            response = web.StreamResponse(headers={"Content-Type": "image/png"})
            await response.prepare(request)
            for _ in range(100):
                await response.write(b"x" * 1000)
            return response
        return web.Response(status=404)

    server = await serve(handler)
    base, trusted = f"http://127.0.0.1:{server.port}", here(server)
    for path in ("/loop", "/page", "/squeezed", "/gone", "/endless"):
        with pytest.raises(MediaRefused):
            await fetch_media(base + path, max_bytes=10_000, trusted=trusted)
    with pytest.raises(NotSent):
        await fetch_media(base + "/slow", timeout=0.05, trusted=trusted)


async def test_the_client_says_what_is_known_after_a_failure(serve: Serve) -> None:
    async def handler(request: web.Request) -> web.Response:
        if request.path == "/hang":
            await asyncio.sleep(5)
        if request.path == "/cut" and request.transport is not None:
            request.transport.close()
        if request.path == "/away":
            return web.Response(status=302, headers={"Location": "http://example.com"})
        return web.json_response({"got": await request.text()}, headers={"Retry-After": "7"})

    server = await serve(handler)
    async with HttpClient(total_timeout=0.3) as client:
        answer = await client.request("POST", str(server.make_url("/")), form={"a": "я"})
        assert (answer.status, answer.json(), answer.retry_after) == (200, {"got": "a=%D1%8F"}, 7.0)
        assert (await client.request("POST", str(server.make_url("/away")))).status == 302
        for path in ("/hang", "/cut"):
            with pytest.raises(OutcomeUnknown) as caught:
                await client.request("POST", str(server.make_url(path)))
            assert str(server.port) not in str(caught.value)
        with pytest.raises(NotSent):
            await client.request("POST", f"http://127.0.0.1:{unused_port()}/bot1:secret/sendMessage")


async def test_a_tenants_address_must_lead_outside(serve: Serve) -> None:
    async def handler(request: web.Request) -> web.Response:
        return web.Response(status=204)

    server = await serve(handler)
    url = str(server.make_url("/hook"))
    async with HttpClient() as client:
        with pytest.raises(AddressRefused):
            await client.request("POST", url, from_outside=True)
        with pytest.raises(AddressRefused):
            await client.request("POST", url.replace("127.0.0.1", "localhost"), from_outside=True)
    async with HttpClient(trusted=here(server)) as client:
        assert (await client.request("POST", url, from_outside=True)).status == 204

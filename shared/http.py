"""Calls to the outside: a client that says what is known after a failure, and a fetch that cannot be led inside.

Addresses may hold secrets (Telegram puts the token into the path), so no error here names one.
"""

import asyncio
import ipaddress
import json
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from multidict import CIMultiDictProxy
from yarl import URL

CONNECT_TIMEOUT = 5.0
TOTAL_TIMEOUT = 20.0
MAX_ANSWER = 4 * 1024 * 1024
MAX_REDIRECTS = 5
MEDIA_TYPES = ("image/", "video/")
REDIRECTS = frozenset({301, 302, 303, 307, 308})


class NotSent(Exception):
    """The request never reached the other side: repeating it is safe."""


class OutcomeUnknown(Exception):
    """The request may have been carried out: no answer came, or only a part of one."""


class AddressRefused(Exception):
    """An address from outside that must not be called. Final."""


class MediaRefused(AddressRefused):
    """A media address that must not be fetched, or an answer that must not be kept. Final."""


@dataclass(frozen=True)
class Answer:
    """An HTTP answer, whole. `headers` ignore case."""

    status: int
    headers: CIMultiDictProxy[str]
    body: bytes

    def json(self) -> Any:
        """The body as JSON, or None when it is not JSON (a proxy's error page, an empty body)."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None

    @property
    def retry_after(self) -> float | None:
        """`Retry-After` in seconds, if it is there in that form."""
        value = self.headers.get("Retry-After", "")
        return float(value) if value.isascii() and value.isdigit() else None


@dataclass(frozen=True)
class MediaFile:
    """A fetched picture or video."""

    content_type: str
    data: bytes


class HttpClient:
    """The process's connections. Redirects are not followed, cookies not kept, proxies not taken from outside.

    `trusted` names the host:port pairs that may be private although the outside gave the address: those that the
    operator has put into the settings (the local dev network).
    """

    def __init__(
        self,
        *,
        connect_timeout: float = CONNECT_TIMEOUT,
        total_timeout: float = TOTAL_TIMEOUT,
        trusted: frozenset[str] = frozenset(),
    ) -> None:
        self._timeout = aiohttp.ClientTimeout(total_timeout, connect=connect_timeout, sock_connect=connect_timeout)
        self._pools: dict[bool, aiohttp.ClientSession] = {}
        self.trusted = trusted

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        for pool in self._pools.values():
            await pool.close()
        self._pools.clear()

    def _pool(self, public_only: bool) -> aiohttp.ClientSession:
        if public_only not in self._pools:
            self._pools[public_only] = _session(public_only, self._timeout)
        return self._pools[public_only]

    async def request(
        self,
        method: str,
        url: str,
        *,
        params: Mapping[str, str] | None = None,
        json: Any = None,
        form: Mapping[str, str] | None = None,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        from_outside: bool = False,
    ) -> Answer:
        """One call. `from_outside`: a tenant gave the address, so it must lead to the open internet.

        Raises `NotSent` when no connection was made, `OutcomeUnknown` when the answer stayed away, and
        `AddressRefused` when an address from outside leads inside.
        """
        target = _checked(url, self.trusted) if from_outside else URL(url)
        try:
            async with self._pool(from_outside and _origin(target) not in self.trusted).request(
                method,
                target,
                params=params,
                json=json,
                data=form if form is not None else body,
                headers=headers,
                allow_redirects=False,
            ) as response:
                return Answer(response.status, response.headers, await _read(response, MAX_ANSWER))
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.InvalidURL) as error:
            raise NotSent(f"No connection ({type(error).__name__}).") from None
        except (aiohttp.ClientError, TimeoutError, _TooLarge) as error:
            raise OutcomeUnknown(f"No whole answer ({type(error).__name__}).") from None


def _session(public_only: bool, timeout: aiohttp.ClientTimeout) -> aiohttp.ClientSession:
    resolver = _PublicResolver() if public_only else None
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(resolver=resolver, use_dns_cache=not public_only),
        timeout=timeout,
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"User-Agent": "Vouch/1"},
        auto_decompress=not public_only,
    )


def _origin(url: URL) -> str:
    return f"{url.host}:{url.port}"


class _TooLarge(Exception):
    pass


async def _read(response: aiohttp.ClientResponse, limit: int) -> bytes:
    data = bytearray()
    async for chunk in response.content.iter_chunked(64 * 1024):
        data += chunk
        if len(data) > limit:
            raise _TooLarge
    return bytes(data)


_EMBEDDING = (ipaddress.ip_network("64:ff9b::/96"), ipaddress.ip_network("64:ff9b:1::/48"))


def is_public(address: str) -> bool:
    """Whether an address belongs to the open internet; one that carries another (6to4, NAT64, mapped) never does."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        embeds = ip.ipv4_mapped or ip.sixtofour or ip.teredo or any(ip in network for network in _EMBEDDING)
        if embeds or ip.is_site_local:
            return False
    return ip.is_global and not ip.is_multicast and not ip.is_reserved and not ip.is_unspecified


class _PublicResolver(AbstractResolver):
    """Resolves at the moment of connecting and hands over only what it checked: no second look-up, no rebinding."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(host, port, family=family, type=socket.SOCK_STREAM)
        addresses = [(info[0], str(info[4][0])) for info in found]
        if not addresses or not all(is_public(address) for _, address in addresses):
            raise AddressRefused("The address leads to a private network.")
        return [
            ResolveResult(hostname=host, host=address, port=port, family=kind, proto=0, flags=socket.AI_NUMERICHOST)
            for kind, address in addresses
        ]

    async def close(self) -> None:
        return None


def _checked(url: str, trusted: frozenset[str]) -> URL:
    """The parsed address. AddressRefused unless http(s), without credentials, no private literal."""
    try:
        parts = urlsplit(url)
        parsed = URL(url)
    except ValueError:
        raise AddressRefused("The address is not a URL.") from None
    if parts.scheme not in ("http", "https") or not parsed.host:
        raise AddressRefused("The address is not http or https.")
    if parts.username is not None or parts.password is not None or parsed.user or parsed.password:
        raise AddressRefused("The address carries credentials.")
    if _origin(parsed) not in trusted and _is_private_literal(parsed.host):
        raise AddressRefused("The address leads to a private network.")
    return parsed


def _is_private_literal(host: str) -> bool:
    try:
        return not is_public(host)
    except ValueError:
        return False  # a name: the resolver checks what it stands for


async def fetch_media(
    url: str, *, max_bytes: int = 10 * 1024 * 1024, timeout: float = 15.0, trusted: frozenset[str] = frozenset()
) -> MediaFile:
    """Fetch a picture or video from an address the outside gave.

    Each hop of a redirect is checked anew, and the connection goes to the very addresses that were checked. `timeout`
    spans all hops. Raises MediaRefused (final), NotSent or OutcomeUnknown (may work later).
    """
    try:
        async with asyncio.timeout(timeout):
            return await _follow(url, max_bytes, trusted)
    except (TimeoutError, aiohttp.ClientConnectorError) as error:
        raise NotSent(f"The media could not be fetched ({type(error).__name__}).") from None
    except (AddressRefused, aiohttp.InvalidURL) as error:
        raise MediaRefused(str(error) if isinstance(error, AddressRefused) else "The address is not a URL.") from None
    except aiohttp.ClientError as error:
        raise OutcomeUnknown(f"The media could not be fetched ({type(error).__name__}).") from None


async def _follow(url: str, max_bytes: int, trusted: frozenset[str]) -> MediaFile:
    no_limit = aiohttp.ClientTimeout(total=None)  # the caller's timeout spans all hops
    for _ in range(MAX_REDIRECTS + 1):
        target = _checked(url, trusted)
        async with (
            _session(_origin(target) not in trusted, no_limit) as session,
            session.get(target, allow_redirects=False, headers={"Accept-Encoding": "identity"}) as response,
        ):
            location = response.headers.get("Location")
            if response.status not in REDIRECTS or not location:
                return await _media(response, max_bytes)
            url = _joined(target, location)
    raise MediaRefused("The media address redirects too often.")


def _joined(base: URL, location: str) -> str:
    try:
        return str(base.join(URL(location)))
    except ValueError:
        raise MediaRefused("The media address redirects to what is not a URL.") from None


async def _media(response: aiohttp.ClientResponse, max_bytes: int) -> MediaFile:
    if response.status != 200:
        raise MediaRefused(f"The media address answers {response.status}.")
    if not response.content_type.startswith(MEDIA_TYPES) or response.headers.get("Content-Encoding"):
        raise MediaRefused("The media address holds no plain picture or video.")
    if (response.content_length or 0) > max_bytes:
        raise MediaRefused("The media is too large.")
    try:
        return MediaFile(response.content_type, await _read(response, max_bytes))
    except _TooLarge:
        raise MediaRefused("The media is too large.") from None

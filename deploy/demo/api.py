"""A small client of the public API: idempotent writes, a 202 followed to its outcome, refusals as sentences."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import aiohttp

from deploy.stack.errors import StackError

TIMEOUT = aiohttp.ClientTimeout(total=30)
PATIENCE = 60.0
T = TypeVar("T")


class Refusal(StackError):
    """The server said no. `status` is HTTP's."""

    def __init__(self, what: str, status: int, body: Any) -> None:
        words = (body.get("detail") or body.get("title") or body) if isinstance(body, dict) else body
        errors = body.get("errors") if isinstance(body, dict) else None
        super().__init__(f"{what} was refused ({status}): {words}{f' {errors}' if errors else ''}")
        self.status = status


class Api:
    """One server and one bearer token (or none)."""

    def __init__(self, http: aiohttp.ClientSession, url: str, token: str = "") -> None:
        self._http = http
        self._url = url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}

    async def get(self, path: str) -> Any:
        return await self._call("GET", path)

    async def put(self, path: str, body: Any) -> Any:
        return await self._call("PUT", path, body)

    async def patch(self, path: str, body: Any) -> Any:
        return await self._call("PATCH", path, body)

    async def delete(self, path: str) -> Any:
        return await self._call("DELETE", path)

    async def post(self, path: str, body: Any = None, key: str | None = None) -> Any:
        """`key` is the Idempotency-Key: the same wish twice has one effect and one answer."""
        return await self._call("POST", path, body, {"Idempotency-Key": key} if key else {})

    async def _call(self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> Any:
        url = path if path.startswith("http") else self._url + path
        what = f"{method} {path}"
        try:
            async with self._http.request(
                method, url, json=body, headers={**self._headers, **(headers or {})}, timeout=TIMEOUT
            ) as answer:
                found = await answer.json(content_type=None) if answer.status != 204 else None
                status, location = answer.status, answer.headers.get("Location", "")
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise StackError(f"{what} got no answer: {error or type(error).__name__}") from error
        if status == 202 and "/commands/" in location:
            return await self._outcome(what, location)
        if status >= 400:
            raise Refusal(what, status, found)
        return found

    async def _outcome(self, what: str, location: str) -> Any:
        """Follow a command that took longer than its caller was made to wait."""

        async def done() -> dict[str, Any] | None:
            state = await self.get(location)
            return state["outcome"] if state["status"] == "done" else None

        outcome = await until(done, f"{what} was taken on, but is not done")
        if outcome["status"] >= 400:
            raise Refusal(what, outcome["status"], outcome["body"])
        return outcome["body"]


async def until(probe: Callable[[], Awaitable[T | None]], otherwise: str, seconds: float = PATIENCE) -> T:
    """Poll until the probe finds something. Raises StackError, saying `otherwise`, when it does not in time."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    while loop.time() < deadline:
        found = await probe()
        if found:
            return found
        await asyncio.sleep(0.2)
    raise StackError(f"{otherwise} (waited {seconds:.0f} s).")

"""Asking the database about what is not in memory: once for all who ask at the same time, and not as often as strangers
would have it."""

import asyncio
import time
from collections.abc import Awaitable, Callable

from pymongo.errors import PyMongoError

PER_SECOND = 50.0


class Unknowable(Exception):
    """Not in memory, and MongoDB can't be asked now. Never to be taken for a "no"."""


class Misses:
    """Looks things up. `look` puts what it finds where the asker looks next."""

    def __init__(self, per_second: float = PER_SECOND) -> None:
        self._rate = self._left = per_second
        self._at = time.monotonic()
        self._asking: dict[str, asyncio.Task[None]] = {}

    async def ask(self, id: str, look: Callable[[], Awaitable[None]]) -> None:
        """Returns when it is known whether the id exists. Raises `Unknowable`."""
        task = self._asking.get(id)
        if task is None:
            if not self._take():
                raise Unknowable("too many look-ups of what doesn't exist")
            task = self._asking[id] = asyncio.create_task(_guarded(look))
            task.add_done_callback(lambda _: self._asking.pop(id, None))
        await asyncio.shield(task)

    def _take(self) -> bool:
        now = time.monotonic()
        self._left, self._at = min(self._rate, self._left + (now - self._at) * self._rate), now
        if self._left < 1:
            return False
        self._left -= 1
        return True


async def _guarded(look: Callable[[], Awaitable[None]]) -> None:
    try:
        async with asyncio.timeout(3):
            await look()
    except (PyMongoError, TimeoutError) as error:
        raise Unknowable(repr(error)[:200]) from error

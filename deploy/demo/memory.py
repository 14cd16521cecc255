"""What seeding got back, kept in DIR/seed.json (0600): keys are shown only once, a second `up` re-uses them."""

from collections.abc import Awaitable, Callable
from typing import Any

from deploy.stack.datadir import DataDir, read_json


class Memory:
    """Facts by name. Each is on disk before the next step."""

    def __init__(self, directory: DataDir) -> None:
        self._directory = directory
        self._facts: dict[str, Any] = read_json(directory.seed)

    async def once(self, name: str, make: Callable[[], Awaitable[Any]]) -> Any:
        """The remembered fact, else what `make` brings."""
        if name not in self._facts:
            self.keep(name, await make())
        return self._facts[name]

    def draft(self, name: str, make: Callable[[], Any]) -> Any:
        """The same without waiting, for what we invent ourselves before sending it."""
        if name not in self._facts:
            self.keep(name, make())
        return self._facts[name]

    def get(self, name: str) -> Any:
        return self._facts.get(name)

    def keep(self, name: str, fact: Any) -> None:
        self._facts[name] = fact
        self._directory.remember(self._directory.seed, self._facts)

    def forget(self) -> None:
        """Start anew: the database does not know what we remember."""
        self._facts.clear()
        self._directory.remember(self._directory.seed, self._facts)

    def drop(self, name: str) -> None:
        if self._facts.pop(name, None) is not None:
            self._directory.remember(self._directory.seed, self._facts)

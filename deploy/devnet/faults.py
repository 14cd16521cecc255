"""Things that go wrong on purpose, and the networks' own rate limits."""

import random
import time
from collections import defaultdict, deque
from collections.abc import Callable

from deploy.devnet.models import Fault
from deploy.devnet.store import Store

CALLS_BEFORE = ("429", "5xx", "timeout_before", "delay")
CALLS_AFTER = ("5xx_after", "timeout_after")
WEBHOOKS = ("delay", "duplicate", "reorder")


class Mischief:
    """Picks the fault that strikes, and counts it down."""

    def __init__(self, store: Store, chance: Callable[[], float] = random.random) -> None:
        self._store, self._chance = store, chance

    def strikes(self, on: str, network: str, path: str = "") -> Fault | None:
        for position, fault in self._store.faults():
            applies = fault.on == on and fault.network in ("*", network) and fault.path in path
            if applies and fault.times != 0 and self._chance() < fault.probability:
                self._count_down(position, fault)
                return fault
        return None

    def _count_down(self, position: int, fault: Fault) -> None:
        if fault.times is not None:
            left = fault.model_copy(update={"times": fault.times - 1})
            self._store.put_fault(position, left if left.times else None)


class Window:
    """So many events in so many seconds, per key. Forgotten at a restart, as the networks' own are soon over."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._seen: dict[str, deque[float]] = defaultdict(deque)

    def wait(self, key: str, count: int, seconds: float) -> float:
        """0 when there is room (and takes it), else the seconds until there is."""
        now, seen = self._clock(), self._seen[key]
        while seen and now - seen[0] >= seconds:
            seen.popleft()
        if len(seen) >= count:
            return seconds - (now - seen[0])
        seen.append(now)
        return 0

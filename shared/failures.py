"""Telling a poison message from a bad deploy.

A message that fails while others succeed is poison: it may be buried. When nearly everything fails, the code is wrong:
nothing may be buried, the processor must stop and say so.
"""

from collections import deque
from time import monotonic


class MassFailure(Exception):
    """Nearly everything fails. The processor stops; nothing is dead-lettered."""


class FailureWatch:
    """Judges failures by what the whole processor has seen lately."""

    def __init__(
        self, *, enough: int = 10, share: float = 0.8, unproven: int = 3, patience: float = 30.0, window: int = 200
    ) -> None:
        """Stop at `enough` failures that are `share` of the last `window` records; at `unproven` ones when nothing has
        succeeded since the start, for which the others' evidence is awaited `patience` seconds."""
        self._enough, self._share, self._unproven, self._patience = enough, share, unproven, patience
        self._recent: deque[bool] = deque(maxlen=window)
        self._suspects: dict[str, float] = {}

    def settled(self, succeeded: int, buried: int) -> None:
        """A batch was committed."""
        self._recent.extend([True] * min(succeeded, 50) + [False] * min(buried, 50))
        if succeeded:
            self._suspects.clear()

    def judge(self, places: list[str], succeeded: int, error: str, *, patient: bool = True) -> float | None:
        """None: bury them. A number: look again in so many seconds. Raises `MassFailure`.

        `places` name the failed records of one batch ("topic/partition/offset"), `succeeded` counts its other records.
        """
        failed, good = len(places) + self._recent.count(False), succeeded + self._recent.count(True)
        if failed >= self._enough and failed >= self._share * (failed + good):
            raise MassFailure(self._sentence(failed, failed + good, error))
        if good:
            return None
        for place in places:
            self._suspects.setdefault(place, monotonic())
        if len(self._suspects) >= self._unproven:
            raise MassFailure(self._sentence(len(self._suspects), len(self._suspects), error))
        if patient and monotonic() - min(self._suspects[place] for place in places) < self._patience:
            return 0.5  # nothing has succeeded yet: wait for the other partitions' evidence
        return None

    @staticmethod
    def _sentence(failed: int, of: int, error: str) -> str:
        return (
            f"{failed} of the last {of} records failed, last with {error[:300]}: stopped so that nothing is lost. "
            "Deploy a fix and restart."
        )

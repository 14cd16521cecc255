"""How fast replies may leave on a connection, by its network's limits.

What has been sent is read back from the replies when a process first uses a connection, so a restart does not begin
with a clean slate; what a network itself asks for (`retry_after`) holds the connection's whole lane, durably.
"""

from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from services.ugc.models import ReplyDocument
from shared.mongo import ReadOnly
from shared.networks.base import Limits

_DAY = 86_400.0


@dataclass(slots=True)
class Pace:
    """Times of what left lately, oldest first, as (seconds, target)."""

    limits: Limits
    sent: deque[tuple[float, str]] = field(default_factory=deque)

    def wait(self, now: float, target: str) -> float:
        """Seconds until a reply to `target` may leave; 0: now."""
        while self.sent and self.sent[0][0] <= now - _DAY:
            self.sent.popleft()
        mine = [at for at, to in self.sent if to == target]
        everything = [at for at, _ in self.sent]
        limits = self.limits
        waits = [
            _spaced(everything, now, limits.per_second),
            _spaced(mine, now, limits.per_target_per_second),
            _within(mine, now, limits.per_group_per_minute, 60.0),
            _within(everything, now, limits.per_hour, 3600.0),
            _within(everything, now, _replies_a_day(limits), _DAY),
        ]
        return max(waits)

    def note(self, now: float, target: str) -> None:
        """A reply leaves now."""
        self.sent.append((now, target))


def _spaced(times: list[float], now: float, per_second: float | None) -> float:
    return max(0.0, times[-1] + 1 / per_second - now) if per_second and times else 0.0


def _within(times: list[float], now: float, count: int | None, seconds: float) -> float:
    recent = [at for at in times if at > now - seconds]
    return recent[-count] + seconds - now if count and len(recent) >= count else 0.0


def _replies_a_day(limits: Limits) -> int | None:
    """Half the day's units: the other half is for reading."""
    return (
        limits.units_per_day // 2 // limits.units_per_reply if limits.units_per_day and limits.units_per_reply else None
    )


def group_of(target: str) -> str:
    """What a per-chat limit counts: the chat of a Telegram message, the thread elsewhere."""
    return target.rsplit(":", 1)[0]


class Paces:
    """The pace of each connection."""

    def __init__(self) -> None:
        self._known: dict[str, Pace] = {}

    async def of(self, connection_id: str, brand_id: str, limits: Limits, db: ReadOnly) -> Pace:
        """The connection's pace; at first use it is filled with what was sent during the last day."""
        if connection_id not in self._known:
            since = datetime.now(UTC) - timedelta(seconds=_DAY)
            query = {"brand_id": brand_id, "connection_id": connection_id, "sent_at": {"$gt": since}}
            rows = await db.find(
                ReplyDocument.collection, query, sort=[("sent_at", 1)], projection={"sent_at": 1, "target": 1}
            )
            sent = deque((row["sent_at"].timestamp(), group_of(row.get("target") or "")) for row in rows)
            self._known.setdefault(connection_id, Pace(limits, sent))
        return self._known[connection_id]

"""Buckets of time in a time zone. Pure."""

from bisect import bisect_right
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

Bucket = Literal["hour", "day", "week", "month"]
MOST = 2500


class TooMany(ValueError):
    """The range has more buckets than anybody would read."""


def starts(since: datetime, until: datetime, bucket: Bucket, zone: ZoneInfo) -> list[datetime]:
    """The beginnings (UTC) of the buckets that [since, until) touches; the first may lie before `since`.

    Weeks begin on Monday (ISO 8601). Days are the zone's, 23 or 25 hours long when the clocks change.
    """
    found = [_floor(since, bucket, zone)]
    while (following := _next(found[-1], bucket, zone)) < until:
        found.append(following)
        if len(found) > MOST:
            raise TooMany(f"more than {MOST} buckets; choose a larger bucket or a shorter range")
    return found


def place(buckets: Sequence[datetime], moment: datetime) -> int:
    """Index of the bucket that holds the moment; moments before all belong to the first."""
    return max(bisect_right(buckets, moment) - 1, 0)


def _floor(moment: datetime, bucket: Bucket, zone: ZoneInfo) -> datetime:
    local = moment.astimezone(zone)
    if bucket == "hour":
        # Subtracting from the instant keeps the two hours of a clock's setting back apart.
        past = timedelta(minutes=local.minute, seconds=local.second, microseconds=local.microsecond)
        return moment.astimezone(UTC) - past
    day = local.date()
    if bucket == "week":
        day -= timedelta(days=day.weekday())
    return _midnight(day.replace(day=1) if bucket == "month" else day, zone)


def _next(start: datetime, bucket: Bucket, zone: ZoneInfo) -> datetime:
    if bucket == "hour":
        return start + timedelta(hours=1)
    day = start.astimezone(zone).date()
    if bucket == "month":
        return _midnight((day.replace(day=1) + timedelta(days=32)).replace(day=1), zone)
    return _midnight(day + timedelta(days=7 if bucket == "week" else 1), zone)


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), zone).astimezone(UTC)

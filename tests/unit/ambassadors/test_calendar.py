"""Buckets in the brand's time zone."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ambassadors.views.calendar import Bucket, TooMany, place, starts

BERLIN = ZoneInfo("Europe/Berlin")


def test_days_begin_at_the_zones_midnight_also_when_clocks_change() -> None:
    days = starts(datetime(2026, 10, 24, 23, tzinfo=UTC), datetime(2026, 10, 26, 23, tzinfo=UTC), "day", BERLIN)
    assert [day.isoformat() for day in days] == ["2026-10-24T22:00:00+00:00", "2026-10-25T23:00:00+00:00"]


def test_hours_of_a_half_hour_zone() -> None:
    hours = starts(
        datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, 1, tzinfo=UTC), "hour", ZoneInfo("Asia/Kolkata")
    )
    assert [hour.minute for hour in hours] == [30, 30]


def test_weeks_begin_on_monday_and_months_on_the_first() -> None:
    since, until = datetime(2026, 11, 22, 12, tzinfo=UTC), datetime(2027, 1, 2, tzinfo=UTC)
    assert starts(since, until, "week", BERLIN)[0] == datetime(2026, 11, 15, 23, tzinfo=UTC)
    months = starts(since, until, "month", BERLIN)
    assert [month.astimezone(BERLIN).date().isoformat() for month in months] == [
        "2026-11-01",
        "2026-12-01",
        "2027-01-01",
    ]


def test_nobody_reads_a_million_hours() -> None:
    with pytest.raises(TooMany):
        starts(datetime(2020, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC), "hour", BERLIN)


zones = st.sampled_from(["UTC", "Europe/Berlin", "Asia/Kathmandu", "Africa/Cairo", "America/New_York", "Pacific/Apia"])
moments = st.datetimes(datetime(2024, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC))


@given(
    moments,
    st.timedeltas(timedelta(minutes=1), timedelta(days=60)),
    st.sampled_from(["hour", "day", "week", "month"]),
    zones,
)
def test_buckets_cover_the_range_without_gaps(since: datetime, length: timedelta, bucket: Bucket, zone: str) -> None:
    until = since + length
    found = starts(since, until, bucket, ZoneInfo(zone))
    assert found == sorted(set(found))
    assert found[0] <= since
    assert found[-1] < until
    assert place(found, since) == 0
    assert place(found, until - timedelta(microseconds=1)) == len(found) - 1

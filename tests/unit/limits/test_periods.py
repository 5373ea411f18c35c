from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ostiary_gateway.limits.periods import FOREVER, QUARTER, month, span

ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Asia/Kathmandu", "Australia/Lord_Howe", "America/St_Johns"]
PERIODS = ["hourly", "daily", "weekly", "monthly"]


def unix(text):
    return int(datetime.fromisoformat(text).timestamp())


@pytest.mark.parametrize(
    ("period", "zone", "at", "name", "start", "end"),
    [
        ("hourly", "UTC", "2026-11-21T16:59:59Z", "2026-11-21T16", "2026-11-21T16:00:00Z", "2026-11-21T17:00:00Z"),
        ("daily", "UTC", "2026-11-21T16:00:00Z", "2026-11-21", "2026-11-21T00:00:00Z", "2026-11-22T00:00:00Z"),
        ("weekly", "UTC", "2026-11-21T16:00:00Z", "2026-W47", "2026-11-16T00:00:00Z", "2026-11-23T00:00:00Z"),
        ("weekly", "UTC", "2027-01-01T00:00:00Z", "2026-W53", "2026-12-28T00:00:00Z", "2027-01-04T00:00:00Z"),
        ("monthly", "UTC", "2026-12-31T23:59:59Z", "2026-12", "2026-12-01T00:00:00Z", "2027-01-01T00:00:00Z"),
        ("hourly", "Asia/Kolkata", "2026-11-21T16:00:00Z", "2026-11-21T21", "2026-11-21T15:30:00Z", "2026-11-21T16:30:00Z"),
        ("daily", "Asia/Kolkata", "2026-11-21T18:30:00Z", "2026-11-22", "2026-11-21T18:30:00Z", "2026-11-22T18:30:00Z"),
        ("monthly", "America/New_York", "2026-11-01T03:00:00Z", "2026-10", "2026-10-01T04:00:00Z", "2026-11-01T04:00:00Z"),
        # the day on which clocks are put on has 23 hours, the day on which they are put back 25
        ("daily", "Europe/Berlin", "2026-03-29T12:00:00Z", "2026-03-29", "2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z"),
        ("daily", "Europe/Berlin", "2026-10-25T12:00:00Z", "2026-10-25", "2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z"),
        # and the hour that comes twice is one period
        ("hourly", "Europe/Berlin", "2026-10-25T00:30:00Z", "2026-10-25T02", "2026-10-25T00:00:00Z", "2026-10-25T02:00:00Z"),
        ("hourly", "Europe/Berlin", "2026-10-25T01:30:00Z", "2026-10-25T02", "2026-10-25T00:00:00Z", "2026-10-25T02:00:00Z"),
        (
            "hourly",
            "Australia/Lord_Howe",
            "2026-04-04T15:10:00Z",
            "2026-04-05T01",
            "2026-04-04T14:00:00Z",
            "2026-04-04T15:30:00Z",
        ),
    ],
)
def test_tp_09_periods_follow_the_calendar(period, zone, at, name, start, end):  # noqa: PLR0917 - a table
    assert span(period, zone, unix(at)) == (f"{period} {name}", unix(start), unix(end))


def test_total_has_no_end():
    assert span("total", "Europe/Berlin", 5) == ("total", 0, FOREVER)


def test_an_unknown_time_zone_is_utc():
    assert span("daily", "Mars/Olympus", unix("2026-11-21T16:00:00Z")).name == "daily 2026-11-21"
    assert span("daily", "../etc/passwd", unix("2026-11-21T16:00:00Z")).name == "daily 2026-11-21"


@given(period=st.sampled_from(PERIODS), zone=st.sampled_from(ZONES), at=st.integers(1_700_000_000, 2_500_000_000))
def test_periods_lie_side_by_side_on_quarters_of_an_hour(period, zone, at):
    found = span(period, zone, at)
    assert found.start <= at < found.end
    assert found.start % QUARTER == found.end % QUARTER == 0
    assert span(period, zone, found.start) == span(period, zone, found.end - 1) == found
    after, before = span(period, zone, found.end), span(period, zone, found.start - 1)
    assert after.start == found.end
    assert before.end == found.start
    assert len({found.name, after.name, before.name}) == 3


@given(at=st.datetimes(datetime(2024, 1, 1), datetime(2040, 1, 1)))  # noqa: DTZ001 - hypothesis wants them without a zone
def test_a_month_of_a_zone_is_its_own(at):
    zone = ZoneInfo("America/St_Johns")
    local = at.replace(tzinfo=UTC).astimezone(zone)
    assert span("monthly", "America/St_Johns", at.replace(tzinfo=UTC).timestamp()).name == f"monthly {local:%Y-%m}"


def test_tp_21_a_month_in_utc():
    assert month(2026, 2) == ("monthly 2026-02", unix("2026-02-01T00:00:00Z"), unix("2026-03-01T00:00:00Z"))

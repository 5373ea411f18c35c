"""Periods of a budget on the calendar of a time zone: hours, days, weeks, months, everything.

A period is all moments that have the same name on that calendar, so it is shorter or longer where clocks are put on or back;
one ends where the next begins. Time zones of today differ from UTC by whole quarters of an hour, so periods begin on them.
"""

from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ostiary_gateway.contract.limits import Period

QUARTER = 900
"""Seconds: the grain in which the ledger adds up."""

FOREVER = 1 << 50


class Span(NamedTuple):
    """`name` is unique among the periods of a budget: `monthly 2026-11`. Unix seconds, `end` is outside."""

    name: str
    start: int
    end: int


def span(period: Period, time_zone: str, at: float) -> Span:
    """The period that a moment (Unix seconds) lies in; an unknown time zone counts as UTC."""
    if period == "total":
        return Span("total", 0, FOREVER)
    zone = zone_of(time_zone)
    first, after, name = _walls(period, datetime.fromtimestamp(at, zone))
    return Span(f"{period} {name}", _moment(first, zone), _moment(after, zone))


def month(year: int, number: int) -> Span:
    """A month in UTC."""
    return span("monthly", "UTC", datetime(year, number, 1, tzinfo=UTC).timestamp())


@lru_cache(maxsize=1024)
def zone_of(name: str) -> tzinfo:
    """The IANA zone of a name, UTC where there is none of that name."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # ValueError: no path; OSError: a folder of zones
        return UTC


def _walls(period: Period, local: datetime) -> tuple[datetime, datetime, str]:
    """What the clock on the wall shows at the beginning and at the end, and the name."""
    day = datetime(local.year, local.month, local.day)  # noqa: DTZ001 - what a clock shows
    if period == "hourly":
        hour = day + timedelta(hours=local.hour)
        return hour, hour + timedelta(hours=1), f"{hour:%Y-%m-%dT%H}"
    if period == "daily":
        return day, day + timedelta(days=1), f"{day:%Y-%m-%d}"
    if period == "weekly":
        monday = day - timedelta(days=day.weekday())
        return monday, monday + timedelta(days=7), f"{monday:%G-W%V}"
    month = day.replace(day=1)
    return month, (month + timedelta(days=31)).replace(day=1), f"{month:%Y-%m}"


def _moment(wall: datetime, zone: tzinfo) -> int:
    """When the clock first shows it; where it is left out, when it is passed over."""
    return int(wall.replace(tzinfo=zone, fold=0).timestamp())

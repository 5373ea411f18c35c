"""A time range cut into whole months, days and hours, so that as few sums as possible are read."""

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from ostiary_gateway.summaries.fold import DAY, HOUR, MONTH

END = "~"
"""Sorts behind every time."""


class Range(NamedTuple):
    """Spans of one length, from `first` on and before `stop`; these may be beginnings of a span."""

    grain: int
    first: str
    stop: str


class Cut(NamedTuple):
    """The hours that lie wholly in a range, from `first` on and before `stop`, and those that lie in it in part."""

    first: str
    stop: str
    edges: tuple[str, ...]


def cut(since: str, until: str) -> Cut:
    """Take RFC 3339 times with milliseconds in UTC apart; empty ones are open."""
    edges = tuple(dict.fromkeys(time[:HOUR] for time in (since, until) if time and not _is_whole(time)))
    first = _next_hour(since) if since and not _is_whole(since) else since[:HOUR]
    return Cut(first, until[:HOUR] or END, edges)


def widened(since: str, until: str) -> tuple[str, str]:
    """The range in whole hours around a range."""
    hour = f"{since[:HOUR]}:00:00.000Z" if since else ""
    stop = f"{_next_hour(until)}:00:00.000Z" if until and not _is_whole(until) else until
    return hour, stop


def ranges(first: str, stop: str, finest: int) -> list[Range]:
    """Hours [first, stop) as the longest spans that keep what is `finest` apart."""
    if finest == HOUR:
        return _some(Range(HOUR, first, stop))
    first_day, stop_day = _ceiling(first, DAY), _floor(stop, DAY)
    if first_day >= stop_day:
        return _some(Range(HOUR, first, stop))
    first_month, stop_month = _ceiling(first_day, MONTH), _floor(stop_day, MONTH)
    if finest == DAY or first_month >= stop_month:
        days = [Range(DAY, first_day, stop_day)]
    else:
        days = [Range(DAY, first_day, first_month), Range(MONTH, first_month, stop_month), Range(DAY, stop_month, stop_day)]
    return _some(Range(HOUR, first, first_day), *days, Range(HOUR, stop_day, stop))


def _some(*found: Range) -> list[Range]:
    return [each for each in found if _hour(each.first) < _hour(each.stop)]


def _hour(span: str) -> str:
    """The first hour of a span."""
    return span if span in {"", END} else span + "0000-01-01T00"[len(span) :]


def _is_whole(time: str) -> bool:
    return time[HOUR:] == ":00:00.000Z"


def _next_hour(time: str) -> str:
    return (datetime.fromisoformat(time[:HOUR] + ":00:00Z").astimezone(UTC) + timedelta(hours=1)).isoformat()[:HOUR]


def _floor(span: str, length: int) -> str:
    return span if span == END else span[:length]


def _ceiling(span: str, length: int) -> str:
    """The first day or month that begins at or after an hour or a day."""
    if not span or _begins(span, length):
        return span[:length]
    if length == DAY:
        return (datetime.fromisoformat(span[:DAY]) + timedelta(days=1)).isoformat()[:DAY]
    year, month = int(span[:4]), int(span[5:MONTH])
    return f"{year + month // 12:04d}-{month % 12 + 1:02d}"


def _begins(span: str, length: int) -> bool:
    return len(span) <= length or span[length:] in {"T00", "-01", "-01T00"}

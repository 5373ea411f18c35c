"""Time ranges in whole spans: every hour once, and as few spans as there can be."""

from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from ostiary_gateway.summaries.fold import DAY, HOUR, MONTH
from ostiary_gateway.summaries.ranges import END, Range, cut, ranges, widened

FIRST = datetime(2026, 1, 1, tzinfo=UTC)
HOURS = [(FIRST + timedelta(hours=n)).isoformat()[:HOUR] for n in range(24 * 31 * 14)]
HOURS_OF: dict[str, list[str]] = {}
for _hour in HOURS:
    for _grain in (HOUR, DAY, MONTH):
        HOURS_OF.setdefault(_hour[:_grain], []).append(_hour)
SPANS = {grain: [span for span in HOURS_OF if len(span) == grain] for grain in (HOUR, DAY, MONTH)}


def hours_in(found: list[Range]) -> list[str]:
    """Every hour of every span that a store would find in these ranges."""
    spans = [span for grain, first, stop in found for span in SPANS[grain] if first <= span < stop]
    return sorted(hour for span in spans for hour in HOURS_OF[span])


@settings(max_examples=60, deadline=None)
@given(st.integers(0, len(HOURS) - 1), st.integers(0, len(HOURS) - 1), st.sampled_from([HOUR, DAY, MONTH]), st.booleans())
def test_a_range_is_each_of_its_hours_once(one: int, other: int, finest: int, is_open: bool) -> None:
    first, stop = HOURS[min(one, other)], HOURS[max(one, other)]
    wanted = [hour for hour in HOURS if first <= hour and (is_open or hour < stop)]
    found = ranges(first, END if is_open else stop, finest)
    assert hours_in(found) == wanted
    assert all(grain >= finest for grain, _, _ in found)


def test_a_month_is_one_span() -> None:
    assert ranges("2026-11-01T00", "2026-12-01T00", MONTH) == [Range(MONTH, "2026-11", "2026-12")]


def test_ten_weeks_are_few_spans() -> None:
    assert ranges("2026-10-30T22", "2027-01-02T03", MONTH) == [
        Range(HOUR, "2026-10-30T22", "2026-10-31"),
        Range(DAY, "2026-10-31", "2026-11"),
        Range(MONTH, "2026-11", "2027-01"),
        Range(DAY, "2027-01", "2027-01-02"),
        Range(HOUR, "2027-01-02", "2027-01-02T03"),
    ]


def test_days_are_kept_apart_where_they_are_asked_for() -> None:
    assert ranges("2026-11-01T00", "2026-12-01T00", DAY) == [Range(DAY, "2026-11-01", "2026-12-01")]
    assert ranges("", END, MONTH) == [Range(MONTH, "", END)]


def test_part_hours_stand_apart() -> None:
    assert cut("2026-11-21T10:15:00.000Z", "2026-11-21T12:00:00.000Z") == ("2026-11-21T11", "2026-11-21T12", ("2026-11-21T10",))
    assert cut("2026-11-21T10:15:00.000Z", "2026-11-21T10:16:00.000Z").edges == ("2026-11-21T10",)
    assert cut("", "") == ("", END, ())
    assert widened("2026-12-31T23:15:00.000Z", "2026-12-31T23:16:00.000Z") == (
        "2026-12-31T23:00:00.000Z",
        "2027-01-01T00:00:00.000Z",
    )

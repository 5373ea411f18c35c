"""A question to the summary, and its answer."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Literal

import msgspec

from ostiary_gateway.summaries.fold import DAY, HOUR, MONTH

Order = Literal["tokens", "cost", "requests", "name"]
DIMENSIONS = ("key", "model", "provider", "owner", "namespace", "surface")
TIMES: Mapping[str, int] = {"hour": HOUR, "day": DAY, "month": MONTH}
LABEL = "label:"
MOST_ON_A_PAGE = 1000

_LABEL_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._/-]{0,252}[A-Za-z0-9])?")
_TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
_SPAN = re.compile(r"([1-9]\d{0,8})([smhd])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


class QueryError(ValueError):
    """What was asked for cannot be; the text is for whoever asked."""


class Query(msgspec.Struct, frozen=True, kw_only=True):
    """Usage that ended in [`since`, `until`), grouped by each of `by`.

    Times are RFC 3339 in UTC with milliseconds, empty is open. `by` and the names in `where` are dimensions, times (hour, day,
    month in UTC; not in `where`) or `label:<name>`. `page_size` 0 is all. `order` is by name where it is not said and time is
    what it is grouped by first, else by tokens.
    """

    since: str = ""
    until: str = ""
    by: tuple[str, ...] = ("key",)
    where: Mapping[str, str] = {}
    order: Order | None = None
    page: int = 1
    page_size: int = 0

    def checked(self) -> "Query":
        """Itself.

        Raises:
            QueryError: it names what does not exist.
        """
        for moment in (self.since, self.until):
            if moment and not _TIMESTAMP.fullmatch(moment):
                raise QueryError(f"{moment}: no time")
        if not self.by or len(set(self.by)) != len(self.by):
            raise QueryError("group by at least one thing, and by each once")
        for name in (*self.by, *self.where):
            _check_name(name, times=name in self.by)
        if self.page < 1 or not 0 <= self.page_size <= MOST_ON_A_PAGE:
            raise QueryError(f"pages begin with 1 and have at most {MOST_ON_A_PAGE} items")
        return self

    @property
    def finest(self) -> int:
        """Length of the shortest span that the answer tells apart."""
        return max((TIMES[name] for name in self.by if name in TIMES), default=MONTH)


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """One group. Money is decimal text in US dollars, as exact as the ledger."""

    name: str
    groups: Mapping[str, str]
    requests: int
    errors: int
    input_tokens: int
    output_tokens: int
    cache_read_tokens: int
    cache_write_tokens: int
    reasoning_tokens: int
    uncounted: int
    unpriced: int
    cost: str
    charged: str
    last: str


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """`since` and `until` are what the answer covers: more than was asked for where only whole hours are known."""

    items: tuple[Item, ...]
    total_count: int
    page: int
    page_size: int
    since: str
    until: str


def moment(text: str, now: datetime | None = None) -> str:
    """A date or time in UTC, or how long ago (24h, 7d), as queries have it.

    Raises:
        QueryError: it is neither.
    """
    if span := _SPAN.fullmatch(text):
        at = max(_EARLIEST, _ago(now or datetime.now(UTC), int(span[1]), _UNITS[span[2]]))
    else:
        try:
            at = datetime.fromisoformat(text)
        except ValueError as error:
            raise QueryError(f"{text}: neither a time as 2026-11-21T10:00:00Z nor a span as 24h or 7d") from error
        at = at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


_EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)


def _ago(now: datetime, count: int, unit: str) -> datetime:
    try:
        return now - timedelta(**{unit: count})
    except OverflowError:
        return _EARLIEST


def _check_name(name: str, *, times: bool) -> None:
    if name in DIMENSIONS or (times and name in TIMES):
        return
    if not name.startswith(LABEL) or not _LABEL_NAME.fullmatch(name.removeprefix(LABEL)):
        raise QueryError(f"{name}: no such thing to group or choose by")

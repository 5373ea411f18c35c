"""Ledger lines folded into hours, days and months: a batch that a store adds to what it holds."""

from collections.abc import Iterable

import msgspec

from ostiary_gateway.summaries.values import UNKNOWN, Line, Sums, Who

HOUR, DAY, MONTH = len("2026-11-21T10"), len("2026-11-21"), len("2026-11")
"""A span is the beginning of its RFC 3339 timestamps in UTC; its length tells hours, days and months apart."""

_decode = msgspec.json.Decoder(Line).decode
_LABELS = msgspec.json.Encoder(order="sorted")


class Part(msgspec.Struct, frozen=True):
    """Where the records of one hour are in one ledger file: bytes `start` to `stop` hold them all, and maybe others."""

    start: int
    stop: int
    records: int

    def joined(self, other: "Part") -> "Part":
        return Part(min(self.start, other.start), max(self.stop, other.stop), self.records + other.records)


class Batch:
    """Sums by hour, and where each hour lies in the file they came from."""

    def __init__(self) -> None:
        self.hours: dict[tuple[str, Who], Sums] = {}
        self.parts: dict[str, Part] = {}
        self.records = 0
        self.malformed = 0

    def add(self, data: bytes, offset: int, since: str = "", until: str = "") -> None:
        """Fold whole lines of one file.

        Args:
            data: lines, each with its newline.
            offset: where they begin in the file.
            since: RFC 3339 in UTC with milliseconds; earlier records are passed over. Empty is all.
            until: the same for records of that time and later.
        """
        for text in data.splitlines(keepends=True):
            begin, offset = offset, offset + len(text)
            try:
                line = _decode(text)
                if line.timestamp >= since and (not until or line.timestamp < until):
                    self._take(line, begin, offset)
            except (msgspec.DecodeError, UnicodeDecodeError, ArithmeticError):
                self.malformed += 1

    def _take(self, line: Line, begin: int, end: int) -> None:
        hour = line.timestamp[:HOUR]
        if line.kind == "request":
            key = (hour, who(line))
            sums = self.hours.get(key)
            if sums is None:
                sums = self.hours[key] = Sums()
            sums.take(line)
            self.records += 1
        part = Part(begin, end, 1)
        known = self.parts.get(hour)
        self.parts[hour] = known.joined(part) if known else part

    def spans(self) -> dict[tuple[str, Who], Sums]:
        """The same sums by hour, by day and by month."""
        spans = dict(self.hours)
        for (hour, someone), sums in self.hours.items():
            for length in (DAY, MONTH):
                spans.setdefault((hour[:length], someone), Sums()).add(sums)
        return spans


def who(line: Line) -> Who:
    """What a request counts for."""
    return Who(
        line.key_id or UNKNOWN,
        line.model or line.requested_model or UNKNOWN,
        line.provider or UNKNOWN,
        line.owner or UNKNOWN,
        line.namespace or UNKNOWN,
        line.surface or UNKNOWN,
        _LABELS.encode(line.labels).decode() if line.labels else "{}",
    )


def lines_of(batches: Iterable[Batch]) -> dict[tuple[str, Who], Sums]:
    """Hours of several batches together."""
    together: dict[tuple[str, Who], Sums] = {}
    for batch in batches:
        for key, sums in batch.hours.items():
            together.setdefault(key, Sums()).add(sums)
    return together

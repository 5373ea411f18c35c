"""What may be asked, and how little of the ledger is read for it."""

from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.support.ledger_folder import LedgerFolder, at, line

from ostiary_gateway.summaries import Query, QueryError, Summaries, moment
from ostiary_gateway.summaries.source import identify

NOW = datetime(2026, 11, 21, 17, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("2026-11-21", "2026-11-21T00:00:00.000Z"),
        ("2026-11-21T10:00:00Z", "2026-11-21T10:00:00.000Z"),
        ("2026-11-21T10:00:00.123456+02:00", "2026-11-21T08:00:00.123Z"),
        ("24h", "2026-11-20T17:00:00.000Z"),
        ("7d", "2026-11-14T17:00:00.000Z"),
        ("999999999d", "1970-01-01T00:00:00.000Z"),
    ],
)
def test_times_are_dates_or_spans(text: str, time: str) -> None:
    assert moment(text, NOW) == time


@pytest.mark.parametrize(
    "wrong",
    [
        {"by": ()},
        {"by": ("key", "key")},
        {"by": ("colour",)},
        {"by": ("label:",)},
        {"by": ('label:a"b',)},
        {"where": {"hour": "2026-11-21T10"}},
        {"where": {"id": "x"}},
        {"since": "2026-11-21"},
        {"until": "soon"},
        {"page": 0},
        {"page_size": 1001},
        {"page_size": -1},
    ],
)
def test_what_does_not_exist_is_refused_by_name(tmp_path: Path, wrong: dict[str, Any]) -> None:
    with pytest.raises(QueryError):
        Summaries(tmp_path).query(Query(**wrong))
    with pytest.raises(QueryError, match="neither"):
        moment("soon")


def bytes_read() -> int:
    """By this thread, of files and databases alike."""
    told = Path("/proc/thread-self/io").read_text()
    return int(told.split("rchar: ")[1].split("\n")[0])


def test_tp_19_a_months_summary_reads_neither_the_month_nor_the_ledger(tmp_path: Path) -> None:
    ledger = LedgerFolder(tmp_path / "ledger", rotate_bytes=200_000)
    for day in range(30):
        lines = (line(n, at(day * 86_400 + n * 200), key_id=f"k{n % 4}") for n in range(100))
        ledger.commit(lines, f"2026-11-{day + 1:02}")
    summaries = Summaries(ledger.path)
    summaries.catch_up()
    size = sum(path.stat().st_size for path in ledger.path.glob("usage-*"))
    before = bytes_read()
    page = summaries.query(Query(by=("key", "month"), since=at(0), until=at(30 * 86_400)))
    read = bytes_read() - before
    assert [(item.groups["month"], item.requests) for item in page.items] == [("2026-11", 750)] * 4
    assert size > 2_000_000
    assert read < 100_000, f"{read} of {size} bytes"
    for path in ledger.path.glob("usage-*"):
        path.write_bytes(b"")
    assert summaries.query(Query(by=("key", "month"), since=at(0), until=at(30 * 86_400))).items == page.items


def test_part_of_an_hour_reads_this_hour_of_one_file(tmp_path: Path) -> None:
    ledger = LedgerFolder(tmp_path / "ledger")
    ledger.commit(line(n, at(n * 40)) for n in range(3000))
    summaries = Summaries(ledger.path)
    summaries.catch_up()
    size = sum(path.stat().st_size for path in ledger.path.glob("usage-*"))
    before = bytes_read()
    (item,) = summaries.query(Query(since=at(50_001), until=at(50_041))).items
    read = bytes_read() - before
    assert item.requests == 1
    assert read < 250_000 < size, f"{read} of {size} bytes"


def test_a_part_hour_whose_file_is_gone_is_counted_whole_and_said_to_be(ledger: LedgerFolder) -> None:
    ledger.commit((line(n, at(n * 60)) for n in range(300)), "2026-11-01")
    ledger.commit([line(999, at(90_000))], "2026-11-02")
    summaries = Summaries(ledger.path)
    summaries.catch_up()
    (ledger.path / "usage-2026-11-01.jsonl").unlink()
    page = summaries.query(Query(since=at(90 * 60)))
    assert (page.since, page.items[0].requests) == (at(3600), 300 - 60 + 1)


def test_what_follows_the_sums_is_read_from_where_they_end(ledger: LedgerFolder) -> None:
    ledger.commit(line(n) for n in range(3000))
    summaries = Summaries(ledger.path)
    summaries.catch_up()
    ledger.commit([line(3001)])
    before = bytes_read()
    assert summaries.query(Query()).items[0].requests == 3001
    assert bytes_read() - before < 200_000
    with closing(summaries.open_store()) as store:
        assert store.reached(identify(ledger.path)).records == 3000

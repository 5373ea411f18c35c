"""From ledger to sums, exactly once, whatever happens to either."""

import gzip
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from tests.support.ledger_folder import LedgerFolder, at, line
from tests.support.process import REPOSITORY

from ostiary_gateway.contract.record import Usage
from ostiary_gateway.ledger.names import Name
from ostiary_gateway.ledger.packed import compress
from ostiary_gateway.summaries import Item, Query, Summaries, SummaryError
from ostiary_gateway.summaries.source import alone, identify

DAYS = ("2026-11-20", "2026-11-21", "2026-11-22")


def total(summaries: Summaries) -> Item:
    (item,) = summaries.query(Query(by=("provider",))).items
    return item


def stored(folder: Path) -> int:
    """Requests that the sums themselves hold."""
    with closing(sqlite3.connect(folder / "summary.sqlite")) as database:
        return int(database.execute("SELECT coalesce(sum(requests), 0) FROM ostiary_usage WHERE grain = 7").fetchone()[0])


@pytest.fixture
def summaries(ledger: LedgerFolder) -> Summaries:
    return Summaries(ledger.path)


def test_what_is_not_committed_is_not_added_up(ledger: LedgerFolder, summaries: Summaries) -> None:
    ledger.commit([line(1)])
    ledger.append([line(2), line(3)])
    summaries.catch_up()
    assert (stored(ledger.path), total(summaries).requests) == (1, 1)


def test_a_ledger_that_was_cut_back_to_its_committed_end_goes_on(ledger: LedgerFolder, summaries: Summaries) -> None:
    ledger.commit([line(1)])
    ledger.append([line(2, usage=Usage(input_tokens=1000)), line(3)])
    summaries.catch_up()
    ledger.commit([line(4, usage=Usage(input_tokens=7))])
    summaries.catch_up()
    assert (stored(ledger.path), total(summaries).input_tokens) == (2, 19 + 7)


def test_each_file_is_followed_into_the_next(tmp_path: Path) -> None:
    ledger = LedgerFolder(tmp_path / "ledger", rotate_bytes=2000)
    summaries = Summaries(ledger.path)
    for day in DAYS:
        ledger.commit((line(n) for n in range(5)), day)
        summaries.catch_up()
    assert len(ledger.files()) > len(DAYS)
    assert (stored(ledger.path), total(summaries).requests) == (15, 15)


def test_compressed_files_are_read_like_others(tmp_path: Path) -> None:
    ledger = LedgerFolder(tmp_path / "ledger", rotate_bytes=2000)
    ledger.commit(line(n) for n in range(4))
    Summaries(ledger.path).catch_up()
    for day in DAYS[1:]:
        ledger.commit((line(n) for n in range(10)), day)
    for name in ledger.files()[:-1]:
        parsed = Name.parse(name)
        assert parsed
        compress(ledger.path, parsed)
    assert sum(name.endswith(".jsonl.gz") for name in ledger.files()) == len(ledger.files()) - 1
    assert total(Summaries(ledger.path)).requests == 24
    Summaries(ledger.path).catch_up()
    assert stored(ledger.path) == 24


def test_an_older_ledger_from_a_backup_is_read_again(ledger: LedgerFolder, summaries: Summaries) -> None:
    place = ledger.commit([line(1)])
    ledger.commit([line(2), line(3)])
    summaries.catch_up()
    ledger.go_back(place)
    summaries.catch_up()
    assert (stored(ledger.path), total(summaries).requests) == (1, 1)


def test_another_ledger_under_the_same_names_is_read_again(ledger: LedgerFolder, summaries: Summaries) -> None:
    ledger.commit([line(1)])
    summaries.catch_up()
    (file,) = ledger.path.glob("usage-*.jsonl")
    file.write_bytes(line(1, provider="xopena"))
    ledger.commit([line(2, provider="xopena")])
    summaries.catch_up()
    assert (total(summaries).name, total(summaries).requests) == ("xopena", 2)


def test_what_retention_deleted_stays_counted(ledger: LedgerFolder, summaries: Summaries) -> None:
    ledger.commit([line(1)], DAYS[0])
    summaries.catch_up()
    ledger.commit([line(2)], DAYS[2])
    (ledger.path / f"usage-{DAYS[0]}.jsonl").unlink()
    summaries.catch_up()
    assert total(summaries).requests == 2


def test_a_line_that_is_no_record_is_counted_and_passed_over(ledger: LedgerFolder, summaries: Summaries) -> None:
    ledger.commit([line(1), b'{"timestamp":\n', line(2), line(3, cost="NaN 1"), line(4, cost="1e-999")])
    summaries.catch_up()
    with closing(summaries.open_store()) as store:
        reached = store.reached(identify(ledger.path))
    assert (reached.records, reached.malformed, total(summaries).requests) == (2, 3, 2)


def test_credits_are_no_usage(ledger: LedgerFolder, summaries: Summaries) -> None:
    posting = b'{"version":2,"kind":"credit","id":"p-1","timestamp":"2026-11-21T10:00:00.000Z","account":"key/a","amount":"5"}\n'
    ledger.commit([posting, line(1)])
    summaries.catch_up()
    assert (stored(ledger.path), total(summaries).requests) == (1, 1)


def test_sums_are_made_anew_from_nothing(ledger: LedgerFolder, summaries: Summaries) -> None:
    ledger.commit(line(n, at(n * 5000)) for n in range(50))
    summaries.catch_up()
    before = summaries.query(Query(by=("hour", "key")))
    with closing(sqlite3.connect(ledger.path / "summary.sqlite", isolation_level=None)) as database:
        database.execute("UPDATE ostiary_usage SET requests = requests + 1")
    assert summaries.query(Query(by=("hour", "key"))) != before
    summaries.rebuild()
    assert summaries.query(Query(by=("hour", "key"))) == before


def test_a_file_of_sums_that_is_none_costs_time_but_no_truth(ledger: LedgerFolder, summaries: Summaries) -> None:
    ledger.commit([line(1), line(2)])
    (ledger.path / "summary.sqlite").write_bytes(b"no database at all, but long enough to look at" * 100)
    with pytest.raises(SummaryError, match="not a database"):
        summaries.catch_up()
    assert total(summaries).requests == 2
    summaries.rebuild()
    assert stored(ledger.path) == 2


def test_a_ledger_that_just_begins_has_nothing_yet(ledger: LedgerFolder, summaries: Summaries) -> None:
    (ledger.path / "state.sqlite").touch()
    summaries.catch_up()
    assert summaries.query(Query()).items == ()
    (ledger.path / "state.sqlite").unlink()
    ledger.commit([])
    summaries.catch_up()
    assert summaries.query(Query()).items == ()


def test_only_one_process_adds_up(ledger: LedgerFolder, summaries: Summaries) -> None:
    ledger.commit([line(1)])
    with alone(ledger.path) as first, alone(ledger.path) as second:
        assert (first, second) == (True, False)
        summaries.catch_up()
        assert not (ledger.path / "summary.sqlite").exists()
        with pytest.raises(SummaryError, match="sidecar"):
            summaries.rebuild()
        assert total(summaries).requests == 1


def test_a_folder_without_a_ledger_stays_as_it_is(tmp_path: Path) -> None:
    Summaries(tmp_path).catch_up()
    assert Summaries(tmp_path).query(Query()).items == ()
    assert list(tmp_path.iterdir()) == []


@pytest.fixture(params=["sqlite", "postgres"])
def arguments(request: pytest.FixtureRequest, tmp_path: Path) -> list[str]:
    url = [request.getfixturevalue("postgres").url()] if request.param == "postgres" else []
    return [str(tmp_path / "ledger"), *url]


def test_kill_9_between_any_two_statements_loses_and_doubles_nothing(ledger: LedgerFolder, arguments: list[str]) -> None:
    for day in DAYS[:2]:
        ledger.commit((line(n, at(n * 600), model=f"m{n % 3}") for n in range(3)), day)
    with gzip.open(ledger.path / "usage-2026-11-20.jsonl.gz", "wb") as packed:
        packed.write((ledger.path / "usage-2026-11-20.jsonl").read_bytes())
    (ledger.path / "usage-2026-11-20.jsonl").unlink()
    command = (sys.executable, "-m", "tests.support.killed_follower", *arguments)
    kills = int(subprocess.run(command, cwd=REPOSITORY, capture_output=True, check=True, timeout=60).stdout)
    assert kills > 5
    counted = Summaries(ledger.path, *arguments[1:]).query(Query(by=("month", "model"))).items
    assert [(item.name, item.requests, item.input_tokens) for item in counted] == [(f"2026-11 m{n}", 2, 38) for n in range(3)]
    with closing(Summaries(ledger.path, *arguments[1:]).open_store()) as store:
        assert store.reached(identify(ledger.path)).records == 6

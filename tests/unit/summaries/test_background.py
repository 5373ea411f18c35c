"""What a sidecar does beside its event loop, in a thread that leaves time to others."""

import asyncio
import gzip
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from tests.support.becoming import becomes
from tests.support.ledger_folder import LedgerFolder, at, line
from tests.support.postgres import Postgres

from ostiary_gateway.contract.settings import Settings, SettingsError
from ostiary_gateway.summaries import Query, Summaries
from ostiary_gateway.summaries.background import Background
from ostiary_gateway.summaries.compression import Compression
from ostiary_gateway.summaries.source import alone, identify
from ostiary_gateway.summaries.values import SummaryError

NOON = 1_795_262_400.0  # 2026-11-21 12:00 UTC


@asynccontextmanager
async def working(background: Background) -> AsyncIterator[None]:
    task = asyncio.create_task(background.run())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def followed(ledger: LedgerFolder, url: str = "") -> int:
    """Records that the sums themselves hold."""
    store = Summaries(ledger.path, url).open_store()
    try:
        return store.reached(identify(ledger.path)).records
    finally:
        store.close()


async def test_committed_records_are_added_up_while_it_runs(tmp_path: Path) -> None:
    ledger = LedgerFolder(tmp_path / "data/ledger")
    background = Background.of(Settings(data=str(tmp_path / "data")))
    ledger.commit([line(1)])
    async with working(background):
        await becomes(lambda: followed(ledger) == 1)
        ledger.commit([line(2)])
        await becomes(lambda: followed(ledger) == 2)
    with alone(ledger.path) as free:
        assert free, "the lock was not let go"
    assert background.problem == ""


async def test_a_database_that_is_away_is_told_and_made_up_for(tmp_path: Path, postgres: Postgres) -> None:
    ledger = LedgerFolder(tmp_path / "data/ledger")
    ledger.commit([line(1)])
    background = Background.of(Settings(data=str(tmp_path / "data"), summary_url="postgresql://127.0.0.1:1/none"))
    async with working(background):
        await becomes(lambda: background.problem.startswith("summary: "))
    url = postgres.url()
    background = Background.of(Settings(data=str(tmp_path / "data"), summary_url=url))
    async with working(background):
        await becomes(lambda: Summaries(ledger.path, url).query(Query()).items)
        await becomes(lambda: followed(ledger, url) == 1)


class Busy:
    """A chore that always has more to do, and tells how long it had the thread."""

    def __init__(self, pause: Callable[[float], None]) -> None:
        self._pause = pause
        self.worked = 0.0
        self.began = time.monotonic()

    def step(self) -> bool:
        self.worked += 0.01
        time.sleep(0.01)
        self._pause(0.01)
        return True

    def close(self) -> None:
        self.began = time.monotonic() - self.began


async def test_three_quarters_of_the_time_are_left_to_other_threads(tmp_path: Path) -> None:
    chores: list[Busy] = []
    background = Background(tmp_path, lambda pause: chores.append(Busy(pause)) or chores)
    async with working(background):
        await becomes(lambda: chores[0].worked > 0.1)
    assert chores[0].worked <= 0.3 * chores[0].began


async def test_a_chore_that_cannot_be_done_keeps_no_other_from_being_done(tmp_path: Path) -> None:
    class Broken(Busy):
        def step(self) -> bool:
            raise SummaryError("broken")

    class Once(Busy):
        def step(self) -> bool:
            self.worked += 1
            return False

    chores: list[Busy] = []
    background = Background(tmp_path, lambda pause: chores.extend([Broken(pause), Once(pause)]) or chores)
    async with working(background):
        await becomes(lambda: chores[1].worked)
        assert background.problem == "broken"


def test_files_of_days_ago_are_compressed_and_read_as_before(ledger: LedgerFolder) -> None:
    for day in ("2026-11-17", "2026-11-18", "2026-11-19", "2026-11-20"):
        ledger.commit((line(n, at(n)) for n in range(50)), day)
    Summaries(ledger.path).catch_up()
    before = Summaries(ledger.path).query(Query(since="2026-11-01T00:00:01.000Z"))
    rested: list[float] = []
    compression = Compression(ledger.path, 2, lambda: NOON, rested.append)
    while compression.step():
        pass
    assert ledger.files() == [
        "usage-2026-11-17.jsonl.gz", "usage-2026-11-18.jsonl.gz", "usage-2026-11-19.jsonl", "usage-2026-11-20.jsonl",
    ]  # fmt: skip
    assert len(rested) >= 4
    assert Summaries(ledger.path).query(Query(since="2026-11-01T00:00:01.000Z")) == before
    assert Summaries(ledger.path).query(Query()).items[0].requests == 200


def test_the_file_at_the_committed_end_is_never_compressed(ledger: LedgerFolder) -> None:
    ledger.commit([line(1)], "2026-10-01")
    assert not Compression(ledger.path, 1, lambda: NOON, lambda _: None).step()
    assert ledger.files() == ["usage-2026-10-01.jsonl"]


@pytest.mark.parametrize("pauses", [0, 1])
def test_a_compression_that_was_interrupted_is_done_again(ledger: LedgerFolder, pauses: int) -> None:
    text = b"".join(line(n) for n in range(3))
    ledger.commit([text], "2026-10-01")
    ledger.commit([line(9)], "2026-11-21")
    left = iter(range(pauses))

    def stop(_: float) -> None:
        if next(left, None) is None:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Compression(ledger.path, 1, lambda: NOON, stop).step()
    assert ledger.files() == ["usage-2026-10-01.jsonl", "usage-2026-11-21.jsonl"]
    (ledger.path / "usage-2026-10-01.jsonl.gz").write_bytes(b"renamed, but the plain file was not deleted yet")
    assert Compression(ledger.path, 1, lambda: NOON, lambda _: None).step()
    assert gzip.decompress((ledger.path / "usage-2026-10-01.jsonl.gz").read_bytes()) == text
    assert ledger.files() == ["usage-2026-10-01.jsonl.gz", "usage-2026-11-21.jsonl"]


def test_logs_to_valkey_need_a_valkey(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="valkey_url"):
        Background.of(Settings(data=str(tmp_path), log_export="valkey"))
    with pytest.raises(SettingsError, match="no URL"):
        Background.of(Settings(data=str(tmp_path), log_export="valkey", valkey_url="http://x"))


async def test_all_chores_of_the_settings_run(tmp_path: Path) -> None:
    ledger = LedgerFolder(tmp_path / "data/ledger")
    ledger.commit([line(1)], "2020-01-01")
    ledger.commit([line(2)])
    settings = Settings(data=str(tmp_path / "data"), compress_days=1, log_export=str(tmp_path / "out"))
    async with working(Background.of(settings)):
        await becomes(lambda: "usage-2020-01-01.jsonl.gz" in ledger.files())
        await becomes(lambda: list((tmp_path / "out").rglob("logs/2026/11/21/*-000000000000.jsonl.gz")))
    first = min((tmp_path / "out").rglob("*.jsonl.gz"))
    assert json.loads(gzip.decompress(first.read_bytes()))["id"] == "e-1"

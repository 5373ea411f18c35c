"""The ledger beside an event loop."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.support.spool_lines import line

from ostiary_gateway.contract.record import Record
from ostiary_gateway.contract.settings import Settings
from ostiary_gateway.ledger import Ledger
from ostiary_gateway.ledger.service import QUEUE


class Run:
    """A running ledger; `committed` holds what its callback was given."""

    def __init__(self, data: Path, **options: Any) -> None:
        self.spool = data / "spool"
        self.spool.mkdir(parents=True, exist_ok=True)
        self.committed: list[Record] = []
        self.came = asyncio.Event()
        self.stop = asyncio.Event()
        self.ledger = Ledger.open(Settings(data=str(data)), on_records=self._take, **options)
        self.task = asyncio.create_task(self.ledger.run(self.stop))

    def _take(self, records: Sequence[Record]) -> None:
        self.committed += records
        self.came.set()

    def append(self, text: bytes) -> None:
        with (self.spool / "usage.spool").open("ab") as file:
            file.write(text)

    async def count(self, number: int) -> None:
        async with asyncio.timeout(10):
            while len(self.committed) < number:
                await self.came.wait()
                self.came.clear()

    async def end(self) -> None:
        self.stop.set()
        await self.task


async def _problem(ledger: Ledger) -> None:
    async with asyncio.timeout(10):
        while not ledger.problem:  # noqa: ASYNC110 - a problem is a state, it has no event
            await asyncio.sleep(0.01)


def _external(number: int) -> Record:
    return Record(
        id=f"{number:032x}", request_id="", timestamp="2026-11-21T12:00:00.000Z", key_id="k", surface="external",
        method="POST", endpoint="/", provider="openai", status=200, ended="completed",
    )  # fmt: skip


async def test_lm_20_records_are_told_after_they_are_in_the_ledger(tmp_path: Path) -> None:
    run = Run(tmp_path)
    run.append(line(1) + line(2))
    await run.count(2)
    assert (run.ledger.counts.records, run.ledger.problem, run.ledger.lag_seconds) == (2, "", 0.0)
    (file,) = (tmp_path / "ledger").glob("*.jsonl")
    assert file.read_bytes().count(b"\n") == 2
    run.append(line(3))
    await run.count(3)
    await run.end()


async def test_lm_26_what_is_there_at_the_stop_is_written(tmp_path: Path) -> None:
    run = Run(tmp_path)
    run.append(b"".join(line(number) for number in range(1, 2001)))
    for number in range(5):
        assert run.ledger.submit(_external(number))
    await run.end()
    assert len(run.committed) == 2005
    assert sum(file.read_bytes().count(b"\n") for file in (tmp_path / "ledger").glob("*.jsonl")) == 2005
    await run.ledger.close()


async def test_lm_22_the_queue_is_bounded_and_never_blocks(tmp_path: Path) -> None:
    ledger = Ledger.open(Settings(data=str(tmp_path)))
    taken = [ledger.submit(_external(number)) for number in range(QUEUE + 3)]
    assert (sum(taken), ledger.counts.dropped) == (QUEUE, 3)
    stop = asyncio.Event()
    stop.set()
    await ledger.run(stop)
    assert ledger.counts.records == QUEUE
    assert not ledger.submit(_external(0))


async def test_lm_12_an_unusable_folder_is_a_problem_and_no_error(tmp_path: Path) -> None:
    (tmp_path / "ledger").write_text("a file where the folder should be")
    run = Run(tmp_path)
    run.append(line(1))
    run.ledger.submit(_external(1))
    await _problem(run.ledger)
    assert "File exists" in run.ledger.problem
    assert run.ledger.lag_seconds > 0
    (tmp_path / "ledger").unlink()
    await run.count(2)
    assert run.ledger.problem == ""
    await run.end()


async def test_a_second_ledger_of_the_same_folder_waits_for_the_first(tmp_path: Path) -> None:
    first = Run(tmp_path)
    first.append(line(1))
    await first.count(1)
    second = Run(tmp_path)
    await _problem(second.ledger)
    assert "another process" in second.ledger.problem
    await first.end()
    second.append(line(2))
    await second.count(1)
    assert [record.id for record in second.committed] == ["d0pe-2"]
    await second.end()


async def test_lost_records_are_counted_and_remembered(tmp_path: Path) -> None:
    run = Run(tmp_path, settle=0.0)
    run.append(line(1) + line(4))
    await run.count(2)
    run.ledger.reconcile("d0pe", 5, 1)
    run.ledger.reconcile("d0pe", 5, 1)
    assert run.ledger.counts.lost == 2
    await run.end()
    again = Run(tmp_path, settle=0.0)
    again.append(line(5))
    await again.count(1)
    again.ledger.reconcile("d0pe", 5, 0)
    again.ledger.reconcile("d0pe", 5, 0)
    assert again.ledger.counts.lost == 2
    await again.end()


async def test_the_ledger_is_not_compared_before_it_is_open(tmp_path: Path) -> None:
    ledger = Ledger.open(Settings(data=str(tmp_path)))
    ledger.reconcile("e", 100, 0)
    assert ledger.counts.lost == 0
    with pytest.raises(FileNotFoundError):
        (tmp_path / "ledger").stat()
    await ledger.close()

"""The ledger beside an event loop."""

import asyncio
from collections.abc import Sequence
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.support.spool_lines import line

from ostiary_gateway.contract.record import Record
from ostiary_gateway.contract.settings import Settings
from ostiary_gateway.ledger import Ledger, LedgerError, Settlements, Spent, postings
from ostiary_gateway.ledger.charge import Unpriced
from ostiary_gateway.ledger.estimate import Text
from ostiary_gateway.ledger.pump import SCRATCH
from ostiary_gateway.ledger.recount import Recount
from ostiary_gateway.ledger.service import QUEUE
from ostiary_gateway.store import committed


class Run:
    """A running ledger; `committed` holds what its callback was given."""

    def __init__(self, data: Path, **options: Any) -> None:
        self.spool = data / "spool"
        self.spool.mkdir(parents=True, exist_ok=True)
        self.committed: list[Record] = []
        self.came = asyncio.Event()
        self.stop = asyncio.Event()
        self.settled: list[Settlements] = []
        self.ledger = Ledger.open(Settings(data=str(data)), on_records=self._take, on_settled=self.settled.append, **options)
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


ALICE = ("key/team/alice", 1763722400 // 900)


async def test_sums_are_told_after_the_records_and_can_be_asked_for(tmp_path: Path) -> None:
    run = Run(tmp_path)
    await run.ledger.opened()
    assert run.ledger.sums.spent("key/team/alice").requests == 0
    run.append(line(1, held="m1=5"))
    await run.count(1)
    told = run.settled[-1]
    assert told.spent == {ALICE: Spent(Decimal(0), 29, 1)}
    assert told.settled == {("d0pe", "m1"): 5}
    assert run.ledger.sums.sequence() == told.sequence
    assert run.ledger.sums.spent("key/team/alice") == (0, 29, 1)
    assert run.ledger.place == committed(tmp_path / "ledger" / "state.sqlite")
    await run.end()
    with pytest.raises(LedgerError, match="not open"):
        _ = run.ledger.sums


async def test_gz_09_a_posting_is_in_the_ledger_when_it_was_taken(tmp_path: Path) -> None:
    run = Run(tmp_path)
    credit = postings.new("refund", "key/team/alice", "2.50", reason="outage", actor="ann")
    await run.ledger.opened()
    await run.ledger.post(credit)
    assert run.ledger.sums.spent("key/team/alice").cost == Decimal("-2.5")
    assert run.settled[-1].last_used == {}
    await run.end()
    with pytest.raises(LedgerError, match="closed"):
        await run.ledger.post(credit)


async def test_gz_09_a_posting_is_refused_while_nothing_can_be_written(tmp_path: Path) -> None:
    (tmp_path / "ledger").write_text("a file where a folder must be")
    run = Run(tmp_path)
    await _problem(run.ledger)
    with pytest.raises(LedgerError, match="ledger"):
        await run.ledger.post(postings.new("refund", "key/a", "1", reason="r", actor="a"))
    await run.end()


async def test_counters_are_taken_over_while_the_ledger_runs(tmp_path: Path) -> None:
    run = Run(tmp_path)
    run.append(line(1))
    await run.count(1)
    scratch = tmp_path / "ledger" / SCRATCH
    with closing(Recount.open(tmp_path / "ledger", scratch, 0, 0)) as recount:
        recount.run(run.ledger.place)
    run.append(line(2))
    await run.count(2)
    before = run.ledger.sums.sequence()
    await run.ledger.rebuild(scratch)
    assert run.settled[-1].rebuilt
    assert run.settled[-1].sequence == before + 1 == run.ledger.sums.sequence()
    assert run.ledger.sums.spent("key/team/alice").requests == 2
    await run.end()


async def test_gz_07_texts_are_fetched_on_the_event_loop(tmp_path: Path) -> None:
    asked: list[Sequence[str]] = []

    async def uncounted(ids: Sequence[str]) -> dict[str, Text]:
        asked.append(ids)
        await asyncio.sleep(0)
        return {"d0pe-1": Text(prompt="hello", answer="world")}

    run = Run(tmp_path, uncounted=uncounted)
    run.append(line(1, u={"last": True, "stream": True, "count": True}))
    await run.count(1)
    assert asked == [["d0pe-1"]]
    assert run.committed[0].tokenizer == "o200k_base"
    await run.end()


async def test_the_spool_waits_until_somebody_knows_who_pays(tmp_path: Path) -> None:
    known: list[Unpriced] = []
    run = Run(tmp_path, accounting=lambda: known[0] if known else None)
    run.append(line(1))
    assert run.ledger.submit(_external(1))
    await run.count(1)
    assert [record.surface for record in run.committed] == ["external"]
    assert run.ledger.lag_seconds > 0
    known.append(Unpriced())
    await run.count(2)
    await run.end()


async def test_what_nobody_pays_for_yet_stays_in_the_spool_at_the_stop(tmp_path: Path) -> None:
    run = Run(tmp_path, accounting=lambda: None)
    run.append(line(1))
    await run.ledger.opened()
    await run.end()
    assert run.committed == []
    again = Run(tmp_path)
    await again.count(1)
    await again.end()

"""Each line of the spool is in the ledger exactly once, whatever happens to the files."""

import os
import sqlite3
from contextlib import closing
from typing import Any

import pytest
from tests.support.spool_lines import line, lost

from ostiary_gateway.ledger.pump import LedgerError, Pump
from ostiary_gateway.ledger.spool import CHUNK
from ostiary_gateway.store import Place, committed


def _lines(first: int, last: int) -> bytes:
    return b"".join(line(number) for number in range(first, last + 1))


def _ids(*numbers: int) -> list[str]:
    return sorted(f"d0pe-{number}" for number in numbers)


def test_lm_20_lines_become_records_once(desk: Any) -> None:
    desk.append(_lines(1, 3))
    assert desk.drain() == 3
    assert desk.drain() == 0
    desk.append(_lines(4, 5))
    assert desk.drain() == 2
    assert desk.ids() == _ids(1, 2, 3, 4, 5)


def test_lm_21_no_line_no_ledger_file(desk: Any) -> None:
    assert desk.drain() == 0
    assert desk.files() == []


def test_more_than_a_chunk_takes_several_steps(desk: Any) -> None:
    count = CHUNK // len(line()) * 2 + 50
    desk.append(_lines(1, count))
    assert desk.pump.step().more
    assert desk.drain() < count
    assert len(set(desk.ids())) == count


def test_an_id_that_comes_again_is_dropped(desk: Any) -> None:
    desk.append(line(1) + lost(1) + line(2))
    batch = desk.pump.step()
    assert (len(batch.records), batch.duplicates) == (2, 1)
    desk.close()
    desk.append(line(2))
    assert desk.pump.step().duplicates == 1
    assert desk.ids() == _ids(1, 2)


def test_a_line_still_being_written_is_waited_for(desk: Any) -> None:
    desk.append(line(1) + line(2)[:40])
    batch = desk.pump.step()
    assert (len(batch.records), batch.malformed) == (1, 0)
    desk.append(line(2)[40:])
    assert desk.drain() == 1


@pytest.mark.parametrize("cut", [1, 2, 20, -1])
def test_after_a_torn_line_the_next_one_is_found(desk: Any, cut: int) -> None:
    desk.append(line(1) + line(2)[:cut] + line(3))
    batch = desk.pump.step()
    assert [record.id for record in batch.records] == ["d0pe-1", "d0pe-3"]
    assert batch.malformed == 1


def test_lm_22_rubbish_is_counted_and_passed_over(desk: Any) -> None:
    desk.append(b"rubbish\n" + line(1) + b"\x1e{}\n" + line(2) + b"\x1enull\n")
    batch = desk.pump.step()
    assert (len(batch.records), batch.malformed) == (2, 3)


def test_a_line_longer_than_a_chunk_is_passed_over(desk: Any) -> None:
    desk.append(line(1) + b"\x1e" + b"x" * (2 * CHUNK) + line(2))
    assert desk.drain() == 2
    assert desk.ids() == _ids(1, 2)


def test_a_renamed_file_is_read_on_and_then_the_new_one(desk: Any) -> None:
    desk.append(_lines(1, 2))
    desk.drain()
    (desk.spool / "usage.spool").rename(desk.spool / "usage-1795262400000000000.spool")
    desk.append(line(4))
    desk.append(line(3), "usage-1795262400000000000.spool")  # a worker that has not reopened its files yet
    assert desk.drain() == 2
    assert desk.ids() == _ids(1, 2, 3, 4)


def test_a_renamed_file_is_deleted_when_read_and_quiet_and_not_the_last(desk: Any) -> None:
    old = desk.spool / "usage-1795262400000000000.spool"
    desk.append(line(1) + line(2)[:30], old.name)
    os.utime(old, (desk.now, desk.now))
    desk.drain()
    desk.now += 61
    desk.drain()
    assert old.exists()  # nothing newer is there
    desk.append(line(3))
    desk.drain()
    os.utime(old, (desk.now - 59, desk.now - 59))
    desk.drain()
    assert old.exists()  # written to a moment ago
    desk.now += 1
    batch = desk.pump.step()
    assert batch.malformed == 1  # its last line was never finished
    assert not old.exists()
    assert (desk.spool / "usage.spool").exists()
    assert desk.ids() == _ids(1, 3)


def test_an_unread_file_is_not_deleted(desk: Any) -> None:
    count = CHUNK // len(line()) * 2
    old = desk.spool / "usage-1.spool"
    desk.append(_lines(1, count), old.name)
    desk.append(line(count + 1))
    desk.now += 10_000_000_000
    desk.pump.step()
    assert old.exists()
    desk.drain()
    desk.pump.step()
    assert not old.exists()
    assert len(desk.ids()) == count + 1


def test_an_inode_number_that_is_used_again_is_another_file(desk: Any) -> None:
    desk.append(_lines(1, 5))
    desk.drain()
    desk.close()
    with (desk.spool / "usage.spool").open("r+b") as file:  # as if deleted and made again with the same inode
        file.truncate(0)
        file.write(b"".join(line(number, epoch="n3xt") for number in range(1, 7)))
    assert desk.drain() == 6
    assert len(desk.ids()) == 11


def test_a_file_cut_short_is_read_from_its_start(desk: Any) -> None:
    desk.append(_lines(1, 5))
    desk.drain()
    with (desk.spool / "usage.spool").open("r+b") as file:
        file.truncate(0)
    desk.append(line(6))
    assert desk.drain() == 1
    assert desk.ids() == _ids(1, 2, 3, 4, 5, 6)


def test_what_was_not_committed_is_cut_off_at_the_next_start(desk: Any) -> None:
    desk.append(_lines(1, 2))
    desk.drain()
    desk.close()
    with (desk.ledger / "usage-2026-11-21.jsonl").open("ab") as file:
        file.write(b'{"torn')
    (desk.ledger / "usage-2026-11-21.1.jsonl").write_bytes(b'{"id":"never committed"}\n')
    desk.append(line(3))
    desk.drain()
    assert desk.files() == ["usage-2026-11-21.jsonl"]
    assert desk.ids() == _ids(1, 2, 3)


def test_lines_of_the_very_first_batch_are_cut_off_too(desk: Any) -> None:
    """As after a kill between writing and committing it: the state knows of a ledger that is empty."""
    desk.append(line(1))
    desk.drain()
    desk.close()
    with closing(sqlite3.connect(desk.ledger / "state.sqlite")) as state, state:
        state.execute("UPDATE place SET length = 0")
        state.executescript("DELETE FROM seen; DELETE FROM spool; DELETE FROM spent; DELETE FROM last_used")
    desk.drain()
    assert desk.ids() == _ids(1)


def test_before_the_first_batch_is_written_its_place_is_known(desk: Any) -> None:
    desk.append(line(1))
    desk.pump.step(accounting=None)
    (desk.ledger / "usage-2026-11-21.jsonl").mkdir()  # nothing can be written there
    with pytest.raises(LedgerError):
        desk.pump.step()
    assert committed(desk.ledger / "state.sqlite") == Place("usage-2026-11-21.jsonl", 0)


def test_a_lost_state_is_made_anew_from_the_ledger(desk: Any) -> None:
    desk.append(_lines(1, 3))
    desk.drain()
    desk.close()
    for path in desk.ledger.glob("state.sqlite*"):
        path.unlink()
    with (desk.ledger / "usage-2026-11-21.jsonl").open("ab") as file:
        file.write(b'{"torn')
    desk.append(line(4))  # the spool is read from its start again, but its ids are known
    assert desk.drain() == 1
    assert desk.files() == ["usage-2026-11-21.jsonl"]
    assert desk.ids() == _ids(1, 2, 3, 4)


def test_two_writers_are_kept_apart(desk: Any) -> None:
    desk.drain()
    with pytest.raises(OSError, match="another process writes this ledger"):
        Pump(desk.data, rotate_bytes=1, retention_days=0, grace=1, now=lambda: desk.now)


def test_a_write_that_fails_moves_nothing(desk: Any) -> None:
    desk.append(_lines(1, 3))
    desk.drain()
    desk.now += 86_400
    (desk.ledger / "usage-2026-11-22.jsonl").symlink_to("/dev/full")
    desk.append(line(4))
    with pytest.raises(LedgerError, match="No space left"):
        desk.drain()
    assert desk.drain() == 1
    assert desk.ids() == _ids(1, 2, 3, 4)


def test_a_commit_that_fails_moves_nothing(desk: Any) -> None:
    desk.append(_lines(1, 3))
    desk.drain()
    blocker = sqlite3.connect(desk.ledger / "state.sqlite", isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    desk.append(_lines(4, 5))
    with pytest.raises(LedgerError, match="locked"):
        desk.drain()
    assert desk.ids() == _ids(1, 2, 3)
    blocker.execute("ROLLBACK")
    blocker.close()
    assert desk.drain() == 2
    assert desk.ids() == _ids(1, 2, 3, 4, 5)

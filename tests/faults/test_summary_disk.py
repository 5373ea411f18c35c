"""A disk that is full, or may only be read: sums stay true, and questions are answered from the ledger."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from tests.support.ledger_folder import LedgerFolder, at, line

from ostiary_gateway.summaries import Query, Summaries, SummaryError

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="mounts a small tmpfs: needs root")
RECORDS = 400


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A ledger's folder on a disk of its own, of 4 MiB."""
    folder = tmp_path / "ledger"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(folder)], check=True)
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def remount(disk: Path, options: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{options}", str(disk)], check=True)


def fill(disk: Path) -> None:
    with (disk / "ballast").open("wb", buffering=0) as ballast, suppress(OSError):
        while ballast.write(b"x" * 4096):
            pass


def counted(summaries: Summaries) -> int:
    return sum(item.requests for item in summaries.query(Query()).items)


def test_a_full_disk_keeps_the_sums_as_they_were(disk: Path) -> None:
    ledger, summaries = LedgerFolder(disk), Summaries(disk)
    ledger.commit([line(0)])
    summaries.catch_up()
    ledger.commit(line(n, at(n * 600), key_id=f"k{n}") for n in range(1, RECORDS))
    fill(disk)
    with pytest.raises(SummaryError, match=r"full|disk I/O"):
        summaries.catch_up()
    assert counted(summaries) == RECORDS
    (disk / "ballast").unlink()
    summaries.catch_up()
    for path in disk.glob("usage-*"):
        path.unlink()
    assert counted(summaries) == RECORDS


@pytest.mark.parametrize("added_up", [0, 1])
def test_a_ledger_that_may_only_be_read_is_answered_from(disk: Path, added_up: int) -> None:
    ledger, summaries = LedgerFolder(disk), Summaries(disk)
    ledger.commit(line(n) for n in range(RECORDS))
    if added_up:
        summaries.catch_up()
    remount(disk, "ro")
    with pytest.raises(SummaryError, match=r"Read-only|readonly|unable"):
        summaries.catch_up()
    assert counted(summaries) == RECORDS
    remount(disk, "rw")

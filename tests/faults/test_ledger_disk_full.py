"""A full disk: nothing moves, the ledger says so, and nothing is lost once there is room again (LM-12)."""

import asyncio
import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.support.spool_lines import line

from ostiary_gateway.contract.settings import Settings
from ostiary_gateway.ledger import Ledger

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="mounts a small tmpfs: needs root")
RECORDS = 1500


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """The ledger's folder on a disk of 1 MiB; the spool is elsewhere and has room."""
    ledger = tmp_path / "ledger"
    ledger.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(ledger)], check=True)
    yield tmp_path
    subprocess.run(["umount", "--lazy", str(ledger)], check=True)


def _ids(data: Path) -> list[str]:
    return [json.loads(text)["id"] for path in (data / "ledger").glob("*.jsonl") for text in path.read_bytes().splitlines()]


def _remount(disk: Path, options: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{options}", str(disk)], check=True)


async def _until(true: Callable[[], object]) -> None:
    async with asyncio.timeout(20):
        while not true():  # noqa: ASYNC110 - what a disk says has no event
            await asyncio.sleep(0.01)


async def test_lm_12_a_full_disk_loses_no_record(small_disk: Path) -> None:
    (small_disk / "spool").mkdir()
    (small_disk / "spool/usage.spool").write_bytes(b"".join(line(number) for number in range(1, RECORDS + 1)))
    committed: list[str] = []
    ledger = Ledger.open(Settings(data=str(small_disk)), on_records=lambda some: committed.extend(r.id for r in some))
    ballast = small_disk / "ledger/ballast"
    ballast.write_bytes(b"x" * 300_000)
    stop = asyncio.Event()
    task = asyncio.create_task(ledger.run(stop))
    await _until(lambda: ledger.problem)
    assert "No space left" in ledger.problem or "full" in ledger.problem
    assert 0 < len(committed) < RECORDS
    assert _ids(small_disk) == committed
    assert ledger.lag_seconds > 0
    ballast.unlink()
    _remount(small_disk / "ledger", "size=64m")
    await _until(lambda: len(committed) == RECORDS)
    assert ledger.problem == ""
    stop.set()
    await task
    assert _ids(small_disk) == [f"d0pe-{number}" for number in range(1, RECORDS + 1)]


async def test_a_stop_on_a_full_disk_ends_and_leaves_the_spool(small_disk: Path) -> None:
    (small_disk / "spool").mkdir()
    (small_disk / "spool/usage.spool").write_bytes(b"".join(line(number) for number in range(1, RECORDS + 1)))
    (small_disk / "ledger/ballast").write_bytes(b"x" * 300_000)
    ledger = Ledger.open(Settings(data=str(small_disk)))
    stop = asyncio.Event()
    task = asyncio.create_task(ledger.run(stop))
    await _until(lambda: ledger.problem)
    stop.set()
    async with asyncio.timeout(10):
        await task
    assert (small_disk / "spool/usage.spool").stat().st_size > 0
    assert len(set(_ids(small_disk))) == len(_ids(small_disk)) < RECORDS


async def test_lm_12_a_disk_that_became_read_only_loses_no_record(small_disk: Path) -> None:
    (small_disk / "spool").mkdir()
    spool = small_disk / "spool/usage.spool"
    spool.write_bytes(line(1))
    committed: list[str] = []
    ledger = Ledger.open(Settings(data=str(small_disk)), on_records=lambda some: committed.extend(r.id for r in some))
    stop = asyncio.Event()
    task = asyncio.create_task(ledger.run(stop))
    await _until(lambda: committed)
    stop.set()
    await task
    _remount(small_disk / "ledger", "ro")
    spool.write_bytes(line(1) + line(2))
    again = Ledger.open(Settings(data=str(small_disk)), on_records=lambda some: committed.extend(r.id for r in some))
    stop = asyncio.Event()
    task = asyncio.create_task(again.run(stop))
    await _until(lambda: again.problem)
    assert "ead-only" in again.problem
    _remount(small_disk / "ledger", "rw")
    await _until(lambda: len(committed) == 2)
    stop.set()
    await task
    assert _ids(small_disk) == committed == ["d0pe-1", "d0pe-2"]

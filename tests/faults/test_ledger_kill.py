"""kill -9 of the process that writes the ledger, at random moments: every line becomes exactly one record."""

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.spool_lines import line
from tests.support.wait import until

SEED = 20261121
KILLS = 40
PER_ROUND = 600
WRITERS = """
import asyncio, os, sys
from ostiary_gateway.contract.settings import Settings
from ostiary_gateway.ledger import Ledger

for _ in sys.stdin:  # one writer for each line; forked, since starting Python takes longer than writers live here
    if (pid := os.fork()) == 0:
        settings = Settings(data=sys.argv[1], rotate_bytes=100_000)
        asyncio.run(Ledger.open(settings, grace=0.2).run(asyncio.Event()))
    print(pid, flush=True)
    os.waitpid(pid, 0)
    print("dead", flush=True)
"""


class _Spool:
    """Writes as nginx does, torn lines among them, and renames the file now and then as the supervisor does."""

    def __init__(self, folder: Path, chance: random.Random) -> None:
        folder.mkdir(parents=True)
        self._folder = folder
        self._chance = chance
        self._rotated = 0
        self.whole: list[str] = []
        self._number = 0

    def write(self, count: int) -> None:
        with (self._folder / "usage.spool").open("ab", buffering=0) as file:
            for _ in range(count):
                self._number += 1
                text = line(self._number)
                if self._chance.random() < 0.01:
                    file.write(text[: self._chance.randrange(1, len(text) - 1)])  # disk full, or a worker killed
                    continue
                file.write(text)
                self.whole.append(f"d0pe-{self._number}")
        if self._chance.random() < 0.4:
            self._rotated += 1
            (self._folder / "usage.spool").rename(self._folder / f"usage-{self._rotated}.spool")


def _ids(ledger: Path) -> Counter[str]:
    """Ids in the ledger, of which every line has to be a record."""
    return Counter(json.loads(text)["id"] for path in ledger.glob("*.jsonl") for text in path.read_bytes().splitlines())


def _count(ledger: Path) -> int:
    return sum(path.read_bytes().count(b"\n") for path in ledger.glob("*.jsonl"))


class _Writers:
    """Starts writers of the ledger, one after the other."""

    def __init__(self, data: Path) -> None:
        self._program = subprocess.Popen(
            [sys.executable, "-c", WRITERS, str(data)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    @contextlib.contextmanager
    def one(self) -> Iterator[None]:
        """A running writer, killed at the end of the block."""
        assert self._program.stdin is not None
        assert self._program.stdout is not None
        self._program.stdin.write("start\n")
        self._program.stdin.flush()
        pid = int(self._program.stdout.readline())
        try:
            yield
        finally:
            os.kill(pid, signal.SIGKILL)
            assert self._program.stdout.readline() == "dead\n"

    def close(self) -> None:
        self._program.communicate()


@pytest.fixture
def data() -> Iterator[Path]:
    """In memory where there is such a folder: a process that is killed leaves the same there, and many more can be."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        yield Path(folder)


@pytest.fixture
def writers(data: Path) -> Iterator[_Writers]:
    writers = _Writers(data)
    yield writers
    writers.close()


def test_no_record_is_lost_or_doubled_by_kill_9(data: Path, writers: _Writers) -> None:
    chance = random.Random(SEED)  # noqa: S311 - it shall be the same each time
    spool = _Spool(data / "spool", chance)
    behind = 0
    for _ in range(KILLS):
        with writers.one():
            spool.write(PER_ROUND)
            time.sleep(chance.uniform(0.0, 0.1))  # the moment of death is what is random here
        behind += _count(data / "ledger") < len(spool.whole)
    with writers.one():
        spool.write(1)
        expected = Counter(spool.whole)
        until(lambda: _count(data / "ledger") >= len(expected), "every record", 30)
        assert _ids(data / "ledger") == expected
    print(f"killed behind the spool: {behind} of {KILLS}")
    assert behind > 0, "no writer was killed at work"
    assert len(list((data / "ledger").glob("*.jsonl"))) > KILLS

"""kill -9 of the process that writes the ledger, at random moments: every line becomes exactly one record."""

import contextlib
import json
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from tests.support.spool_lines import line
from tests.support.wait import until

SEED = 20261121
KILLS = 30
PER_ROUND = 1500
WRITER = """
import asyncio, sys
from ostiary_gateway.contract.settings import Settings
from ostiary_gateway.ledger import Ledger

print("ready", flush=True)
asyncio.run(Ledger.open(Settings(data=sys.argv[1], rotate_bytes=100_000), grace=0.2).run(asyncio.Event()))
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


def _ids(ledger: Path, *, whole: bool = True) -> Counter[str]:
    """Ids in the ledger. `whole`: every line has to be a record; else one that is being written is passed over."""
    lines = [text for path in ledger.glob("*.jsonl") for text in path.read_bytes().splitlines(keepends=True)]
    return Counter(json.loads(text)["id"] for text in lines if whole or text.endswith(b"\n"))


@contextlib.contextmanager
def _writer(data: Path) -> Iterator[None]:
    """A running writer, killed at the end of the block."""
    with subprocess.Popen([sys.executable, "-c", WRITER, str(data)], stdout=subprocess.PIPE) as writer:
        try:
            assert writer.stdout is not None
            assert writer.stdout.readline() == b"ready\n"
            yield
        finally:
            writer.kill()


def test_no_record_is_lost_or_doubled_by_kill_9(tmp_path: Path) -> None:
    chance = random.Random(SEED)
    spool = _Spool(tmp_path / "spool", chance)
    behind = 0
    for _ in range(KILLS):
        with _writer(tmp_path):
            spool.write(PER_ROUND)
            time.sleep(chance.uniform(0.0, 0.1))  # the moment of death is what is random here
        behind += sum(_ids(tmp_path / "ledger", whole=False).values()) < len(spool.whole)
    with _writer(tmp_path):
        spool.write(1)
        expected = Counter(spool.whole)
        until(lambda: len(_ids(tmp_path / "ledger", whole=False)) == len(expected), "every record", 30)
        assert _ids(tmp_path / "ledger") == expected
    assert behind > 0, "no writer was killed at work"
    assert len(list((tmp_path / "ledger").glob("*.jsonl"))) > KILLS

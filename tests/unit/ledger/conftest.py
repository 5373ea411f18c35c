"""A ledger in a folder of its own."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from ostiary_gateway.ledger.estimate import Text
from ostiary_gateway.ledger.pump import Pump

NOON = 1_795_262_400.0  # 2026-11-21 12:00 UTC


class Desk:
    """One data folder: the spool that a test writes, the clock that it turns, the ledger that comes of it."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.spool = data / "spool"
        self.ledger = data / "ledger"
        self.now = NOON
        self.rotate_bytes = 100 * 1024 * 1024
        self.retention_days = 0
        self.grace = 60.0
        self.texts: dict[str, Text] = {}
        self.fetched: list[list[str]] = []
        self._pump: Pump | None = None
        self.spool.mkdir(parents=True)

    @property
    def pump(self) -> Pump:
        if self._pump is None:
            self._pump = Pump(
                self.data,
                rotate_bytes=self.rotate_bytes,
                retention_days=self.retention_days,
                grace=self.grace,
                now=lambda: self.now,
                idempotency_seconds=600,
                uncounted=self._fetch,
            )
        return self._pump

    def close(self) -> None:
        if self._pump:
            self._pump.close()
            self._pump = None

    def _fetch(self, ids: Sequence[str]) -> dict[str, Text]:
        self.fetched.append(list(ids))
        return {name: text for name, text in self.texts.items() if name in ids}

    def append(self, text: bytes, name: str = "usage.spool") -> None:
        with (self.spool / name).open("ab") as file:
            file.write(text)

    def drain(self) -> int:
        """Steps until nothing is left. Returns: the number of records."""
        count = 0
        while True:
            batch = self.pump.step()
            count += len(batch.records)
            if not batch.more:
                return count

    def files(self) -> list[str]:
        return sorted(path.name for path in self.ledger.glob("*.jsonl"))

    def records(self) -> list[dict[str, Any]]:
        return [json.loads(text) for name in self.files() for text in (self.ledger / name).read_text().splitlines()]

    def ids(self) -> list[str]:
        return sorted(record["id"] for record in self.records())


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path / "data")
    yield desk
    desk.close()

"""A ledger folder as the sidecar writes it: committed with its own code, ended and damaged as a test wants."""

from collections.abc import Iterable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from ostiary_gateway.contract.record import Record, Usage
from ostiary_gateway.ledger.book import Book
from ostiary_gateway.store import Place, Progress, State

BASE = Record(
    id="",
    request_id="r",
    timestamp="2026-11-21T10:15:00.000Z",
    key_id="team/alice",
    namespace="team",
    owner="Alice",
    surface="managed",
    method="POST",
    endpoint="/v1/chat/completions",
    provider="openai",
    requested_model="gpt-4o",
    model="gpt-4o-2024-08-06",
    status=200,
    ended="completed",
    usage=Usage(input_tokens=19, output_tokens=10),
    cost="0.0001475",
    charged="0.0001475",
)


def line(number: int = 1, timestamp: str = BASE.timestamp, **fields: Any) -> bytes:
    """One ledger line."""
    return msgspec.json.encode(msgspec.structs.replace(BASE, id=f"e-{number}", timestamp=timestamp, **fields)) + b"\n"


def at(second: int) -> str:
    """A timestamp so many seconds after the beginning of November 2026."""
    moment = datetime.fromtimestamp(1_793_491_200 + second, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


class LedgerFolder:
    """`commit` is what the sidecar does; `append` writes what was not committed yet."""

    def __init__(self, path: Path, rotate_bytes: int = 100 * 1024 * 1024) -> None:
        self.path = path
        self._rotate_bytes = rotate_bytes
        path.mkdir(parents=True, exist_ok=True)

    def commit(self, lines: Iterable[bytes], today: str = "2026-11-21") -> Place | None:
        """Append and commit. Returns: the committed end."""
        with closing(State.open(self.path / "state.sqlite")) as state:
            with closing(Book(self.path, state.place(), self._rotate_bytes)) as book:
                place = book.append(lines, today)
            state.commit(Progress(place))
        return place

    def append(self, lines: Iterable[bytes], today: str = "2026-11-21") -> None:
        """What a batch leaves behind whose commit never happened."""
        with (
            closing(State.open(self.path / "state.sqlite")) as state,
            closing(Book(self.path, state.place(), self._rotate_bytes)) as book,
        ):
            book.append(lines, today)

    def go_back(self, place: Place | None) -> None:
        """As from a backup: the state of another day, and the files cut to it."""
        with closing(State.open(self.path / "state.sqlite")) as state:
            state.commit(Progress(place))
            Book(self.path, state.place(), self._rotate_bytes).close()

    def files(self) -> list[str]:
        return sorted(path.name for path in self.path.glob("usage-*"))

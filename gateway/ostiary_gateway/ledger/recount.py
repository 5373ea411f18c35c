"""Counting the whole ledger anew, in bounded memory: into a state file of its own, to compare with or to take over.

May go on where it stopped, so that the end of a ledger that is being written can be reached.
"""

from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Self

import msgspec

from ostiary_gateway.contract.record import Ended, Posting, Usage
from ostiary_gateway.ledger import charge
from ostiary_gateway.ledger.fold import Fold
from ostiary_gateway.ledger.names import Name, listed
from ostiary_gateway.ledger.packed import opened
from ostiary_gateway.ledger.reader import is_posting
from ostiary_gateway.store import Place, Progress, Ranges, Seen, State

_LINES = 50_000  # per transaction
_SUMS = 200_000  # sums in memory at most


class Row(msgspec.Struct, frozen=True):
    """What counting needs of a record."""

    id: str
    timestamp: str
    key_id: str = ""
    status: int = 0
    ended: Ended = "completed"
    error_type: str | None = None
    stream: bool = False
    usage: Usage = Usage()
    budgets: tuple[str, ...] = ()
    charged: str | None = None
    duplicate_of: str | None = None
    held: dict[str, int] = {}
    idempotency_key: str | None = None
    endpoint: str = ""
    requested_model: str | None = None
    request_bytes: int = 0


_ROW = msgspec.json.Decoder(Row)
_POSTING = msgspec.json.Decoder(Posting)


class Recount:
    """`lines` were counted, of which `doubled` have an id that was there before and `unread` are no records."""

    def __init__(self, folder: Path, state: State, now_ms: int, charged_ms: int) -> None:
        self._folder = folder
        self._state = state
        self._now_ms = now_ms
        self._charged_ms = charged_ms
        self._place = state.place()
        self._seen = Seen({epoch: Ranges(bounds) for epoch, bounds in state.seen().items()})
        self._fold = Fold()
        self._charged: dict[bytes, tuple[int, str]] = {}
        self._pending = 0
        self.lines = self.doubled = self.unread = 0

    @classmethod
    def open(cls, folder: Path, scratch: Path, now_ms: int, charged_ms: int) -> Self:
        """Count the ledger in `folder` into the file `scratch`, going on with what is in it already.

        Raises:
            sqlite3.Error: the file cannot be written.
        """
        return cls(folder, State.open(scratch), now_ms, charged_ms)

    def run(self, end: Place | None, progress: Callable[[int], None] = lambda _: None) -> None:
        """Count up to a place, or to the last whole line.

        Args:
            end: the committed end of the ledger.
            progress: told of bytes that were read, again and again.

        Raises:
            OSError: a file cannot be read.
        """
        last = Name.parse(end.name) if end else None
        for name in listed(self._folder):
            if last and name > last:
                break
            length = end.length if end and name == last else None
            for line, at in self._lines(name, length):
                self._count(line)
                if self._pending >= _LINES or len(self._fold) >= _SUMS:
                    self._flush(Place(str(name), at))
                    progress(at)
            self._flush(self._place)
            progress(-1)
        self._flush(self._place)

    def close(self) -> None:
        self._state.close()

    def _lines(self, name: Name, length: int | None) -> Iterator[tuple[bytes, int]]:
        """Lines of a file that are not counted yet, each with the offset behind it."""
        done = Name.parse(self._place.name) if self._place else None
        if done and name < done:
            return
        at = self._place.length if self._place and name == done else 0
        with closing(opened(self._folder, name)) as file:
            file.seek(at)
            for line in file:
                if not line.endswith(b"\n") or (length is not None and at >= length):
                    break
                at += len(line)
                yield line, at
        self._place = Place(str(name), at)

    def _count(self, line: bytes) -> None:
        self._pending += 1
        self.lines += 1
        try:
            if is_posting(line):
                self._fold.post(_POSTING.decode(line))
            else:
                self._record(_ROW.decode(line))
        except (msgspec.DecodeError, UnicodeDecodeError, ValueError):
            self.unread += 1

    def _record(self, row: Row) -> None:
        self._fold.add(row)
        epoch, _, number = row.id.rpartition("-")
        if epoch and number.isascii() and number.isdigit():
            self.doubled += not self._seen.add(epoch, int(number))
        if row.idempotency_key and charge.is_owed(row):
            at = int(datetime.fromisoformat(row.timestamp).timestamp() * 1000)
            if at >= self._now_ms - self._charged_ms:
                seen = row.key_id, row.idempotency_key, row.endpoint, row.requested_model, row.request_bytes
                self._charged[charge.fingerprint(*seen)] = at, row.id

    def _flush(self, place: Place | None) -> None:
        if not self._pending:
            return
        sums = self._fold.settlements()
        self._state.commit(Progress(place, {}, self._seen.staged(), (), {}, sums, self._charged, self._now_ms))
        self._seen.accept()
        self._fold, self._charged, self._pending = Fold(), {}, 0

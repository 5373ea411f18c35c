"""One batch from the spool into the ledger.

Order makes it exactly once: write and fsync the ledger file, then commit in one transaction the spool offsets, the ids
and the ledger file's length. What a crash leaves behind the committed end is cut off at the next start.
"""

import fcntl
import os
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, closing
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from ostiary_gateway.contract.record import Record
from ostiary_gateway.ledger import line as lines
from ostiary_gateway.ledger.book import Book
from ostiary_gateway.ledger.spool import Spool, SpoolFile, texts
from ostiary_gateway.store import Epoch, Progress, Ranges, Read, Seen, State

STATE = "state.sqlite"
_ENCODE = msgspec.json.Encoder().encode


class LedgerError(Exception):
    """The ledger cannot be written; nothing has moved and the next try starts where this one did."""


class Batch(msgspec.Struct, frozen=True):
    """What one step did. `more`: the spool has more to read. `spool_problem`: why it could not be read."""

    records: Sequence[Record] = ()
    more: bool = False
    malformed: int = 0
    duplicates: int = 0
    spool_problem: str = ""


class Pump:
    """Holds the open files of the ledger. All of it is used by one thread."""

    def __init__(self, data: Path, *, rotate_bytes: int, retention_days: int, grace: float, now: Callable[[], float]) -> None:
        self._folder = data / "ledger"
        self._retention_days = retention_days
        self._grace = grace
        self._now = now
        self._pruned = ""
        self._folder.mkdir(parents=True, exist_ok=True)
        (data / "spool").mkdir(parents=True, exist_ok=True)
        with ExitStack() as opened:
            opened.callback(os.close, _lock(self._folder / "lock"))
            self._state = opened.enter_context(closing(State.open(self._folder / STATE)))
            self._book = opened.enter_context(closing(Book(self._folder, self._state.place(), rotate_bytes)))
            self._spool = opened.enter_context(closing(Spool(data / "spool", self._state.spool())))
            self.seen = Seen({epoch: Ranges(bounds) for epoch, bounds in self._state.seen().items()})
            self.epochs = self._state.epochs()
            self._opened = opened.pop_all()

    def step(self, external: Sequence[Record] = (), epochs: Mapping[str, Epoch] | None = None) -> Batch:
        """Move what has come, one chunk of one file at most.

        Args:
            external: records of `POST /stats` to write with it.
            epochs: what is known of nginx's lives, if it changed.

        Raises:
            LedgerError: the ledger or its state cannot be written.
        """
        self._prune()
        problem, file, data, more, torn = "", None, b"", False, 0
        try:
            torn = self._delete_finished()
            file, data, more = self._next()
        except OSError as error:
            problem = f"spool: {error}"
        records, malformed, duplicates = self._understand(data)
        records.extend(external)
        if records or data or epochs:
            self._commit(records, file, len(data), epochs or {})
        return Batch(records, more, malformed + torn, duplicates, problem)

    def close(self) -> None:
        self._opened.close()

    def _next(self) -> tuple[SpoolFile | None, bytes, bool]:
        """The oldest file with something to read, and whether there is another chunk after it."""
        files = self._spool.scan()
        for at, file in enumerate(files):
            if data := file.read():
                return file, data, file.beyond(len(data)) or at + 1 < len(files)
        return None, b"", False

    def _understand(self, data: bytes) -> tuple[list[Record], int, int]:
        records: list[Record] = []
        malformed = duplicates = 0
        for text in texts(data):
            try:
                line = lines.decode(text)
                key = line.key
                record = lines.record(line)
            except lines.LineError:
                malformed += 1
                continue
            if self.seen.add(*key):
                records.append(record)
            else:
                duplicates += 1
        return records, malformed, duplicates

    def _commit(self, records: Sequence[Record], file: SpoolFile | None, count: int, epochs: Mapping[str, Epoch]) -> None:
        try:
            place = self._book.append((_ENCODE(record) + b"\n" for record in records), self._today())
            reads = {file.inode: Read(file.offset + count, file.head)} if file else {}
            self._state.commit(Progress(place, reads, self.seen.staged(), (), epochs))
        except (OSError, sqlite3.Error) as error:
            self.seen.reject()
            self._restore()
            raise LedgerError(f"ledger: {error}") from error
        self._book.accept(place)
        self.seen.accept()
        if file:
            file.move(count)

    def _restore(self) -> None:
        try:
            self._book.restore()
        except OSError as error:
            raise LedgerError(f"ledger: {error}") from error

    def _delete_finished(self) -> int:
        """Delete renamed spool files that are done with, forgetting each before: a file read twice does no harm.

        Returns: how many of them end in a line that was never finished.
        """
        torn = 0
        for file in self._spool.finished(self._now(), self._grace):
            torn += file.beyond(0)
            try:
                self._state.commit(Progress(forgotten=(file.inode,)))
            except sqlite3.Error as error:
                raise LedgerError(f"ledger: {error}") from error
            self._spool.forget(file)
        return torn

    def _prune(self) -> None:
        if (today := self._today()) == self._pruned:
            return
        try:
            self._book.prune(today, self._retention_days)
        except OSError as error:
            raise LedgerError(f"ledger: {error}") from error
        self._pruned = today

    def _today(self) -> str:
        return datetime.fromtimestamp(self._now(), UTC).date().isoformat()


def _lock(path: Path) -> int:
    """Two writers of one ledger would undo each other's work; the kernel frees the lock of a process that died."""
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(fd)
        raise OSError(error.errno, "another process writes this ledger", str(path)) from error
    return fd

"""One batch from the spool into the ledger.

Order makes it exactly once: write and fsync the ledger file, then commit in one transaction the spool offsets, the ids
and the ledger file's length. What a crash leaves behind the committed end is cut off at the next start.
"""

import fcntl
import logging
import os
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, closing
from datetime import UTC, date, datetime
from pathlib import Path

import msgspec

from ostiary_gateway.contract.record import Posting, Record
from ostiary_gateway.ledger import charge
from ostiary_gateway.ledger import line as lines
from ostiary_gateway.ledger.book import Book
from ostiary_gateway.ledger.charge import Accounting, Unpriced
from ostiary_gateway.ledger.estimate import Text
from ostiary_gateway.ledger.fold import QUARTER, Fold
from ostiary_gateway.ledger.line import Line, LineError
from ostiary_gateway.ledger.names import Name, listed
from ostiary_gateway.ledger.recount import Recount
from ostiary_gateway.ledger.repeats import Repeats
from ostiary_gateway.ledger.spool import Spool, SpoolFile, texts
from ostiary_gateway.store import Epoch, Place, Progress, Ranges, Read, Seen, Settlements, State

STATE = "state.sqlite"
SCRATCH = "recount.sqlite"
_ENCODE = msgspec.json.Encoder().encode
_TIDY_SECONDS = 600
_UNPRICED = Unpriced()
_log = logging.getLogger(__name__)
_NO_TEXTS: Mapping[str, Text] = {}

External = Record | Posting
"""What comes into the ledger by other ways than the spool."""


class LedgerError(Exception):
    """The ledger cannot be written; nothing has moved and the next try starts where this one did."""


class Batch(msgspec.Struct, frozen=True):
    """What one step did. `more`: the spool has more to read. `waits`: it was not looked at. `spool_problem`: why not."""

    records: Sequence[Record] = ()
    more: bool = False
    malformed: int = 0
    duplicates: int = 0
    spool_problem: str = ""
    settlements: Settlements | None = None
    place: Place | None = None
    waits: bool = False


class Pump:
    """Holds the open files of the ledger. All of it is used by one thread."""

    def __init__(
        self,
        data: Path,
        *,
        rotate_bytes: int,
        retention_days: int,
        grace: float,
        now: Callable[[], float],
        idempotency_seconds: int = 0,
        uncounted: Callable[[Sequence[str]], Mapping[str, Text]] = lambda _: _NO_TEXTS,
    ) -> None:
        """Open the ledger of a data folder; counters that are not there or of an older version are counted first.

        Args:
            data: the folder.
            rotate_bytes: size of a ledger file.
            retention_days: how long files are kept; 0 is for ever.
            grace: seconds after its last growth for which a renamed spool file is kept.
            now: Unix time.
            idempotency_seconds: how long a repeated request is charged once only.
            uncounted: fetches the texts of records by id.

        Raises:
            OSError: a file cannot be opened, or another process writes this ledger.
            sqlite3.Error: the state cannot be read or written.
        """
        self._folder = data / "ledger"
        self._retention_days = retention_days
        self._grace = grace
        self._now = now
        self._uncounted = uncounted
        self._charged_ms = idempotency_seconds * 1000
        self._texts: dict[str, Text] = {}
        self._pruned = ""
        self._tidied = 0.0
        self._folder.mkdir(parents=True, exist_ok=True)
        (data / "spool").mkdir(parents=True, exist_ok=True)
        with ExitStack() as opened:
            opened.callback(os.close, _lock(self._folder / "lock"))
            self._state = opened.enter_context(closing(State.open(self._folder / STATE)))
            self._count_all()
            self._book = opened.enter_context(closing(Book(self._folder, self._state.place(), rotate_bytes)))
            self._spool = opened.enter_context(closing(Spool(data / "spool", self._state.spool())))
            self.seen = Seen({epoch: Ranges(bounds) for epoch, bounds in self._state.seen().items()})
            self.epochs = self._state.epochs()
            self._opened = opened.pop_all()

    @property
    def place(self) -> Place | None:
        return self._book.place

    def step(
        self,
        external: Sequence[External] = (),
        epochs: Mapping[str, Epoch] | None = None,
        accounting: Accounting | None = _UNPRICED,
    ) -> Batch:
        """Move what has come, one chunk of one file at most.

        Args:
            external: records of `POST /stats` and postings, to write with it.
            epochs: what is known of nginx's lives, if it changed.
            accounting: prices and terms, the same for the whole batch. None: nobody knows them yet, the spool waits.

        Raises:
            LedgerError: the ledger or its state cannot be written.
        """
        self._prune()
        problem, file, data, more, torn = "", None, b"", False, 0
        try:
            if accounting is not None:
                torn = self._delete_finished()
                file, data, more = self._next()
        except OSError as error:
            problem = f"spool: {error}"
        repeats = Repeats(self._state.charged, self._charged_ms)
        records, malformed, duplicates = self._understand(data, accounting or _UNPRICED, repeats)
        now_ms, payers = self._now_ms(), accounting or _UNPRICED
        records.extend(charge.charged(record, payers, now_ms) for record in external if isinstance(record, Record))
        postings = [posting for posting in external if isinstance(posting, Posting)]
        settlements = None
        if records or data or epochs or postings:
            read = Progress(spool=_moved(file, len(data)), epochs=epochs or {}, charged=repeats.staged)
            settlements = self._commit(records, postings, read)
            if file:
                file.move(len(data))
        return Batch(records, more, malformed + torn, duplicates, problem, settlements, self._book.place, accounting is None)

    def rebuild(self, scratch: Path) -> Settlements:
        """Take over counters that were counted anew up to some place of the ledger; the rest is counted here.

        Raises:
            LedgerError: it cannot be done; the counters are what they were.
        """
        try:
            with closing(Recount.open(self._folder, scratch, self._now_ms(), self._charged_ms)) as recount:
                recount.run(self._book.place)
            self._state.replace(scratch)
        except (OSError, sqlite3.Error) as error:
            raise LedgerError(f"ledger: {error}") from error
        return Settlements(sequence=self._state.fold()[0], rebuilt=True)

    def close(self) -> None:
        self._opened.close()

    def _next(self) -> tuple[SpoolFile | None, bytes, bool]:
        """The oldest file with something to read, and whether there is another chunk after it."""
        files = self._spool.scan()
        for at, file in enumerate(files):
            if data := file.read():
                return file, data, file.beyond(len(data)) or at + 1 < len(files)
        return None, b"", False

    def _understand(self, data: bytes, accounting: Accounting, repeats: Repeats) -> tuple[list[Record], int, int]:
        read, malformed = _read(data)
        kept = self._texts_of(read)
        records: list[Record] = []
        duplicates = 0
        for line, key in read:
            try:
                record = lines.record(line, accounting, kept.get(line.id))
            except LineError:
                malformed += 1
                continue
            if self.seen.add(*key):
                records.append(repeats.checked(record, round(line.t * 1000)))
            else:
                duplicates += 1
        return records, malformed, duplicates

    def _texts_of(self, read: Sequence[tuple[Line, tuple[str, int]]]) -> Mapping[str, Text]:
        """Texts to be counted. nginx forgets what it has told, so they are kept until their records are committed."""
        ids = [line.id for line, _ in read if line.is_uncounted and line.id not in self._texts]
        if ids:
            self._texts |= self._uncounted(ids)
        return self._texts

    def _commit(self, records: Sequence[Record], postings: Sequence[Posting], read: Progress) -> Settlements:
        fold = Fold()
        for record in records:
            fold.add(record)
        for posting in postings:
            fold.post(posting)
        sums = fold.settlements()
        try:
            if self._book.place is None:  # what is written before the first commit must be known for what it is after a kill
                self._state.commit(Progress(Place(str(Name(self._today())), 0)))
            place = self._book.append((_ENCODE(each) + b"\n" for each in (*records, *postings)), self._today())
            told = {"place": place, "seen": self.seen.staged(), "settlements": sums, "now_ms": self._now_ms()}
            self._state.commit(msgspec.structs.replace(read, **told))
        except (OSError, sqlite3.Error) as error:
            self.seen.reject()
            self._restore()
            raise LedgerError(f"ledger: {error}") from error
        self._book.accept(place)
        self.seen.accept()
        self._texts = {}
        return msgspec.structs.replace(sums, sequence=self._state.fold()[0])

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

    def _count_all(self) -> None:
        """Counters that are not those of the ledger (state lost, or of the version before) are made from it."""
        if self._state.is_counted:
            return
        if not listed(self._folder):
            self._state.counted()
            return
        _log.warning("the ledger's counters are lost or of an older version: counting it anew")
        scratch = self._folder / SCRATCH
        remove(scratch)
        try:
            with closing(Recount.open(self._folder, scratch, self._now_ms(), self._charged_ms)) as recount:
                recount.run(self._state.place())
            self._state.replace(scratch)
        finally:
            remove(scratch)

    def _prune(self) -> None:
        today, now = self._today(), self._now()
        if today == self._pruned and 0 <= now - self._tidied < _TIDY_SECONDS:
            return
        try:
            kept = self._book.prune(today, self._retention_days) if today != self._pruned else ""
            self._state.tidy(self._now_ms(), self._charged_ms, _first_quarter(kept) if kept else 0)
        except (OSError, sqlite3.Error) as error:
            raise LedgerError(f"ledger: {error}") from error
        self._pruned, self._tidied = today, now

    def _today(self) -> str:
        return datetime.fromtimestamp(self._now(), UTC).date().isoformat()

    def _now_ms(self) -> int:
        return int(self._now() * 1000)


def remove(path: Path) -> None:
    """Delete a state file with what SQLite puts beside it."""
    for name in (path.name, f"{path.name}-wal", f"{path.name}-shm"):
        path.with_name(name).unlink(missing_ok=True)


def _read(data: bytes) -> tuple[list[tuple[Line, tuple[str, int]]], int]:
    """Lines of a chunk, each with its epoch and number. Returns also: how many are none."""
    read: list[tuple[Line, tuple[str, int]]] = []
    malformed = 0
    for text in texts(data):
        try:
            line = lines.decode(text)
            read.append((line, line.key))
        except LineError:
            malformed += 1
    return read, malformed


def _moved(file: SpoolFile | None, count: int) -> Mapping[int, Read]:
    return {file.inode: Read(file.offset + count, file.head)} if file else {}


def _first_quarter(day: str) -> int:
    return int(datetime.combine(date.fromisoformat(day), datetime.min.time(), UTC).timestamp()) // QUARTER


def _lock(path: Path) -> int:
    """Two writers of one ledger would undo each other's work; the kernel frees the lock of a process that died."""
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(fd)
        raise OSError(error.errno, "another process writes this ledger", str(path)) from error
    return fd

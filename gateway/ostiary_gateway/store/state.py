"""The state file: SQLite in WAL mode, one transaction per batch, on disk before the call returns.

One connection, used by the thread that opened it. Every error is a `sqlite3.Error`; nothing has changed then.
"""

import sqlite3
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Self

import msgspec

from ostiary_gateway.store import counters
from ostiary_gateway.store.counters import Settlements
from ostiary_gateway.store.transaction import transaction

VERSION = 2
_SCHEMA = """
CREATE TABLE IF NOT EXISTS place (one INTEGER PRIMARY KEY CHECK (one = 1), name TEXT NOT NULL, length INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS spool (inode INTEGER PRIMARY KEY, offset INTEGER NOT NULL, head BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS seen (epoch TEXT PRIMARY KEY, bounds BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS epoch (epoch TEXT PRIMARY KEY, issued INTEGER NOT NULL, lost INTEGER NOT NULL);
"""
_GROWING = (("last_used", "account", "at"), ("settled", "epoch, purse", "amount"), ("truth", "purse", "units"))
_PACK = msgspec.msgpack.Encoder()
_UNPACK = msgspec.msgpack.Decoder(list[int])


class Place(msgspec.Struct, frozen=True):
    """The end of the ledger: what lies behind it was not committed."""

    name: str
    length: int


class Read(msgspec.Struct, frozen=True):
    """How far a spool file was read. `head` holds its first bytes, since an inode number is used again."""

    offset: int
    head: bytes


class Epoch(msgspec.Struct, frozen=True):
    """What one life of nginx was last known to have issued, and how many of these ids were found to be lost."""

    issued: int
    lost: int


class Progress(msgspec.Struct, frozen=True):
    """One batch. `forgotten` are spool files that are read to their end and about to be deleted."""

    place: Place | None = None
    spool: Mapping[int, Read] = {}
    seen: Iterable[tuple[str, list[int]]] = ()
    forgotten: Iterable[int] = ()
    epochs: Mapping[str, Epoch] = {}
    settlements: Settlements | None = None
    charged: Mapping[bytes, tuple[int, str]] = {}  # fingerprint of a request -> Unix ms and id of the record that was charged
    now_ms: int = 0


class State:
    """`is_counted`: the counters are those of the whole ledger. Not so in a new state, and in one of the version before."""

    def __init__(self, connection: sqlite3.Connection, *, is_counted: bool) -> None:
        self._db = connection
        self.is_counted = is_counted

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open or make the file.

        Raises:
            sqlite3.Error: it cannot be opened, or another version of Ostiary wrote it.
        """
        connection = sqlite3.connect(path, isolation_level=None, timeout=1.0)
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA wal_autocheckpoint = 200")
            counters.prepare(connection)
            is_counted = _make_tables(connection)
        except BaseException:
            connection.close()
            raise
        return cls(connection, is_counted=is_counted)

    def place(self) -> Place | None:
        row = self._db.execute("SELECT name, length FROM place").fetchone()
        return Place(*row) if row else None

    def spool(self) -> dict[int, Read]:
        return {inode: Read(offset, head) for inode, offset, head in self._db.execute("SELECT * FROM spool")}

    def seen(self) -> dict[str, list[int]]:
        return {epoch: _UNPACK.decode(bounds) for epoch, bounds in self._db.execute("SELECT * FROM seen")}

    def epochs(self) -> dict[str, Epoch]:
        return {epoch: Epoch(issued, lost) for epoch, issued, lost in self._db.execute("SELECT * FROM epoch")}

    def charged(self, fingerprint: bytes, since_ms: int) -> str | None:
        """Id of the record that was charged for a request that looks like this, since then."""
        row = self._db.execute("SELECT id FROM charged WHERE print = ? AND at >= ?", (fingerprint, since_ms)).fetchone()
        return str(row[0]) if row else None

    def fold(self) -> tuple[int, int, int]:
        """Sequence of the last commit; the first quarter of an hour that is not merged; the first that files still tell of."""
        sequence, merged, kept = self._db.execute("SELECT sequence, merged, kept FROM fold").fetchone()
        return sequence, merged, kept

    def commit(self, progress: Progress) -> None:
        """All of it or nothing."""
        with transaction(self._db):
            self._write(progress)

    def tidy(self, now_ms: int, charged_ms: int, kept: int = 0) -> None:
        """Forget and merge what is old. Args: kept: the first quarter that files still tell of, if files were deleted."""
        with transaction(self._db):
            counters.prune(self._db, now_ms, charged_ms)
            counters.merge(self._db, now_ms // 900_000 - counters.MERGED_AFTER)
            self._db.execute("UPDATE fold SET kept = MAX(kept, ?)", (kept,))

    def replace(self, recounted: Path) -> None:
        """Take the counters from another state file, in one transaction.

        Quarters that the ledger's files no longer tell of are left as they are.
        """
        self._db.execute("ATTACH ? AS other", (str(recounted),))
        try:
            with transaction(self._db):
                self._take_over()
        finally:
            self._db.execute("DETACH other")
        self.is_counted = True

    def counted(self) -> None:
        """There is nothing to count: the counters are right as they are."""
        self._db.execute(f"PRAGMA user_version = {VERSION}")
        self.is_counted = True

    def _take_over(self) -> None:
        _, merged, kept = self.fold()
        known = max(merged, kept) if kept else -counters.FOR_EVER
        self._db.execute("DELETE FROM spent WHERE quarter >= ?", (known,))
        self._db.execute("INSERT INTO spent SELECT * FROM other.spent WHERE quarter >= ?", (known,))
        for table, key, value in _GROWING:
            if not kept:
                self._db.execute(f"DELETE FROM {table}")  # noqa: S608 - a constant
            grown = f"ON CONFLICT ({key}) DO UPDATE SET {value} = MAX({value}, excluded.{value})"
            self._db.execute(f"INSERT INTO {table} SELECT * FROM other.{table} WHERE true {grown}")  # noqa: S608 - a constant
        self._db.execute("REPLACE INTO charged SELECT * FROM other.charged")
        if not self.is_counted and self.place() is None:
            self._db.execute("REPLACE INTO place SELECT * FROM other.place")
            self._db.execute("REPLACE INTO seen SELECT * FROM other.seen")
        self._db.execute("UPDATE fold SET sequence = sequence + 1")
        self._db.execute(f"PRAGMA user_version = {VERSION}")

    def close(self) -> None:
        self._db.close()

    def _write(self, progress: Progress) -> None:
        if progress.place:
            self._db.execute("REPLACE INTO place VALUES (1, ?, ?)", (progress.place.name, progress.place.length))
        reads = ((inode, read.offset, read.head) for inode, read in progress.spool.items())
        self._db.executemany("REPLACE INTO spool VALUES (?, ?, ?)", reads)
        packed = ((epoch, _PACK.encode(bounds)) for epoch, bounds in progress.seen)
        self._db.executemany("REPLACE INTO seen VALUES (?, ?)", packed)
        self._db.executemany("DELETE FROM spool WHERE inode = ?", ((inode,) for inode in progress.forgotten))
        told = ((epoch, known.issued, known.lost) for epoch, known in progress.epochs.items())
        self._db.executemany("REPLACE INTO epoch VALUES (?, ?, ?)", told)
        if progress.settlements:
            counters.add(self._db, progress.settlements, progress.now_ms)
        charged = ((fingerprint, at, record) for fingerprint, (at, record) in progress.charged.items())
        self._db.executemany("REPLACE INTO charged VALUES (?, ?, ?)", charged)


def _make_tables(connection: sqlite3.Connection) -> bool:
    """Returns: whether the counters are those of the ledger; a new state has counted nothing yet."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > VERSION:
        raise sqlite3.DatabaseError(f"the ledger's state has version {version}, not {VERSION}")
    if version < VERSION:  # the version is set once the ledger was counted: until then each start begins anew
        connection.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} {counters.SCHEMA} COMMIT;")
    return bool(version == VERSION)

"""The state file: SQLite in WAL mode, one transaction per batch, on disk before the call returns.

One connection, used by the thread that opened it. Every error is a `sqlite3.Error`; nothing has changed then.
"""

import sqlite3
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Self

import msgspec

_VERSION = 1
_SCHEMA = """
CREATE TABLE IF NOT EXISTS place (one INTEGER PRIMARY KEY CHECK (one = 1), name TEXT NOT NULL, length INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS spool (inode INTEGER PRIMARY KEY, offset INTEGER NOT NULL, head BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS seen (epoch TEXT PRIMARY KEY, bounds BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS epoch (epoch TEXT PRIMARY KEY, issued INTEGER NOT NULL, lost INTEGER NOT NULL);
"""
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


class State:
    def __init__(self, connection: sqlite3.Connection) -> None:
        self._db = connection

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
            _make_tables(connection)
        except BaseException:
            connection.close()
            raise
        return cls(connection)

    def place(self) -> Place | None:
        row = self._db.execute("SELECT name, length FROM place").fetchone()
        return Place(*row) if row else None

    def spool(self) -> dict[int, Read]:
        return {inode: Read(offset, head) for inode, offset, head in self._db.execute("SELECT * FROM spool")}

    def seen(self) -> dict[str, list[int]]:
        return {epoch: _UNPACK.decode(bounds) for epoch, bounds in self._db.execute("SELECT * FROM seen")}

    def epochs(self) -> dict[str, Epoch]:
        return {epoch: Epoch(issued, lost) for epoch, issued, lost in self._db.execute("SELECT * FROM epoch")}

    def commit(self, progress: Progress) -> None:
        """All of it or nothing."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            self._write(progress)
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise

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


def _make_tables(connection: sqlite3.Connection) -> None:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version not in {0, _VERSION}:
        raise sqlite3.DatabaseError(f"the ledger's state has version {version}, not {_VERSION}")
    if version == 0:
        connection.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} PRAGMA user_version = {_VERSION}; COMMIT;")

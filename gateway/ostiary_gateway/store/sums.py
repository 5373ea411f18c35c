"""What was used, read from the state file beside its writer."""

import sqlite3
from contextlib import AbstractContextManager
from decimal import Decimal
from pathlib import Path
from typing import Self

from ostiary_gateway.store import counters
from ostiary_gateway.store.counters import NOTHING, Spent
from ostiary_gateway.store.state import Place
from ostiary_gateway.store.transaction import transaction

ALWAYS = 2**40
"""A quarter of an hour that never comes."""


class Sums:
    """A connection that only reads, for the thread that opened it. Every error is a `sqlite3.Error`."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._db = connection
        counters.prepare(connection)

    @classmethod
    def open(cls, path: Path) -> Self:
        return cls(_reader(path))

    def at_once(self) -> AbstractContextManager[None]:
        """All that is asked within belongs to one moment."""
        return transaction(self._db, write=False)

    def sequence(self) -> int:
        """Of the last commit that is in here."""
        (number,) = self._db.execute("SELECT sequence FROM fold").fetchone()
        return int(number)

    def spent(self, account: str, since: int = 0, before: int = ALWAYS) -> Spent:
        """One account's sum over quarters of an hour, the first included."""
        total = NOTHING
        query = "SELECT cost, tokens, requests FROM spent WHERE account = ? AND quarter >= ? AND quarter < ?"
        for cost, tokens, requests in self._db.execute(query, (account, since, before)):
            total = total.plus(Spent(Decimal(cost), tokens, requests))
        return total

    def last_used(self) -> dict[str, int]:
        """Unix ms by account."""
        return dict(self._db.execute("SELECT account, at FROM last_used"))

    def settled(self, epoch: str, name: str) -> dict[str, int]:
        """What of a purse (`name`, or each of its slots) is no longer held, by purse key, since nginx's epoch began."""
        query = f"SELECT purse, amount FROM settled WHERE epoch = ? AND {_SLOTS}"  # noqa: S608 - a constant
        return dict(self._db.execute(query, (epoch, *_slots(name))))

    def truths(self, name: str) -> dict[str, int]:
        """What was truly used in each slot of a window's purse."""
        return dict(self._db.execute(f"SELECT purse, units FROM truth WHERE {_SLOTS}", _slots(name)))  # noqa: S608 - a constant

    def close(self) -> None:
        self._db.close()


_SLOTS = "(purse = ? OR (purse >= ? AND purse < ?))"


def _slots(name: str) -> tuple[str, str, str]:
    return name, f"{name}.", f"{name}/"


def committed(path: Path) -> Place | None:
    """The ledger's end as its state file tells it, for a process that does not write it.

    Args:
        path: `state.sqlite` in the ledger's folder.

    Raises:
        sqlite3.Error: it cannot be read.
    """
    if not path.exists():
        return None
    connection = _reader(path)
    try:
        row = connection.execute("SELECT name, length FROM place").fetchone()
    finally:
        connection.close()
    return Place(*row) if row else None


def _reader(path: Path) -> sqlite3.Connection:
    """Through the file system, not as an URI: `query_only` keeps a WAL's reader from writing, and lets it open one."""
    connection = sqlite3.connect(path, isolation_level=None, timeout=5.0)
    connection.execute("PRAGMA query_only = ON")
    return connection

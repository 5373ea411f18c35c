"""The summary of one ledger in a file beside it. The engine adds money through a function of ours, exactly."""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any, Self, cast

from ostiary_gateway.store.transaction import transaction
from ostiary_gateway.summaries.sql import Dialect, schema
from ostiary_gateway.summaries.store import Database, check_version, prepared
from ostiary_gateway.summaries.values import ZERO, SummaryError, added, plain

FILE = "summary.sqlite"
_SECONDS = 5.0
_DIALECT = Dialect(
    mark="?",
    text="TEXT",
    blob="BLOB",
    money="TEXT",
    added="money_added({}, {})",
    total="money_total({})",
    later="max({}, {})",
    label="json_extract(labels, '$.\"' || ? || '\"')",
    locked="",
)


class _Total:
    """SQLite's own sum() would make floating point of it."""

    def __init__(self) -> None:
        self._total = ZERO

    def step(self, amount: str) -> None:
        self._total = added(self._total, Decimal(amount))

    def finalize(self) -> str:
        return plain(self._total)


class Sqlite(Database):
    dialect = _DIALECT

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._db = connection
        connection.create_function("money_added", 2, _added, deterministic=True)
        connection.create_aggregate("money_total", 1, cast("Any", _Total))

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Open or make the file in a ledger folder.

        Raises:
            SummaryError: it cannot be opened or made.
        """
        try:
            connection = sqlite3.connect(folder / FILE, isolation_level=None, timeout=_SECONDS, check_same_thread=False)
        except sqlite3.Error as error:
            raise SummaryError(f"summary: {error}") from error
        return prepared(cls(connection))

    def ask(self, statement: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        with _translated():
            return self._db.execute(statement, values).fetchall()

    def write(self, statement: str, rows: Iterable[Sequence[Any]]) -> None:
        with _translated():
            self._db.executemany(statement, rows)

    @contextmanager
    def transaction(self, *, write: bool) -> Iterator[None]:
        with _translated(), transaction(self._db, write=write):
            yield

    def close(self) -> None:
        self._db.close()

    def prepare(self) -> None:
        """A commit that the power takes away takes its position with it, so the disk need not be waited for."""
        self.ask("PRAGMA journal_mode = WAL")
        self.ask("PRAGMA synchronous = NORMAL")
        if self.ask("SELECT 1 FROM sqlite_master WHERE name = 'ostiary_schema'"):
            check_version(self)
            return
        with self.transaction(write=True):
            for statement in schema(_DIALECT):
                self.ask(statement)
            check_version(self)


def _added(one: str, other: str) -> str:
    return plain(added(Decimal(one), Decimal(other)))


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise SummaryError(f"summary: {error}") from error

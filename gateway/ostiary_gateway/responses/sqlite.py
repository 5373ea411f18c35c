"""Responses in a file of this replica."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ostiary_gateway.responses.database import Transaction, Values
from ostiary_gateway.responses.sql import statements
from ostiary_gateway.responses.store import StoreError
from ostiary_gateway.store.transaction import transaction

_SECONDS = 5.0


class Sqlite:
    """Satisfies `Database`. A turn that the power takes away was the last one; it is not waited for the disk."""

    statements = statements(":{}", "TEXT", "BLOB")
    threads = 1

    def __init__(self, path: Path) -> None:
        self._path = path
        self._db: sqlite3.Connection | None = None

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        try:
            db = self._connected()
            with transaction(db):
                yield _At(db)
        except (sqlite3.Error, OSError) as error:
            self.close()
            raise StoreError(f"response store: {error}") from error

    def close(self) -> None:
        if self._db is not None:
            self._db.close()
            self._db = None

    def _connected(self) -> sqlite3.Connection:
        if self._db is None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(self._path, isolation_level=None, timeout=_SECONDS, check_same_thread=False)
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = NORMAL")
            self._db.execute("PRAGMA foreign_keys = ON")
            for statement in self.statements.schema:
                self._db.execute(statement)
        return self._db


class _At:
    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def ask(self, statement: str, values: Values) -> list[tuple[Any, ...]]:
        return self._db.execute(statement, values).fetchall()

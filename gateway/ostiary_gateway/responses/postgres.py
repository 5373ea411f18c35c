"""Responses of all replicas in one PostgreSQL database."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, cast

import psycopg

from ostiary_gateway.responses.database import Transaction, Values
from ostiary_gateway.responses.sql import statements
from ostiary_gateway.responses.store import ResponseStoreError, StoreError

_Connection = psycopg.Connection[tuple[Any, ...]]
_SECONDS = 5
_MS = 1000
_SCHEMA_LOCK = 0x6F737270  # whoever makes the table holds this advisory lock


class Postgres:
    """Satisfies `Database`. A connection for each thread that needs one at the same moment."""

    statements = statements("%({})s", 'TEXT COLLATE "C"', "BYTEA")
    threads = 4

    def __init__(self, url: str) -> None:
        """Nobody is asked yet.

        Raises:
            ResponseStoreError: the URL is none; it is not told, for it may hold a password.
        """
        try:
            psycopg.conninfo.conninfo_to_dict(url)
        except psycopg.ProgrammingError:
            raise ResponseStoreError("response_store: is no URL of a PostgreSQL database") from None
        self._url = url
        self._idle: list[_Connection] = []
        self._lock = threading.Lock()
        self._is_prepared = False

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        try:
            connection = self._taken()
            try:
                with connection.transaction():
                    yield _At(connection)
            finally:
                self._give_back(connection)
        except psycopg.Error as error:
            raise StoreError(f"response store: {_first_line(error)}") from error

    def close(self) -> None:
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def _taken(self) -> _Connection:
        """One that answers: those of before a failover are told apart by asking."""
        while connection := self._one_idle():
            with suppress(psycopg.Error):
                connection.execute("")
                return connection
            connection.close()
        return self._connected()

    def _one_idle(self) -> _Connection | None:
        with self._lock:
            return self._idle.pop() if self._idle else None

    def _give_back(self, connection: _Connection) -> None:
        if not connection.closed:
            with self._lock:
                self._idle.append(connection)

    def _connected(self) -> _Connection:
        limits = {"connect_timeout": _SECONDS, "tcp_user_timeout": _SECONDS * _MS, "application_name": "ostiary"}
        connection = psycopg.connect(self._url, autocommit=True, **cast("Any", limits))
        try:
            connection.execute(f"SET statement_timeout = '{_SECONDS}s'")
            self._prepare(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _prepare(self, connection: _Connection) -> None:
        if self._is_prepared:
            return
        with connection.transaction():
            connection.execute("SELECT pg_advisory_xact_lock(%s)", (_SCHEMA_LOCK,))
            for statement in self.statements.schema:
                connection.execute(cast("Any", statement))
        self._is_prepared = True


class _At:
    def __init__(self, connection: _Connection) -> None:
        self._connection = connection

    def ask(self, statement: str, values: Values) -> list[tuple[Any, ...]]:
        cursor = self._connection.execute(cast("Any", statement), values)
        return cursor.fetchall() if cursor.description else []


def _first_line(error: psycopg.Error) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]

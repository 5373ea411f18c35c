"""The summary of several replicas in one PostgreSQL database."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Self, cast

import psycopg

from ostiary_gateway.summaries.sql import Dialect, schema
from ostiary_gateway.summaries.store import Database, check_version, prepared
from ostiary_gateway.summaries.values import SummaryError

_SECONDS = 5
_SCHEMA_LOCK = 0x6F737469  # whoever makes the tables holds this advisory lock
_DIALECT = Dialect(
    mark="%s",
    text='TEXT COLLATE "C"',
    blob="BYTEA",
    money="NUMERIC",
    added="{} + {}",
    total="sum({})",
    later="GREATEST({}, {})",
    label="(labels::jsonb ->> %s::text)",
    locked="FOR UPDATE",
)


class Postgres(Database):
    dialect = _DIALECT

    def __init__(self, connection: psycopg.Connection[tuple[Any, ...]]) -> None:
        self._db = connection

    @classmethod
    def open(cls, url: str) -> Self:
        """Connect, and make the tables where they are missing.

        Raises:
            SummaryError: there is no way to it, or the URL is none; the URL, which may hold a password, is not told.
        """
        try:
            connection = psycopg.connect(url, autocommit=True, connect_timeout=_SECONDS, application_name="ostiary")
        except psycopg.ProgrammingError:
            raise SummaryError("summary_url: is no URL of a PostgreSQL database") from None
        except psycopg.Error as error:
            raise SummaryError(f"summary: {_first_line(error)}") from error
        return prepared(cls(connection))

    def ask(self, statement: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        with _translated():
            cursor = self._db.execute(cast("Any", statement), values)
            return cursor.fetchall() if cursor.description else []

    def write(self, statement: str, rows: Iterable[Sequence[Any]]) -> None:
        with _translated(), self._db.cursor() as cursor:
            cursor.executemany(cast("Any", statement), rows)

    @contextmanager
    def transaction(self, *, write: bool) -> Iterator[None]:
        """A writer sees what others committed while it waited for their lock; a reader sees one moment."""
        with _translated():
            self._db.isolation_level = psycopg.IsolationLevel.READ_COMMITTED if write else psycopg.IsolationLevel.REPEATABLE_READ
            with self._db.transaction():
                yield

    def close(self) -> None:
        self._db.close()

    def prepare(self) -> None:
        with self.transaction(write=True):
            self.ask("SELECT pg_advisory_xact_lock(%s)", (_SCHEMA_LOCK,))
            if not self.ask("SELECT to_regclass('ostiary_schema')")[0][0]:
                for statement in schema(_DIALECT):
                    self.ask(statement)
            check_version(self)


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except psycopg.Error as error:
        raise SummaryError(f"summary: {_first_line(error)}") from error


def _first_line(error: psycopg.Error) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]

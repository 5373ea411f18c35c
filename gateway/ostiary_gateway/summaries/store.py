"""The store of sums: one shape of tables in SQLite or PostgreSQL, written in transactions with the position that they reach to.

A `source` is one ledger. What it added stays apart from what others did, so that several replicas write into one database
and each can be rebuilt alone.
"""

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from decimal import Decimal
from hashlib import blake2b
from typing import Any, Protocol, TypeVar

import msgspec

from ostiary_gateway.summaries.fold import Batch, Part
from ostiary_gateway.summaries.sql import Dialect, Statements
from ostiary_gateway.summaries.tail import Position
from ostiary_gateway.summaries.values import SummaryError, Sums, Who, plain

VERSION = 1
_ID_BYTES = 16


class Database(Protocol):
    """One connection; its errors are `SummaryError`s."""

    @property
    def dialect(self) -> Dialect: ...

    def ask(self, statement: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]: ...

    def write(self, statement: str, rows: Iterable[Sequence[Any]]) -> None: ...

    def transaction(self, *, write: bool) -> AbstractContextManager[None]:
        """All of it or nothing; what is read is of one moment."""
        ...

    def prepare(self) -> None:
        """Make the tables where they are missing, and look whether they are of this version."""
        ...

    def close(self) -> None: ...


Connected = TypeVar("Connected", bound=Database)


class MovedError(SummaryError):
    """Another follower of the same ledger was faster."""


class Reached(msgspec.Struct, frozen=True):
    """How far a ledger is in the sums."""

    position: Position = Position()
    records: int = 0
    malformed: int = 0


class Store:
    """Used by one thread."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.dialect = database.dialect
        self._statements = Statements(self.dialect)

    def reached(self, source: str) -> Reached:
        return self._reached(source, "")

    def commit(self, source: str, before: Position, after: Position, batch: Batch) -> None:
        """Add a batch that was read from `before` to `after`.

        Raises:
            MovedError: the store is not at `before`.
        """
        say = self._statements
        spans = batch.spans()
        with self.database.transaction(write=True):
            known = self._reached(source, self.dialect.locked)
            if (known.position.name, known.position.offset) != (before.name, before.offset):
                raise MovedError("summary: another process follows this ledger")
            ids = {someone: _id(someone) for _, someone in spans}
            self.database.write(say.who, [(ids[who], *msgspec.structs.astuple(who)) for who in sorted(ids)])
            rows = (
                (len(span), span, source, ids[who], *_row(sums))
                for (span, who), sums in sorted(spans.items(), key=lambda item: item[0])
            )
            self.database.write(say.sums, rows)
            self.database.write(
                say.part, ((source, after.name, hour, *_part(part)) for hour, part in sorted(batch.parts.items()))
            )
            records, malformed = known.records + batch.records, known.malformed + batch.malformed
            self.database.write(say.position, [(source, after.name, after.offset, after.mark, records, malformed)])

    def forget(self, source: str) -> None:
        """All that came from this ledger, so that it can be read again from its beginning."""
        with self.database.transaction(write=True):
            for table in ("ostiary_usage", "ostiary_part", "ostiary_position"):
                self.database.write(f"DELETE FROM {table} WHERE source = {self.dialect.mark}", [(source,)])  # noqa: S608

    def parts(self, source: str, hours: Sequence[str]) -> dict[str, Part]:
        """Where in which file the records of some hours are, joined by file."""
        if not hours:
            return {}
        marks = ", ".join([self.dialect.mark] * len(hours))
        statement = (
            f"SELECT name, start, stop, records FROM ostiary_part WHERE source = {self.dialect.mark} AND hour IN ({marks})"  # noqa: S608
        )
        parts: dict[str, Part] = {}
        for name, start, stop, records in self.database.ask(statement, (source, *hours)):
            part = Part(start, stop, records)
            parts[name] = parts[name].joined(part) if name in parts else part
        return parts

    def close(self) -> None:
        self.database.close()

    def _reached(self, source: str, ending: str) -> Reached:
        statement = (
            f"SELECT name, stop, mark, records, malformed FROM ostiary_position WHERE source = {self.dialect.mark} {ending}"  # noqa: S608
        )
        rows = self.database.ask(statement, (source,))
        if not rows:
            return Reached()
        name, offset, mark, records, malformed = rows[0]
        return Reached(Position(name, offset, bytes(mark)), records, malformed)


def prepared(database: Connected) -> Connected:
    """A connection whose tables are there; closed where they cannot be made."""
    try:
        database.prepare()
    except BaseException:
        database.close()
        raise
    return database


def check_version(database: Database) -> None:
    """Say so where another version of Ostiary wrote the tables; within the transaction that made them."""
    rows = database.ask("SELECT version FROM ostiary_schema")
    if not rows:
        database.write(f"INSERT INTO ostiary_schema VALUES ({database.dialect.mark})", [(VERSION,)])  # noqa: S608
    elif rows[0][0] != VERSION:
        raise SummaryError(f"the summary has version {rows[0][0]}, not {VERSION}")


def _id(who: Who) -> bytes:
    """The same on every replica, so that none of them has to ask."""
    return blake2b(msgspec.json.encode(msgspec.structs.astuple(who)), digest_size=_ID_BYTES).digest()


def _row(sums: Sums) -> tuple[Any, ...]:
    return tuple(plain(value) if isinstance(value, Decimal) else value for value in msgspec.structs.astuple(sums))


def _part(part: Part) -> tuple[int, ...]:
    return (part.start, part.stop, part.records)

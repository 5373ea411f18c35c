"""A store in a database: the same for SQLite and PostgreSQL but for how they are spoken to."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict
from typing import Any, Protocol

from ostiary_gateway.responses.sql import Statements
from ostiary_gateway.responses.store import Kept, TooLargeError

_DAY = 86_400

Values = Mapping[str, Any]


class Transaction(Protocol):
    def ask(self, statement: str, values: Values) -> list[tuple[Any, ...]]:
        """Rows, or nothing where the statement has none."""
        ...


class Database(Protocol):
    """Connects by itself, again after every trouble; its errors are StoreErrors."""

    statements: Statements
    threads: int

    def transaction(self) -> AbstractContextManager[Transaction]: ...

    def close(self) -> None: ...


class Table:
    """Satisfies `Store`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._say = database.statements
        self.threads = database.threads

    def chain(self, owner: str, response: str, now: int, most: int) -> Sequence[Kept]:
        values = {"owner": owner, "id": response, "now": now}
        with self._database.transaction() as at:
            size = at.ask(self._say.size, values)
            if not size:
                return ()
            if size[0][0] > most:
                raise TooLargeError
            turns = [_kept(row) for row in at.ask(self._say.chain, values)]
        return turns if turns and not turns[0].previous else ()

    def get(self, owner: str, response: str, now: int) -> Kept | None:
        with self._database.transaction() as at:
            rows = at.ask(self._say.get, {"owner": owner, "id": response, "now": now})
        return _kept(rows[0]) if rows else None

    def holders(self, owner: str, items: Sequence[str], now: int) -> Mapping[str, Kept]:
        with self._database.transaction() as at:
            found = {item: at.ask(self._say.holder, {"owner": owner, "id": item, "now": now}) for item in items}
        return {item: _kept(rows[0]) for item, rows in found.items() if rows}

    def keep(self, kept: Kept, items: Sequence[str] = ()) -> None:
        before = {"owner": kept.owner, "id": kept.previous, "now": 0, "expires": kept.expires, "soon": kept.expires - _DAY}
        with self._database.transaction() as at:
            at.ask(self._say.keep, asdict(kept))
            for item in items:
                at.ask(self._say.keep_item, {"owner": kept.owner, "id": item, "response": kept.id})
            if kept.previous:
                at.ask(self._say.last, before)

    def delete(self, owner: str, response: str, now: int) -> bool:
        with self._database.transaction() as at:
            found = at.ask(self._say.size, {"owner": owner, "id": response, "now": now})
            at.ask(self._say.delete, {"owner": owner, "id": response, "now": now})
        return bool(found)

    def sweep(self, now: int) -> None:
        with self._database.transaction() as at:
            at.ask(self._say.sweep, {"now": now})

    def close(self) -> None:
        self._database.close()


def _kept(row: tuple[Any, ...]) -> Kept:
    owner, name, previous, expires, size, maker, given, response = row
    return Kept(owner, name, previous, expires, size, maker, bytes(given), bytes(response))

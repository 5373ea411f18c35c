"""Whether the counters are the sum of the ledger: counted anew from the lines, and compared with what the state file says."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import msgspec

from ostiary_gateway.ledger.recount import Recount
from ostiary_gateway.store import State, counters

_TABLES = (  # table, what its rows are named by, what they tell
    ("spent", ("account", "quarter"), ("cost", "tokens", "requests")),
    ("last_used", ("account",), ("at",)),
    ("settled", ("epoch", "purse"), ("amount",)),
    ("truth", ("purse",), ("units",)),
)
_MOST = 1000  # differences per table that are listed


class Difference(msgspec.Struct, frozen=True):
    """`told` is what the state file says, `counted` what the lines make; None where there is nothing of it."""

    what: str
    told: str | None
    counted: str | None


class Verdict(msgspec.Struct, frozen=True):
    """`lines` were read up to the committed end; `doubled` of them have an id that was there before, `unread` are no records."""

    lines: int
    doubled: int
    unread: int
    differences: tuple[Difference, ...]

    @property
    def is_true(self) -> bool:
        return not (self.differences or self.doubled or self.unread)


def snapshot(state: Path, copy: Path) -> None:
    """Copy a state file at one moment, while another process writes it.

    Raises:
        sqlite3.Error: it cannot be read.
    """
    with closing(sqlite3.connect(state, timeout=5.0)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)


def verify(folder: Path, copy: Path, scratch: Path, now_ms: int, progress: Callable[[int], None]) -> Verdict:
    """Compare.

    Args:
        folder: of the ledger.
        copy: its state file as it was at one moment.
        scratch: file to count into.
        now_ms: Unix time: what is too old to matter is in neither.
        progress: told of bytes that were read.

    Raises:
        OSError: a file cannot be read.
        sqlite3.Error: the same of a state file.
    """
    with closing(State.open(copy)) as state:
        place, (_, merged, kept) = state.place(), state.fold()
    with closing(Recount.open(folder, scratch, now_ms, 0)) as recount:
        recount.run(place, progress)
    for file in (copy, scratch):
        _level(file, merged, now_ms)
    with closing(sqlite3.connect(copy)) as db:
        db.execute("ATTACH ? AS counted", (str(scratch),))
        found = tuple(_differences(db, max(merged, kept) if kept else None))
    return Verdict(recount.lines, recount.doubled, recount.unread, found)


def _level(file: Path, merged: int, now_ms: int) -> None:
    """Forget and merge in both what may be so in one."""
    with closing(sqlite3.connect(file)) as db, db:
        counters.prepare(db)
        counters.prune(db, now_ms, 0)
        counters.merge(db, merged)


def _differences(db: sqlite3.Connection, known: int | None) -> Iterator[Difference]:
    """Args: known: the first quarter that the lines tell wholly, where files were deleted: then only money can be compared."""
    for table, keys, values in _TABLES if known is None else _TABLES[:1]:
        rows: dict[str, dict[str, str]] = {}
        for here, there in (("main", "counted"), ("counted", "main")):
            where = "" if known is None else f"WHERE quarter >= {known}"
            columns = ", ".join((*keys, *values))
            query = f"SELECT {columns} FROM {here}.{table} {where} EXCEPT SELECT {columns} FROM {there}.{table} LIMIT {_MOST}"  # noqa: S608
            for row in db.execute(query):
                name = " ".join(map(str, (table, *row[: len(keys)])))
                told = ", ".join(f"{key} {value}" for key, value in zip(values, row[len(keys) :], strict=True))
                rows.setdefault(name, {})[here] = told
        yield from (Difference(name, told.get("main"), told.get("counted")) for name, told in rows.items())

"""The tables of what was used: a fold of the ledger, kept in the transaction that moves the ledger's end.

Costs are decimal texts without zeros at the end, so that equal sums are equal texts.
"""

import sqlite3
from collections.abc import Mapping
from decimal import Decimal
from typing import NamedTuple

import msgspec

from ostiary_gateway.contract.limits import SLOT_MS, WINDOW_MS
from ostiary_gateway.pricing import EXACT, plain

SCHEMA = """
CREATE TABLE IF NOT EXISTS spent (account TEXT, quarter INTEGER, cost TEXT NOT NULL, tokens INTEGER NOT NULL,
  requests INTEGER NOT NULL, PRIMARY KEY (account, quarter)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS last_used (account TEXT PRIMARY KEY, at INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS settled (epoch TEXT, purse TEXT, amount INTEGER NOT NULL, until INTEGER NOT NULL,
  PRIMARY KEY (epoch, purse)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS truth (purse TEXT PRIMARY KEY, units INTEGER NOT NULL, until INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS charged (print BLOB PRIMARY KEY, at INTEGER NOT NULL, id TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS fold (one INTEGER PRIMARY KEY CHECK (one = 1), sequence INTEGER NOT NULL,
  merged INTEGER NOT NULL, kept INTEGER NOT NULL);
INSERT OR IGNORE INTO fold VALUES (1, 0, 0, 0);
CREATE INDEX IF NOT EXISTS settled_until ON settled (until);
CREATE INDEX IF NOT EXISTS truth_until ON truth (until);
CREATE INDEX IF NOT EXISTS charged_at ON charged (at);
"""
MERGED_AFTER = 32 * 96
"""Quarters of an hour after which an account's are merged into one, number 0: no period but `total` begins so long ago."""

FOR_EVER = 2**62
_AFTERWARDS_MS = 300_000  # how long a slot is known after nothing can come of it any more
_SLOTS = tuple((SLOT_MS[window], SLOT_MS[window] + WINDOW_MS[window] + _AFTERWARDS_MS) for window in SLOT_MS)
_APART = 2  # kinds of slots differ in length by more than twice this
_EPOCHS = 4  # lives of nginx that are remembered: only the running one's purses can be asked for


class Spent(NamedTuple):
    """Money and tokens that were charged, and requests that were made."""

    cost: Decimal
    tokens: int
    requests: int

    def plus(self, more: "Spent") -> "Spent":
        return Spent(EXACT.add(self.cost, more.cost), self.tokens + more.tokens, self.requests + more.requests)


NOTHING = Spent(Decimal(0), 0, 0)


class Settlements(msgspec.Struct, frozen=True):
    """What one committed batch adds.

    `spent` is by account (`key/<id>`, `budget/<id>`) and quarter of an hour (Unix seconds // 900 of the request's end).
    `settled` is by nginx's epoch and purse key: what requests had held that are over now. `truths` is by key of a window's
    purse: what was truly used, to be counted in its slot. `last_used` is Unix ms by key account. `rebuilt`: everything was
    counted anew, so whoever added up must begin again.
    """

    spent: Mapping[tuple[str, int], Spent] = {}
    settled: Mapping[tuple[str, str], int] = {}
    truths: Mapping[str, int] = {}
    last_used: Mapping[str, int] = {}
    sequence: int = 0
    rebuilt: bool = False


def prepare(connection: sqlite3.Connection) -> None:
    """Teach a connection to add decimals."""
    connection.create_function("add_exactly", 2, _add, deterministic=True)
    connection.create_aggregate("sum_exactly", 1, _Sum)  # type: ignore[arg-type] # a text is a value of SQLite's


def add(db: sqlite3.Connection, more: Settlements, now_ms: int) -> None:
    """Within a transaction of the caller's. What is of a slot that nobody can ask for any more is left out."""
    db.executemany(
        "INSERT INTO spent VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET cost = add_exactly(cost, excluded.cost), "
        "tokens = tokens + excluded.tokens, requests = requests + excluded.requests",
        ((account, quarter, plain(s.cost), s.tokens, s.requests) for (account, quarter), s in more.spent.items()),
    )
    db.executemany(
        "INSERT INTO last_used VALUES (?, ?) ON CONFLICT DO UPDATE SET at = MAX(at, excluded.at)", more.last_used.items()
    )
    db.executemany(
        "INSERT INTO settled VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET amount = amount + excluded.amount",
        ((*name, amount, end) for name, amount in more.settled.items() if (end := until(name[1], now_ms)) >= now_ms),
    )
    db.executemany(
        "INSERT INTO truth VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET units = units + excluded.units",
        ((purse, units, end) for purse, units in more.truths.items() if (end := until(purse, now_ms)) >= now_ms),
    )
    db.execute("UPDATE fold SET sequence = sequence + 1")


def prune(db: sqlite3.Connection, now_ms: int, charged_ms: int) -> None:
    """Forget what nobody can ask for any more; `charged_ms` is how long a repeated request is known. Within a transaction."""
    db.execute("DELETE FROM settled WHERE until < ?", (now_ms,))
    db.execute("DELETE FROM truth WHERE until < ?", (now_ms,))
    db.execute("DELETE FROM charged WHERE at < ?", (now_ms - charged_ms,))
    epochs = [epoch for (epoch,) in db.execute("SELECT DISTINCT epoch FROM settled ORDER BY LENGTH(epoch), epoch")]
    db.executemany("DELETE FROM settled WHERE epoch = ?", ((epoch,) for epoch in epochs[:-_EPOCHS]))


def merge(db: sqlite3.Connection, before: int) -> None:
    """Make one row of all quarters of an account that are older than `before`. Within a transaction."""
    db.execute(
        "INSERT INTO spent SELECT account, 0, sum_exactly(cost), SUM(tokens), SUM(requests) FROM spent "
        "WHERE quarter > 0 AND quarter < ? GROUP BY account ON CONFLICT DO UPDATE SET cost = add_exactly(cost, excluded.cost), "
        "tokens = tokens + excluded.tokens, requests = requests + excluded.requests",
        (before,),
    )
    db.execute("DELETE FROM spent WHERE quarter > 0 AND quarter < ?", (before,))
    db.execute("UPDATE fold SET merged = MAX(merged, ?)", (before,))


def until(purse: str, now_ms: int) -> int:
    """Unix ms after which a purse's slot is in nobody's window; never, for one without slots.

    How long a slot is can be told from its number, which is small where slots are long.
    """
    _, point, text = purse.partition(".")
    if not point or not text.isdecimal():
        return FOR_EVER
    slot = int(text)
    length = now_ms // max(slot, 1)  # nearly
    slot_ms, lasts = next((each for each in _SLOTS if length < each[0] * _APART), _SLOTS[-1])
    return min(slot * slot_ms + lasts, FOR_EVER)


def _add(one: str, other: str) -> str:
    return plain(EXACT.add(Decimal(one), Decimal(other)))


class _Sum:
    def __init__(self) -> None:
        self._sum = Decimal(0)

    def step(self, value: str) -> None:
        self._sum = EXACT.add(self._sum, Decimal(value))

    def finalize(self) -> str:
        return plain(self._sum)

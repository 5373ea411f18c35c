"""The SQL of the summary, for SQLite and PostgreSQL alike."""

from typing import NamedTuple

from ostiary_gateway.summaries.values import Sums, Who

WHO = Who.__struct_fields__
SUMS = Sums.__struct_fields__
MONEY = frozenset({"cost", "charged"})
LAST = "last"


class Dialect(NamedTuple):
    """Where the two differ."""

    mark: str  # of a parameter
    text: str  # types; text that is compared byte by byte
    blob: str
    money: str
    added: str  # sum of two amounts of money, as text with {} {}
    total: str  # sum of a column of money
    later: str  # the later one of two texts
    label: str  # value of the label that a parameter names
    locked: str  # what a SELECT ends with that others have to wait for


def schema(dialect: Dialect) -> list[str]:
    """Statements that make the tables where they are missing.

    `span` is an hour, a day or a month: each request is in one row of each; `grain` is its length, which tells them apart.
    """
    text = f"{dialect.text} NOT NULL"
    sums = ", ".join(f"{name} {_type(dialect, name)} NOT NULL" for name in SUMS)
    who = ", ".join(f"{name} {text}" for name in WHO)
    usage = f"grain INTEGER NOT NULL, span {text}, source {text}, who {dialect.blob} NOT NULL, {sums}"
    part = f"source {text}, name {text}, hour {text}, start BIGINT NOT NULL, stop BIGINT NOT NULL, records BIGINT NOT NULL"
    position = f"source {text}, name {text}, stop BIGINT NOT NULL, mark {dialect.blob} NOT NULL, records BIGINT NOT NULL"
    return [
        "CREATE TABLE IF NOT EXISTS ostiary_schema (version INTEGER NOT NULL)",
        f"CREATE TABLE IF NOT EXISTS ostiary_who (id {dialect.blob} PRIMARY KEY, {who})",
        f"CREATE TABLE IF NOT EXISTS ostiary_usage ({usage}, PRIMARY KEY (grain, span, source, who))",
        f"CREATE TABLE IF NOT EXISTS ostiary_part ({part}, PRIMARY KEY (source, hour, name))",
        f"CREATE TABLE IF NOT EXISTS ostiary_position ({position}, malformed BIGINT NOT NULL, PRIMARY KEY (source))",
    ]


class Statements:
    """Inserts; what is there already grows."""

    def __init__(self, dialect: Dialect) -> None:
        mark = dialect.mark
        grown = ", ".join(f"{name} = {_grown(dialect, name)}" for name in SUMS)
        self.sums = _upsert("usage", 4 + len(SUMS), mark, "grain, span, source, who", grown)
        self.who = _insert("who", 1 + len(WHO), mark) + " ON CONFLICT (id) DO NOTHING"
        start, stop = "ostiary_part.start", "ostiary_part.stop"
        joined = (
            f"start = CASE WHEN excluded.start < {start} THEN excluded.start ELSE {start} END, "
            f"stop = CASE WHEN excluded.stop > {stop} THEN excluded.stop ELSE {stop} END, "
            "records = ostiary_part.records + excluded.records"
        )
        self.part = _upsert("part", 6, mark, "source, hour, name", joined)
        replaced = ", ".join(f"{name} = excluded.{name}" for name in ("name", "stop", "mark", "records", "malformed"))
        self.position = _upsert("position", 6, mark, "source", replaced)


def _insert(table: str, columns: int, mark: str) -> str:
    return f"INSERT INTO ostiary_{table} VALUES ({', '.join([mark] * columns)})"  # noqa: S608 (no value is in it)


def _upsert(table: str, columns: int, mark: str, key: str, update: str) -> str:
    return f"{_insert(table, columns, mark)} ON CONFLICT ({key}) DO UPDATE SET {update}"


def _grown(dialect: Dialect, name: str) -> str:
    there, new = f"ostiary_usage.{name}", f"excluded.{name}"
    if name in MONEY:
        return dialect.added.format(there, new)
    return dialect.later.format(there, new) if name == LAST else f"{there} + {new}"


def _type(dialect: Dialect, name: str) -> str:
    if name in MONEY:
        return dialect.money
    return dialect.text if name == LAST else "BIGINT"

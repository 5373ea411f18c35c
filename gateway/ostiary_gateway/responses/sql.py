"""The table of responses and what is asked of it, for SQLite and PostgreSQL alike."""

from typing import NamedTuple

from ostiary_gateway.responses.store import MOST_TURNS

TABLE = "ostiary_response_v1"
_ITEMS = "ostiary_response_item_v1"
_COLUMNS = "owner, id, previous, expires, size, maker, input, response"
_LINEAGE = """
WITH RECURSIVE lineage(id, previous, step) AS (
  SELECT id, previous, 0 FROM {table} WHERE owner = {owner} AND id = {id} AND expires > {now}
  UNION ALL
  SELECT turn.id, turn.previous, lineage.step + 1 FROM {table} AS turn JOIN lineage ON turn.id = lineage.previous
  WHERE turn.owner = {owner} AND turn.expires > {now} AND lineage.step < {most}
)
"""


class Statements(NamedTuple):
    """Each takes its values by name."""

    schema: tuple[str, ...]
    size: str
    chain: str
    get: str
    holder: str
    keep: str
    keep_item: str
    last: str
    delete: str
    sweep: str


def statements(mark: str, text: str, blob: str) -> Statements:
    """For a database that writes a named value as `mark`, and its types of texts and bytes so."""
    owner, name, now, expires = (mark.format(each) for each in ("owner", "id", "now", "expires"))
    values = ", ".join(mark.format(each) for each in _COLUMNS.split(", "))
    lineage = _LINEAGE.format(table=TABLE, owner=owner, id=name, now=now, most=MOST_TURNS)
    one = f"FROM {TABLE} WHERE owner = {owner} AND id = {name} AND expires > {now}"
    types = {"expires": "BIGINT", "size": "BIGINT", "input": blob, "response": blob}
    columns = ", ".join(f"{column} {types.get(column, text)} NOT NULL" for column in _COLUMNS.split(", "))
    keys = f"PRIMARY KEY (owner, id), FOREIGN KEY (owner, response) REFERENCES {TABLE} (owner, id) ON DELETE CASCADE"
    turns = ", ".join(f"turn.{column}" for column in _COLUMNS.split(", "))
    updated = ", ".join(f"{column} = excluded.{column}" for column in _COLUMNS.split(", ")[2:])
    return Statements(
        schema=(
            f"CREATE TABLE IF NOT EXISTS {TABLE} ({columns}, PRIMARY KEY (owner, id))",
            f"CREATE INDEX IF NOT EXISTS {TABLE}_expires ON {TABLE} (expires)",
            f"CREATE TABLE IF NOT EXISTS {_ITEMS} (owner {text} NOT NULL, id {text} NOT NULL, response {text} NOT NULL, {keys})",
            f"CREATE INDEX IF NOT EXISTS {_ITEMS}_response ON {_ITEMS} (owner, response)",
        ),
        size=f"SELECT size {one}",
        chain=f"{lineage} SELECT {turns} FROM lineage JOIN {TABLE} AS turn ON turn.id = lineage.id"  # noqa: S608
        f" WHERE turn.owner = {owner} ORDER BY lineage.step DESC",
        get=f"SELECT {_COLUMNS} {one}",
        holder=f"SELECT {turns} FROM {_ITEMS} AS item JOIN {TABLE} AS turn ON turn.owner = item.owner AND turn.id = item.response"  # noqa: S608
        f" WHERE item.owner = {owner} AND item.id = {name} AND turn.expires > {now}",
        keep=f"INSERT INTO {TABLE} ({_COLUMNS}) VALUES ({values}) ON CONFLICT (owner, id) DO UPDATE SET {updated}",  # noqa: S608
        keep_item=f"INSERT INTO {_ITEMS} (owner, id, response) VALUES ({owner}, {name}, {mark.format('response')})"  # noqa: S608
        " ON CONFLICT (owner, id) DO UPDATE SET response = excluded.response",
        last=f"{lineage} UPDATE {TABLE} SET expires = {expires}"  # noqa: S608
        f" WHERE owner = {owner} AND expires < {mark.format('soon')} AND id IN (SELECT id FROM lineage)",
        delete=f"DELETE {one}",
        sweep=f"DELETE FROM {TABLE} WHERE expires <= {now}",  # noqa: S608
    )

"""The store that the settings name."""

from pathlib import Path

from ostiary_gateway.responses.database import Table
from ostiary_gateway.responses.memory import Memory
from ostiary_gateway.responses.store import ResponseStoreError, Store

_POSTGRES = ("postgresql://", "postgres://")


def open_store(setting: str) -> Store | None:
    """None where nothing is to be kept. Nothing is connected to yet: a database that is away stops nobody from starting.

    Args:
        setting: `memory`, the path of a file, or the URL of a PostgreSQL database.

    Raises:
        ResponseStoreError: it is none of them.
    """
    if not setting:
        return None
    if setting == "memory":
        return Memory()
    if setting.startswith(_POSTGRES):
        from ostiary_gateway.responses.postgres import Postgres  # noqa: PLC0415 - few guards need psycopg

        return Table(Postgres(setting))
    if "://" in setting:
        raise ResponseStoreError(f"response_store: begins with none of {', '.join(_POSTGRES)}")
    from ostiary_gateway.responses.sqlite import Sqlite  # noqa: PLC0415 - as above

    return Table(Sqlite(Path(setting)))

"""Keys in a SQLite file, by the SHA-256 of their value. Nothing of it is held in memory, so a change counts at once."""

import logging
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from ostiary_gateway.contract.allowlist import AllowListError, Entry
from ostiary_gateway.contract.settings import Settings, SettingsError
from ostiary_gateway.decide.keys import Key, KeySource, key_of
from ostiary_gateway.store.transaction import transaction

_VERSION = 1
_COLUMNS = ("sha256", "id", "owner", "added", "name", "namespace", "uid", "version", "state", "models", "expires", "terms")
_SCHEMA = f"""
CREATE TABLE key (sha256 BLOB PRIMARY KEY, {", ".join(f"{name} TEXT NOT NULL" for name in _COLUMNS[1:])}) WITHOUT ROWID;
CREATE INDEX key_by_id ON key (id);
"""
_SELECT = f"SELECT {', '.join(_COLUMNS)} FROM key WHERE"  # noqa: S608 (names of our own)
_UPSERT = f"INSERT OR REPLACE INTO key ({', '.join(_COLUMNS)}) VALUES ({', '.join('?' * len(_COLUMNS))})"  # noqa: S608
_STATES = ("current", "retiring", "disabled")
_WAIT_SECONDS = 5.0
_log = logging.getLogger(__name__)


class KeyStoreError(Exception):
    """The file cannot be read or written, or a key cannot be taken into it."""


def configured(settings: Settings) -> "KeyStore | None":
    """The key store that the settings name.

    Raises:
        SettingsError: it cannot be opened.
    """
    if not settings.key_store:
        return None
    try:
        return KeyStore.open(Path(settings.key_store))
    except KeyStoreError as error:
        raise SettingsError(f"key_store: {error}") from error


class KeyStore(KeySource):
    """Readers never wait for a writer. `problem` says why keys are not found that may be there; empty is fine."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._db = connection
        self.problem = ""

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open or make the file.

        Raises:
            KeyStoreError: it cannot be opened or made, or another version of Ostiary wrote it.
        """
        with _translated(path):
            connection = sqlite3.connect(path, isolation_level=None, timeout=_WAIT_SECONDS, check_same_thread=False)
            try:
                connection.execute("PRAGMA journal_mode = WAL")
                _make_table(connection)
            except BaseException:
                connection.close()
                raise
        return cls(connection)

    def count(self) -> int:
        """How many values there are. Reads them all."""
        return int(self._db.execute("SELECT count(*) FROM key").fetchone()[0])

    def find(self, sha256: str) -> Key | None:
        """The key whose value has this hash; none where the file cannot be read: access is never given by accident."""
        try:
            digest = bytes.fromhex(sha256)
        except ValueError:
            return None
        return self._one(f"{_SELECT} sha256 = ?", digest)

    def named(self, key_id: str) -> Key | None:
        """A value of this key that counts, or any if none does."""
        return self._one(f"{_SELECT} id = ? ORDER BY state = 'current' DESC LIMIT 1", key_id)

    def put(self, entries: Iterable[Entry], *, replace: bool = False, progress: Callable[[], None] = lambda: None) -> int:
        """Add keys or put them in place of what is there under the same value, all or none.

        Args:
            entries: may be very many.
            replace: what is not among them goes.
            progress: called for each.

        Returns: how many.

        Raises:
            KeyStoreError: one of them is no key, or the file cannot be written.
        """
        count = 0
        with _translated(), transaction(self._db):
            if replace:
                self._db.execute("DELETE FROM key")
            for entry in entries:
                _check(entry)
                self._db.execute(_UPSERT, _row(entry))
                count += 1
                progress()
        return count

    def revoke(self, ids: Sequence[str]) -> int:
        """Disable every value of these keys. Returns: how many values that were not disabled before.

        Raises:
            KeyStoreError: the file cannot be written.
        """
        with _translated(), transaction(self._db):
            statement = "UPDATE key SET state = 'disabled' WHERE id = ? AND state <> 'disabled'"
            return sum(self._db.execute(statement, (key_id,)).rowcount for key_id in ids)

    def close(self) -> None:
        self._db.close()

    def _one(self, statement: str, value: bytes | str) -> Key | None:
        try:
            row = self._db.execute(statement, (value,)).fetchone()
            key = key_of(_entry(row), volatile=True) if row else None
        except (sqlite3.Error, AllowListError) as error:
            if str(error) != self.problem:
                _log.error("key store: %s", error)
            self.problem = str(error)
            return None
        self.problem = ""
        return key


def _make_table(connection: sqlite3.Connection) -> None:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version not in {0, _VERSION}:
        raise KeyStoreError(f"the key store has version {version}, not {_VERSION}")
    if version == 0:
        connection.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} PRAGMA user_version = {_VERSION}; COMMIT;")


def _check(entry: Entry) -> None:
    """Refuse what nobody could make sense of when it is asked for."""
    key_of(entry)
    if entry.state not in _STATES:
        raise AllowListError(f"key {entry.id}: state: none of {', '.join(_STATES)}")


def _row(entry: Entry) -> tuple[bytes | str, ...]:
    names = (getattr(entry, name) for name in _COLUMNS[1:])
    return (bytes.fromhex(entry.sha256), *("|".join(value) if isinstance(value, tuple) else value for value in names))


def _entry(row: Sequence[bytes | str]) -> Entry:
    told = {name: str(value) for name, value in zip(_COLUMNS[1:], row[1:], strict=True)}
    models = told.pop("models")
    return Entry(
        sha256=bytes(row[0]).hex() if isinstance(row[0], bytes) else "", models=tuple(models.split("|")) if models else (), **told
    )


@contextmanager
def _translated(path: Path | None = None) -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, AllowListError) as error:
        raise KeyStoreError(f"key store{f' {path}' if path else ''}: {error}") from error

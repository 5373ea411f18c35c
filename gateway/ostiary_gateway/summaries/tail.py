"""The ledger as a follower sees it: chunks of whole lines from a position up to the committed end, never beyond it."""

import sqlite3
from contextlib import closing
from hashlib import blake2b
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote

import msgspec

from ostiary_gateway.ledger.names import Name, listed
from ostiary_gateway.ledger.packed import opened
from ostiary_gateway.ledger.pump import STATE
from ostiary_gateway.store import Place

CHUNK = 256 * 1024
_MARKED = 1024
NOTHING = Place("", 0)
"""The end of a ledger that has not committed anything yet."""


class Position(msgspec.Struct, frozen=True):
    """All before `offset` in file `name`, and all older files, are read. `mark` knows the last bytes that were."""

    name: str = ""
    offset: int = 0
    mark: bytes = b""


class Chunk(msgspec.Struct, frozen=True):
    """Whole lines of one file, from `offset` on."""

    name: str
    offset: int
    data: bytes

    @property
    def after(self) -> Position:
        return Position(self.name, self.offset + len(self.data), _mark(self.data[-_MARKED:]))


class Tail:
    """Keeps the file open that it reads; used by one thread."""

    def __init__(self, folder: Path, chunk: int = CHUNK) -> None:
        self._folder = folder
        self._chunk = chunk
        self._name: Name | None = None
        self._file: BinaryIO | None = None

    def next(self, position: Position, end: Place | None) -> Chunk | None:
        """What comes behind a position; None where nothing does.

        Args:
            position: where to go on.
            end: the committed end; None reads every line that is whole.

        Raises:
            OSError: a file cannot be read.
        """
        if end is not None and (position.name, position.offset) == (end.name, end.length):
            return None
        at, last = Name.parse(position.name), Name.parse(end.name) if end else None
        if end is not None and last is None:
            return None
        for name in listed(self._folder):
            if (at is not None and name < at) or (last is not None and name > last):
                continue
            offset = position.offset if name == at else 0
            data = self._read(name, offset, end.length if end and name == last else None)
            if data:
                return Chunk(str(name), offset, data)
        return None

    def holds(self, position: Position, end: Place | None) -> bool:
        """Whether this is still the ledger that was read up to this position.

        A file that was deleted with age proves nothing: what it held stays counted.
        """
        at, last = Name.parse(position.name), Name.parse(end.name) if end else None
        if at is None:
            return True
        if last is not None and end is not None and (at, position.offset) > (last, end.length):
            return False
        if at not in listed(self._folder):
            return True
        file = self._at(at)
        length = int.from_bytes(position.mark[:2])
        file.seek(position.offset - length)
        return _mark(file.read(length)) == position.mark

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
        self._file, self._name = None, None

    def _read(self, name: Name, offset: int, limit: int | None) -> bytes:
        """Whole lines; as many bytes as a chunk, or as one long line needs."""
        file = self._at(name)
        file.seek(offset)
        size, data = self._chunk, b""
        while True:
            wanted = size if limit is None else max(0, min(size, limit - offset - len(data)))
            more = file.read(wanted) if wanted else b""
            data += more
            cut = data.rfind(b"\n") + 1
            if cut or not more:
                return data[:cut]

    def _at(self, name: Name) -> BinaryIO:
        if self._file is None or self._name != name:
            self.close()
            self._file, self._name = opened(self._folder, name, buffered=False), name
        return self._file


def _mark(data: bytes) -> bytes:
    return len(data).to_bytes(2) + blake2b(data, digest_size=16).digest()


def committed(folder: Path) -> Place | None:
    """The end of what a ledger has committed; None where no sidecar ever kept this folder: it may be a copy.

    Raises:
        OSError: its state cannot be read.
    """
    path = folder / STATE
    if not path.exists():
        return None
    try:
        with closing(_opened(path)) as state:
            if not state.execute("SELECT 1 FROM sqlite_master WHERE name = 'place'").fetchone():
                return NOTHING
            row = state.execute("SELECT name, length FROM place").fetchone()
    except sqlite3.Error as error:
        raise OSError(None, str(error), str(path)) from error
    return Place(*row) if row else NOTHING


def _opened(path: Path) -> sqlite3.Connection:
    """For reading. Where nothing can be written and nobody has it open, SQLite has to be told that nothing changes."""
    uri = f"file:{quote(str(path))}?mode=ro"
    state = sqlite3.connect(uri, uri=True, timeout=1.0)
    try:
        state.execute("SELECT 1 FROM sqlite_master").fetchone()
    except sqlite3.OperationalError:
        state.close()
        log = path.with_name(f"{path.name}-wal")
        if log.exists() and log.stat().st_size:
            raise
        return sqlite3.connect(f"{uri}&immutable=1", uri=True)
    return state

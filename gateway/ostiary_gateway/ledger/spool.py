"""The spool: what nginx appended, as JSON text sequences (RFC 7464).

`usage.spool` is the one being written; `usage-<ns>.spool` are older ones that the supervisor renamed. nginx workers go
on writing into a renamed file until they have reopened theirs, so every file is watched until it is deleted.
"""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from ostiary_gateway.store import Read

LIVE = "usage.spool"
CHUNK = 256 * 1024
"""Bytes read at once, and the longest line."""

_SEPARATOR = b"\x1e"
_HEAD = 64  # bytes that tell one file from another: they hold the first line's id


class SpoolFile:
    """One open file and how far it was read. Reading moves nothing: `move` does, once the lines are committed."""

    def __init__(self, path: Path, known: dict[int, Read]) -> None:
        self._fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        self.path = path
        stat = os.fstat(self._fd)
        self.inode = stat.st_ino
        self.offset = self._resume(known.get(self.inode), stat.st_size)

    @property
    def head(self) -> bytes:
        return os.pread(self._fd, _HEAD, 0)

    def read(self) -> bytes:
        """Whole lines from the offset on, CHUNK bytes at most; empty if none has come."""
        if self.offset > os.fstat(self._fd).st_size:
            self.offset = 0  # cut short by someone; ids that come again are known
        data = os.pread(self._fd, CHUNK, self.offset)
        end = data.rfind(b"\n") + 1
        if end or len(data) < CHUNK:
            return data[:end]
        return data[: data.rfind(_SEPARATOR, 1)] if _SEPARATOR in data[1:] else data

    def move(self, count: int) -> None:
        self.offset += count

    def quiet(self, now: float, grace: float) -> bool:
        """Whether nobody has written for `grace` seconds and all is read but a line that was never finished."""
        return now - os.fstat(self._fd).st_mtime >= grace and not self.read()

    def beyond(self, count: int) -> bool:
        """Whether the file goes on after the next `count` bytes."""
        return os.fstat(self._fd).st_size > self.offset + count

    def close(self) -> None:
        os.close(self._fd)

    def _resume(self, known: Read | None, size: int) -> int:
        """From the start, if this is not surely the file that was read before: ids that come again are known."""
        if known is None or known.offset > size or self.head[: len(known.head)] != known.head:
            return 0
        whole = known.offset == 0 or os.pread(self._fd, 1, known.offset - 1) == b"\n"
        return known.offset if whole else 0


class Spool:
    """All spool files of a folder, oldest first, the live one last."""

    def __init__(self, folder: Path, known: dict[int, Read]) -> None:
        self._folder = folder
        self._known = known
        self._files: dict[int, SpoolFile] = {}

    def scan(self) -> list[SpoolFile]:
        """Look for files that came, went or were renamed.

        Raises:
            OSError: the folder or a file cannot be read.
        """
        there: dict[int, SpoolFile] = {}
        with os.scandir(self._folder) as found:
            names = [file.name for file in found if file.name.startswith("usage") and file.name.endswith(".spool")]
        for name in sorted(names, key=_age):
            path = self._folder / name
            with contextlib.suppress(FileNotFoundError):  # renamed since it was listed: it is found next time
                file = self._files.get(path.stat().st_ino) or SpoolFile(path, self._known)
                file.path = path
                there[file.inode] = file
        for inode in self._files.keys() - there.keys():
            self._files[inode].close()
        self._files = there
        return list(there.values())

    def finished(self, now: float, grace: float) -> list[SpoolFile]:
        """Renamed files that are read and of which nothing more will come; a newer file is there."""
        files = list(self._files.values())
        return [file for file in files[:-1] if file.path.name != LIVE and file.quiet(now, grace)]

    def forget(self, file: SpoolFile) -> None:
        file.path.unlink(missing_ok=True)
        file.close()
        del self._files[file.inode]
        self._known.pop(file.inode, None)

    def close(self) -> None:
        for file in self._files.values():
            file.close()
        self._files = {}


def texts(data: bytes) -> Iterator[bytes]:
    """The JSON texts between separators; a text that was not finished lacks its newline."""
    first, *rest = data.split(_SEPARATOR)
    if first:
        yield first.rstrip(b"\n")  # the end of a line whose start is not here: never a whole one
    yield from rest


def _age(name: str) -> tuple[bool, int, str]:
    return name == LIVE, len(name), name

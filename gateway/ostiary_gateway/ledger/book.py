"""The ledger's files: append, rotate, and take back what was not committed."""

import os
from collections.abc import Iterable
from datetime import date, timedelta
from pathlib import Path

from ostiary_gateway.ledger.names import Name, delete, listed
from ostiary_gateway.store import Place


class Book:
    """Writes lines behind the committed end.

    What `append` wrote is durable when it returns, but counts only once `accept` was called.
    """

    def __init__(self, folder: Path, place: Place | None, rotate_bytes: int) -> None:
        """Take up the ledger at its committed end; what lies behind is cut off.

        Without a committed end (the state is new) files that are there already are left alone.
        """
        self._folder = folder
        self._rotate_bytes = rotate_bytes
        there = listed(folder)
        self._name = Name.parse(place.name) if place else (there[-1] if there else None)
        self._length = place.length if place else rotate_bytes
        self._fd = -1
        self.restore()

    @property
    def place(self) -> Place | None:
        return Place(str(self._name), self._length) if self._name else None

    def append(self, lines: Iterable[bytes], today: str) -> Place | None:
        """Write lines, going on to the next file where one is full or its day is over.

        Args:
            lines: whole lines, each with its newline.
            today: YYYY-MM-DD in UTC.

        Raises:
            OSError: the disk is full or not writable; call `restore` before trying again.
        """
        name, length, fd = self._name, self._length, self._fd
        pending: list[bytes] = []
        for line in lines:
            if name is None or length >= self._rotate_bytes or today > name.day:
                self._flush(fd, pending, length)
                name, length = (name.after(today) if name else Name(today)), 0
                fd = self._begin(name, fd)
                pending = []
            pending.append(line)
            length += len(line)
        self._flush(fd, pending, length)
        return Place(str(name), length) if name else None

    def accept(self, place: Place | None) -> None:
        if place:
            self._name, self._length = Name.parse(place.name), place.length

    def restore(self) -> None:
        """Go back to the committed end."""
        self.close()
        for name in listed(self._folder):
            if self._name is None or name > self._name:
                delete(self._folder, name)
        path = self._folder / str(self._name)
        if self._name is None or not path.exists():
            self._length = self._rotate_bytes  # taken away by someone: begin the next one
        elif self._length < self._rotate_bytes or path.stat().st_size > self._length:
            self._reopen(path)

    def prune(self, today: str, retention_days: int) -> str:
        """Delete files whose day is more than `retention_days` ago, never the one in use; 0 keeps all.

        Returns: the day from which on nothing was ever deleted; empty if nothing is to be.
        """
        if not retention_days:
            return ""
        oldest = (date.fromisoformat(today) - timedelta(days=retention_days)).isoformat()
        for name in listed(self._folder):
            if name.day < oldest and name != self._name:
                delete(self._folder, name)
        return oldest

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _reopen(self, path: Path) -> None:
        self._fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
        self._length = min(self._length, os.fstat(self._fd).st_size)
        os.ftruncate(self._fd, self._length)

    def _begin(self, name: Name, previous: int) -> int:
        if previous >= 0:
            os.close(previous)
            self._fd = -1
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
        self._fd = os.open(self._folder / str(name), flags, 0o640)
        folder = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
        return self._fd

    @staticmethod
    def _flush(fd: int, lines: list[bytes], end: int) -> None:
        rest = memoryview(b"".join(lines))
        if not rest:
            return
        while rest:
            rest = rest[os.pwrite(fd, rest, end - len(rest)) :]
        os.fsync(fd)

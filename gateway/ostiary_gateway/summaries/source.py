"""Which ledger this is, and who of several processes may add it up."""

import fcntl
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_ID, _LOCK = "ledger.id", "summary.lock"


def identified(folder: Path) -> str:
    """The id of a ledger; empty where it never got one."""
    try:
        return (folder / _ID).read_text(encoding="ascii").strip()
    except FileNotFoundError:
        return ""


def identify(folder: Path) -> str:
    """The id of a ledger, given at the first time: a ledger in place of one that was lost is another one.

    Raises:
        OSError: the folder cannot be written.
    """
    if known := identified(folder):
        return known
    draft = folder / f".{_ID}.{uuid.uuid4().hex}"
    draft.write_text(uuid.uuid4().hex + "\n", encoding="ascii")
    try:
        with suppress(FileExistsError):  # another process was faster: its id counts
            os.link(draft, folder / _ID)
    finally:
        draft.unlink()
    return identified(folder)


@contextmanager
def alone(folder: Path) -> Iterator[bool]:
    """Whether no other process follows this ledger; then none does as long as this lasts.

    Raises:
        OSError: the folder cannot be written.
    """
    fd = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
    try:
        with suppress(BlockingIOError):
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield True
            return
        yield False
    finally:
        os.close(fd)

"""Ledger files that are finished may be compressed: `usage-2026-11-21.jsonl.gz` beside or in place of the plain file.

At each moment one of the two is whole: the compressed file gets its name when all of it is on disk and was read back, and
only then the plain one goes. Offsets always are those of the plain text.
"""

import gzip
import os
import zlib
from collections.abc import Callable
from pathlib import Path
from time import monotonic
from typing import BinaryIO, cast

from ostiary_gateway.ledger.names import Name, packed

_LEVEL = 6
_BLOCK = 1024 * 1024


def opened(folder: Path, name: Name, *, buffered: bool = True) -> BinaryIO:
    """A ledger file for reading, whichever form it is in.

    Args:
        folder: `ledger` in the data folder.
        name: of the file.
        buffered: False for one who follows a file that grows and is cut back: nothing is read ahead of what is asked for.

    Raises:
        OSError: there is no such file, or it cannot be read.
    """
    try:
        return (folder / str(name)).open("rb", buffering=-1 if buffered else 0)
    except FileNotFoundError:
        return cast("BinaryIO", gzip.open(folder / packed(name), "rb"))


def compress(folder: Path, name: Name, pause: Callable[[float], None] = lambda _: None) -> None:
    """Put a finished file into its compressed form. May be repeated after any interruption.

    Args:
        folder: `ledger` in the data folder.
        name: of a file that nobody writes any more.
        pause: called now and then with the seconds since it was called last; what it raises ends the work.

    Raises:
        OSError: it cannot be read or written; the plain file is still there.
    """
    plain, final = folder / str(name), folder / packed(name)
    draft = folder / f".{packed(name)}.draft"
    try:
        with plain.open("rb") as source, draft.open("wb") as target:
            with gzip.GzipFile(filename="", mode="wb", compresslevel=_LEVEL, fileobj=target, mtime=0) as out:
                written = _copy(source, out, pause)
            target.flush()
            os.fsync(target.fileno())
        with gzip.open(draft, "rb") as copy:
            if _copy(cast("BinaryIO", copy), None, pause) != written:
                raise OSError(None, "does not hold what was written", str(draft))
        draft.chmod(plain.stat().st_mode & 0o777)
        draft.rename(final)
    finally:
        draft.unlink(missing_ok=True)
    _settle(folder)
    plain.unlink()


def _copy(source: BinaryIO, target: gzip.GzipFile | None, pause: Callable[[float], None]) -> tuple[int, int]:
    """Returns: length and checksum of what was read."""
    length = checksum = 0
    began = monotonic()
    while block := source.read(_BLOCK):
        length += len(block)
        checksum = zlib.crc32(block, checksum)
        if target is not None:
            target.write(block)
        pause(monotonic() - began)
        began = monotonic()
    return length, checksum


def _settle(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)

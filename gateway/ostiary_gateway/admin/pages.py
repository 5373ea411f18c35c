"""Pages of the ledger: its lines by time, key or request, with bounded work for each page.

A page ends when it is full or when so many bytes have been read; `next` then tells where the next one begins, so a page may be
empty and not the last one. The lines are those of the ledger, untouched.
"""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from shutil import copyfileobj
from typing import BinaryIO, Literal, NamedTuple

import msgspec

from ostiary_gateway.ledger.names import Name, listed
from ostiary_gateway.ledger.packed import opened

Order = Literal["newest", "oldest"]


class PageError(ValueError):
    """There is no such place in the ledger."""


class Wanted(NamedTuple):
    """Times are RFC 3339 in UTC as in the records, [since, until); empty is all. `after` is a page's `next`.

    A line is looked for in the files of the days from `since` until the one after `until`: one that reached the ledger later
    still (the sidecar was away for a day) is found without `until` only.
    """

    size: int
    since: str = ""
    until: str = ""
    key: str = ""
    request_id: str = ""
    kinds: tuple[str, ...] = ("request",)
    order: Order = "newest"
    after: str = ""


class Bounds(NamedTuple):
    """Bytes that are read for one page at most (and the rest of a chunk), and at once."""

    page: int = 16 * 1024 * 1024
    chunk: int = 1024 * 1024


class Found(NamedTuple):
    """Lines without their ends; `next` is empty where nothing is left."""

    lines: list[bytes]
    next: str


class End(NamedTuple):
    """Up to where the ledger counts: a file, and the length of it."""

    name: str
    length: int


class _Head(msgspec.Struct):
    """What is asked of a line; a posting has no key, but an account."""

    timestamp: str
    kind: str = "request"
    id: str = ""
    request_id: str = ""
    key_id: str = ""
    account: str = ""


class _Chunk(NamedTuple):
    """Whole lines of a file from `begin` to `end`, each with its end."""

    begin: int
    end: int
    lines: list[bytes]


_BOUNDS = Bounds()
_decoder = msgspec.json.Decoder(_Head)


def read(folder: Path, wanted: Wanted, end: End | None = None, bounds: Bounds = _BOUNDS) -> Found:
    """One page.

    Args:
        folder: the ledger's.
        wanted: which lines.
        end: the committed end; what lies behind it may yet be taken back. None: all whole lines count.
        bounds: how much is read.

    Raises:
        PageError: `after` is no place.
        OSError: a file cannot be read.
    """
    newest = wanted.order == "newest"
    names = _files(folder, wanted, end)
    place = _place(wanted.after) if wanted.after else None
    if place:
        names = [name for name in names if (name <= place[0] if newest else name >= place[0])]
    lines: list[bytes] = []
    left = bounds.page
    for name in reversed(names) if newest else names:
        at = place[1] if place and place[0] == name else None
        with _seekable(folder, name) as file:
            for chunk in _chunks(file, _length(file, name, end), at, size=bounds.chunk, newest=newest):
                stopped = _take(chunk, wanted, lines)
                if stopped is not None:
                    return Found(lines, f"{name}@{stopped}")
                left -= chunk.end - chunk.begin
                if left <= 0:
                    return Found(lines, f"{name}@{chunk.begin if newest else chunk.end}")
    return Found(lines, "")


def _take(chunk: _Chunk, wanted: Wanted, lines: list[bytes]) -> int | None:
    """Add what is wanted to the page. Returns: where it became full; None where it did not."""
    newest = wanted.order == "newest"
    at = chunk.end if newest else chunk.begin
    for line in reversed(chunk.lines) if newest else chunk.lines:
        if len(lines) == wanted.size:
            return at
        at += -len(line) if newest else len(line)
        if _is_wanted(line, wanted):
            lines.append(line[:-1])
    return None


def _is_wanted(line: bytes, wanted: Wanted) -> bool:
    try:
        head = _decoder.decode(line)
    except msgspec.DecodeError:
        return False
    return (
        head.kind in wanted.kinds
        and wanted.since <= head.timestamp
        and (not wanted.until or head.timestamp < wanted.until)
        and wanted.key in {"", head.key_id, head.account}
        and wanted.request_id in {"", head.request_id, head.id}
    )


def _files(folder: Path, wanted: Wanted, end: End | None) -> list[Name]:
    last = Name.parse(end.name) if end else None
    names = [name for name in listed(folder) if last is None or name <= last]
    until = (date.fromisoformat(wanted.until[:10]) + timedelta(1)).isoformat() if wanted.until else ""
    return [name for name in names if name.day >= wanted.since[:10] and (not until or name.day <= until)]


def _place(text: str) -> tuple[Name, int]:
    file, _, offset = text.rpartition("@")
    name = Name.parse(file)
    if name is None or not (offset.isascii() and offset.isdecimal()):
        raise PageError("no place in the ledger")
    return name, int(offset)


@contextmanager
def _seekable(folder: Path, name: Name) -> Iterator[BinaryIO]:
    """A ledger file; a compressed one is unpacked beside, so that it can be read from its end."""
    if (folder / str(name)).exists():
        with (folder / str(name)).open("rb") as file:
            yield file
        return
    with opened(folder, name) as lines, tempfile.TemporaryFile() as unpacked:
        copyfileobj(lines, unpacked)
        yield unpacked


def _length(file: BinaryIO, name: Name, end: End | None) -> int:
    length = file.seek(0, 2)
    return min(length, end.length) if end and end.name == str(name) else length


def _chunks(file: BinaryIO, length: int, at: int | None, *, size: int, newest: bool) -> Iterator[_Chunk]:
    """The lines of a file from a place on, in the order that is asked for; a last line without its end is left out."""
    if newest:
        end = length if at is None else min(at, length)
        while end > 0:
            chunk = _before(file, end, size)
            yield chunk
            end = chunk.begin
        return
    begin = at or 0
    while begin < length:
        chunk = _after(file, begin, length, size)
        if not chunk.lines:
            return
        yield chunk
        begin = chunk.end


def _before(file: BinaryIO, end: int, size: int) -> _Chunk:
    while True:
        begin = max(0, end - size)
        file.seek(begin)
        data = file.read(end - begin)
        if begin:
            skipped = data.find(b"\n") + 1
            if not skipped or skipped == len(data):
                size *= 2
                continue
            begin, data = begin + skipped, data[skipped:]
        lines = data.splitlines(keepends=True)
        if lines and not lines[-1].endswith(b"\n"):
            end -= len(lines.pop())
        return _Chunk(begin, end, lines)


def _after(file: BinaryIO, begin: int, length: int, size: int) -> _Chunk:
    file.seek(begin)
    data = file.read(min(size, length - begin))
    while not data.endswith(b"\n"):
        rest = file.readline(max(0, length - begin - len(data)))
        data += rest
        if not rest:
            break
    lines = data.splitlines(keepends=True)
    if lines and not lines[-1].endswith(b"\n"):
        lines.pop()
    return _Chunk(begin, begin + sum(map(len, lines)), lines)

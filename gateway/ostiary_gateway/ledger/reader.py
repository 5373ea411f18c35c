"""Reading the ledger: line by line, in the order of writing, whatever its size."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol, TypeVar

import msgspec

from ostiary_gateway.ledger.names import listed
from ostiary_gateway.ledger.packed import opened

_POSTING = re.compile(rb'\{"version":\d+,"kind":"')


class _Timed(Protocol):
    @property
    def timestamp(self) -> str: ...


Row = TypeVar("Row", bound=_Timed)


def read(folder: Path, row: type[Row], since: str = "") -> Iterator[Row]:
    """Records of requests in a ledger folder, each read as `row`, a struct with the fields that are wanted.

    A last line that is being written is left out.

    Args:
        folder: `ledger` in the data folder.
        row: a struct; unknown fields of a record are passed over.
        since: RFC 3339 in UTC; files of days before are not opened, earlier records not given.

    Raises:
        OSError: a file cannot be read.
        msgspec.DecodeError: a line is no record.
    """
    decoder = msgspec.json.Decoder(row)
    for name in listed(folder):
        if name.day < since[:10]:
            continue
        with opened(folder, name) as lines:
            for line in lines:
                if not line.endswith(b"\n") or is_posting(line):
                    continue
                record = decoder.decode(line)
                if not since or record.timestamp >= since:
                    yield record


def is_posting(line: bytes) -> bool:
    """Whether a line is money that was given or taken, and no request."""
    return _POSTING.match(line) is not None

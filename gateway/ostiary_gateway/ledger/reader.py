"""Reading the ledger: line by line, in the order of writing, whatever its size."""

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol, TypeVar

import msgspec

from ostiary_gateway.ledger.names import listed


class _Timed(Protocol):
    @property
    def timestamp(self) -> str: ...


Row = TypeVar("Row", bound=_Timed)


def read(folder: Path, row: type[Row], since: str = "") -> Iterator[Row]:
    """Records of a ledger folder, each read as `row`, a struct with the fields that are wanted.

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
        with (folder / str(name)).open("rb") as lines:
            for line in lines:
                if not line.endswith(b"\n"):
                    continue
                record = decoder.decode(line)
                if not since or record.timestamp >= since:
                    yield record

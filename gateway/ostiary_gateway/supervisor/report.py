"""`run/nginx.json`: what the supervisor tells the sidecar, and its own successor after a kill -9."""

import os
from pathlib import Path

import msgspec


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """`upstreams` is the digest of the upstreams.conf that every accepting worker has; empty while none is in force."""

    epoch: str
    pid: int = 0
    upstreams: str = ""
    problem: str = ""


def read(path: Path) -> Report | None:
    """The last report; `None` if there is none that can be read."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Report)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return None


def write(path: Path, report: Report) -> None:
    """Replace the report at once, so that a reader never sees half of it."""
    write_file(path, msgspec.json.encode(report))


def write_file(path: Path, content: bytes) -> None:
    """Replace a file at once; nobody but this user may read it."""
    beside = path.with_name(f".{path.name}.new")
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(content)
    beside.replace(path)

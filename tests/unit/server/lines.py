"""Spool lines as nginx writes them."""

import json
from pathlib import Path

_KEY = ("managed", "k", "1", "name", "ns", "owner", "abcdef")
_REQUEST = ("openai", "openai", "openai/x", "r", "POST", "/v1/chat/completions", "0", "1")
_KEY_ID, _KEY_VERSION = 1, 2
_LINE = {
    "v": 1,
    "t": 1800000000.5,
    "status": 200,
    "rt": 0.5,
    "in": 10,
    "out": 20,
    "addr": "127.0.0.1:1",
    "us": "200",
    "uc": "0.001",
    "uh": "0.002",
    "ur": "0.003",
    "done": "OK",
    "u": "",
}


def line(record_id: str, key_id: str = "k", key_version: str = "1") -> str:
    fields = [*_KEY, *_REQUEST]
    fields[_KEY_ID], fields[_KEY_VERSION] = key_id, key_version
    return "\x1e" + json.dumps({"id": record_id, **_LINE, "s": "\t".join(fields)}) + "\n"


def append(data: Path, *lines: str) -> None:
    """As nginx does: to the end of the spool of this data folder."""
    path = data / "spool" / "usage.spool"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as out:
        out.writelines(lines)

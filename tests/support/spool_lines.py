"""Spool lines as nginx writes them."""

import json
from typing import Any

FIELDS = (
    "surface", "key_id", "key_version", "key_name", "namespace", "owner", "mask", "provider", "provider_type",
    "requested_model", "request_id", "method", "endpoint", "start", "pid",
)  # fmt: skip
IDENTITY = {
    "surface": "managed",
    "key_id": "team/alice",
    "key_version": "1",
    "key_name": "alice",
    "namespace": "team",
    "owner": "Alice",
    "mask": "abcdef",
    "provider": "openai",
    "provider_type": "openai",
    "requested_model": "openai/gpt-4o",
    "request_id": "8c7cf5f1d0a94a3c8e2bb2f6d0a0c1aa",
    "method": "POST",
    "endpoint": "/v1/chat/completions",
    "start": "1763722400000",
    "pid": "4242",
}
USAGE = {"prompt_tokens": 19, "completion_tokens": 10, "total_tokens": 29}
REPLY: dict[str, Any] = {"last": True, "stream": False, "model": "gpt-4o-2024-08-06", "usage": [USAGE]}
LINE: dict[str, Any] = {
    "v": 1, "id": "d0pe-1", "s": "", "t": 1763722400.123, "status": 200, "rt": 0.123, "in": 1300, "out": 900,
    "addr": "127.0.0.1:9", "us": "200", "uc": "0.001", "uh": "0.100", "ur": "0.122", "done": "OK", "u": "",
}  # fmt: skip


def line(
    number: int = 1,
    *,
    epoch: str = "d0pe",
    s: dict[str, str] | None = None,
    u: Any = REPLY,
    idempotency: str = "",
    held: str = "",
    **fields: Any,
) -> bytes:
    """One whole line; `s` and `fields` replace what differs, `u` is the collector's JSON or a text as it is.

    With an idempotency key or something held `s` has the 17 fields of today, else the 15 of before.
    """
    identity = IDENTITY | (s or {})
    reply = u if isinstance(u, str) else json.dumps(u, separators=(",", ":"))
    told = [identity[name] for name in FIELDS]
    if idempotency or held:
        told[-1:] = [idempotency, held, told[-1]]
    told_all = LINE | {"id": f"{epoch}-{number}", "s": "\t".join(told), "u": reply} | fields
    return b"\x1e" + json.dumps(told_all).encode() + b"\n"


def lost(number: int, epoch: str = "d0pe") -> bytes:
    """The line that the sweep writes for a request of a dead worker."""
    told = {"v": 1, "id": f"{epoch}-{number}", "s": "\t".join(IDENTITY[name] for name in FIELDS), "t": 1763722401.5}
    return b"\x1e" + json.dumps(told | {"lost": True}).encode() + b"\n"

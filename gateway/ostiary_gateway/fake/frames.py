"""AWS's event-stream encoding ("Event stream encoding" of the Smithy specification): length, headers, payload, checksums."""

import struct
import zlib

_STRING = 7


def frame(headers: dict[str, str], payload: bytes) -> bytes:
    """One message; all headers are strings."""
    block = b"".join(_header(name, value) for name, value in headers.items())
    prelude = struct.pack(">II", 16 + len(block) + len(payload), len(block))
    head = prelude + struct.pack(">I", zlib.crc32(prelude))
    message = head + block + payload
    return message + struct.pack(">I", zlib.crc32(message))


def _header(name: str, value: str) -> bytes:
    said = value.encode()
    return struct.pack(">B", len(name)) + name.encode() + struct.pack(">BH", _STRING, len(said)) + said

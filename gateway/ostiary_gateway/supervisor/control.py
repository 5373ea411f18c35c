"""nginx's internal server, as far as the supervisor needs it (ARCHITECTURE.md, "control.sock")."""

import asyncio
import contextlib
from pathlib import Path

import msgspec

_SECONDS = 1.0


class Status(msgspec.Struct, frozen=True):
    in_flight: int


async def in_flight(socket: Path) -> int:
    """Requests under way; 0 if nginx does not say."""
    with contextlib.suppress(OSError, TimeoutError, msgspec.DecodeError, UnicodeDecodeError):
        async with asyncio.timeout(_SECONDS):
            return msgspec.json.decode(await _get(socket, "/status"), type=Status).in_flight
    return 0


async def _get(socket: Path, target: str) -> bytes:
    reader, writer = await asyncio.open_unix_connection(str(socket))
    try:
        writer.write(f"GET {target} HTTP/1.1\r\nHost: control\r\nConnection: close\r\n\r\n".encode())
        reply = await reader.read()
    finally:
        writer.close()
    return reply.partition(b"\r\n\r\n")[2]

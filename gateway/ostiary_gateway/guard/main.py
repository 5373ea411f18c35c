"""The process: its socket, its signals, its end."""

import asyncio
import logging
import os
import resource
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

import uvloop
from aiohttp import web

from ostiary_gateway.contract.settings import Settings
from ostiary_gateway.guard.attempts import Attempts
from ostiary_gateway.guard.provider import Ways
from ostiary_gateway.guard.stateful import Conversations
from ostiary_gateway.responses.opening import open_store
from ostiary_gateway.responses.store import Store

SOCKET = "guard.sock"
_BACKLOG = 4096
_OPEN_FILES = 65536
_LOOK_SECONDS = 0.02
_HEAD_BYTES = 64 * 1024
_MOST_HEADERS = 256

log = logging.getLogger(__name__)


def main(settings: Settings, run: Path, listener: int | None = None) -> None:
    """Serve until SIGTERM or SIGINT, then until what is open has ended; a second signal does not wait for that.

    Raises:
        OSError: the socket cannot be bound, or the certificate authorities cannot be read.
        ResponseStoreError: the settings name no place for responses.
    """
    os.umask(0o077)  # only this user's nginx may ask
    _raise_limit()
    inherited = None if listener is None else socket.socket(fileno=listener)
    store = open_store(settings.response_store)
    uvloop.run(_serve(settings, inherited or _listen(run), store))


async def _serve(settings: Settings, bound: socket.socket, store: Store | None) -> None:
    stop, hurry = asyncio.Event(), asyncio.Event()

    def signalled() -> None:
        (hurry if stop.is_set() else stop).set()

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, signalled)
    async with aclosing(Ways(settings)) as ways, _kept(settings, store) as conversations:
        attempts = Attempts(ways, settings.upstream_read_seconds, conversations)
        server = web.Server(
            attempts.handle,
            handler_cancellation=True,
            access_log=None,
            auto_decompress=False,
            max_line_size=_HEAD_BYTES,
            max_field_size=_HEAD_BYTES,
            max_headers=_MOST_HEADERS,
        )
        listener = await asyncio.get_running_loop().create_unix_server(server, sock=bound, backlog=_BACKLOG)
        log.info("guard %d started", os.getpid())
        await stop.wait()
        listener.close()
        server.pre_shutdown()
        await _end_of(attempts, hurry, settings.shutdown_seconds)
        await server.shutdown(0)
    log.info("guard %d stopped", os.getpid())


@asynccontextmanager
async def _kept(settings: Settings, store: Store | None) -> AsyncIterator[Conversations | None]:
    if store is None:
        yield None
        return
    async with aclosing(Conversations(store, settings.response_days, settings.max_body_bytes)) as conversations:
        sweeper = asyncio.create_task(conversations.run(), name="sweeper")
        try:
            yield conversations
        finally:
            sweeper.cancel()


def _raise_limit() -> None:
    """A stream is two connections, and what a shell starts may have a thousand."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = _OPEN_FILES if hard == resource.RLIM_INFINITY else min(_OPEN_FILES, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def _listen(run: Path) -> socket.socket:
    """For a guard without a supervisor."""
    path = run.absolute() / SOCKET
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen(_BACKLOG)
    return listener


async def _end_of(attempts: Attempts, hurry: asyncio.Event, seconds: float) -> None:
    """Until no attempt is open and no reply is read on; nobody announces that, and it is looked for once."""
    deadline = asyncio.get_running_loop().time() + seconds
    while (attempts.open or attempts.drains.reading) and not hurry.is_set():
        if asyncio.get_running_loop().time() > deadline:
            return
        await asyncio.sleep(_LOOK_SECONDS)

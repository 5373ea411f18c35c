"""A connection to the Valkey that replicas share, and why there is none."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

import msgspec
from valkey.asyncio import Valkey
from valkey.exceptions import ValkeyError

from ostiary_gateway.contract.settings import Settings, SettingsError

CALL_SECONDS = 2.0
_END_SECONDS = 0.1
_TLS = "valkeys://"
_FAILED = "Failed to initialize Redis"  # TP-23; one that is away stops nobody
_SCHEMES = ("valkey://", _TLS, "unix://")
_LONGEST_PAUSE = 2.0

log = logging.getLogger(__name__)

T = TypeVar("T")
Use = Callable[[Any], Coroutine[Any, Any, None]]


def client_of(settings: Settings) -> Any:
    """A client of its own, not yet connected.

    Raises:
        SettingsError: the URL is none of a Valkey.
    """
    if not settings.valkey_url.startswith(_SCHEMES):
        raise SettingsError(f"{_FAILED}: valkey_url: begins with none of {', '.join(_SCHEMES)}")
    options: dict[str, Any] = {"socket_timeout": CALL_SECONDS, "socket_connect_timeout": CALL_SECONDS}
    if settings.valkey_url.startswith(_TLS):
        options |= {"ssl_check_hostname": True} | ({"ssl_ca_certs": settings.ca_file} if settings.ca_file else {})
    try:
        return Valkey.from_url(settings.valkey_url, **options)
    except ValueError as error:
        raise SettingsError(f"{_FAILED}: valkey_url: is no URL of a Valkey") from error


async def stay_connected(
    settings: Settings, use: Use, *, down: Callable[[str], None], ended: Callable[[], None], pause: float
) -> None:
    """Use one connection after the other, until cancelled.

    Args:
        settings: where Valkey is.
        use: goes on until the connection breaks.
        down: told why there is none.
        ended: called after each one, also at the end.
        pause: seconds before the next one; longer each time where none lasts.
    """
    wait = pause
    while True:
        began = time.monotonic()
        try:
            async with contextlib.aclosing(client_of(settings)) as client:
                await _until_broken(use(client))
        except* (ValkeyError, OSError) as group:
            down(_reason(group))
        finally:
            ended()
        _stay_cancelled()
        wait = pause if time.monotonic() - began > _LONGEST_PAUSE else min(wait * 2, _LONGEST_PAUSE)
        await asyncio.sleep(wait)


async def listen(
    inbox: Any, decoder: msgspec.json.Decoder[T], heard: Callable[[T], Awaitable[None]], look_seconds: float
) -> None:
    """Pass on what other replicas say, for ever; what cannot be read is passed over."""
    while True:
        message = await inbox.get_message(timeout=look_seconds)
        if message is None:
            continue
        try:
            said = decoder.decode(message["data"])
        except (msgspec.DecodeError, UnicodeDecodeError):
            log.warning("a message of another replica cannot be read")
            continue
        await heard(said)


def _stay_cancelled() -> None:
    """A connection that fails while it is closed would put its own error in the place of the cancellation."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


def _reason(group: BaseExceptionGroup[Exception]) -> str:
    """What went wrong, without its text: that may quote the URL."""
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return type(error).__name__


async def _until_broken(sharing: Coroutine[Any, Any, None]) -> None:
    """Carry this out, so that a cancellation is not lost.

    A task group that meets an error while its task is cancelled (Python before 3.13) tells only of the error, and so does the
    client while it connects; who loops over errors would then go on for ever.
    """
    task = asyncio.create_task(sharing)
    try:
        await asyncio.wait({task})
    finally:
        while not task.done():
            task.cancel()
            await asyncio.wait({task}, timeout=_END_SECONDS)
    await task

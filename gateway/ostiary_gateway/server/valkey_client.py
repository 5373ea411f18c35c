"""A connection to the Valkey that replicas share, and why there is none."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from valkey.asyncio import Valkey

from ostiary_gateway.contract.settings import Settings, SettingsError

CALL_SECONDS = 2.0
_END_SECONDS = 0.1
_TLS = "valkeys://"
_FAILED = "Failed to initialize Redis"  # TP-23; one that is away stops nobody
_SCHEMES = ("valkey://", _TLS, "unix://")


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


def reason(group: BaseExceptionGroup[Exception]) -> str:
    """What went wrong, without its text: that may quote the URL."""
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return type(error).__name__


async def until_broken(sharing: Coroutine[Any, Any, None]) -> None:
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

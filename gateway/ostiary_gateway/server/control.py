"""nginx's internal server on `run/control.sock`: which generation counts, what nginx is busy with, how its backends are."""

from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

import aiohttp
import msgspec

from ostiary_gateway.server.reported import Change, Reported

_TIMEOUT = aiohttp.ClientTimeout(total=2)


class NginxAwayError(Exception):
    """nginx does not answer on its control socket, or not as expected."""


class NginxRefusesError(NginxAwayError):
    """It is there, but does not do what it is told; telling it again would not help."""


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """`issued` counts the request ids given since this master started, `in_flight` those not yet logged."""

    epoch: str
    generation: str
    in_flight: int
    issued: int
    workers: tuple[int, ...] = ()


class Control:
    """One client for the life of the process; the socket may come and go."""

    def __init__(self, socket: Path) -> None:
        self._session = aiohttp.ClientSession(connector=aiohttp.UnixConnector(path=str(socket)), timeout=_TIMEOUT)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self._session.close()

    async def push_generation(self, digest: str) -> None:
        """From here on nginx uses no decision of another generation.

        Raises:
            NginxAwayError: it could not be told.
        """
        await self._call("POST", "/generation", digest.encode())

    async def status(self) -> Status:
        """Raises NginxAwayError where nginx cannot be asked."""
        answer = await self._call("GET", "/status")
        try:
            return msgspec.json.decode(answer, type=Status)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise NginxAwayError(f"control socket: {error}") from error

    async def health(self, unless: str = "") -> Reported | None:
        """The state of the backends; None where its version is still `unless`.

        Raises:
            NginxAwayError: nginx cannot be asked.
        """
        answer = await self._call("GET", f"/health?unless={quote(unless)}" if unless else "/health")
        if not answer:
            return None
        try:
            return msgspec.json.decode(answer, type=Reported)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise NginxAwayError(f"control socket: {error}") from error

    async def push_health(self, change: Change) -> None:
        """Merge what others know of the backends into what nginx knows.

        Raises:
            NginxAwayError: it could not be told.
        """
        await self._call("POST", "/health", msgspec.json.encode(change))

    async def _call(self, method: str, path: str, body: bytes | None = None) -> bytes:
        try:
            async with self._session.request(method, f"http://nginx{path}", data=body) as answer:
                if not answer.ok:
                    raise NginxRefusesError(f"control socket: {method} {path} gave {answer.status}")
                return await answer.read()
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise NginxAwayError(f"control socket: {type(error).__name__}") from error

"""nginx's internal server on `run/control.sock`: which generation counts, what nginx is busy with, how its backends are."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar
from urllib.parse import quote

import aiohttp
import msgspec

from ostiary_gateway.ledger import estimate
from ostiary_gateway.ledger.estimate import Text
from ostiary_gateway.server.reported import Change, Reported

_TIMEOUT = aiohttp.ClientTimeout(total=2)
T = TypeVar("T")

log = logging.getLogger(__name__)


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


class Purses(msgspec.Struct, frozen=True, kw_only=True):
    """What is left, what was ever granted and ever taken back, by purse key, in the life of this nginx."""

    epoch: str
    purses: dict[str, tuple[int, int, int]] = {}


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """What came back, and what was ever granted and ever taken back, by purse key."""

    epoch: str
    taken: dict[str, int] = {}
    granted: dict[str, int] = {}
    back: dict[str, int] = {}


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
        return _decoded(await self._call("GET", "/status"), Status)

    async def purses(self) -> Purses:
        """Raises NginxAwayError where nginx cannot be asked."""
        return _decoded(await self._call("GET", "/purses"), Purses)

    async def take_back(self, amounts: Mapping[str, int]) -> Taken:
        """Take up to so much out of purses, by purse key; what is not left in them is not taken.

        Raises:
            NginxAwayError: it could not be told.
        """
        answer = await self._call("POST", "/purses", msgspec.json.encode({"take_back": amounts}))
        return _decoded(answer, Taken)

    async def uncounted(self, ids: Sequence[str]) -> Mapping[str, Text]:
        """The texts of requests whose tokens nobody counted, by request id; nginx forgets them. None while it is away."""
        try:
            return estimate.read(await self._call("POST", "/uncounted", msgspec.json.encode(ids)))
        except (NginxAwayError, ValueError) as error:
            log.debug("texts not fetched: %s", error)
            return {}

    async def health(self, unless: str = "") -> Reported | None:
        """The state of the backends; None where its version is still `unless`.

        Raises:
            NginxAwayError: nginx cannot be asked.
        """
        answer = await self._call("GET", f"/health?unless={quote(unless)}" if unless else "/health")
        if not answer:
            return None
        return _decoded(answer, Reported)

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


def _decoded(answer: bytes, shape: type[T]) -> T:
    try:
        return msgspec.json.decode(answer, type=shape)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise NginxAwayError(f"control socket: {error}") from error

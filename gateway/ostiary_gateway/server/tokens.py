"""Access tokens of service accounts: asked for before they are needed, renewed before they end, one question at a time."""

import asyncio
import logging
import re
import ssl
from collections.abc import Callable, Iterable
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import msgspec
from aiohttp import ClientError, ClientSession, ClientTimeout, DummyCookieJar, TCPConnector

from ostiary_gateway.server.clock import now_ms

if TYPE_CHECKING:
    from ostiary_gateway.server.service_account import ServiceAccount

_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_ASK_SECONDS = 10.0
_ARRIVAL_SECONDS = 5.0
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.5, 60.0
_LONGEST_ANSWER = 65536
_RENEWED, _ENDS = 5 / 6, 59 / 60  # parts of its life after which a token is renewed, and no more given to anyone
_WORD = re.compile(r"[a-z_]{1,40}")
_TOKEN = re.compile(r"[\x21-\x7e]+")
_OK = 200

log = logging.getLogger(__name__)


class TokenError(Exception):
    """There is no token to be had now. The message tells no secret."""


class Token(NamedTuple):
    """`until_ms`: no decision that holds it may last longer (Unix milliseconds)."""

    value: str
    until_ms: int


class _Answer(msgspec.Struct, frozen=True):
    access_token: str
    expires_in: float


class _Complaint(msgspec.Struct, frozen=True):
    error: str = ""


class Tokens:
    """By the key file. Looking one up (`find`) never waits and may be done by any thread."""

    def __init__(self, ca_file: str, clock: Callable[[], int] = now_ms) -> None:
        self._ca_file = ca_file
        self._clock = clock
        self._held: dict[str, _Held] = {}

    def find(self, secret: str) -> Token | None:
        """The token of a key file that is followed; None where there is none that lasts."""
        held = self._held.get(secret)
        token = held.token if held else None
        return token if token and token.until_ms > self._clock() else None

    @property
    def problem(self) -> str:
        """What is wrong with some account; empty is fine."""
        return next((held.problem for held in self._held.values() if held.problem), "")

    def follow(self, secrets: Iterable[str]) -> None:
        """Keep tokens for exactly these key files from now on."""
        wanted = set(secrets)
        for secret in self._held.keys() - wanted:
            self._held.pop(secret).stop()
        for secret in wanted - self._held.keys():
            self._held[secret] = _Held(self._session, secret, self._clock)

    async def arrival(self) -> None:
        """Until every account has been asked for once, but not for long."""
        new = [asyncio.create_task(held.tried.wait()) for held in self._held.values() if not held.tried.is_set()]
        if new:
            _, late = await asyncio.wait(new, timeout=_ARRIVAL_SECONDS)
            for task in late:
                task.cancel()

    async def aclose(self) -> None:
        self.follow(())
        if "_session" in self.__dict__:
            await self._session.close()

    @cached_property
    def _session(self) -> ClientSession:
        trust = ssl.create_default_context(cafile=self._ca_file or None)
        connector = TCPConnector(ssl=trust, force_close=True)
        return ClientSession(connector=connector, timeout=ClientTimeout(total=None), cookie_jar=DummyCookieJar())


class _Held:
    """One account and its newest token."""

    def __init__(self, session: ClientSession, secret: str, clock: Callable[[], int]) -> None:
        self._session = session
        self._clock = clock
        self.token: Token | None = None
        self.problem = ""
        self.tried = asyncio.Event()
        self._task = asyncio.create_task(self._keep(secret))

    def stop(self) -> None:
        self._task.cancel()

    async def _keep(self, secret: str) -> None:
        try:
            account = _account(secret)
        except TokenError as error:
            self._complain(f"service account: {error}")
            return
        pause = _FIRST_PAUSE_SECONDS
        while True:
            try:
                life = await self._renew(account)
            except TokenError as error:
                self._complain(f"service account {account.name}: {error}")
                await asyncio.sleep(pause)
                pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)
            else:
                self.problem = ""
                self.tried.set()
                pause = _FIRST_PAUSE_SECONDS
                await asyncio.sleep(life * _RENEWED)

    async def _renew(self, account: "ServiceAccount") -> float:
        """Returns: how long it lasts, in seconds, from when it was asked for."""
        asked_ms = self._clock()
        try:
            async with asyncio.timeout(_ASK_SECONDS):
                answer = await _ask(self._session, account, asked_ms)
        except TimeoutError:
            raise TokenError("the token endpoint does not answer") from None
        except (ClientError, OSError) as error:
            raise TokenError(f"the token endpoint cannot be reached ({type(error).__name__})") from None
        self.token = Token(answer.access_token, asked_ms + int(answer.expires_in * 1000 * _ENDS))
        return answer.expires_in

    def _complain(self, problem: str) -> None:
        if problem != self.problem:
            log.warning("%s", problem)
        self.problem = problem
        self.tried.set()


def _account(secret: str) -> "ServiceAccount":
    from ostiary_gateway.server.service_account import AccountError, ServiceAccount  # noqa: PLC0415 - 10 MB that few need

    try:
        return ServiceAccount(secret)
    except AccountError as error:
        raise TokenError(str(error)) from None


async def _ask(session: ClientSession, account: "ServiceAccount", now: int) -> _Answer:
    form = {"grant_type": _GRANT, "assertion": account.assertion(now)}
    async with session.post(account.token_uri, data=form, allow_redirects=False) as reply:
        text = await reply.content.read(_LONGEST_ANSWER)
        while not reply.content.at_eof() and len(text) < _LONGEST_ANSWER:
            text += await reply.content.read(_LONGEST_ANSWER - len(text))
        if reply.status != _OK:
            raise TokenError(f"the token endpoint answered {reply.status}{_why(text)}")
    try:
        answer = msgspec.json.decode(text, type=_Answer)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise TokenError("the token endpoint gave no token") from None
    if not _TOKEN.fullmatch(answer.access_token) or answer.expires_in <= 0:
        raise TokenError("the token endpoint gave no token that can be used")
    return answer


def _why(text: bytes) -> str:
    """The word of OAuth that says why, and nothing else of what a stranger wrote."""
    try:
        word = msgspec.json.decode(text, type=_Complaint).error
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""
    return f" ({word})" if _WORD.fullmatch(word) else ""

"""Addresses of providers from the DNS servers that the settings name, as nginx asks them."""

import asyncio
import random
import socket
from urllib.parse import urlsplit

from aiohttp.abc import AbstractResolver, ResolveResult

from ostiary_gateway.guard.names import ADDRESS, IPV6_ADDRESS, NoAnswerError, addresses, question

_PORT = 53
_SECONDS = 2.5  # for each server
_FAMILIES = {ADDRESS: socket.AF_INET, IPV6_ADDRESS: socket.AF_INET6}


class Resolver(AbstractResolver):
    """Asks each server in turn until one answers. IPv6 is asked for where a name has no IPv4 address."""

    def __init__(self, servers: str) -> None:
        """`servers` is the setting: addresses with a port or without, separated by spaces."""
        self._servers = [_place(word) for word in servers.split()]

    async def resolve(self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET) -> list[ResolveResult]:
        """Every address of a name.

        Raises:
            OSError: it has none, or no server answers.
        """
        del family  # aiohttp asks for any
        for kind in (ADDRESS, IPV6_ADDRESS):
            if found := await self._ask(host, kind):
                return [_result(host, address, port, _FAMILIES[kind]) for address in found]
        raise NoAnswerError(f"{host} has no address")

    async def close(self) -> None:
        """Nothing is kept open."""

    async def _ask(self, host: str, kind: int) -> list[str]:
        problem: OSError = NoAnswerError("there is no server to ask")
        for server in self._servers:
            try:
                async with asyncio.timeout(_SECONDS):
                    return await _answer_of(server, host, kind)
            except OSError as error:  # a server that is silent, too
                problem = error
        raise problem


class _Listener(asyncio.DatagramProtocol):
    def __init__(self, answer: asyncio.Future[bytes]) -> None:
        self._answer = answer

    def datagram_received(self, data: bytes, _address: tuple[object, ...]) -> None:
        if not self._answer.done():
            self._answer.set_result(data)

    def error_received(self, error: Exception) -> None:
        if not self._answer.done():
            self._answer.set_exception(error)


async def _answer_of(server: tuple[str, int], host: str, kind: int) -> list[str]:
    """From a port of its own, so that nobody can guess where an answer is awaited."""
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[bytes] = loop.create_future()
    number = random.SystemRandom().randrange(1 << 16)
    transport, _ = await loop.create_datagram_endpoint(lambda: _Listener(answer), remote_addr=server)
    try:
        transport.sendto(question(number, host, kind))
        return addresses(await answer, number, kind)
    finally:
        transport.close()


def _result(host: str, address: str, port: int, family: socket.AddressFamily) -> ResolveResult:
    return ResolveResult(
        hostname=host, host=address, port=port, family=family, proto=0, flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV
    )


def _place(word: str) -> tuple[str, int]:
    if word.count(":") > 1 and not word.startswith("["):
        return word, _PORT
    place = urlsplit(f"//{word}")
    return place.hostname or "", place.port or _PORT

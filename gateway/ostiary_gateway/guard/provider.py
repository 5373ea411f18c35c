"""The way to the providers: one pool of connections, TLS verified, and nothing done to what passes."""

import ssl
from io import BytesIO

from aiohttp import (
    BaseConnector,
    ClientResponse,
    ClientSession,
    ClientTimeout,
    DummyCookieJar,
    TCPConnector,
    ThreadedResolver,
    UnixConnector,
    web,
)
from aiohttp.streams import StreamReader
from multidict import CIMultiDict
from yarl import URL

from ostiary_gateway.contract.settings import Settings
from ostiary_gateway.guard.headers import request_headers
from ostiary_gateway.guard.order import Order, server_name
from ostiary_gateway.guard.resolver import Resolver

_IDLE_SECONDS = 60.0
_HEAD_BYTES = 64 * 1024
_MOST_HEADERS = 256
_HELD_BYTES = 256 * 1024  # a request body above this is passed on while it comes
_NOTHING_OF_OURS = ("Accept", "Accept-Encoding", "User-Agent", "Content-Type")


class Ways:
    """To be closed by who makes it, which needs a running loop.

    Raises:
        OSError: the file of certificate authorities cannot be read.
    """

    def __init__(self, settings: Settings) -> None:
        trust = ssl.create_default_context(cafile=settings.ca_file or None)
        self._connect_seconds = settings.upstream_connect_seconds
        connector = TCPConnector(
            ssl=trust,
            limit=0,
            keepalive_timeout=_IDLE_SECONDS,
            ttl_dns_cache=settings.resolver_seconds,
            resolver=Resolver(settings.resolver) if settings.resolver else ThreadedResolver(),
        )
        self._providers = self._session(connector)
        self._translators: dict[str, ClientSession] = {}  # by the path of their socket

    def to(self, order: Order) -> ClientSession:
        """The connections on which an order's target is reached."""
        path = order.socket
        if not path:
            return self._providers
        if path not in self._translators:
            self._translators[path] = self._session(UnixConnector(path, limit=0, keepalive_timeout=_IDLE_SECONDS))
        return self._translators[path]

    async def aclose(self) -> None:
        for session in (self._providers, *self._translators.values()):
            await session.close()

    def _session(self, connector: BaseConnector) -> ClientSession:
        return ClientSession(
            connector=connector,
            cookie_jar=DummyCookieJar(),
            auto_decompress=False,
            timeout=ClientTimeout(total=None, sock_connect=self._connect_seconds),
            skip_auto_headers=_NOTHING_OF_OURS,
            max_line_size=_HEAD_BYTES,
            max_field_size=_HEAD_BYTES,
            max_headers=_MOST_HEADERS,
        )


async def ask(ways: Ways, request: web.BaseRequest, order: Order, body: bytes | None = None) -> ClientResponse:
    """Send the request, with another body if there is one; returns when the head of the answer is there.

    Raises:
        ClientError, OSError: there is no connection or no HTTP on it.
    """
    headers = request_headers(request.raw_headers, order)
    url = URL(order.base + request.raw_path, encoded=True)
    return await ways.to(order).request(
        request.method,
        url,
        headers=headers,
        data=await _body_of(request, headers) if body is None else BytesIO(body),
        allow_redirects=False,
        server_hostname=server_name(order) if url.scheme == "https" else None,
    )


async def _body_of(request: web.BaseRequest, headers: CIMultiDict[str]) -> bytes | StreamReader | None:
    """A large one is passed on while it comes, with the length that the client says."""
    length = request.content_length
    if not request.body_exists:
        return None
    if length is not None and length <= _HELD_BYTES:
        return await request.read()
    if length is not None:
        headers["Content-Length"] = str(length)
    return request.content

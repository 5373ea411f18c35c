"""The way to the providers: one pool of connections, TLS verified, and nothing done to what passes."""

import ssl

from aiohttp import ClientResponse, ClientSession, ClientTimeout, DummyCookieJar, TCPConnector, ThreadedResolver, web
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


def open_session(settings: Settings) -> ClientSession:
    """To be closed by who opens it, which needs a running loop.

    Raises:
        OSError: the file of certificate authorities cannot be read.
    """
    trust = ssl.create_default_context(cafile=settings.ca_file or None)
    return ClientSession(
        connector=TCPConnector(
            ssl=trust,
            limit=0,
            keepalive_timeout=_IDLE_SECONDS,
            ttl_dns_cache=settings.resolver_seconds,
            resolver=Resolver(settings.resolver) if settings.resolver else ThreadedResolver(),
        ),
        cookie_jar=DummyCookieJar(),
        auto_decompress=False,
        timeout=ClientTimeout(total=None, sock_connect=settings.upstream_connect_seconds),
        skip_auto_headers=_NOTHING_OF_OURS,
        max_line_size=_HEAD_BYTES,
        max_field_size=_HEAD_BYTES,
        max_headers=_MOST_HEADERS,
    )


async def ask(session: ClientSession, request: web.BaseRequest, order: Order) -> ClientResponse:
    """Send the request; returns when the head of the answer is there.

    Raises:
        ClientError, OSError: there is no connection or no HTTP on it.
    """
    headers = request_headers(request.raw_headers, order)
    url = URL(order.target.rstrip("/") + request.raw_path, encoded=True)
    name = server_name(order) if url.scheme == "https" else None
    length = request.content_length
    if length is not None and length > _HELD_BYTES:
        headers["Content-Length"] = str(length)
    body = await request.read() if length is not None and length <= _HELD_BYTES else request.content
    return await session.request(
        request.method,
        url,
        headers=headers,
        data=body if request.body_exists else None,
        allow_redirects=False,
        server_hostname=name,
    )

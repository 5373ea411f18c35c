"""What nginx asks for with one request: the header `X-Ostiary-Guard`, one JSON object."""

from urllib.parse import urlsplit

import msgspec

HEADER = "X-Ostiary-Guard"
_SOCKET = "unix:"


class OrderError(ValueError):
    """The header is not there or does not say where to send the request."""


class State(msgspec.Struct, frozen=True, kw_only=True):
    """Responses are kept for this key, and the ones before are put into the request (PL-32)."""

    owner: str


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """Durations in milliseconds from the arrival of the request, 0 is none; `deadline_ms` may be over already.

    `target` is `<scheme>://<host>[:<port>]`, and may end in a path that is put before the request's own; or
    `unix:<socket>[:<path>]`, which is nginx's translator. With `state` it may be empty: then the request is about responses
    that were kept, and the guard answers it. `host` is the Host header, `server_name` the name that a certificate must bear;
    it is the host's where it is empty. `headers` replace those of the same name. `id` is the request's in the ledger.
    `dialect` is the client's, for errors; without it the path tells.
    """

    target: str = ""
    host: str = ""
    server_name: str = ""
    id: str = ""
    first_byte_ms: float = 0
    between_bytes_ms: float = 0
    attempt_ms: float = 0
    deadline_ms: float = 0
    keep_alive_ms: float = 0
    drain_ms: float = 0
    stream: bool = False
    headers: tuple[tuple[str, str], ...] = ()
    dialect: str = ""
    state: State | None = None

    @property
    def socket(self) -> str:
        """Path of the translator's socket; empty where the provider itself is asked."""
        return self.target.removeprefix(_SOCKET).partition(":")[0] if self.target.startswith(_SOCKET) else ""

    @property
    def base(self) -> str:
        """What a request's own path is put after, to be a URL."""
        if self.target.startswith(_SOCKET):
            return f"http://translator{self.target.removeprefix(_SOCKET).partition(':')[2].rstrip('/')}"
        return self.target.rstrip("/")

    @property
    def maker(self) -> str:
        """Who can read its own sealed reasoning; the translator tells by itself whose it is."""
        return "" if self.socket else self.host or self.target

    @property
    def provider(self) -> str:
        """Whom the attempt is for, in the log."""
        return self.host if self.socket else self.target


def decode(header: str) -> Order:
    """Read the header.

    Raises:
        OrderError: with what is wrong, and nothing of what it says.
    """
    try:
        order = msgspec.json.decode(header, type=Order)
        if order.target or order.state is None:
            _check(order)
    except (msgspec.DecodeError, UnicodeEncodeError) as error:
        raise OrderError(str(error)) from error
    except ValueError as error:
        raise OrderError("target: no place to send a request to") from error
    return order


def _check(order: Order) -> None:
    if order.target.startswith(_SOCKET):
        if not order.socket.startswith("/"):
            raise OrderError("target: no path of a socket")
        return
    place = urlsplit(order.target)
    if place.scheme not in {"http", "https"} or not place.hostname:
        raise OrderError("target: neither http://host nor https://host")
    _ = place.port


def server_name(order: Order) -> str:
    """The name that the provider's certificate must bear."""
    if order.server_name:
        return order.server_name
    return urlsplit(f"//{order.host}").hostname or urlsplit(order.target).hostname or ""

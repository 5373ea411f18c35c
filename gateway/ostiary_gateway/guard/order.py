"""What nginx asks for with one request: the header `X-Ostiary-Guard`, one JSON object."""

from urllib.parse import urlsplit

import msgspec

HEADER = "X-Ostiary-Guard"


class OrderError(ValueError):
    """The header is not there or does not say where to send the request."""


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """Durations in milliseconds from the arrival of the request, 0 is none; `deadline_ms` may be over already.

    `target` is `<scheme>://<host>[:<port>]`, and may end in a path that is put before the request's own. `host` is the Host
    header, `server_name` the name that a certificate must bear; it is the host's where it is empty. `headers` replace those
    of the same name. `id` is the request's in the ledger.
    """

    target: str
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


def decode(header: str) -> Order:
    """Read the header.

    Raises:
        OrderError: with what is wrong, and nothing of what it says.
    """
    try:
        order = msgspec.json.decode(header, type=Order)
        place = urlsplit(order.target)
        if place.scheme not in {"http", "https"} or not place.hostname:
            raise OrderError("target: neither http://host nor https://host")
        _ = place.port
    except (msgspec.DecodeError, UnicodeEncodeError) as error:
        raise OrderError(str(error)) from error
    except ValueError as error:
        raise OrderError("target: no place to send a request to") from error
    return order


def server_name(order: Order) -> str:
    """The name that the provider's certificate must bear."""
    if order.server_name:
        return order.server_name
    return urlsplit(f"//{order.host}").hostname or urlsplit(order.target).hostname or ""

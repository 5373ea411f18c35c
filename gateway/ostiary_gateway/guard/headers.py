"""Which headers pass: everything but what concerns one connection alone, in the spelling and order of the sender."""

from collections.abc import Iterable

from multidict import CIMultiDict

from ostiary_gateway.guard.order import HEADER, Order

RawHeaders = Iterable[tuple[bytes, bytes]]

VERDICT = "X-Ostiary-Guard"
"""What the guard says of a provider without an answer; never a provider's own header."""

PROCESS = "X-Ostiary-Guard-Pid"
"""Which guard carries an answer: if that one dies in the middle of it, the provider did not break off."""

_HOP_BY_HOP = frozenset(b"connection keep-alive proxy-authenticate proxy-connection te trailer transfer-encoding upgrade".split())
_OF_A_REQUEST = _HOP_BY_HOP | {b"host", b"content-length", b"expect", b"proxy-authorization", HEADER.lower().encode()}
_OF_AN_ANSWER = _HOP_BY_HOP | {VERDICT.lower().encode(), PROCESS.lower().encode()}


def request_headers(raw: RawHeaders, order: Order) -> CIMultiDict[str]:
    """Headers for the provider; the length of the body is for the client to say."""
    given = {name.lower().encode() for name, _ in order.headers}
    headers = _passed(raw, _OF_A_REQUEST | given)
    if order.host:
        headers["Host"] = order.host
    headers.extend(order.headers)
    return headers


def answer_headers(raw: RawHeaders) -> CIMultiDict[str]:
    """Headers of the provider for nginx."""
    return _passed(raw, _OF_AN_ANSWER)


def _passed(raw: RawHeaders, dropped: frozenset[bytes]) -> CIMultiDict[str]:
    pairs = list(raw)
    named = {
        word.strip().lower() for name, value in pairs if name.lower() == b"connection" for word in value.split(b",")
    }  # a connection may name more headers of its own
    return CIMultiDict(
        (name.decode("utf-8", "surrogateescape"), value.decode("utf-8", "surrogateescape"))
        for name, value in pairs
        if (lower := name.lower()) not in dropped and lower not in named
    )

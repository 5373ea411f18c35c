"""Which headers pass: everything but what concerns one connection alone, in the spelling and order of the sender."""

from collections.abc import Iterable

from multidict import CIMultiDict

from ostiary_gateway.guard.order import HEADER, Order

RawHeaders = Iterable[tuple[bytes, bytes]]

VERDICT = "X-Ostiary-Guard"
"""What the guard says of a provider without an answer; never a provider's own header."""

PROCESS = "X-Ostiary-Guard-Pid"
"""Which guard carries an answer: if that one dies in the middle of it, the provider did not break off."""

TRANSLATE = "X-Ostiary-Translate"
"""What the translator is told; nobody else hears it, for it may hold credentials."""

_HOP_BY_HOP = frozenset(b"connection keep-alive proxy-authenticate proxy-connection te trailer transfer-encoding upgrade".split())
_OF_A_REQUEST = _HOP_BY_HOP | {b"host", b"content-length", b"expect", b"proxy-authorization", HEADER.lower().encode()}
_OF_THE_TRANSLATOR = _HOP_BY_HOP | {PROCESS.lower().encode()}
_OF_AN_ANSWER = _OF_THE_TRANSLATOR | {VERDICT.lower().encode()}


def request_headers(raw: RawHeaders, order: Order) -> CIMultiDict[str]:
    """Headers for the provider; the length of the body is for the client to say."""
    given = {name.lower().encode() for name, _ in order.headers}
    ours = frozenset() if order.socket else {TRANSLATE.lower().encode()}
    headers = _passed(raw, _OF_A_REQUEST | given | ours)
    if order.host:
        headers["Host"] = order.host
    headers.extend(order.headers)
    return headers


def answer_headers(raw: RawHeaders, *, translated: bool = False) -> CIMultiDict[str]:
    """Headers of the provider for nginx. The translator has verdicts of its own, which nginx is to hear."""
    return _passed(raw, _OF_THE_TRANSLATOR if translated else _OF_AN_ANSWER)


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

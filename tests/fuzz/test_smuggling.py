"""Requests whose end two readers could see in different places: refused with 4xx, and nothing hidden gets out."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support import sample
from tests.support.client import send_raw
from tests.support.fuzzing import bounded
from tests.support.gateway import Gateway
from tests.support.provider import Provider

PATH = "/open/echo/front"
HIDDEN = b"POST /echo/hidden HTTP/1.1\r\nHost: provider\r\nContent-Length: 0\r\n\r\n"
BODY = b"12345"
CHUNKED = b"5\r\n12345\r\n0\r\n\r\n"


def request(*lines: str, body: bytes = BODY, path: str = PATH, host: str = "Host: gateway\r\n") -> bytes:
    head = f"POST {path} HTTP/1.1\r\n{host}Authorization: Bearer {sample.ALL}\r\n"
    return head.encode() + "".join(f"{line}\r\n" for line in lines).encode("latin-1") + b"\r\n" + body


REFUSED = {
    "length and chunked": request("Content-Length: 5", "Transfer-Encoding: chunked", body=CHUNKED + HIDDEN),
    "chunked and length": request("Transfer-Encoding: chunked", "Content-Length: 5", body=CHUNKED + HIDDEN),
    "two lengths": request("Content-Length: 5", "Content-Length: 70", body=BODY + HIDDEN),
    "the same length twice": request("Content-Length: 5", "Content-Length: 5"),
    "list of lengths": request("Content-Length: 5, 5"),
    "signed length": request("Content-Length: +5"),
    "negative length": request("Content-Length: -5"),
    "hexadecimal length": request("Content-Length: 0x5"),
    "huge length": request("Content-Length: 99999999999999999999999"),
    "length with a space inside": request("Content-Length: 5 5"),
    "space before the colon": request("Transfer-Encoding : chunked", body=CHUNKED),
    "folded": request("Transfer-Encoding:\r\n chunked", body=CHUNKED),
    "chunked twice": request("Transfer-Encoding: chunked", "Transfer-Encoding: chunked", body=CHUNKED),
    "chunked, identity": request("Transfer-Encoding: chunked, identity", body=CHUNKED),
    "unknown coding": request("Transfer-Encoding: xchunked", body=CHUNKED),
    "gzip, chunked": request("Transfer-Encoding: gzip, chunked", body=CHUNKED),
    "chunked in a 1.0 request": request("Transfer-Encoding: chunked", body=CHUNKED).replace(b"HTTP/1.1", b"HTTP/1.0"),
    "two hosts": request("Content-Length: 5", host="Host: a\r\nHost: b\r\n"),
    "the same host twice": request("Content-Length: 5", host="Host: a\r\nHost: a\r\n"),
    "no host": request("Content-Length: 5", host=""),
    "bad host": request("Content-Length: 5", host="Host: a b/@c\r\n"),
    "header without a name": request("Content-Length: 5", ": x"),
    "header line of words": request("Content-Length: 5", "no colon here"),
    "nul in a header": request("Content-Length: 5", "x: a\x00b"),
    "chunk size that is no number": request("Transfer-Encoding: chunked", body=b"zz\r\n12345\r\n0\r\n\r\n"),
    "signed chunk size": request("Transfer-Encoding: chunked", body=b"-5\r\n12345\r\n0\r\n\r\n"),
    "huge chunk size": request("Transfer-Encoding: chunked", body=b"fffffffffffffffff\r\n12345\r\n0\r\n\r\n"),
    "chunk longer than its size": request("Transfer-Encoding: chunked", body=b"3\r\n12345\r\n0\r\n\r\n"),
    "too many header bytes": request("Content-Length: 5", f"x: {'y' * 140_000}"),
    "too many headers": request("Content-Length: 5", *(f"x-{number}: {'y' * 2000}" for number in range(100))),
    "too long a path": request("Content-Length: 5", path=PATH + "x" * 140_000),
}


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.parametrize("surface", ["pass_through", "managed"])
def test_ambiguous_request_is_refused_in_json(gateway: Gateway, provider: Provider, name: str, surface: str) -> None:
    provider.reset()
    data = REFUSED[name]
    if surface == "managed":
        data = data.replace(PATH.encode(), b"/v1/chat/completions", 1)
    reply = send_raw(gateway.base_url, data)
    assert reply is not None
    assert 400 <= reply.status < 500 or reply.status == 501, reply
    assert reply.headers["content-type"] == "application/json"
    assert json.loads(reply.body)
    assert sample.ALL not in reply.text
    assert not [seen for seen in provider.seen() if "hidden" in seen.target]
    assert provider.stats().get("malformed", 0) == 0


FRAMING = [
    "Content-Length: 5",
    "Content-Length: 0",
    "Content-Length: 80",
    "Content-Length:",
    "Content-Length: 05",
    "content-length : 5",
    "Transfer-Encoding: chunked",
    "Transfer-Encoding: Chunked",
    "Transfer-Encoding: chunked\t",
    "Transfer-Encoding: \x0bchunked",
    "Transfer-Encoding: identity",
    "TRANSFER-ENCODING: chunked",
    "Transfer_Encoding: chunked",
    "X: y\r\n\tTransfer-Encoding: chunked",
    "Connection: Content-Length",
    "Connection: Transfer-Encoding",
    "Expect: 100-continue",
    "Upgrade: websocket",
    "Trailer: Content-Length",
    "Host: other",
]
PIECES = [
    BODY,
    CHUNKED,
    HIDDEN,
    b"0\r\n\r\n",
    b"5;ext=1\r\n12345\r\n",
    b"\r\n",
    b"\n",
    b"0\r\nContent-Length: 9\r\n\r\n",
    b"5\n12345\n0\n\n",
]


@given(
    lines=st.lists(st.sampled_from(FRAMING), max_size=4),
    pieces=st.lists(st.sampled_from(PIECES), max_size=4),
    bare=st.booleans(),
)
@bounded(150)
def test_nothing_hidden_in_a_body_becomes_a_request(
    gateway: Gateway, provider: Provider, lines: list[str], pieces: list[bytes], *, bare: bool
) -> None:
    """What follows a request on the client's connection has no key of its own, so it must never be seen beyond."""
    provider.reset()
    data = request(*lines, body=b"".join(pieces))
    if bare:
        head, _, body = data.partition(b"\r\n\r\n")
        data = head.replace(b"\r\n", b"\n") + b"\n\n" + body
    reply = send_raw(gateway.base_url, data, half_close=True)
    if reply is not None and reply.status != 200:
        assert reply.headers["content-type"] == "application/json"
        assert 400 <= reply.status < 502
    seen = provider.seen()
    assert [one.target for one in seen] in ([], ["/echo/front"])
    assert provider.stats().get("malformed", 0) == 0
    for one in seen:
        assert len(one.all("host")) == len(one.all("content-length") + one.all("transfer-encoding")) or not one.body

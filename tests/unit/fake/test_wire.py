import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.fuzzing import bounded

from ostiary_gateway.fake.wire import MalformedRequestError, Parser, Request

FIRST = b"POST /v1/x?a=b HTTP/1.1\r\nHost: h\r\nX-A: 1\r\nx-a: 2\r\nContent-Length: 5\r\n\r\nhello"
SECOND = b"PUT /y HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
THIRD = b"GET /z HTTP/1.1\r\nHost: h\r\n\r\n"
HEADERS = (("host", "h"), ("x-a", "1"), ("x-a", "2"), ("content-length", "5"))
EXPECTED = [
    Request("POST", "/v1/x?a=b", HEADERS, b"hello"),
    Request("PUT", "/y", (("host", "h"), ("transfer-encoding", "chunked")), b"abcde"),
    Request("GET", "/z", (("host", "h"),)),
]


@given(cuts=st.lists(st.integers(0, len(FIRST + SECOND + THIRD)), max_size=12).map(sorted))
@bounded(100)
def test_requests_are_the_same_however_their_bytes_arrive(cuts: list[int]) -> None:
    whole = FIRST + SECOND + THIRD
    parser = Parser()
    found = []
    for start, end in zip([0, *cuts], [*cuts, len(whole)], strict=True):
        found += parser.feed(whole[start:end])
    assert found == EXPECTED


@pytest.mark.parametrize(
    "lines",
    [
        b"Content-Length: 5\r\nTransfer-Encoding: chunked",
        b"Content-Length: 5\r\nContent-Length: 5",
        b"Content-Length: +5",
        b"Transfer-Encoding: gzip",
        b"Transfer-Encoding : chunked",
        b"Host: again",
        b"no colon",
    ],
)
def test_what_two_readers_could_read_in_two_ways_is_refused(lines: bytes) -> None:
    with pytest.raises(MalformedRequestError):
        list(Parser().feed(b"POST / HTTP/1.1\r\nHost: h\r\n" + lines + b"\r\n\r\n"))

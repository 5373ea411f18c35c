"""Where a comment may stand in a stream, whatever its line ends and wherever it is cut."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ostiary_gateway.guard.edge import COMMENT, Edge
from ostiary_gateway.usage.sse import Splitter


@pytest.mark.parametrize("said", [b"", b"data: 1\n\n", b"data: 1\r\n\r\n", b"data: 1\r\r", b": ping\n\n", b"data: 1\n\n\n"])
def test_between_events_is_clear(said: bytes) -> None:
    assert after(said)


@pytest.mark.parametrize(
    "said", [b"d", b"data: 1", b"data: 1\n", b"data: 1\r", b"data: 1\r\n", b"event: x\ndata: 1\n", b"data: 1\n\nd"]
)
def test_inside_an_event_is_not(said: bytes) -> None:
    assert not after(said)


@given(
    st.lists(st.integers(0, 99), max_size=6),
    st.sampled_from([b"\n", b"\r\n", b"\r"]),
    st.lists(st.integers(0, 120), max_size=8),
)
def test_comments_wherever_it_is_clear_change_no_event(numbers: list[int], end: bytes, cuts: list[int]) -> None:
    whole = b"".join(b"event: e" + end + b"data: %d" % number + end + end for number in numbers)
    places = sorted({min(cut, len(whole)) for cut in cuts} | {0, len(whole)})
    edge, sent = Edge(), b""
    for start, stop in pairwise(places):
        if edge.clear:
            sent += COMMENT
        piece = whole[start:stop]
        edge.pass_on(piece)
        sent += piece
    assert events(sent) == events(whole) == [b"%d" % number for number in numbers]


def events(stream: bytes) -> list[bytes]:
    splitter = Splitter()
    return splitter.feed(stream) + splitter.finish()


def after(said: bytes) -> bool:
    """The same in one piece and byte by byte."""
    whole, cut = Edge(), Edge()
    whole.pass_on(said)
    for number in said:
        cut.pass_on(bytes((number,)))
    assert whole.clear == cut.clear
    return whole.clear

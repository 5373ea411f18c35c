"""Any stream, cut anywhere: every byte is passed on in order, none of an event before it is whole, and the last is kept first."""

import asyncio
import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ostiary_gateway.guard.keeper import Keeper

JSON, STREAM = "application/json", "text/event-stream; charset=utf-8"
LAST = json.dumps({"type": "response.completed", "response": {"id": "r1"}})
TOLD = b'{"id": "r1"}'
texts = st.sampled_from(["é", "response.completed", "\\n\\n", 'a"b', "\u2028", ""])
ends = st.sampled_from(["\n", "\r\n", "\r"])


class Answer:
    """As much of a provider's answer as is looked at."""

    def __init__(self, kind: str = STREAM, status: int = 200, **headers: str) -> None:
        self.status = status
        self.headers = {"Content-Type": kind, **headers}


class Shelf:
    """`passed` is what had been passed on when something was kept."""

    def __init__(self) -> None:
        self.kept: list[tuple[bytes, int]] = []
        self.passed = 0

    async def keep(self, response: bytes) -> None:
        self.kept.append((response, self.passed))


def run(answer: Answer, pieces: list[bytes], most: int = 1 << 20, *, told_with_last: bool = False) -> tuple[Shelf, bytes]:
    shelf = Shelf()

    async def passing() -> bytes:
        keeper = Keeper(shelf.keep, most)
        begin: Any = keeper.begin
        begin(answer)
        whole = b""
        for number, piece in enumerate(pieces, 1):
            whole += await keeper.passed(piece, is_last=told_with_last and number == len(pieces))
            shelf.passed = len(whole)
        return whole if told_with_last else whole + await keeper.passed(b"", is_last=True)

    return shelf, asyncio.run(passing())


@settings(max_examples=50)
@given(st.lists(texts, max_size=4), ends, st.lists(st.integers(0, 400), max_size=8), st.booleans())
def test_pl_32_a_stream_cut_anywhere(said: list[str], end: str, cuts: list[int], told_with_last: bool) -> None:
    events = [f"event: x{end}data: {json.dumps({'type': 'delta', 'delta': text})}{end}{end}" for text in said]
    before = "".join(events).encode()
    text = before + f"data:{LAST}{end}{end}".encode()
    places = sorted({0, len(text), *(cut for cut in cuts if cut < len(text))})
    shelf, passed = run(Answer(), [text[a:b] for a, b in pairwise(places)], told_with_last=told_with_last)
    assert passed == text
    assert [response for response, _ in shelf.kept] == [TOLD]
    assert shelf.kept[0][1] <= len(before)


def test_pl_32_events_are_passed_on_as_soon_as_they_are_whole() -> None:
    async def passing() -> list[bytes]:
        keeper = Keeper(Shelf().keep, 100)
        begin: Any = keeper.begin
        begin(Answer())
        return [await keeper.passed(piece) for piece in (b"data: 1\n", b"\ndata: 2\n\ndata", b": 3\n\n")]

    assert asyncio.run(passing()) == [b"", b"data: 1\n\ndata: 2\n\n", b"data: 3\n\n"]


def test_pl_32_an_event_without_its_blank_line_is_kept_at_the_end() -> None:
    text = f"data: {LAST}".encode()
    shelf, passed = run(Answer(), [text])
    assert (passed, shelf.kept) == (text, [(TOLD, 0)])


def test_pl_32_a_whole_answer_is_held_until_it_is_kept() -> None:
    shelf, passed = run(Answer(JSON), [b'{"id"', b': "r1"}'])
    assert (passed, shelf.kept) == (TOLD, [(TOLD, 0)])


@pytest.mark.parametrize("kind", [JSON, STREAM])
def test_pl_32_what_grows_too_large_is_passed_on_and_not_kept(kind: str) -> None:
    pieces = [b"x" * 60, b"y" * 60, b"z" * 60]
    shelf, passed = run(Answer(kind), pieces, most=100)
    assert (passed, shelf.kept) == (b"".join(pieces), [])


@pytest.mark.parametrize("answer", [Answer(status=500), Answer(JSON, 404), Answer(JSON, **{"Content-Encoding": "gzip"})])
def test_pl_32_what_is_no_readable_success_is_passed_on_as_it_comes(answer: Answer) -> None:
    shelf, passed = run(answer, [TOLD])
    assert (passed, shelf.kept) == (TOLD, [])
    assert shelf.passed == len(TOLD)

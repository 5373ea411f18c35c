"""The table of cases. A row that a gateway fails is a way in which it charges what was not used, or gives away what was."""

from collections.abc import Iterator
from dataclasses import replace
from typing import get_args

from ostiary_gateway.conformance.case import Case, Counts, Cut, Dialect, Ends, Wire

DIALECTS: tuple[Dialect, ...] = get_args(Dialect)
STREAMED: tuple[Dialect, ...] = ("chat", "completions", "responses", "messages")
EVENTS: dict[Dialect, int] = {"chat": 7, "completions": 6, "responses": 6, "messages": 8}
"""Events of a stream of three pieces that reports its usage; after the last one nothing is left to lose."""
_NAMED: tuple[Dialect, ...] = ("responses", "messages")
_LONG = 3000  # pieces: some 350 kB of answer


def table() -> list[Case]:
    """Every case, each with counts of its own, so that a mix-up shows."""
    rows = [*_whole(), *_cuts(), *_wires(), *_tellings(), *_leaving(), *_breaking(), *_failing(), *_twice()]
    return [_numbered(case, number) for number, case in enumerate(rows)]


def _numbered(case: Case, number: int) -> Case:
    counts = case.counts
    moved = replace(counts, input=counts.input + 7 * number, output=0 if case.dialect == "embeddings" else counts.output + number)
    return replace(case, counts=moved)


_PLAIN = Counts(input=1200, output=210)
_CACHED = Counts(input=4000, output=300, cache_read=2560)
_WRITTEN = Counts(input=6000, output=320, cache_read=2048, cache_write=1536)
_THOUGHT = Counts(input=1500, output=2300, reasoning=1984)


def _case(name: str, group: str, dialect: Dialect, counts: Counts = _PLAIN, **more: object) -> Case:
    return Case(name=f"{dialect}: {name}", group=group, dialect=dialect, counts=counts, **more)  # type: ignore[arg-type]


def _whole() -> Iterator[Case]:
    for dialect in DIALECTS:
        yield _case("whole answer", "whole", dialect, stream=False)
        yield _case("whole answer without usage", "usage missing", dialect, stream=False, tells="never")
    for dialect in STREAMED:
        yield _case("whole answer, cached input", "cache", dialect, _CACHED, stream=False)
        yield _case("whole answer of 40 kB", "whole", dialect, stream=False, pieces=400)
    yield _case("whole answer, cache read and written", "cache", "messages", _WRITTEN, stream=False)
    for dialect in ("chat", "responses"):
        yield _case("whole answer, reasoning", "reasoning", dialect, _THOUGHT, stream=False)


def _cuts() -> Iterator[Case]:
    for dialect in STREAMED:
        for where in get_args(Cut):
            end = "\r\n" if where == "line_end" else "\n"
            yield _case(f"stream cut at {where}", "split", dialect, wire=Wire(cut=where, line_end=end))


def _wires() -> Iterator[Case]:
    for dialect in STREAMED:
        yield _case("stream with CRLF, cut everywhere", "split", dialect, wire=Wire(line_end="\r\n", cut="bytes"))
        yield _case("stream without a space after the colon", "split", dialect, wire=Wire(space=False))
        yield _case(
            "stream without a space, CRLF, cut at colon", "split", dialect, wire=Wire(space=False, line_end="\r\n", cut="colon")
        )
        yield _case("stream with comments between", "split", dialect, wire=Wire(comments=True))
        yield _case("stream in escaped ASCII, cut everywhere", "split", dialect, wire=Wire(ascii=True, cut="bytes"))
        yield _case("stream that ends with its connection", "split", dialect, wire=Wire(framing="close"))
        yield _case("stream whose text speaks of usage", "split", dialect, trap=True, wire=Wire(cut="key"))
        yield _case("stream of 300 pieces", "split", dialect, pieces=300, wire=Wire(cut="whole"))


def _tellings() -> Iterator[Case]:
    for dialect in STREAMED:
        yield _case("stream, usage comes late", "usage late", dialect, late=True)
        yield _case("stream, cached input", "cache", dialect, _CACHED)
        yield _case("stream without usage", "usage missing", dialect, tells="never")
    for dialect in ("chat", "completions"):
        yield _case("stream, usage with the last choice", "usage late", dialect, tells="last_choice")
        yield _case("stream, usage grows with each chunk", "usage late", dialect, tells="running")
        yield _case("stream, client did not ask for usage", "usage missing", dialect, asks=False)
    yield _case("stream, cache read and written", "cache", "messages", _WRITTEN)
    yield _case("stream, usage told several times, the last counts", "usage late", "messages", _WRITTEN, tells="cumulative")
    for dialect in ("chat", "responses"):
        yield _case("stream, reasoning", "reasoning", dialect, _THOUGHT)


def _leaving() -> Iterator[Case]:
    for dialect in STREAMED:
        for number in range(EVENTS[dialect]):
            yield _case(f"client leaves after {number} events", "client leaves", dialect, leaves=number)
        yield _case("client leaves before the answer begins", "client leaves", dialect, ends="silence")
    for dialect in ("chat", "messages"):
        yield _case(
            "client leaves after 300 pieces of escaped text",
            "client leaves",
            dialect,
            pieces=300,
            leaves=300,
            wire=Wire(ascii=True),
        )
        yield _case("client leaves in the middle of the thinking", "client leaves", dialect, thinks=True, leaves=4)
        yield _case(f"client leaves after {_LONG} pieces", "client leaves", dialect, pieces=_LONG + 9, leaves=_LONG)
    yield _case("client leaves in the middle of arguments", "client leaves", "responses", thinks=True, leaves=3)
    yield _case("client leaves, usage grew with each chunk", "client leaves", "chat", tells="running", leaves=3)


def _breaking() -> Iterator[Case]:
    ends: tuple[tuple[Ends, str], ...] = (
        ("cut", "provider hangs up"),
        ("mid_event", "provider hangs up within an event,"),
        ("reset", "provider resets"),
        ("stall", "provider stalls"),
        ("error_event", "provider tells an error"),
    )
    for dialect in STREAMED:
        for end, words in ends:
            yield _case(f"{words} after 3 events", "broken", dialect, ends=end, after=3)
        before = {"chat": 5, "completions": 4, "responses": 5, "messages": 6}[dialect]
        yield _case("provider hangs up before the usage", "broken", dialect, ends="cut", after=before)


def _failing() -> Iterator[Case]:
    for dialect in STREAMED:
        yield _case("503, then an answer: charged once", "retries", dialect, stream=False, fails=(503,))
        yield _case("503, then a stream: charged once", "retries", dialect, fails=(503,))
    for dialect in DIALECTS:
        yield _case("500 for ever: nothing is charged", "retries", dialect, stream=False, fails=(500,) * 99)
    yield _case("429, then an answer: charged once", "retries", "chat", stream=False, fails=(429,))
    yield _case("400: nothing is charged", "retries", "chat", stream=False, fails=(400,) * 99)
    yield _case("stream of no text and no usage: nothing is charged", "retries", "chat", pieces=0, tells="never")


def _twice() -> Iterator[Case]:
    for dialect in ("chat", "messages"):
        yield _case("whole answer, sent twice with one id: charged once", "twice", dialect, stream=False, times=2)
        yield _case("stream, sent twice with one id: charged once", "twice", dialect, times=2)

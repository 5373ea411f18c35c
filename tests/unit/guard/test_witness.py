"""What a reply tells of its usage, cut anywhere, and that little of it is kept."""

import json
from pathlib import Path

import pytest

from ostiary_gateway.guard.witness import Stream, Told, tell, witness
from ostiary_gateway.usage import REPLY_LIMIT, extract

CASES = sorted((Path(__file__).parents[2] / "golden/usage").glob("*.json"))
STREAM = "text/event-stream; charset=utf-8"


def told(body: bytes, content_type: str, size: int = 0) -> Told:
    seen = witness(content_type)
    step = size or max(len(body), 1)
    for start in range(0, len(body), step):
        seen.see(body[start : start + step])
    return tell(seen, content_type, last=True)


def chunk(number: int, usage: bytes) -> bytes:
    return b'data: {"model":"m","choices":[{"delta":{"content":"%d \\"usage\\":{}"}}],"usage":%b}\n\n' % (number, usage)


@pytest.mark.parametrize("size", [0, 1, 7, 100])
def test_the_last_usage_of_a_stream_counts(size: int) -> None:
    body = b"".join(chunk(number, b"null") for number in range(50)) + chunk(50, b'{"total_tokens":7}') + b"data: [DONE]\n\n"
    assert told(body, STREAM, size) == Told(last=True, stream=True, model="m", usage=({"total_tokens": 7},))


def test_an_unknown_usage_does_not_hide_the_one_before() -> None:
    body = chunk(1, b'{"total_tokens":7}') + chunk(2, b"null")
    assert told(body, STREAM).usage == ({"total_tokens": 7},)


def test_a_long_stream_is_not_kept() -> None:
    stream = Stream()
    for number in range(20_000):
        stream.see(chunk(number, b'{"total_tokens":%d}' % number))
    assert len(stream.kept()) < 1000
    assert tell(stream, STREAM, last=False) == Told(last=False, stream=True, model="m", usage=({"total_tokens": 19_999},))


def test_an_event_without_an_end_is_given_up() -> None:
    stream = Stream()
    stream.see(chunk(1, b'{"total_tokens":7}') + b"data: ")
    for _ in range(40):
        stream.see(b"x" * (REPLY_LIMIT // 20))
    assert len(stream.kept()) < 1000
    assert tell(stream, STREAM, last=True).usage == ({"total_tokens": 7},)


@pytest.mark.parametrize("size", [0, 1, 50])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)
def test_every_known_reply_tells_what_it_tells_whole(case: Path, size: int) -> None:
    known = json.loads(case.read_text())
    body, content_type = known["body"].encode(), known["content_type"]
    whole = extract(body, content_type)
    assert told(body, content_type, size) == Told(True, whole.stream or "event-stream" in content_type, whole.model, whole.raws)


def test_a_short_reply_is_read_whole() -> None:
    body = b'{"id":"x","model":"m","usage":{"input_tokens":3,"details":{"cached":1},"tier":"a"}}'
    assert told(body, "application/json", 5) == Told(True, False, "m", ({"input_tokens": 3, "details": {"cached": 1}},))


def test_lm_15_a_reply_that_is_too_large_is_not_looked_into() -> None:
    body = b'{"usage":{"n":1},"text":"' + b"x" * REPLY_LIMIT + b'"}'
    assert told(body, "application/json", 65536) == Told(last=True, stream=False, model=None, usage=())

"""Bodies that are not what they should be (LM-15, LM-22, LM-24), and how streams are told."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ostiary_gateway.usage import REPLY_LIMIT, Reply, extract
from ostiary_gateway.usage.sse import Splitter

CHUNK = '{"model":"m","usage":{"prompt_tokens":1,"completion_tokens":2}}'


@pytest.mark.parametrize(
    "body", [b"", b"null", b"5", b"{", b"[[", b'"text"', b"<html>", b"\xff\xfe\x00", b"[1,2]", b'{"usage":7}', b"[" * 100_000]
)
def test_lm_24_what_is_no_reply_has_no_usage(body: bytes) -> None:
    reply = extract(body, "application/json")
    assert (reply.model, reply.raws) == (None, ())


def test_lm_15_a_body_over_2_mib_is_not_looked_into() -> None:
    body = json.dumps({"pad": "x" * REPLY_LIMIT, "model": "m", "usage": {"prompt_tokens": 1}}).encode()
    assert extract(body, "application/json") == Reply()


@pytest.mark.parametrize("content_type", ["", "text/event-stream", "text/event-stream; charset=utf-8", "application/json"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("space", ["", " "])
def test_streams_are_told_by_their_text_too(content_type: str, end: str, space: str) -> None:
    body = f"data:{space}{CHUNK}{end}{end}data:{space}[DONE]{end}{end}".encode()
    reply = extract(body, content_type)
    assert reply == Reply("m", ({"prompt_tokens": 1, "completion_tokens": 2},), stream=True)


def test_an_event_without_its_empty_line_still_counts() -> None:
    assert extract(f"data: {CHUNK}".encode(), "text/event-stream").raws


def test_data_lines_of_one_event_are_joined() -> None:
    splitter = Splitter()
    assert splitter.feed(b"event: a\ndata: 1\nid: 3\ndata: 2\n\n") == [b"1\n2"]


@settings(deadline=None)
@given(st.binary(max_size=300), st.sampled_from(["application/json", "text/event-stream", "image/png"]))
def test_lm_22_no_body_raises(body: bytes, content_type: str) -> None:
    assert isinstance(extract(body, content_type), Reply)


@settings(deadline=None)
@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)))
def test_no_text_of_a_usage_object_passes(usage: object) -> None:
    body = json.dumps({"usage": usage, "model": "m"}).encode()

    def leaves(value: object) -> list[object]:
        return [leaf for each in value.values() for leaf in leaves(each)] if isinstance(value, dict) else [value]

    for raw in extract(body, "application/json").raws:
        assert all(type(leaf) in {int, float} for leaf in leaves(raw))

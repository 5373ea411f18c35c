"""The golden replies, which nginx's collector has to read in the same way."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ostiary_gateway.usage import extract, normalise
from ostiary_gateway.usage.sse import Splitter

FOLDER = Path(__file__).parents[2] / "golden/usage"
CASES: list[dict[str, Any]] = [json.loads(path.read_text()) for path in sorted(FOLDER.glob("*.json"))]
STREAMS = [case["body"].encode() for case in CASES if case["content_type"].startswith("text/event-stream")]


def _named(case: dict[str, Any]) -> str:
    return str(case["name"])


def test_there_are_cases() -> None:
    assert len(CASES) >= 20
    assert len(STREAMS) >= 8


@pytest.mark.parametrize("case", CASES, ids=_named)
def test_golden(case: dict[str, Any]) -> None:
    reply = extract(case["body"].encode(), case["content_type"])
    usage, source = normalise(reply.raws, stream=reply.stream)
    assert reply.model == case["model"]
    assert list(reply.raws) == case["raw"]
    assert msgspec.to_builtins(usage) == case["usage"]
    assert (source == "none") == (case["raw"] == [])


@pytest.mark.parametrize("case", CASES, ids=_named)
def test_raw_usage_holds_numbers_only(case: dict[str, Any]) -> None:
    def leaves(value: Any) -> list[Any]:
        return [leaf for each in value.values() for leaf in leaves(each)] if isinstance(value, dict) else [value]

    assert all(type(leaf) in {int, float} for raw in case["raw"] for leaf in leaves(raw))


@pytest.mark.parametrize("body", STREAMS)
def test_streams_may_be_split_at_any_byte(body: bytes) -> None:
    whole = Splitter()
    events = whole.feed(body) + whole.finish()
    assert events
    for at in range(len(body) + 1):
        split = Splitter()
        assert split.feed(body[:at]) + split.feed(body[at:]) + split.finish() == events


@settings(deadline=None)
@given(body=st.sampled_from(STREAMS), data=st.data())
def test_streams_may_be_split_anywhere_many_times(body: bytes, data: st.DataObject) -> None:
    whole = Splitter()
    events = whole.feed(body) + whole.finish()
    cuts = sorted(data.draw(st.lists(st.integers(0, len(body)), max_size=30)))
    split = Splitter()
    pieces = [body[a:b] for a, b in zip([0, *cuts], [*cuts, len(body)], strict=True)]
    assert [event for piece in pieces for event in split.feed(piece)] + split.finish() == events

"""Whatever a provider streams: the client gets it, there is one record of it, and no content is in that."""

import json
from uuid import uuid4

from hypothesis import given
from hypothesis import strategies as st
from tests.support import sample
from tests.support.client import call
from tests.support.fuzzing import bounded
from tests.support.gateway import Gateway
from tests.support.provider import Provider

SECRET = "content-that-must-not-leak"
CHAT = "/v1/chat/completions"
NUMBERS = ["0", "7", "-1", "1e3", "1e999", "3.5", "99999999999999999999", f'"{SECRET}"', "null", "[1]", "{}", "true"]
USAGE = st.builds(
    lambda name, one, two: f'"usage":{{"{name}":{one},"completion_tokens":{two},"note":"{SECRET}","{SECRET}":1}}',
    st.sampled_from(["prompt_tokens", "input_tokens", "total_tokens"]),
    st.sampled_from(NUMBERS),
    st.sampled_from(NUMBERS),
)
PARTS = st.one_of(
    USAGE,
    USAGE.map(lambda usage: '"message":{' + usage + "}"),
    USAGE.map(lambda usage: '"content":' + json.dumps("{" + usage + "}")),
    st.sampled_from(['"usage":', '"usage":{', '"usageMetadata":{"promptTokenCount":3}', f'"model":"{SECRET}"', '"model":7']),
    st.text(max_size=20).map(lambda text: json.dumps(text) + ":1"),
)
EVENTS = st.builds(
    lambda prefix, parts, end: f"{prefix}{{{','.join(parts)}}}{end}".encode("utf-8", "surrogatepass"),
    st.sampled_from(["data: ", "data:", "event: x\ndata: ", ": comment\n", "", "data", "[", ","]),
    st.lists(PARTS, max_size=3),
    st.sampled_from(["\n\n", "\r\n\r\n", "\n", "", "\r", "]"]),
)
TAIL = st.sampled_from([b"", b"data: [DONE]\n\n", b"\xff\xfe", b"\x00" * 50, b"data: " + b"x" * 40_000])
BODIES = st.builds(lambda events, tail: b"".join(events) + tail, st.lists(EVENTS, max_size=6), TAIL)
TYPES = st.sampled_from(["text/event-stream", "application/json", "text/event-stream; charset=utf-8", "text/plain"])


def test_any_answer_passes_as_it_is_and_leaves_one_record_without_content(gateway: Gateway) -> None:
    """The records of all examples are looked at in the end, since each takes a moment to get there."""
    sent: list[str] = []

    @given(body=st.one_of(BODIES, st.binary(max_size=500)), kind=TYPES, split=st.sampled_from([0, 1, 3, 17, 100]))
    @bounded(120)
    def passes_as_it_is(body: bytes, kind: str, split: int) -> None:
        sent.append(uuid4().hex)
        size = split if len(body) < 2000 else 1000
        script = f"echo.split-{size}" if split else "echo"
        headers = {"Content-Type": kind, "x-request-id": sent[-1], "x-fake": script}
        reply = call(gateway.base_url, "/open/echo", body, key=sample.ALL, method="POST", headers=headers)
        assert (reply.status, reply.body) == (200, body)

    passes_as_it_is()
    gateway.idle()
    records = [record for record in gateway.ledger() if record["request_id"] in set(sent)]
    assert sorted(record["request_id"] for record in records) == sorted(sent)
    for record in records:
        assert record["ended"] == "completed"
        assert SECRET not in json.dumps({**record, "model": None})
        assert all(count is None or (isinstance(count, int) and count >= 0) for count in record["usage"].values())


SCRIPTS = st.builds(
    lambda events, words, split: ".".join([f"slow-0x{events}", *words, *([f"split-{split}"] if split else [])]),
    st.integers(1, 30),
    st.lists(st.sampled_from(["crlf", "nospace", "nousage", "cached", "zero"]), unique=True, max_size=3),
    st.sampled_from([0, 1, 2, 3, 5, 8, 13, 21, 64, 300]),
)


@given(script=SCRIPTS)
@bounded(60)
def test_hidden_usage_is_all_that_is_missing_from_a_managed_stream(gateway: Gateway, provider: Provider, script: str) -> None:
    body = {"model": script, "stream": True, "messages": [], "stream_options": {"include_usage": True}}
    whole = call(provider.url, CHAT, body, key="any").body
    newline = b"\r\n\r\n" if "crlf" in script.split(".") else b"\n\n"
    expected = newline.join(event for event in whole.split(newline) if b'"choices":[]' not in event)
    sent = {"model": f"openai/{script}", "stream": True, "messages": []}
    reply = call(gateway.base_url, CHAT, sent, key=sample.ALL)
    assert (reply.status, reply.body) == (200, expected)

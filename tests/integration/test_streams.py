"""Server-sent events: chunk by chunk, complete, and with usage only for those who asked (LM-14)."""

import json
import time
from http.client import HTTPResponse
from typing import Any

import pytest
from tests.support import sample
from tests.support.client import call, stream
from tests.support.gateway import Gateway
from tests.support.provider import Provider

CHAT = "/v1/chat/completions"
HELLO = [{"role": "user", "content": "hello"}]


def events(body: bytes) -> list[Any]:
    """The data of each event, decoded; [DONE] as text."""
    blocks = [block for block in body.replace(b"\r\n", b"\n").split(b"\n\n") if block]
    texts = [b"".join(line[5:].lstrip() for line in block.split(b"\n") if line.startswith(b"data:")) for block in blocks]
    return [text.decode() if text == b"[DONE]" else json.loads(text) for text in texts]


def text_of(chunks: list[Any]) -> str:
    return "".join(c["choices"][0]["delta"].get("content", "") for c in chunks if c != "[DONE]" and c["choices"])


def arrival(response: HTTPResponse) -> list[float]:
    """Seconds from now at which each portion came."""
    start = time.monotonic()
    times = []
    while response.read1(65536):
        times.append(time.monotonic() - start)
    return times


@pytest.mark.parametrize(("path", "prefix"), [(CHAT, "openai/"), (f"/open{CHAT}", "")])
def test_lm_14_events_arrive_as_they_are_sent(gateway: Gateway, path: str, prefix: str) -> None:
    body = {"model": f"{prefix}slow-100x8", "stream": True, "messages": HELLO}
    with stream(gateway.base_url, path, body, key=sample.ALL) as response:
        assert response.status == 200
        assert (response.getheader("content-type") or "").startswith("text/event-stream")
        times = arrival(response)
    assert len(times) >= 8
    assert times[0] < 0.4
    assert times[-1] - times[0] > 0.5


@pytest.mark.parametrize("script", ["echo", "slow-1x50", "split-1", "split-7.slow-0x40", "crlf.nospace.split-13", "close"])
def test_pass_through_streams_are_byte_for_byte(gateway: Gateway, provider: Provider, script: str) -> None:
    body = {"model": script, "stream": True, "messages": HELLO, "stream_options": {"include_usage": True}}
    direct = call(provider.url, CHAT, body, key="any")
    through = call(gateway.base_url, f"/open{CHAT}", body, key=sample.ALL)
    assert (through.status, through.body) == (200, direct.body)


SPLITS = ["", ".crlf", ".split-1", ".split-5", ".split-97", ".crlf.split-1", ".crlf.split-33", ".nospace.split-19"]


@pytest.mark.parametrize("how", SPLITS)
def test_usage_is_asked_for_and_hidden_from_a_client_that_did_not_ask(gateway: Gateway, provider: Provider, how: str) -> None:
    request_id = f"hidden{how}"
    body = {"model": f"openai/slow-0x5{how}", "stream": True, "messages": HELLO}
    reply = call(gateway.base_url, CHAT, body, key=sample.ALL, headers={"x-request-id": request_id})
    assert reply.status == 200
    chunks = events(reply.body)
    assert text_of(chunks) == "".join(f"t\u00f6k{number} " for number in range(5))
    assert chunks[-1] == "[DONE]"
    assert all(chunk["choices"] for chunk in chunks[:-1])
    assert json.loads(provider.find(request_id)[-1].body)["stream_options"] == {"include_usage": True}
    record = gateway.record(request_id)
    assert record["usage"]["output_tokens"] == 5
    assert record["usage_source"] == "provider"


@pytest.mark.parametrize("how", SPLITS)
def test_usage_is_shown_to_a_client_that_asked(gateway: Gateway, provider: Provider, how: str) -> None:
    options = {"include_usage": True}
    body = {"model": f"slow-0x5{how}", "stream": True, "messages": HELLO, "stream_options": options}
    direct = call(provider.url, CHAT, body, key="any")
    body["model"] = f"openai/slow-0x5{how}"
    assert call(gateway.base_url, CHAT, body, key=sample.ALL).body == direct.body


@pytest.mark.parametrize("options", [{"include_usage": False}, {}, None])
def test_usage_is_hidden_from_a_client_that_declined(gateway: Gateway, options: object) -> None:
    body = {"model": "openai/echo", "stream": True, "messages": HELLO, "stream_options": options}
    reply = call(gateway.base_url, CHAT, body, key=sample.ALL)
    assert reply.status == 200
    assert all(chunk["choices"] for chunk in events(reply.body)[:-1])


def test_usage_is_not_asked_for_where_nothing_streams(gateway: Gateway, provider: Provider) -> None:
    body = {"model": "openai/echo", "messages": HELLO, "stream": False}
    assert call(gateway.base_url, CHAT, body, key=sample.ALL, headers={"x-request-id": "whole"}).status == 200
    assert "stream_options" not in json.loads(provider.find("whole")[-1].body)


def test_a_stream_of_eight_megabytes_arrives_whole(gateway: Gateway) -> None:
    body = {"model": "openai/big-8192", "stream": True, "messages": HELLO}
    reply = call(gateway.base_url, CHAT, body, key=sample.ALL, headers={"x-request-id": "eight-megabytes"})
    chunks = events(reply.body)
    assert len(text_of(chunks)) == 8192 * 1024
    assert all(chunk["choices"] for chunk in chunks[:-1])
    assert gateway.record("eight-megabytes")["usage"]["output_tokens"] == 8192


def test_busy_streams_do_not_starve_other_requests(gateway: Gateway) -> None:
    """Two streams of 32 MiB that are never out of data, beside small requests."""
    body = {"model": "openai/big-32768", "stream": True, "messages": HELLO}
    small = {"model": "openai/echo", "messages": HELLO}
    waits = []
    with (
        stream(gateway.base_url, CHAT, body, key=sample.ALL) as first,
        stream(gateway.base_url, f"/open{CHAT}", {**body, "model": "big-32768"}, key=sample.ALL) as second,
    ):
        for _ in range(20):
            for busy in (first, second):
                assert busy.read1(1 << 20)
            start = time.monotonic()
            assert call(gateway.base_url, CHAT, small, key=sample.ALL).status == 200
            waits.append(time.monotonic() - start)
    assert sorted(waits)[len(waits) // 2] < 0.25
    assert max(waits) < 15  # a starved one would wait for the 64 MiB; other tests run beside this one

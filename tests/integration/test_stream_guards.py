"""Guards of a stream: time to the first byte, between bytes, in all; comments while the provider is silent; who leaves."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import openai
import pytest
from tests.support.client import stream as open_stream
from tests.support.manifests import model, provider
from tests.support.planned import CHAT, HELLO, KEY, Bed, read_broken
from tests.support.queued_provider import Answer
from tests.support.wait import until

WORDS = "one two three four five six seven eight nine ten"


@pytest.fixture(scope="module", autouse=True)
def models(session_bed: Bed) -> None:
    url = session_bed.primary.url
    session_bed.gateway.apply(
        *provider("drains", url, credential="sk-drains", onClientClosed="Drain", drainSeconds=5),
        *provider("drains-briefly", url, credential="sk-drains", onClientClosed="Drain", drainSeconds=1),
        model("guard-first", "openai", timeouts={"firstByteMilliseconds": 150}),
        model("guard-between", "openai", timeouts={"betweenBytesMilliseconds": 150}),
        model("guard-whole", "openai", timeouts={"requestMilliseconds": 300}),
        model("guard-patient", "openai", timeouts={"firstByteMilliseconds": 5000, "requestMilliseconds": 9000}),
        model("guard-alive", "openai", "anthropic", stream={"keepAliveSeconds": 1}),
        model("leave-cancel", "openai", timeouts={"requestMilliseconds": 9000}),
        model("leave-drain", "drains"),
        model("leave-briefly", "drains-briefly"),
        file="stream-guards",
    )


def read(bed: Bed, name: str, *, broken: bool = False) -> tuple[list[bytes], dict[str, object]]:
    """Every event of a stream, and the record of it."""
    request_id = uuid4().hex
    body = {"model": name, "stream": True, "messages": HELLO}
    with open_stream(bed.gateway.base_url, CHAT, body, key=KEY, headers={"x-request-id": request_id}) as response:
        assert response.status == 200
        blocks = (read_broken(response) if broken else response.read()).split(b"\n\n")[:-1]
    return blocks, bed.gateway.record(request_id)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_a_first_byte_that_does_not_come_is_504(bed: Bed, *, stream: bool) -> None:
    bed.answer(Answer(delay=60))
    start = time.monotonic()
    outcome = bed.chat("guard-first", stream=stream)
    assert time.monotonic() - start < 1.5
    assert (outcome.status, outcome.error["message"]) == (504, "provider timeout")
    record = bed.record(outcome)
    assert (record["ended"], record["error_type"]) == ("upstream_failed", "provider_timeout")


STALLED, LONG = Answer(text=WORDS, stalls=3), Answer(text=WORDS, pause=0.1)


@pytest.mark.parametrize(("name", "answer"), [("guard-between", STALLED), ("guard-whole", LONG)])
def test_a_stall_or_a_stream_too_long_ends_with_an_error_event(bed: Bed, name: str, answer: Answer) -> None:
    bed.answer(answer)
    start = time.monotonic()
    blocks, record = read(bed, name, broken=True)
    assert time.monotonic() - start < 1.5
    assert blocks[0].startswith(b"data: {")
    assert list(json.loads(blocks[-1].removeprefix(b"data: "))) == ["error"]
    assert not any(b"[DONE]" in block for block in blocks)
    assert (record["status"], record["ended"]) == (200, "upstream_failed")
    assert record["error_type"] in {"provider_broken", "provider_timeout"}
    assert len(bed.primary.calls) == 1


def test_a_stream_within_its_guards_is_whole(bed: Bed) -> None:
    bed.answer(Answer(text=WORDS, pause=0.02))
    outcome = bed.chat("guard-patient", stream=True)
    assert outcome.text == WORDS
    record = bed.record(outcome)
    assert (record["ended"], record["usage_source"], record["usage"]["output_tokens"]) == ("completed", "provider", 7)
    assert outcome.headers["x-ostiary-provider"] == "openai"


@pytest.mark.parametrize("answer", [Answer(delay=1.3), Answer(text="a b", pause=1.2, pause_at=1)], ids=["head", "events"])
def test_comments_keep_a_stream_alive_between_events(bed: Bed, answer: Answer) -> None:
    bed.answer(answer)
    blocks, record = read(bed, "guard-alive")
    comments = [block for block in blocks if block.startswith(b":")]
    events = [block for block in blocks if block.startswith(b"data: ")]
    assert comments
    assert len(comments) + len(events) == len(blocks), "never inside an event"
    assert events[-1] == b"data: [DONE]"
    assert record["ended"] == "completed"
    assert record["usage"]["output_tokens"] == 7


def test_an_sdk_does_not_notice_comments_and_whole_answers_have_none(bed: Bed) -> None:
    bed.answer(Answer(text="awake at last", delay=1.1))
    with ThreadPoolExecutor(2) as pool:
        outcomes = list(pool.map(lambda stream: bed.chat("guard-alive", stream=stream), (True, False)))
    assert [(outcome.status, outcome.text) for outcome in outcomes] == [(200, "awake at last")] * 2


def leave(bed: Bed, name: str) -> str:
    """Read the first event, then hang up; the request's id."""
    request_id = uuid4().hex
    body = {"model": name, "stream": True, "messages": HELLO}
    with open_stream(bed.gateway.base_url, CHAT, body, key=KEY, headers={"x-request-id": request_id}) as response:
        assert response.readline().startswith(b"data: ")
    return request_id


def test_a_client_that_leaves_cancels_unless_the_provider_says_otherwise(bed: Bed) -> None:
    bed.answer(Answer(text=WORDS * 20, pause=0.02))
    record = bed.gateway.record(leave(bed, "leave-cancel"))
    assert record["ended"] == "client_closed"
    assert record["usage_source"] in {"partial", "estimated", "none"}
    until(lambda: bed.primary.left, "the provider is left, too", 3)


def test_a_client_that_leaves_is_drained_for_its_usage(bed: Bed) -> None:
    bed.answer(Answer(text=WORDS, pause=0.05))
    record = bed.gateway.record(leave(bed, "leave-drain"))
    assert record["ended"] == "client_closed"
    assert (record["usage_source"], record["usage"]["output_tokens"]) == ("provider", 7)
    assert not bed.primary.left


def test_draining_ends_with_its_time(bed: Bed) -> None:
    bed.answer(Answer(text=WORDS * 20, pause=0.05))
    start = time.monotonic()
    record = bed.gateway.record(leave(bed, "leave-briefly"))
    assert time.monotonic() - start < 4
    assert record["ended"] == "client_closed"
    assert record["usage_source"] != "provider"
    until(lambda: bed.primary.left, "the provider is left in the end", 3)


def test_an_openai_caller_sees_a_stall_as_an_error(bed: Bed) -> None:
    bed.answer(Answer(text=WORDS, stalls=2))
    with (
        openai.OpenAI(api_key=KEY, base_url=f"{bed.gateway.base_url}/v1", max_retries=0) as client,
        client.chat.completions.create(model="guard-between", messages=HELLO, stream=True) as chunks,
        pytest.raises(openai.APIError) as caught,
    ):
        list(chunks)
    assert caught.value.body["type"] == "server_error"

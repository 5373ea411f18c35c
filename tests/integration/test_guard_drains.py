"""Replies that the guard reads to their end when the client has left, for their usage."""

import time
from collections.abc import Iterator
from typing import Any

import pytest
from tests.support.guard import Call, Guard, ScriptedProvider
from tests.support.wait import until

SLACK_MS = 250


@pytest.fixture(scope="module")
def guard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guard]:
    made = Guard(tmp_path_factory.mktemp("draining"))
    yield made
    made.stop()


@pytest.fixture
def provider() -> Iterator[ScriptedProvider]:
    made = ScriptedProvider()
    yield made
    made.close()


def order(provider: ScriptedProvider, **limits: Any) -> dict[str, Any]:
    return {"target": provider.url, **limits}


def message(provider: ScriptedProvider, guard: Guard, *, drain_ms: int, request_id: str) -> Call:
    """An Anthropic stream whose client has left after the first event."""
    with guard.ask(order(provider, drain_ms=drain_ms, id=request_id, stream=True)) as asked:
        call = provider.take()
        call.begin_stream()
        call.send(MESSAGE_START)
        assert asked.answer().read1() == MESSAGE_START
    until(lambda: guard.status() == {"open": 0, "draining": 1}, "the guard reads on")
    return call


MESSAGE_START = b'data: {"type":"message_start","message":{"model":"claude","usage":{"input_tokens":9,"output_tokens":1}}}\n\n'
MESSAGE_DELTA = b'event: message_delta\ndata: {"type":"message_delta","usage":{"output_tokens":40}}\n\n'


def test_drain_a_reply_is_read_to_its_end_for_its_usage(guard: Guard, provider: ScriptedProvider) -> None:
    call = message(provider, guard, drain_ms=5000, request_id="e-1")
    call.send(b'data: {"type":"content_block_delta","delta":{"text":"never to be told"}}\n\n')
    call.send(MESSAGE_DELTA[:30])
    call.send(MESSAGE_DELTA[30:])
    call.end_stream()
    assert guard.drained("e-1") == {
        "last": True,
        "stream": True,
        "model": "claude",
        "usage": [{"input_tokens": 9, "output_tokens": 1}, {"output_tokens": 40}],
    }


def test_drain_is_bounded(guard: Guard, provider: ScriptedProvider) -> None:
    call = message(provider, guard, drain_ms=300, request_id="e-2")
    began = time.monotonic()
    told = guard.drained("e-2")
    assert time.monotonic() - began < 0.3 + SLACK_MS / 1000
    assert told == {"last": False, "stream": True, "model": "claude", "usage": [{"input_tokens": 9, "output_tokens": 1}]}
    call.wait_for_end()


def test_drain_ends_with_a_provider_that_breaks_off(guard: Guard, provider: ScriptedProvider) -> None:
    message(provider, guard, drain_ms=5000, request_id="e-3").reset()
    assert guard.drained("e-3")["last"] is False


def test_drain_waits_for_an_answer_that_had_not_begun(guard: Guard, provider: ScriptedProvider) -> None:
    with guard.ask(order(provider, drain_ms=5000, id="e-4")):
        call = provider.take()
    until(lambda: guard.status() == {"open": 0, "draining": 1}, "the guard reads on")
    call.reply(b'{"model":"m","usage":{"prompt_tokens":3,"completion_tokens":4}}')
    assert guard.drained("e-4") == {
        "last": True,
        "stream": False,
        "model": "m",
        "usage": [{"prompt_tokens": 3, "completion_tokens": 4}],
    }


def test_drain_tells_of_a_whole_reply_too(guard: Guard, provider: ScriptedProvider) -> None:
    """The client may have left when all of it was on its way."""
    with guard.ask(order(provider, drain_ms=5000, id="e-5")) as asked:
        provider.take().reply(b'{"model":"m","usage":{"total_tokens":3}}')
        asked.answer().read()
    assert guard.drained("e-5") == {"last": True, "stream": False, "model": "m", "usage": [{"total_tokens": 3}]}


def test_drain_tells_of_the_last_attempt(guard: Guard, provider: ScriptedProvider) -> None:
    for usage in (b'{"usage":{"n":1}}', b'{"usage":{"n":2}}'):
        with guard.ask(order(provider, drain_ms=5000, id="e-6")) as asked:
            provider.take().reply(usage, "200 OK", b"Connection: close")
            asked.answer().read()
    assert guard.drained("e-6")["usage"] == [{"n": 2}]


def test_drain_tells_nothing_of_a_failed_attempt(guard: Guard, provider: ScriptedProvider) -> None:
    with guard.ask(order(provider, drain_ms=5000, id="e-7", first_byte_ms=50)) as asked:
        provider.take()
        assert asked.answer().status == 504
    assert guard.drained("e-7") == {"last": False, "stream": False, "model": None, "usage": []}


def test_an_unknown_id_has_nothing_to_tell(guard: Guard) -> None:
    with pytest.raises(ValueError, match="404"):
        guard.drained("e-0")

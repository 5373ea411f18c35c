"""The guard as a process, asked as nginx would ask it, before a provider that says what it is told."""

import http.client
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from tests.support.guard import BODY, COMMENT, Guard, ScriptedProvider
from tests.support.process import free_port
from tests.support.wait import until

SLACK_MS = 250  # two busy cores are shared with other tests
EARLY_MS = 10  # the client may be held up between its request and its watch
EVENT = b'data: {"a":1}\n\n'


@pytest.fixture(scope="module")
def guard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guard]:
    made = Guard(tmp_path_factory.mktemp("guard"), upstream_connect_seconds=1, upstream_read_seconds=3)
    yield made
    made.stop()


@pytest.fixture
def provider() -> Iterator[ScriptedProvider]:
    made = ScriptedProvider()
    yield made
    made.close()


def order(provider: ScriptedProvider, **limits: Any) -> dict[str, Any]:
    return {"target": provider.url, "host": "api.example", **limits}


def verdict(answer: http.client.HTTPResponse) -> tuple[int, str | None]:
    """Status and reason, of an answer whose body an SDK understands."""
    error = json.loads(answer.read())["error"]
    message = {504: "provider timeout", 502: "provider error"}[answer.status]
    assert error == {"message": message, "type": "server_error", "param": None, "code": answer.status}
    return answer.status, answer.headers["x-ostiary-guard"]


def assert_after(asked: Any, milliseconds: float) -> None:
    assert milliseconds - EARLY_MS <= asked.milliseconds < milliseconds + SLACK_MS


def assert_broken_off(answer: http.client.HTTPResponse, said: bytes = b"") -> None:
    with pytest.raises(http.client.IncompleteRead) as caught:
        answer.read()
    assert caught.value.partial == said


def test_a_request_arrives_as_it_was_sent(guard: Guard, provider: ScriptedProvider) -> None:
    headers = {"AuThOrIzAtIoN": "Bearer sk-1", "Accept_Encoding": "identity", "X_Odd": "tést  a".encode(), "TE": "trailers"}
    with guard.ask(order(provider), "/v1/x%2Fy?a=b%20c&d", **headers) as asked:
        call = provider.take()
        call.reply(b"{}")
        assert asked.answer().read() == b"{}"
    assert call.line == "POST /v1/x%2Fy?a=b%20c&d HTTP/1.1"
    assert call.body == BODY
    given = [("AuThOrIzAtIoN", "Bearer sk-1"), ("Accept-Encoding", "identity"), ("X-Odd", "tést  a")]
    assert sorted(call.headers) == sorted([("Host", "api.example"), ("Content-Length", str(len(BODY))), *given])


def test_pl_35_headers_of_the_order_replace_those_of_the_request(guard: Guard, provider: ScriptedProvider) -> None:
    more = {"headers": [["X-Team", "a"], ["user-agent", "mine"]]}
    with guard.ask(order(provider, **more), User_Agent="theirs", x_team="b") as asked:
        call = provider.take()
        call.reply(b"{}")
        asked.answer().read()
    headers = [(name, value) for name, value in call.headers if name.lower() in {"x-team", "user-agent"}]
    assert headers == [("X-Team", "a"), ("user-agent", "mine")]
    assert not [name for name, _ in call.headers if name.lower() == "x-ostiary-guard"]


def test_pl_35_a_path_of_the_target_goes_before_the_request_s(guard: Guard, provider: ScriptedProvider) -> None:
    with guard.ask({"target": f"{provider.url}/base/"}) as asked:
        call = provider.take()
        call.reply(b"{}")
        asked.answer().read()
    assert call.line == "POST /base/v1/chat/completions HTTP/1.1"


def test_an_answer_passes_as_it_is(guard: Guard, provider: ScriptedProvider) -> None:
    own = (
        b"X-CaSe: A b",
        b"Set-Cookie: a=1",
        b"Set-Cookie: b=2",
        b"Content-Encoding: br",
        b"X-Ostiary-Guard: timeout",
        b"Keep-Alive: 5",
    )
    with guard.ask(order(provider)) as asked:
        provider.take().reply(b"\x8b\x00not brotli", "429 Slow Down", *own)
        answer = asked.answer()
        assert (answer.status, answer.reason, answer.read()) == (429, "Slow Down", b"\x8b\x00not brotli")
    assert [pair for pair in answer.getheaders() if pair[0] not in {"Date", "Server"}] == [
        ("Content-Type", "application/json"),
        ("Content-Length", "12"),
        ("X-CaSe", "A b"),
        ("Set-Cookie", "a=1"),
        ("Set-Cookie", "b=2"),
        ("Content-Encoding", "br"),
        ("X-Ostiary-Guard-Pid", str(guard.program.pid)),
    ]


def test_a_redirect_is_an_answer_like_any_other(guard: Guard, provider: ScriptedProvider) -> None:
    with guard.ask(order(provider)) as asked:
        provider.take().reply(b"", "302 Found", b"Location: /elsewhere")
        answer = asked.answer()
        assert (answer.status, answer.headers["location"], answer.read()) == (302, "/elsewhere", b"")


def test_a_body_of_any_size_arrives_whole(guard: Guard, provider: ScriptedProvider) -> None:
    body = json.dumps({"model": "m", "text": "x" * 8_000_000}).encode()
    with ThreadPoolExecutor(1) as pool:
        taken = pool.submit(provider.take)
        with guard.ask(order(provider), body=body) as asked:
            call = taken.result()
            call.reply(b"{}")
            assert asked.answer().read() == b"{}"
    assert call.body == body


def test_connections_to_a_provider_are_kept(guard: Guard, provider: ScriptedProvider) -> None:
    with guard.ask(order(provider)) as asked:
        first = provider.take()
        first.reply(b"1")
        assert asked.answer().read() == b"1"
    with guard.ask(order(provider)) as asked:
        provider.take(on=first).reply(b"2")
        assert asked.answer().read() == b"2"


def test_each_event_passes_at_once(guard: Guard, provider: ScriptedProvider) -> None:
    with guard.ask(order(provider, stream=True)) as asked:
        call = provider.take()
        call.begin_stream()
        answer = asked.answer()
        for number in range(3):
            call.send(b"data: %d\n\n" % number)
            assert answer.read1() == b"data: %d\n\n" % number
        call.end_stream()
        assert answer.read() == b""


def test_the_last_word_of_a_stream_arrives_with_its_end(guard: Guard, provider: ScriptedProvider) -> None:
    """Clients hang up when they have read it."""
    last = b"data: [DONE]\n\n"
    with guard.ask(order(provider, stream=True)) as asked:
        call = provider.take()
        call.begin_stream()
        answer = asked.answer()
        call.send(last)
        call.end_stream()
        assert asked.next_bytes() == b"%x\r\n%b\r\n0\r\n\r\n" % (len(last), last)
        assert answer.status == 200


def test_the_last_word_of_a_stream_waits_not_long_for_its_end(guard: Guard, provider: ScriptedProvider) -> None:
    with guard.ask(order(provider, stream=True)) as asked:
        call = provider.take()
        call.begin_stream()
        answer = asked.answer()
        call.send(b"data: [DONE]\n\n")
        assert answer.read1() == b"data: [DONE]\n\n"
        call.end_stream()
        assert answer.read() == b""


def test_no_status_line_in_time_is_a_timeout(guard: Guard, provider: ScriptedProvider) -> None:
    with guard.ask(order(provider, first_byte_ms=200)) as asked:
        call = provider.take()
        assert verdict(asked.answer()) == (504, "timeout")
        assert_after(asked, 200)
        call.wait_for_end()


def test_no_status_line_is_a_timeout_without_any_limit_too(guard: Guard, provider: ScriptedProvider) -> None:
    with guard.ask(order(provider)) as asked:
        provider.take()
        assert verdict(asked.answer()) == (504, "timeout")
        assert_after(asked, 3000)


def test_a_head_without_a_body_is_a_timeout_of_the_attempt(guard: Guard, provider: ScriptedProvider) -> None:
    with guard.ask(order(provider, attempt_ms=300, first_byte_ms=200)) as asked:
        provider.take().begin_stream()
        assert verdict(asked.answer()) == (504, "timeout")
        assert_after(asked, 300)


def test_an_attempt_that_has_begun_to_answer_takes_its_time(guard: Guard, provider: ScriptedProvider) -> None:
    with guard.ask(order(provider, attempt_ms=200)) as asked:
        call = provider.take()
        call.begin_stream()
        call.send(EVENT)
        answer = asked.answer()
        until(lambda: asked.milliseconds > 350, "the attempt's time is over")
        call.send(EVENT)
        call.end_stream()
        assert answer.read() == EVENT * 2


def test_a_head_goes_on_at_once_where_no_attempt_can_be_given_up(guard: Guard, provider: ScriptedProvider) -> None:
    with guard.ask(order(provider, first_byte_ms=500)) as asked:
        call = provider.take()
        call.begin_stream()
        assert asked.answer().status == 200
        call.end_stream()


def test_a_stall_breaks_the_answer_off(guard: Guard, provider: ScriptedProvider) -> None:
    with guard.ask(order(provider, between_bytes_ms=250)) as asked:
        call = provider.take()
        call.begin_stream()
        answer = asked.answer()
        for pause in (100, 200, 300):
            until(lambda pause=pause: asked.milliseconds > pause, "a pause that is short enough")
            call.send(EVENT)
        assert_broken_off(answer, EVENT * 3)
        assert_after(asked, 550)
        call.wait_for_end()


def test_the_deadline_counts_from_the_request_on_and_ends_streams(guard: Guard, provider: ScriptedProvider) -> None:
    with guard.ask(order(provider, deadline_ms=300)) as asked:
        call = provider.take()
        call.begin_stream()
        call.send(EVENT)
        assert_broken_off(asked.answer(), EVENT)
        assert_after(asked, 300)


@pytest.mark.parametrize("milliseconds", [150, -1])
def test_a_deadline_without_an_answer_is_a_timeout(guard: Guard, provider: ScriptedProvider, milliseconds: int) -> None:
    with guard.ask(order(provider, deadline_ms=milliseconds)) as asked:
        assert verdict(asked.answer()) == (504, "timeout")
        assert_after(asked, max(milliseconds, 0))


def test_a_refused_connection_is_told(guard: Guard) -> None:
    with guard.ask({"target": f"http://127.0.0.1:{free_port()}"}) as asked:
        assert verdict(asked.answer()) == (502, "connection")


def test_a_verdict_on_messages_is_in_anthropic_s_words(guard: Guard, provider: ScriptedProvider) -> None:
    with guard.ask(order(provider, deadline_ms=50), "/base/v1/messages?beta=true", X_Request_Id="r-1") as asked:
        answer = asked.answer()
        error = {"type": "timeout_error", "message": "provider timeout"}
        assert json.loads(answer.read()) == {"type": "error", "error": error, "request_id": "r-1"}
    assert (answer.status, answer.headers["content-type"]) == (504, "application/json")


def test_a_name_that_does_not_exist_is_told(guard: Guard) -> None:
    with guard.ask({"target": "http://nowhere.invalid"}) as asked:
        assert verdict(asked.answer()) == (502, "connection")


def test_a_provider_that_hangs_up_is_told(guard: Guard, provider: ScriptedProvider) -> None:
    with guard.ask(order(provider)) as asked:
        provider.take().reset()
        assert verdict(asked.answer()) == (502, "connection")


def test_a_provider_that_speaks_no_http_is_told(guard: Guard, provider: ScriptedProvider) -> None:
    with guard.ask(order(provider)) as asked:
        provider.take().say(b"SSH-2.0-OpenSSH_9.9\r\n")
        assert verdict(asked.answer()) == (502, "connection")


def test_a_break_in_the_middle_is_passed_on_as_one(guard: Guard, provider: ScriptedProvider) -> None:
    with guard.ask(order(provider)) as asked:
        call = provider.take()
        call.begin_stream()
        call.send(EVENT)
        answer = asked.answer()
        assert answer.read1() == EVENT
        call.hang_up()
        assert_broken_off(answer)


def test_a_body_that_is_cut_short_is_not_made_whole(guard: Guard, provider: ScriptedProvider) -> None:
    with guard.ask(order(provider)) as asked:
        call = provider.take()
        call.say(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{}")
        answer = asked.answer()
        call.hang_up()
        assert answer.headers["content-length"] == "100"
        assert_broken_off(answer, b"{}")


def test_a_break_after_the_head_can_still_be_told_if_attempts_are_timed(guard: Guard, provider: ScriptedProvider) -> None:
    with guard.ask(order(provider, attempt_ms=2000)) as asked:
        call = provider.take()
        call.begin_stream()
        call.hang_up()
        assert verdict(asked.answer()) == (502, "connection")


def test_comments_come_while_the_provider_thinks(guard: Guard, provider: ScriptedProvider) -> None:
    with guard.ask(order(provider, stream=True, keep_alive_ms=150)) as asked:
        call = provider.take()
        answer = asked.answer()
        assert_after(asked, 150)
        assert (answer.status, answer.headers["content-type"]) == (200, "text/event-stream")
        assert answer.read1() == COMMENT
        assert answer.read1() == COMMENT
        assert_after(asked, 300)
        call.begin_stream(b"X-Too: late\r\n")
        call.send(EVENT)
        call.end_stream()
        assert answer.read().replace(COMMENT, b"") == EVENT


def test_comments_come_between_events_and_never_inside_one(guard: Guard, provider: ScriptedProvider) -> None:
    with guard.ask(order(provider, stream=True, keep_alive_ms=100)) as asked:
        call = provider.take()
        call.begin_stream()
        call.send(EVENT + b"data: half")
        answer = asked.answer()
        assert answer.read1() == EVENT + b"data: half"
        until(lambda: asked.milliseconds > 350, "three times the silence")
        call.send(b" of it\r\n\r\n")
        assert answer.read1() == b" of it\r\n\r\n"
        assert answer.read1() == COMMENT
        call.end_stream()
        assert answer.read().replace(COMMENT, b"") == b""


def test_comments_come_after_a_head_that_was_held_back(guard: Guard, provider: ScriptedProvider) -> None:
    with guard.ask(order(provider, stream=True, keep_alive_ms=150, attempt_ms=2000)) as asked:
        call = provider.take()
        call.begin_stream(b"X-Its: own\r\n")
        answer = asked.answer()
        assert_after(asked, 150)
        assert answer.headers["x-its"] == "own"
        assert answer.read1() == COMMENT
        call.send(EVENT)
        call.end_stream()
        assert answer.read().replace(COMMENT, b"") == EVENT


def test_comments_are_for_event_streams_alone(guard: Guard, provider: ScriptedProvider) -> None:
    with guard.ask(order(provider, stream=True, keep_alive_ms=100)) as asked:
        call = provider.take()
        call.say(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{")
        answer = asked.answer()
        until(lambda: asked.milliseconds > 350, "three times the silence")
        call.say(b"}")
        assert answer.read() == b"{}"


def test_a_client_that_does_not_stream_gets_no_comments(guard: Guard, provider: ScriptedProvider) -> None:
    with guard.ask(order(provider, keep_alive_ms=50)) as asked:
        call = provider.take()
        until(lambda: asked.milliseconds > 250, "five times the silence")
        call.reply(b"{}", "503 Service Unavailable")
        assert asked.answer().status == 503


def test_comments_do_not_hide_a_stall(guard: Guard, provider: ScriptedProvider) -> None:
    with guard.ask(order(provider, stream=True, keep_alive_ms=100, between_bytes_ms=350)) as asked:
        call = provider.take()
        call.begin_stream()
        call.send(EVENT)
        assert_broken_off(asked.answer(), EVENT + COMMENT * 3)


@pytest.mark.parametrize("ending", ["error", "json", "reset", "silence"])
def test_a_stream_begun_by_comments_is_broken_off_if_it_cannot_go_on(
    guard: Guard, provider: ScriptedProvider, ending: str
) -> None:
    with guard.ask(order(provider, stream=True, keep_alive_ms=100, first_byte_ms=1000)) as asked:
        call = provider.take()
        answer = asked.answer()
        assert answer.read1() == COMMENT
        if ending == "error":
            call.reply(b"{}", "500 Oh")
        elif ending == "json":
            call.reply(b"{}")
        elif ending == "reset":
            call.reset()
        with pytest.raises(http.client.IncompleteRead) as caught:
            answer.read()
        assert caught.value.partial.replace(COMMENT, b"") == b""


def test_a_client_that_reads_slowly_does_not_make_the_provider_silent(guard: Guard, provider: ScriptedProvider) -> None:
    piece = b"data: " + b"x" * 65530 + b"\n\n"
    with guard.ask(order(provider, between_bytes_ms=300)) as asked:
        call = provider.take()
        call.begin_stream()
        answer = asked.answer()
        for _ in range(24):
            call.send(piece)
        until(lambda: asked.milliseconds > 900, "three times the limit")
        for _ in range(24):
            assert answer.read(len(piece)) == piece
        call.end_stream()
        assert answer.read() == b""


@pytest.mark.parametrize("moment", ["before the head", "in the middle"])
def test_a_client_that_leaves_ends_the_provider_s_work(guard: Guard, provider: ScriptedProvider, moment: str) -> None:
    with guard.ask(order(provider)) as asked:
        call = provider.take()
        if moment == "in the middle":
            call.begin_stream()
            call.send(EVENT)
            assert asked.answer().read1() == EVENT
    call.wait_for_end()
    until(lambda: guard.status() == {"open": 0, "draining": 0}, "nothing is left")


def test_an_order_that_cannot_be_read_is_our_own_fault(guard: Guard) -> None:
    with guard.ask({"target": "ftp://x"}) as asked:
        answer = asked.answer()
        assert (answer.status, answer.headers["x-ostiary-guard"], answer.read()) == (500, "order", b"")
    assert "an order that cannot be read: target" in guard.program.output

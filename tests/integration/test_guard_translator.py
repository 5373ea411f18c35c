"""Attempts that go through nginx's translator: the guard finds it on a unix socket, and believes what it says."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.guard import BODY, Guard, ScriptedProvider

ORDERS = '{"id":"e-1","base":"https://api.example"}'


@pytest.fixture(scope="module")
def guard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guard]:
    made = Guard(tmp_path_factory.mktemp("guard"), upstream_connect_seconds=1, upstream_read_seconds=3)
    yield made
    made.stop()


@pytest.fixture
def translator(tmp_path: Path) -> Iterator[ScriptedProvider]:
    made = ScriptedProvider(tmp_path / "t.sock")
    yield made
    made.close()


def test_pl_24_an_attempt_reaches_the_translator_as_it_was_sent(guard: Guard, translator: ScriptedProvider) -> None:
    path = "/messages/v1/chat/completions?a=b%20c"
    with guard.ask({"target": translator.url, "host": "api.example"}, path, X_Ostiary_Translate=ORDERS) as asked:
        call = translator.take()
        call.reply(b"{}")
        assert asked.answer().read() == b"{}"
    assert call.line == f"POST {path} HTTP/1.1"
    assert call.body == BODY
    assert dict(call.headers)["Host"] == "api.example"
    assert dict(call.headers)["X-Ostiary-Translate"] == ORDERS


def test_pl_24_a_path_of_the_socket_goes_before_the_request_s(guard: Guard, translator: ScriptedProvider) -> None:
    with guard.ask({"target": f"{translator.url}:/messages"}) as asked:
        call = translator.take()
        call.reply(b"{}")
        asked.answer().read()
    assert call.line == "POST /messages/v1/chat/completions HTTP/1.1"


def test_pl_24_a_connection_to_the_translator_serves_many_attempts(guard: Guard, translator: ScriptedProvider) -> None:
    call = None
    for _ in range(3):
        with guard.ask({"target": translator.url}) as asked:
            call = translator.take(call)
            call.reply(b"{}")
            asked.answer().read()


def test_pl_24_what_the_translator_is_told_is_for_no_provider(guard: Guard) -> None:
    provider = ScriptedProvider()
    with guard.ask({"target": provider.url}, X_Ostiary_Translate=ORDERS) as asked:
        call = provider.take()
        call.reply(b"{}", "200 OK", b"X-Ostiary-Guard: refused")
        answer = asked.answer()
        answer.read()
    provider.close()
    assert "x-ostiary-translate" not in {name.lower() for name, _ in call.headers}
    assert "x-ostiary-guard" not in answer.headers


@pytest.mark.parametrize(("status", "verdict"), [("400 Bad Request", "refused"), ("502 Bad Gateway", "connection")])
def test_pl_24_verdicts_of_the_translator_are_passed_on(
    guard: Guard, translator: ScriptedProvider, status: str, verdict: str
) -> None:
    with guard.ask({"target": translator.url}) as asked:
        translator.take().reply(b'{"error":{}}', status, b"X-Ostiary-Guard: " + verdict.encode())
        answer = asked.answer()
        assert (answer.status, answer.headers["x-ostiary-guard"], answer.read()) == (int(status[:3]), verdict, b'{"error":{}}')


def test_pl_24_a_translator_that_is_away_is_no_connection(guard: Guard, tmp_path: Path) -> None:
    with guard.ask({"target": f"unix:{tmp_path}/none.sock", "host": "api.example"}) as asked:
        answer = asked.answer()
        assert (answer.status, answer.headers["x-ostiary-guard"]) == (502, "connection")
        assert json.loads(answer.read())["error"]["type"] == "server_error"


ANTHROPIC = {"type": "timeout_error", "message": "provider timeout"}
GOOGLE = {"code": 504, "message": "provider timeout", "status": "DEADLINE_EXCEEDED"}
OPENAI = {"message": "provider timeout", "type": "server_error", "param": None, "code": 504}


@pytest.mark.parametrize(
    ("dialect", "path", "error"),
    [
        ("messages", "/models/claude:rawPredict", ANTHROPIC),
        ("generate", "/some/path", GOOGLE),
        ("chat", "/v1/messages", OPENAI),
        ("", "/chat/v1/messages?beta=true", ANTHROPIC),
        ("", "/chat/v1beta/models/-:streamGenerateContent?alt=sse", GOOGLE),
        ("", "/v1/models/gemini:generateContent", GOOGLE),
        ("", "/messages/v1/chat/completions", OPENAI),
    ],
)
def test_pl_24_a_timeout_is_told_in_the_client_s_dialect(
    guard: Guard, translator: ScriptedProvider, dialect: str, path: str, error: dict[str, object]
) -> None:
    with guard.ask({"target": translator.url, "dialect": dialect, "first_byte_ms": 10}, path) as asked:
        answer = asked.answer()
        assert answer.status == 504
        assert json.loads(answer.read())["error"] == error

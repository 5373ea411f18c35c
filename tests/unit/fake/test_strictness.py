"""The fake provider refuses what the real ones refuse, so that a gateway that forgets something is caught."""

import msgspec
import pytest

from ostiary_gateway.fake.dialect import Answer, Stream
from ostiary_gateway.fake.journal import Journal
from ostiary_gateway.fake.route import find_answer
from ostiary_gateway.fake.wire import Request

BEARER = (("authorization", "Bearer x"),)
CLAUDE = (("x-api-key", "x"), ("anthropic-version", "2023-06-01"))
GOOGLE = (("x-goog-api-key", "x"),)


@pytest.mark.parametrize(
    ("target", "headers", "body", "status"),
    [
        ("/v1/chat/completions", (), b"{}", 401),
        ("/v1/chat/completions", (("authorization", "Bearer "),), b"{}", 401),
        ("/v1/chat/completions", BEARER, b"{", 400),
        ("/v1/chat/completions", BEARER, b'{"messages":[]}', 400),
        ("/v1/chat/completions", BEARER, b'{"model":"m"}', 400),
        ("/v1/chat/completions", BEARER, b'{"model":"m","messages":[]}', 200),
        ("/v1/embeddings", BEARER, b'{"model":"m","messages":[]}', 400),
        ("/v1/messages", (), b"{}", 401),
        ("/v1/messages", CLAUDE[:1], b"{}", 400),
        ("/v1/messages", CLAUDE, b'{"model":"m","messages":[]}', 400),
        ("/v1/messages", CLAUDE, b'{"model":"m","messages":[],"max_tokens":1}', 200),
        ("/v1beta/models/m:generateContent", (), b'{"contents":[]}', 403),
        ("/v1beta/models/m:generateContent", GOOGLE, b"{}", 400),
        ("/v1beta/models/m:generateContent?key=k", (), b'{"contents":[]}', 200),
        ("/v1/nothing", BEARER, b"{}", 404),
    ],
)
def test_incomplete_requests_are_refused(target: str, headers: tuple[tuple[str, str], ...], body: bytes, status: int) -> None:
    answer = find_answer(Request("POST", target, headers, body), Journal())
    assert isinstance(answer, Answer)
    assert answer.status == status
    assert ("error" in msgspec.json.decode(answer.body)) == (status != 200)


HELLO = b'"messages":[{"role":"user","content":"hi"}]'


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b'{"model":"m",%s}' % HELLO, 200),
        (b'{"model":"m","random_seed":1,"safe_prompt":true,%s}' % HELLO, 200),
        (b'{"model":"m","stream_options":{"include_usage":true},"stream":true,%s}' % HELLO, 422),
        (b'{"model":"m","user":"u",%s}' % HELLO, 422),
    ],
)
def test_mistral_refuses_fields_of_openai(body: bytes, status: int) -> None:
    answer = find_answer(Request("POST", "/mistral/v1/chat/completions", BEARER, body), Journal())
    assert isinstance(answer, Answer)
    assert answer.status == status


def test_mistral_tells_usage_unasked_in_the_last_chunk() -> None:
    body = b'{"model":"m","stream":true,%s}' % HELLO
    stream = find_answer(Request("POST", "/mistral/v1/chat/completions", BEARER, body), Journal())
    assert isinstance(stream, Stream)
    *_, last, done = b"".join(stream.portions).split(b"\n\n")[:-1]
    assert done == b"data: [DONE]"
    chunk = msgspec.json.decode(last.removeprefix(b"data: "))
    assert chunk["choices"][0]["finish_reason"] == "stop"
    assert chunk["usage"]["prompt_tokens"] == 11


@pytest.mark.parametrize(("prefix", "status"), [("", 400), ("/lenient", 200)])
def test_a_lenient_server_takes_unknown_fields(prefix: str, status: int) -> None:
    body = b'{"model":"m","top_k":3,%s}' % HELLO
    answer = find_answer(Request("POST", f"{prefix}/v1/chat/completions", BEARER, body), Journal())
    assert isinstance(answer, Answer)
    assert answer.status == status

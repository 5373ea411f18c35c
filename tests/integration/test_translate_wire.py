"""What goes over the wire: the same dialect and another, bytes, cuts, failures, records (PL-24, PL-25, GZ-02)."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from tests.support.client import stream
from tests.support.manifests import Manifest, model, provider
from tests.support.planned import read_broken
from tests.support.queued_provider import Answer, QueuedProvider
from tests.support.translated import CHAT, HELLO, KEY, MESSAGES, RESPONSES, Translated, guarded, open_translated

from ostiary_gateway.fake.reply import GREETING

ODD = (
    b'{ "zzz" : {"b":1,"a":[1.0,1e2]},\r\n\t"messages":[ {"content":[{"text":"gr\xc3\xbc\\u00dfe","type":"text",'
    b'"cache_control":{"type":"ephemeral"}}] ,"role":"user"}]'
)
WHOLE = (
    b'{ "id":"chatcmpl-1","object":"chat.completion","model":"m","choices":[{"index":0, "message":{"role":"assistant",'
    b'"content":"hi"},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":1,"total_tokens":4},"odd":1.0}'
)
REFUSED = ("completed", "not_expressible", "400")


def models() -> list[Manifest]:
    return [
        model("mixed", "anthropic/status-503", "openai/echo"),
        model("mixed-back", "openai/status-503", "anthropic/echo"),
        model("guarded-mixed", "google/status-503", "bedrock/echo", timeouts={"firstByteMilliseconds": 4000}),
        model("refusing", "anthropic/echo", "google/echo", retryPolicy={"onStatusCodes": [
            {"codes": [400], "strategy": "DifferentProvider", "maxAttempts": 1},
        ]}),
        guarded("guarded", "anthropic/echo"),
        guarded("guarded-slow", "anthropic/hang"),
    ]  # fmt: skip


@pytest.fixture(scope="module")
def bed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Translated]:
    with open_translated(tmp_path_factory.mktemp("wire"), *models()) as bed:
        yield bed


@pytest.mark.parametrize(
    ("path", "name", "target"),
    [(CHAT, "openai/echo", "echo"), (MESSAGES, "anthropic/echo", "echo"), (RESPONSES, "openai/echo", "echo")],
)
def test_gz_02_the_same_dialect_passes_byte_for_byte(bed: Translated, path: str, name: str, target: str) -> None:
    """Unknown fields, their order, white space, escapes and cache_control: only the name of the model is another."""
    body = ODD + b' , "model"\n:"%s" ,"n" :1 } '
    headers = {"anthropic-beta": "one-2025,two-2026", "anthropic-version": "2023-01-01"}
    outcome = bed.ask(path, body % name.encode(), **headers)
    (seen,) = outcome.seen
    assert seen.body == body % target.encode()
    assert (seen.target, seen.header("anthropic-beta")) == (path, headers["anthropic-beta"])
    assert path != MESSAGES or seen.header("anthropic-version") == headers["anthropic-version"]


def test_pl_24_google_s_dialect_passes_byte_for_byte_and_without_the_key(bed: Translated) -> None:
    body = b'{ "contents" : [{"role":"user","parts":[{"text":"gr\xc3\xbcezi"}]}],\n "generationConfig":{"topK":3.0}}'
    outcome = bed.ask(f"/v1beta/models/google/echo:generateContent?key={KEY}&x=%20y", body, key=None)
    (seen,) = outcome.seen
    assert outcome.reply.status == 200
    assert (seen.body, seen.target) == (body, "/v1beta/models/echo:generateContent?x=%20y")
    assert (seen.header("x-goog-api-key"), KEY in seen.text) == ("credential-of-google", False)
    assert KEY not in outcome.record["endpoint"]


@pytest.mark.parametrize("query", ["?alt=sse", ""])
@pytest.mark.parametrize("name", ["google/echo", "openai/echo", "anthropic/echo", "bedrock/echo"])
def test_pl_24_a_google_client_streams_events_or_an_array(bed: Translated, name: str, query: str) -> None:
    body = {"contents": [{"role": "user", "parts": [{"text": "good morning"}]}]}
    path = f"/v1/models/{name.replace('/', '%2F')}:streamGenerateContent{query}"
    outcome = bed.ask(path, body, key=None, **{"x-goog-api-key": KEY})
    text = outcome.reply.text
    parts = [json.loads(line[6:]) for line in text.splitlines() if line.startswith("data: ")] if query else outcome.reply.json
    said = [part["text"] for each in parts for part in each["candidates"][0]["content"].get("parts", [])]
    assert "".join(said) == "good morning"
    assert parts[-1]["candidates"][0]["finishReason"] == "STOP"
    assert parts[-1]["usageMetadata"]["candidatesTokenCount"] == 2
    assert outcome.reply.headers["content-type"].startswith("text/event-stream" if query else "application/json")
    assert (outcome.record["stream"], outcome.record["usage"]["output_tokens"]) == (True, 2)


@pytest.mark.parametrize(
    ("path", "key", "status", "word"),
    [
        ("/v1beta/models/google/echo:generateContent", "nobody", 401, "UNAUTHENTICATED"),
        ("/v1beta/models/nobody/echo:generateContent", KEY, 400, "INVALID_ARGUMENT"),
        ("/v1beta/models/google/echo:countTokens", KEY, 404, "NOT_FOUND"),
        ("/v1beta/models/openai/status-429:generateContent", KEY, 429, "RESOURCE_EXHAUSTED"),
        ("/v1beta/models/anthropic/status-529:generateContent", KEY, 503, "UNAVAILABLE"),
        ("/v1beta/models/anthropic/drop:generateContent", KEY, 502, "UNAVAILABLE"),
    ],
)
def test_pl_25_a_google_client_s_errors(bed: Translated, path: str, key: str, status: int, word: str) -> None:
    reply = call_google(bed, path, key)
    assert (reply["code"], reply["status"]) == (status, word)
    assert reply["message"]


def call_google(bed: Translated, path: str, key: str) -> Any:
    body = {"contents": [{"role": "user", "parts": [{"text": "good morning"}]}]}
    with stream(bed.gateway.base_url, path, body, headers={"x-goog-api-key": key}) as answer:
        told = json.loads(answer.read())["error"]
        assert told["code"] == answer.status
        return told


@pytest.mark.parametrize(("name", "asked"), [("mixed", ["anthropic", "openai"]), ("mixed-back", ["openai", "anthropic"])])
@pytest.mark.parametrize("path", [CHAT, MESSAGES])
def test_pl_24_failover_between_a_native_and_a_translated_target(bed: Translated, name: str, asked: list[str], path: str) -> None:
    outcome = bed.ask(path, {"model": name, "messages": HELLO, "max_tokens": 64})
    assert outcome.reply.status == 200
    assert "good morning" in outcome.reply.text
    assert [(each["provider"], each["status"]) for each in outcome.record["attempts"]] == [(asked[0], 503), (asked[1], 200)]
    assert [seen.target for seen in outcome.seen] == [{"openai": CHAT, "anthropic": MESSAGES}[each] for each in asked]
    assert all(seen.header("x-ostiary-translate") is None for seen in outcome.seen)


def test_pl_24_failover_of_a_guarded_model_between_two_translated_targets(bed: Translated) -> None:
    outcome = bed.chat("guarded-mixed")
    assert outcome.reply.json["choices"][0]["message"]["content"] == "good morning"
    assert [(each["provider"], each["status"]) for each in outcome.record["attempts"]] == [("google", 503), ("bedrock", 200)]
    assert outcome.seen[1].target == "/model/echo/converse"


def test_pl_24_a_bedrock_request_is_signed(bed: Translated) -> None:
    (seen,) = bed.chat("bedrock/anthropic.claude-x:0").seen
    assert seen.target == "/model/anthropic.claude-x%3A0/converse"
    authorization = seen.header("authorization") or ""
    assert authorization.startswith("AWS4-HMAC-SHA256 Credential=AKIAFAKE/")
    assert "/eu-central-1/bedrock/aws4_request" in authorization
    assert (seen.header("x-amz-security-token"), "secret-of" in seen.text) == ("a-token", False)


@pytest.mark.parametrize("name", ["anthropic/echo", "guarded"])
def test_pl_24_what_cannot_be_said_is_refused_and_nobody_is_asked(bed: Translated, name: str) -> None:
    outcome = bed.chat(name, n=2)
    assert outcome.reply.status == 400
    assert (outcome.reply.json["error"]["param"], outcome.reply.json["error"]["type"]) == ("n", "invalid_request_error")
    assert outcome.seen == []
    record = outcome.record
    assert (record["ended"], record["error_type"], str(record["status"])) == REFUSED
    assert [each["error_type"] for each in record["attempts"]] == ["not_expressible"]
    assert record["usage"] == {}
    assert bed.chat(name).reply.status == 200, "no breaker counts it"


def test_pl_24_another_target_may_have_words_for_it(bed: Translated) -> None:
    outcome = bed.chat("refusing", n=2)
    assert (outcome.reply.status, len(outcome.reply.json["choices"])) == (200, 2)
    assert [each["error_type"] for each in outcome.record["attempts"]] == ["not_expressible", ""]


@pytest.mark.parametrize("body", [{"messages": "x"}, {"messages": [7]}, {"messages": [{"role": "user", "content": {}}]}, {}])
@pytest.mark.parametrize("path", [CHAT, MESSAGES])
def test_pl_24_a_request_that_cannot_be_read_is_refused(bed: Translated, path: str, body: Mapping[str, object]) -> None:
    name = "anthropic/echo" if path == CHAT else "openai/echo"
    outcome = bed.ask(path, {"model": name, "max_tokens": 9, **body})
    assert (outcome.reply.status, outcome.reply.json["error"]["type"], outcome.seen) == (400, "invalid_request_error", [])


def test_pl_24_losses_are_listed(bed: Translated) -> None:
    outcome = bed.chat("anthropic/echo", seed=7, logit_bias={"1": 2}, a_new_field=True)
    assert outcome.reply.status == 200
    assert set(outcome.reply.headers["x-ostiary-dropped"].split(", ")) == {"seed", "logit_bias", "a_new_field"}
    assert not {"seed", "logit_bias", "a_new_field"} & outcome.sent.keys()
    assert "x-ostiary-dropped" not in bed.chat("anthropic/echo").reply.headers


CUTS = ["split-1", "split-7.crlf", "nospace", "pings", "split-5.nospace.crlf.pings", "split-1000000"]


@pytest.mark.parametrize("words", CUTS)
@pytest.mark.parametrize("provider", ["anthropic", "google", "bedrock"])
def test_pl_24_a_stream_may_be_cut_anywhere(bed: Translated, provider: str, words: str) -> None:
    said = "gr\u00fcezi \u4e16\u754c \U0001f600 " * 5
    outcome = bed.chat(f"{provider}/echo.{words}", messages=[{"role": "user", "content": said}], stream=True)
    lines = [line for line in outcome.reply.text.split("\n") if line]
    assert lines[-1] == "data: [DONE]"
    assert all(line.startswith(("data: ", ": ")) for line in lines)
    chunks = [json.loads(line[6:]) for line in lines[:-1] if line.startswith("data: ")]
    assert "".join(chunk["choices"][0]["delta"].get("content") or "" for chunk in chunks) == said
    assert outcome.record["usage_source"] == "provider"


@pytest.mark.parametrize("name", ["anthropic/slow-50x8.pings", "guarded"])
def test_pl_24_events_are_passed_on_as_they_come(bed: Translated, name: str) -> None:
    body = {"model": name, "messages": HELLO, "stream": True}
    with stream(bed.gateway.base_url, CHAT, body, key=KEY) as answer:
        assert answer.readline().startswith(b"data:")
        rest = answer.read()
    assert rest.endswith(b"data: [DONE]\n\n")


@pytest.mark.parametrize("name", ["anthropic/cached", "bedrock/cached", "openai/cached"])
def test_pl_24_cached_tokens_are_told_and_accounted(bed: Translated, name: str) -> None:
    """In the client's own fields, and in the record by the provider's word, whole or streamed."""
    path = MESSAGES if name.startswith("openai") else CHAT
    fields = {"model": name, "messages": HELLO, "max_tokens": 64}
    outcome, streamed = bed.ask(path, fields), bed.ask(path, {**fields, "stream": True})
    usage, record = outcome.reply.json["usage"], outcome.record
    read = record["usage"]["cache_read_tokens"]
    assert read > 0
    if path == CHAT:
        assert usage["prompt_tokens_details"]["cached_tokens"] == read
        assert usage["prompt_tokens"] == record["usage"]["input_tokens"]
    else:
        assert usage["cache_read_input_tokens"] == read
        assert usage["input_tokens"] + read + usage["cache_creation_input_tokens"] == record["usage"]["input_tokens"]
    assert streamed.record["usage"] == record["usage"]
    assert {record["usage_source"], streamed.record["usage_source"]} == {"provider"}
    assert (record["provider"], record["model"]) == (name.partition("/")[0], "cached")


def test_pl_24_no_answer_is_told_in_the_client_s_dialect(bed: Translated) -> None:
    outcome = bed.chat("anthropic/drop")
    assert (outcome.reply.status, outcome.reply.json["error"]["code"]) == (502, 502)
    assert (outcome.record["ended"], outcome.record["error_type"]) == ("upstream_failed", "provider_unreachable")
    late = bed.chat("anthropic/hang")
    assert (late.reply.status, late.record["error_type"]) == (504, "provider_timeout")
    page = bed.chat("anthropic/html-500")
    assert (page.reply.status, page.record["error_type"]) == (500, "provider_error")


def test_pl_24_a_guard_keeps_the_time_of_a_translated_attempt(bed: Translated) -> None:
    outcome = bed.messages("guarded-slow")
    assert (outcome.reply.status, outcome.record["attempts"][0]["status"]) == (504, 0)


@pytest.mark.parametrize("provider", ["anthropic", "google", "bedrock"])
def test_pl_24_a_broken_stream_ends_with_an_error_event(bed: Translated, provider: str) -> None:
    body = {"model": f"{provider}/break-3.events-9", "messages": HELLO, "stream": True}
    with stream(bed.gateway.base_url, CHAT, body, key=KEY, headers={"x-request-id": f"broken-{provider}"}) as answer:
        blocks = read_broken(answer).split(b"\n\n")
    assert json.loads(blocks[-2][6:])["error"]["code"] == 502
    record = bed.gateway.record(f"broken-{provider}")
    assert (record["ended"], record["error_type"]) == ("upstream_failed", "provider_broken")


def test_tokens_are_estimated_where_the_provider_counts_none(bed: Translated) -> None:
    body = {"messages": HELLO, "system": "be brief", "tools": [{"name": "weather", "input_schema": {"type": "object"}}]}
    estimated = bed.ask(f"{MESSAGES}/count_tokens", {"model": "openai/echo", **body})
    assert (estimated.reply.status, estimated.reply.headers["x-ostiary-estimated"], estimated.seen) == (200, "true", [])
    assert 10 < estimated.reply.json["input_tokens"] < 100
    native = bed.ask(f"{MESSAGES}/count_tokens", {"model": "anthropic/echo", **body})
    assert "x-ostiary-estimated" not in native.reply.headers
    assert native.seen[0].target == f"{MESSAGES}/count_tokens"
    for outcome in (estimated, native):
        assert outcome.record["usage"] == {"input_tokens": 0, "output_tokens": 0}


@pytest.fixture
def posing(bed: Translated) -> Iterator[QueuedProvider]:
    """A server typed `anthropic` that answers every POST in OpenAI's format (behaviour.md 2.1, Consequence A)."""
    with QueuedProvider() as mock:
        bed.gateway.apply(*provider("posing", mock.url, "anthropic", credential="sk-posing"), file="posing")
        yield mock
        bed.gateway.remove("posing")


def test_pl_24_an_openai_shaped_answer_reaches_an_openai_client_intact(bed: Translated, posing: QueuedProvider) -> None:
    posing.answers(Answer(body=WHOLE))
    outcome = bed.ask(CHAT, {"model": "posing/m", "messages": HELLO})
    assert outcome.reply.body == WHOLE
    assert outcome.record["usage"]["input_tokens"] == 3
    assert posing.calls[0].path == MESSAGES
    assert bed.ask(MESSAGES, {"model": "posing/m", "messages": HELLO, "max_tokens": 9}).reply.body == WHOLE, "its own dialect"
    events = b"".join(b"data: %s\n\n" % part for part in (chunk("he"), chunk("llo"), chunk("", "stop"), b"[DONE]"))
    posing.answers(Answer(body=events, headers={"Content-Type": "text/event-stream"}))
    assert bed.ask(CHAT, {"model": "posing/m", "messages": HELLO, "stream": True}).reply.body == events
    answer = bed.ask(RESPONSES, {"model": "posing/m", "input": "x", "stream": True}).reply.text
    assert '"response.completed"' in answer
    assert '"text":"hello"' in answer
    refusal = b'{"error":{"message":"slow down","type":"requests","param":null,"code":"rate_limit_exceeded"}}'
    posing.answers(Answer(429, body=refusal))
    assert bed.ask(CHAT, {"model": "posing/m", "messages": HELLO}).reply.body == refusal


def chunk(text: str, reason: str | None = None) -> bytes:
    choice = {"index": 0, "delta": {"role": "assistant", "content": text}, "finish_reason": reason}
    return json.dumps({"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}).encode()


def test_nothing_of_a_request_is_in_the_logs(bed: Translated, tmp_path: Path) -> None:
    secret = f"sensitive-{tmp_path.name}"
    bed.chat("anthropic/echo", messages=[{"role": "user", "content": secret}])
    bed.chat("anthropic/echo", messages=[{"role": "user", "content": {secret: 1}}])
    assert secret not in bed.gateway.output
    assert "secret-of-AKIAFAKE" not in bed.gateway.output
    assert GREETING not in bed.gateway.output

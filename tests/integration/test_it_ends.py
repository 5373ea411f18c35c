"""How it ends when no backend answers, or when one breaks off: what both SDKs make of it, and what the ledger says."""

from collections.abc import Iterator
from uuid import uuid4

import anthropic
import openai
import pytest
from tests.support.client import stream as open_stream
from tests.support.manifests import model, provider
from tests.support.planned import BROKEN, CHAT, HELLO, KEY, LIMITED, MESSAGES, OK, Bed, policy, read_broken, rule
from tests.support.queued_provider import Answer

ELSEWHERE = policy(rule("DifferentProvider", 2, 429, "500-504"), onTimeout=rule("DifferentProvider", 2))
NAMES = ("limited", "broken", "silent", "blocked", "breaks", "odd")
MODELS = [
    *[model(f"ends-{name}", "openai", "anthropic", retryPolicy=ELSEWHERE) for name in NAMES if name != "silent"],
    model("ends-silent", "openai", "anthropic", retryPolicy=ELSEWHERE, timeouts={"firstByteMilliseconds": 150}),
    model("ends-nobody", "nowhere", retryPolicy=ELSEWHERE),
    model("ends-builtin", "openai", "anthropic"),
]
SUMMARY = ("type", "total_attempts", "retry_budget_exhausted")


@pytest.fixture(scope="module", autouse=True)
def models(session_bed: Bed) -> None:
    nowhere = provider("nowhere", "http://127.0.0.1:1", credential="sk-nowhere")
    session_bed.gateway.apply(*nowhere, *MODELS, file="it-ends")


@pytest.fixture
def oai(bed: Bed) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(api_key=KEY, base_url=f"{bed.gateway.base_url}/v1", max_retries=0) as client:
        yield client


@pytest.fixture
def claude(bed: Bed) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(api_key=KEY, base_url=bed.gateway.base_url, max_retries=0) as client:
        yield client


@pytest.mark.parametrize(
    ("name", "answer", "status", "types"),
    [
        ("limited", LIMITED, 429, ["http_429", "http_429"]),
        ("broken", BROKEN, 503, ["http_503", "http_503"]),
        ("silent", Answer(delay=60), 504, ["timeout_", "timeout_"]),
        ("nobody", OK, 502, ["connection_error"]),
    ],
)
def test_exhaustion_is_the_class_that_an_openai_caller_expects(  # noqa: PLR0917 - a table and two fixtures
    bed: Bed, oai: openai.OpenAI, name: str, answer: Answer, status: int, types: list[str]
) -> None:
    bed.answer(answer, answer)
    request_id = uuid4().hex
    with pytest.raises(openai.RateLimitError if status == 429 else openai.InternalServerError) as caught:
        oai.chat.completions.create(model=f"ends-{name}", messages=HELLO, extra_headers={"x-request-id": request_id})
    assert caught.value.status_code == status
    assert caught.value.request_id == request_id
    body = caught.value.body
    assert [body[field] for field in SUMMARY] == ["retry_exhausted", len(types), False]
    assert [each["attempt"] for each in body["attempts"]] == list(range(1, len(types) + 1))
    assert all(each["error_type"].startswith(kind) for each, kind in zip(body["attempts"], types, strict=True))
    record = bed.gateway.record(request_id)
    assert record["status"] == status
    assert len(record["attempts"]) == len(types)


def test_exhaustion_on_messages_is_in_anthropics_envelope(bed: Bed, claude: anthropic.Anthropic) -> None:
    bed.answer(LIMITED, LIMITED)
    with pytest.raises(anthropic.RateLimitError) as caught:
        claude.messages.create(model="ends-limited", messages=HELLO, max_tokens=16)
    body = caught.value.body
    assert (body["type"], body["request_id"]) == ("error", caught.value.request_id)
    assert [body["error"][field] for field in SUMMARY] == ["retry_exhausted", 2, False]
    assert [each["model"] for each in body["error"]["attempts"]] == ["openai/ends-limited", "anthropic/ends-limited"]


def test_exhaustion_tells_when_it_is_worth_coming_back(bed: Bed, oai: openai.OpenAI) -> None:
    bed.answer(Answer(429, headers={"Retry-After": "40"}), Answer(429, headers={"Retry-After": "20"}))
    for count in (2, 0):  # the second one finds everybody blocked
        with pytest.raises(openai.APIStatusError) as caught:
            oai.chat.completions.create(model="ends-blocked", messages=HELLO)
        body = caught.value.body
        assert body["type"] == "retry_exhausted"
        assert body["total_attempts"] == count
        assert 18 <= body["shortest_remaining_block_seconds"] <= 20
        assert 18 <= int(caught.value.response.headers["retry-after"]) <= 20
        assert caught.value.status_code == (429 if count else 502)
        if count:
            assert body["observed_max_retry_after_seconds"] == 40
    assert bed.counts == [1, 1, 0]


def test_without_a_policy_the_last_providers_own_error_reaches_the_client(bed: Bed) -> None:
    bed.answer(BROKEN, Answer(503, body=b'{"error":{"message":"mine","odd":[1, 2]}}', headers={"Retry-After": "9"}))
    reply = bed.ask("ends-builtin", **{"x-request-id": "builtin"})
    assert (reply.status, reply.body) == (503, b'{"error":{"message":"mine","odd":[1, 2]}}')
    assert reply.headers["retry-after"] == "9"
    assert reply.headers["x-request-id"] == "builtin"
    assert (reply.headers["x-ostiary-provider"], reply.headers["x-ostiary-attempts"]) == ("anthropic", "2")


@pytest.mark.parametrize("status", [302, 400, 422])
def test_pl_25_what_is_not_retried_passes_through_untouched(bed: Bed, status: int) -> None:
    odd = b'{"error": {"message":"max_tokens is too large", "param":"max_tokens"},\n "more": 1 }'
    bed.answer(Answer(status, body=odd, headers={"X-Odd": "kept"}))
    reply = bed.ask("ends-odd")
    assert (reply.status, reply.body, reply.headers["x-odd"]) == (status, odd, "kept")
    assert bed.counts == [1, 0, 0]


@pytest.mark.parametrize("name", ["ends-breaks", "ends-builtin", "openai/plain"])
def test_a_stream_that_breaks_is_an_error_for_an_openai_caller_and_is_not_retried(
    bed: Bed, oai: openai.OpenAI, name: str
) -> None:
    bed.answer(Answer(text="never to be finished", breaks=2))
    request_id = uuid4().hex
    own = {"x-request-id": request_id}
    with oai.chat.completions.create(model=name, messages=HELLO, stream=True, extra_headers=own) as stream:
        chunks = iter(stream)
        seen = [next(chunks).choices[0].delta.content for _ in range(2)]
        with pytest.raises(openai.APIError) as caught:
            next(chunks)
    assert seen == ["never ", "to "]
    assert caught.value.body["type"] == "server_error"
    assert bed.counts == [1, 0, 0]
    record = bed.gateway.record(request_id)
    assert (record["status"], record["ended"], record["error_type"]) == (200, "upstream_failed", "provider_broken")


def test_a_broken_chat_stream_ends_with_one_error_event(bed: Bed) -> None:
    bed.answer(Answer(text="never to be finished", breaks=2))
    body = {"model": "ends-breaks", "stream": True, "messages": HELLO}
    with open_stream(bed.gateway.base_url, CHAT, body, key=KEY) as response:
        blocks = read_broken(response).split(b"\n\n")
    assert [b'"content": "never "' in blocks[0], b'"content": "to "' in blocks[1]] == [True, True]
    assert blocks[2].startswith(b'data: {"error":{')
    assert blocks[3:] == [b""]


def test_a_broken_message_stream_is_an_error_for_an_anthropic_caller(bed: Bed, claude: anthropic.Anthropic) -> None:
    bed.answer(Answer(text="never to be finished", breaks=4))
    request_id = uuid4().hex
    with (
        pytest.raises(anthropic.APIStatusError) as caught,
        claude.messages.stream(
            model="ends-breaks", messages=HELLO, max_tokens=16, extra_headers={"x-request-id": request_id}
        ) as stream,
    ):
        list(stream.text_stream)
    assert caught.value.body["error"]["type"] == "api_error"
    assert bed.counts == [1, 0, 0]
    record = bed.gateway.record(request_id)
    assert (record["ended"], record["error_type"]) == ("upstream_failed", "provider_broken")


def test_a_broken_message_stream_ends_with_an_error_event(bed: Bed) -> None:
    bed.answer(Answer(text="never to be finished", breaks=4))
    body = {"model": "ends-breaks", "stream": True, "messages": HELLO, "max_tokens": 16}
    with open_stream(bed.gateway.base_url, MESSAGES, body, key=KEY) as response:
        blocks = read_broken(response).split(b"\n\n")
    assert blocks[4].startswith(b'event: error\ndata: {"type":"error","error":{"type":"api_error",')
    assert blocks[5:] == [b""]

"""IT-1 to IT-5, IT-7, IT-12 and IT-13 of behaviour.md 2.4: whom a request that failed goes to next, and who is left alone."""

import json
from collections.abc import Iterator

import pytest
from tests.support.client import stream as open_stream
from tests.support.manifests import model, provider
from tests.support.planned import BROKEN, CHAT, KEY, KINDS, LIMITED, OK, Bed, both, policy, rule
from tests.support.queued_provider import ECHO, Answer, QueuedProvider

TWO, THREE = ("openai", "anthropic"), ("openai", "anthropic", "mistral")


def elsewhere(retries: int, *codes: int) -> dict[str, object]:
    return policy(rule("DifferentProvider", retries, *codes))


def listed(name: str, kind: str) -> dict[str, object]:
    return {"fallbackModels": [f"anthropic/{name}-{kind}", f"mistral/{name}-{kind}"], **elsewhere(3, 429)}


MODELS = [
    model("openai/gpt-4o", "openai", "anthropic/claude-3-5-sonnet", retryPolicy=elsewhere(2, 429)),
    *both("it-1", *TWO, retryPolicy=elsewhere(2, 429)),
    *both("it-2", *TWO, retryPolicy=elsewhere(2, 503)),
    *both("it-3", *TWO, retryPolicy=elsewhere(2, 429)),
    *both("it-4", *TWO),
    *both("it-5", *THREE, retryPolicy=elsewhere(1, 429)),
    *[model(f"it-7-{kind}", "openai", retryPolicy=listed("it-7", kind)) for kind in KINDS],
    *both("it-12", *TWO, retryPolicy=elsewhere(2, 429)),
    *both("it-13", *TWO, retryPolicy=elsewhere(2, 429)),
]
in_both_kinds = pytest.mark.parametrize("kind", KINDS)


@pytest.fixture(scope="module", autouse=True)
def models(session_bed: Bed) -> None:
    session_bed.gateway.apply(*MODELS, file="it-failover")


@in_both_kinds
def test_it_1_a_limited_primary_is_left_for_the_secondary(bed: Bed, kind: str) -> None:
    bed.answer(LIMITED, Answer(text="from the secondary"))
    outcome = bed.chat(f"it-1-{kind}", stream=kind == "stream")
    assert (outcome.status, outcome.text) == (200, "from the secondary")
    assert bed.counts == [1, 1, 0]
    assert bed.attempts(outcome) == [("openai", 429, "http_429"), ("anthropic", 200, "")]
    assert outcome.headers["x-request-id"] == outcome.request_id
    assert outcome.headers["x-ostiary-provider"] == "anthropic"
    assert outcome.headers["x-ostiary-model"] == f"it-1-{kind}"
    assert outcome.headers["x-ostiary-attempts"] == "2"


def test_it_1_with_the_names_that_people_have(bed: Bed) -> None:
    """A Model called as a provider's model is: the Model counts."""
    bed.answer(LIMITED, OK)
    outcome = bed.chat("openai/gpt-4o")
    assert outcome.status == 200
    assert [mock.calls[0].json["model"] for mock in bed.mocks[:2]] == ["gpt-4o", "claude-3-5-sonnet"]
    record = bed.record(outcome)
    assert (record["requested_model"], record["resolved_model"]) == ("openai/gpt-4o", "openai/gpt-4o")
    assert record["provider"] == "anthropic"
    assert [each["model"] for each in record["attempts"]] == ["gpt-4o", "claude-3-5-sonnet"]


@in_both_kinds
def test_it_2_a_broken_primary_is_left_for_the_secondary(bed: Bed, kind: str) -> None:
    bed.answer(BROKEN, Answer(text="from the secondary"))
    outcome = bed.chat(f"it-2-{kind}", stream=kind == "stream")
    assert (outcome.status, outcome.text) == (200, "from the secondary")
    assert bed.counts == [1, 1, 0]
    assert bed.attempts(outcome) == [("openai", 503, "http_503"), ("anthropic", 200, "")]


@in_both_kinds
def test_it_3_where_everybody_is_limited_the_client_is_told_of_each_attempt(bed: Bed, kind: str) -> None:
    bed.answer(LIMITED, LIMITED)
    outcome = bed.chat(f"it-3-{kind}", stream=kind == "stream")
    assert outcome.status == 429
    assert outcome.error["type"] == "retry_exhausted"
    assert outcome.error["message"]
    assert outcome.error["total_attempts"] == 2
    assert outcome.error["retry_budget_exhausted"] is False
    assert outcome.error["attempts"] == [
        {"model": f"openai/it-3-{kind}", "error_type": "http_429", "attempt": 1},
        {"model": f"anthropic/it-3-{kind}", "error_type": "http_429", "attempt": 2},
    ]
    assert outcome.headers["x-request-id"] == outcome.request_id
    assert outcome.headers["x-ostiary-attempts"] == "2"
    assert bed.counts == [1, 1, 0]
    assert bed.attempts(outcome) == [("openai", 429, "http_429"), ("anthropic", 429, "http_429")]
    assert bed.record(outcome)["status"] == 429


@in_both_kinds
def test_it_4_without_a_policy_a_limit_passes_through(bed: Bed, kind: str) -> None:
    bed.answer(Answer(429, headers={"Retry-After": "7"}))
    outcome = bed.chat(f"it-4-{kind}", stream=kind == "stream")
    assert outcome.status == 429
    assert outcome.error["message"] == "the mock says 429"
    assert outcome.headers["retry-after"] == "7"
    assert bed.counts == [1, 0, 0]
    assert [each[:2] for each in bed.attempts(outcome)] == [("openai", 429)]


@in_both_kinds
def test_it_5_one_retry_is_one_retry(bed: Bed, kind: str) -> None:
    bed.answer(LIMITED, LIMITED)
    outcome = bed.chat(f"it-5-{kind}", stream=kind == "stream")
    assert (outcome.status, outcome.error["type"]) == (429, "retry_exhausted")
    assert bed.counts == [1, 1, 0]
    assert len(bed.attempts(outcome)) == 2


@in_both_kinds
def test_it_7_fallback_models_are_tried_in_their_order(bed: Bed, kind: str) -> None:
    bed.answer(LIMITED, LIMITED, Answer(text="from the tertiary"))
    outcome = bed.chat(f"it-7-{kind}", stream=kind == "stream")
    assert (outcome.status, outcome.text) == (200, "from the tertiary")
    assert bed.counts == [1, 1, 1]
    assert [each[0] for each in bed.attempts(outcome)] == ["openai", "anthropic", "mistral"]


def test_it_12_a_stream_comes_from_the_secondary(bed: Bed) -> None:
    bed.answer(LIMITED, Answer(text="word by word", pause=0.1))
    body = {"model": "it-12-stream", "stream": True, "messages": [{"role": "user", "content": "hello"}]}
    with open_stream(bed.gateway.base_url, CHAT, body, key=KEY, headers={"x-request-id": "it-12"}) as response:
        assert response.status == 200
        assert (response.getheader("content-type") or "").startswith("text/event-stream")
        assert response.readline().startswith(b"data: {")
        lines = [line for line in response.read().split(b"\n") if line.startswith(b"data: {")]
    assert "".join(json.loads(line[6:])["choices"][0]["delta"].get("content", "") for line in lines) == "by word"
    assert bed.counts == [1, 1, 0]
    assert bed.gateway.record("it-12")["ended"] == "completed"


@in_both_kinds
def test_it_13_messages_reach_the_secondary_as_they_were_sent(bed: Bed, kind: str) -> None:
    messages = [
        {"role": "system", "content": 'answer "briefly"\n'},
        {"role": "user", "content": [{"type": "text", "text": "h\u00e9 \u4e16\u754c"}]},
        {"role": "assistant", "content": "yes?"},
        {"role": "user", "content": "echo this \u2014 exactly as it is: {}[]\\"},
    ]
    bed.answer(LIMITED, Answer(text=ECHO))
    outcome = bed.chat(f"it-13-{kind}", stream=kind == "stream", messages=messages)
    assert outcome.text == messages[-1]["content"]
    (first,), (second,) = bed.primary.calls, bed.secondary.calls
    assert first.json["messages"] == second.json["messages"] == messages


@pytest.fixture(scope="module")
def plain(session_bed: Bed) -> Iterator[tuple[QueuedProvider, QueuedProvider]]:
    """Two mocks that serve one request at a time and know no keep-alive (behaviour.md 2.1, Consequence D)."""
    with QueuedProvider(plain=True) as first, QueuedProvider(plain=True) as second:
        session_bed.gateway.apply(
            *provider("plain-1", first.url, credential="sk-1"),
            *provider("plain-2", second.url, credential="sk-2"),
            *both("it-plain", "plain-1", "plain-2", retryPolicy=elsewhere(2, 429)),
            file="it-plain",
        )
        yield first, second
        session_bed.gateway.remove("it-plain")


@in_both_kinds
def test_it_12_mocks_without_keep_alive_are_not_held_up(
    bed: Bed, plain: tuple[QueuedProvider, QueuedProvider], kind: str
) -> None:
    """Whoever else comes is served at once: no connection of ours is left open."""
    first, second = plain
    first.answers(LIMITED)
    second.answers(Answer(text="one at a time"))
    for _ in range(5):
        assert bed.chat(f"it-plain-{kind}", stream=kind == "stream").text == "one at a time"
        with open_stream(second.url, "/anything", seconds=2) as response:
            assert response.status == 200
    assert (len(first.calls), len(second.calls)) == (5, 5)

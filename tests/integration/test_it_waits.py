"""IT-6, IT-8 and IT-10 of behaviour.md 2.4: what is waited for, and what is not."""

import time

import pytest
from tests.support.planned import KINDS, LIMITED, OK, Bed, both, policy, rule
from tests.support.queued_provider import Answer

_BACKOFF = {"applyTo": "SameModel", "baseMilliseconds": 500, "maxMilliseconds": 5000, "jitter": False}
_TIMELY = {"onTimeout": rule("DifferentProvider", 2)}

MODELS = [
    *both("it-6", "openai", retryPolicy=policy(rule("SameModel", 3, 429), backoff=_BACKOFF)),
    *both(
        "it-8",
        "openai",
        retryPolicy=policy(rule("SameModel", 2, 429), retryAfterHandling={"scope": "Model", "applyTo": "Request"}),
    ),
    *both("it-10", "openai", "anthropic", retryPolicy=_TIMELY, timeouts={"firstByteMilliseconds": 300}),
]
in_both_kinds = pytest.mark.parametrize("kind", KINDS)


@pytest.fixture(scope="module", autouse=True)
def models(session_bed: Bed) -> None:
    session_bed.gateway.apply(*MODELS, file="it-waits")


@in_both_kinds
def test_it_6_the_same_model_is_tried_again_after_growing_waits(bed: Bed, kind: str) -> None:
    bed.answer([LIMITED, LIMITED, Answer(text="third time lucky")])
    start = time.monotonic()
    outcome = bed.chat(f"it-6-{kind}", stream=kind == "stream")
    took = time.monotonic() - start
    assert (outcome.status, outcome.text) == (200, "third time lucky")
    assert bed.counts == [3, 0, 0]
    assert 1.5 <= took < 2.5
    attempts = bed.record(outcome)["attempts"]
    assert [each["waited_ms"] for each in attempts] == [0, 500, 1000]
    assert bed.attempts(outcome) == [("openai", 429, "http_429")] * 2 + [("openai", 200, "")]
    assert outcome.headers["x-ostiary-attempts"] == "3"


@in_both_kinds
def test_it_8_retry_after_is_waited_for_where_the_same_model_is_tried_again(bed: Bed, kind: str) -> None:
    bed.answer([Answer(429, headers={"Retry-After": "2"}), OK])
    start = time.monotonic()
    outcome = bed.chat(f"it-8-{kind}", stream=kind == "stream")
    took = time.monotonic() - start
    assert outcome.status == 200
    assert bed.counts == [2, 0, 0]
    assert 1.8 <= took < 3
    assert bed.blocks(f"m:openai/it-8-{kind}") == 0, "of this request only"
    assert 1800 <= bed.record(outcome)["attempts"][1]["waited_ms"] <= 2000


@in_both_kinds
def test_it_10_a_silent_primary_is_left_for_the_secondary(bed: Bed, kind: str) -> None:
    bed.answer(Answer(delay=120), Answer(text="from the secondary"))
    start = time.monotonic()
    outcome = bed.chat(f"it-10-{kind}", stream=kind == "stream")
    took = time.monotonic() - start
    assert (outcome.status, outcome.text) == (200, "from the secondary")
    assert bed.counts == [1, 1, 0]
    assert 0.3 <= took < 2
    first, second = bed.attempts(outcome)
    assert first[0] == "openai"
    assert first[2].startswith("timeout")
    assert second == ("anthropic", 200, "")

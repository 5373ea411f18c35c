"""IT-9 and IT-11 of behaviour.md 2.4: what one request has learnt, every worker knows before the next one's first attempt."""

import time

import pytest
from tests.support.manifests import model
from tests.support.planned import KINDS, OK, Bed, both, policy, rule
from tests.support.queued_provider import Answer

_MORE = 16  # requests, each on a connection of its own: they reach all workers but for one time in 25


def fallback(kind: str) -> dict[str, object]:
    after = {"scope": "Model", "applyTo": "Global"}
    rules = policy(rule("DifferentProvider", 2, 429), retryAfterHandling=after)
    return {"fallbackModels": [f"anthropic/it-9-{kind}"], **rules}


_SLOW = {
    "thresholdMilliseconds": 1000, "measure": "Total", "minTriggers": 1, "triggerWindowSeconds": 60,
    "scope": "Model", "applyTo": "Global", **rule("DifferentProvider", 2),
}  # fmt: skip

MODELS = [
    *[model(f"it-9-{kind}", "openai", retryPolicy=fallback(kind)) for kind in KINDS],
    *both("it-11", "openai", "anthropic", retryPolicy={"onHighLatency": _SLOW}),
]
in_both_kinds = pytest.mark.parametrize("kind", KINDS)


@pytest.fixture(scope="module", autouse=True)
def models(session_bed: Bed) -> None:
    session_bed.gateway.apply(*MODELS, file="it-blocks")


@in_both_kinds
def test_it_9_a_limited_primary_is_not_asked_again_by_any_of_4_workers(bed: Bed, kind: str) -> None:
    bed.answer(Answer(429, headers={"Retry-After": "60"}), Answer(text="from the secondary"))
    start = time.monotonic()
    first = bed.chat(f"it-9-{kind}", stream=kind == "stream")
    assert time.monotonic() - start < 2, "a switch waits for nothing"
    assert (first.status, first.text) == (200, "from the secondary")
    assert bed.counts == [1, 1, 0]
    assert bed.attempts(first) == [("openai", 429, "http_429"), ("anthropic", 200, "")]
    assert 55 < bed.blocks(f"m:openai/it-9-{kind}") <= 60
    assert len(bed.gateway.workers()) == 4
    for number in range(_MORE):
        outcome = bed.chat(f"it-9-{kind}", stream=kind == "stream")
        assert (outcome.status, outcome.text) == (200, "from the secondary")
        assert outcome.headers["x-ostiary-attempts"] == "1"
        assert bed.counts == [1, 2 + number, 0]


@in_both_kinds
def test_it_11_a_slow_answer_is_delivered_and_the_slow_one_left_alone_by_4_workers(bed: Bed, kind: str) -> None:
    bed.answer(Answer(text="slow", delay=1.5), OK)
    first = bed.chat(f"it-11-{kind}", stream=kind == "stream")
    assert (first.status, first.text) == (200, "slow")
    assert bed.counts == [1, 0, 0]
    assert bed.attempts(first) == [("openai", 200, "")]
    assert 295 < bed.blocks(f"m:openai/it-11-{kind}") <= 300
    for number in range(_MORE):
        outcome = bed.chat(f"it-11-{kind}", stream=kind == "stream")
        assert (outcome.status, outcome.text) == (200, OK.text)
        assert bed.counts == [1, 1 + number, 0]

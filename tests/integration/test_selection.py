"""Which backend is asked first: by order, weight, price, speed, quality."""

from collections import Counter

import pytest
from tests.support.manifests import model
from tests.support.planned import LIMITED, OK, Bed, policy, rule
from tests.support.queued_provider import Answer


def backend(provider: str, name: str = "", **more: object) -> dict[str, object]:
    return {"providerRef": {"name": provider}} | ({"model": name} if name else {}) | more


def priced(provider: str, dollars: str) -> dict[str, object]:
    return backend(provider, price={"inputPerMillionTokens": dollars, "outputPerMillionTokens": dollars})


WEIGHTED = {"selection": "Weighted"}
ELSEWHERE = {"retryPolicy": policy(rule("DifferentProvider", 2, 429))}
MODELS = [
    model("by-order", "mistral", "openai"),
    model("by-priority", backend("openai", priority=7), backend("mistral"), backend("anthropic", priority=3), **ELSEWHERE),
    model("by-weight", backend("openai", weight=5), backend("anthropic", weight=2), backend("mistral", weight=1), **WEIGHTED),
    model("by-both", backend("openai", weight=90, priority=1), backend("anthropic"), backend("mistral"), **WEIGHTED),
    model("by-weight-zero", backend("openai", weight=0), backend("anthropic"), **WEIGHTED, **ELSEWHERE),
    model("by-cost", priced("openai", "3.5"), "anthropic", priced("mistral", "0.2"), selection="Cost", **ELSEWHERE),
    model("by-latency", "openai", "anthropic", selection="Latency"),
    model("by-balance", priced("openai", "9"), priced("anthropic", "0.9"), selection="Balanced"),
    model("by-quality", "openai/gpt-4o-mini", "anthropic/claude-opus-4", selection="Quality"),
]  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def models(session_bed: Bed) -> None:
    session_bed.gateway.apply(*MODELS, file="selection")


def first_choices(bed: Bed, name: str, count: int) -> list[str]:
    """Who answered each of so many requests."""
    return [bed.ask(name).headers["x-ostiary-provider"] for _ in range(count)]


def test_the_first_in_the_list_is_taken(bed: Bed) -> None:
    assert set(first_choices(bed, "by-order", 8)) == {"mistral"}


def test_smaller_priority_numbers_come_first_also_in_retries(bed: Bed) -> None:
    bed.answer(OK, LIMITED, LIMITED)
    outcome = bed.chat("by-priority")
    assert [each[0] for each in bed.attempts(outcome)] == ["mistral", "anthropic", "openai"]


def test_weights_are_exact_and_smooth_over_all_workers(bed: Bed) -> None:
    chosen = first_choices(bed, "by-weight", 32)
    assert Counter(chosen) == {"openai": 20, "anthropic": 8, "mistral": 4}
    for start in range(0, 32, 8):
        assert Counter(chosen[start : start + 8]) == {"openai": 5, "anthropic": 2, "mistral": 1}
    assert "openai openai openai openai" not in " ".join(chosen)


def test_weights_count_among_the_best_priority_only(bed: Bed) -> None:
    assert Counter(first_choices(bed, "by-both", 10)) == {"anthropic": 5, "mistral": 5}


def test_weight_zero_serves_for_retries_only(bed: Bed) -> None:
    bed.answer(OK, [LIMITED, OK])
    assert first_choices(bed, "by-weight-zero", 6) == ["openai", *["anthropic"] * 5]


def test_the_cheapest_known_price_is_taken_and_the_unknown_last(bed: Bed) -> None:
    bed.answer(LIMITED, OK, LIMITED)
    outcome = bed.chat("by-cost")
    assert [each[0] for each in bed.attempts(outcome)] == ["mistral", "openai", "anthropic"]


def test_the_fastest_of_late_is_taken_and_the_other_found_again(bed: Bed) -> None:
    """The slow one is tried now and then; when it has become the fast one, most requests go there."""
    bed.answer(Answer(delay=0.1))
    before = Counter(first_choices(bed, "by-latency", 60))
    assert before["anthropic"] >= 45
    assert before["openai"] >= 1
    bed.answer(OK, Answer(delay=0.2))
    after = first_choices(bed, "by-latency", 40)
    assert Counter(after[20:])["openai"] >= 14


def test_balance_prefers_what_is_cheap_and_fast(bed: Bed) -> None:
    bed.answer(Answer(delay=0.05))
    assert Counter(first_choices(bed, "by-balance", 20))["anthropic"] >= 15


def test_the_best_of_the_ranking_is_taken(bed: Bed) -> None:
    assert set(first_choices(bed, "by-quality", 4)) == {"anthropic"}

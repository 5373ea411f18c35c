"""The golden cases, which nginx's JavaScript has to answer in the same way."""

import json
from itertools import cycle
from pathlib import Path
from typing import Any

import msgspec
import pytest

from ostiary_gateway import policy as rules
from ostiary_gateway.contract.decision import Plan, Target
from ostiary_gateway.contract.model import RetryPolicy

FOLDER = Path(__file__).parents[2] / "golden"
POLICIES: dict[str, Any] = json.loads((FOLDER / "policy/policies.json").read_text())["policies"]
Case = dict[str, Any]


def cases(name: str) -> Any:
    found = json.loads((FOLDER / name).read_text())["cases"]
    assert len(found) >= 6
    return pytest.mark.parametrize("case", found, ids=[case["name"] for case in found])


def policy(name: str | None) -> RetryPolicy | None:
    return None if name is None else msgspec.convert(POLICIES[name], RetryPolicy)


def failure(value: Case) -> rules.Failure:
    return msgspec.convert(value, rules.Failure)


def target(place: int, **fields: Any) -> Target:
    given = {"id": f"p{place}/m", "provider": f"p{place}", **fields}
    return Target(provider_type="openai", upstream="u", scheme="http", host="h", base_path="", model="m", **given)


@pytest.mark.parametrize("name", POLICIES)
def test_the_policies_are_complete(name: str) -> None:
    assert json.loads(msgspec.json.encode(policy(name))) == POLICIES[name]


@cases("policy/match_failure.json")
def test_match_failure(case: Case) -> None:
    found = rules.match_failure(policy(case["policy"]), failure(case["failure"]))
    assert msgspec.to_builtins(found) == case["result"]


@cases("policy/failures.json")
def test_failures(case: Case) -> None:
    value = failure(case["failure"])
    assert msgspec.to_builtins(value) == case["failure"]
    found = rules.error_type(value), rules.failure_status(value), rules.counts_for_breaker(value)
    assert found == (case["error"], case["status"], case["ill"])


@cases("policy/retries_left.json")
def test_retries_left(case: Case) -> None:
    assert rules.retries_left(rules.Rule("any", case["maxAttempts"]), case["done"]) == case["result"]


@cases("policy/next_target.json")
def test_next_target(case: Case) -> None:
    split = [text.partition(":") for text in case["targets"]]
    targets = tuple(target(i, provider=prefix, priority=int(priority or 0)) for i, (prefix, _, priority) in enumerate(split))
    fallbacks = case["fallbacks"]
    plan = Plan(model="m", targets=targets, policy=None if fallbacks is None else RetryPolicy(fallbacks=tuple(fallbacks)))

    def eligible(i: int, waiting: bool) -> bool:
        return i not in case["blocked"] or (waiting and i in case["waiting"])

    assert rules.next_target(plan, case["tried"], case["current"], case["strategy"], eligible) == case["result"]


@cases("policy/backoff.json")
def test_backoff(case: Case) -> None:
    found = rules.backoff_ms(
        policy(case["policy"]),
        case["n"],
        lambda: case["random"],
        same_model=case["sameModel"],
        same_provider=case["sameProvider"],
    )
    assert found == case["result"]


@cases("policy/wait.json")
def test_wait(case: Case) -> None:
    assert rules.wait_ms(case["backoff"], case["left"], same_target=case["sameTarget"]) == case["result"]


@cases("policy/may_begin.json")
def test_may_begin(case: Case) -> None:
    assert rules.may_begin(policy(case["policy"]), case["elapsed"], case["wait"]) == case["result"]


@cases("policy/retry_after.json")
def test_retry_after(case: Case) -> None:
    now = json.loads((FOLDER / "policy/retry_after.json").read_text())["now"]
    assert rules.retry_after_ms(case["value"], now, case["most"]) == case["result"]


@cases("policy/high_latency.json")
def test_high_latency(case: Case) -> None:
    rule = msgspec.convert(POLICIES[case["policy"]], RetryPolicy).on_high_latency
    assert rules.high_latency(rule, case["ttfb"], case["total"]) == case["result"]


@cases("policy/triggered.json")
def test_triggered(case: Case) -> None:
    assert rules.triggered(case["times"], case["now"], case["window"], case["least"]) == (case["kept"], case["block"])


@cases("policy/exhausted.json")
def test_exhausted(case: Case) -> None:
    tries = [msgspec.convert(one, rules.Try) for one in case["tries"]]
    assert msgspec.to_builtins(rules.exhausted(tries, msgspec.convert(case["facts"], rules.Facts))) == case["result"]


@cases("policy/intercept.json")
def test_intercept(case: Case) -> None:
    assert rules.intercept(policy(case["policy"])) == case["result"]


@cases("choice/warmth.json")
def test_warmth(case: Case) -> None:
    assert rules.warmth(case["recoveredAt"], case["warmUp"], case["now"]) == pytest.approx(case["result"])


@cases("choice/averaged.json")
def test_averaged(case: Case) -> None:
    assert rules.averaged(case["before"], case["age"], case["ms"]) == pytest.approx(case["result"])


def view_of(given: Case, turn: int) -> rules.View:
    """What a case says of the moment; the counter may be read once in a choice."""
    turns = iter([turn])
    numbers = cycle(given.get("random", [0.5]))
    return rules.View(
        eligible=lambda i: i in given.get("eligible", [i]),
        warmth=lambda i: given["warmth"][i] if "warmth" in given else 1,
        latency=lambda i: given["latency"][i] if "latency" in given else -1,
        turn=lambda: next(turns),
        random=lambda: next(numbers),
        affinity=given.get("affinity", ""),
    )


@cases("choice/choose.json")
def test_choose(case: Case) -> None:
    targets = tuple(target(i, **fields) for i, fields in enumerate(case["targets"]))
    policy = RetryPolicy(fallbacks=tuple(case["fallbacks"])) if "fallbacks" in case else None
    plan = Plan(model="m", targets=targets, policy=policy, selection=case["selection"])
    given = case["view"]
    if "turns" in given:
        assert [rules.choose(plan, view_of(given, turn)) for turn in range(given["turns"])] == case["result"]
    else:
        assert rules.choose(plan, view_of(given, given.get("turn", 0))) == case["result"]

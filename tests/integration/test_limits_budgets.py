"""Budgets: refused before a provider is called, in each dialect, and never overspent (TP-09, GZ-03)."""

from collections import Counter
from collections.abc import Iterator
from decimal import Decimal

import pytest
from tests.support.limited import CHAT, MESSAGES, OPEN, Limited, limited, open_limited
from tests.support.manifests import model
from tests.support.queued_provider import Answer
from tests.support.wait import until

KEYS = [
    limited("poor", budget={"amount": "0.000001"}),
    limited("daily", budget={"amount": "0.000001", "period": "Daily"}),
    limited("thrifty", budget={"amount": "0.0001"}),
    limited("crowd", budget={"tokens": 1000, "period": "Total"}),
    limited("capped", budget={"amount": "1"}),
    limited("strict", onUnpriced="Reject"),
    limited("free"),
]
COST = Decimal("0.00000585")  # of the mock's 11 input and 7 output tokens with gpt-4o-mini
SHORT = model("short", "openai/gpt-4o-mini", limits={"maxOutputTokens": 50})
UNKNOWN = {"model": "openai/nobody-knows-its-price"}


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Limited]:
    with open_limited(tmp_path_factory.mktemp("budgets"), KEYS, SHORT, workers=2) as bed:
        yield bed


@pytest.fixture
def bed(opened: Limited) -> Limited:
    opened.mock.answers(Answer())
    return opened


def test_gz_03_a_budget_that_is_too_small_is_refused_before_any_call(bed: Limited) -> None:
    refused = bed.ask("poor")
    error = {"message": "monthly budget exceeded", "type": "insufficient_quota", "param": None, "code": 402}
    assert (refused.status, refused.json) == (402, {"error": error})
    assert (refused.headers["x-should-retry"], "retry-after" in refused.headers) == ("false", False)
    anthropic = bed.ask("poor", MESSAGES)
    assert (anthropic.status, anthropic.json["error"]) == (402, {"type": "billing_error", "message": "monthly budget exceeded"})
    flat = bed.ask("poor", OPEN)
    assert (flat.status, flat.json["error"], flat.json["message"]) == (402, "budget_exceeded", "monthly budget exceeded")
    assert bed.ask("daily").json["error"]["message"] == "daily budget exceeded"
    assert bed.mock.calls == []


def test_tp_09_what_was_spent_is_spent(bed: Limited) -> None:
    """Each request takes COST, and may take a little more."""
    first = bed.ask("thrifty")
    assert first.status == 200
    statuses: list[int] = []

    def refused() -> bool:
        bed.gateway.idle()
        statuses.append(bed.ask("thrifty").status)
        return statuses[-1] == 402

    until(refused, "the budget is spent")
    assert 10 <= statuses.count(200) <= 17, "no more than fit, and none refused that fits"
    assert set(statuses) == {200, 402}
    assert len(bed.mock.calls) == 1 + statuses.count(200)


def test_a_budget_of_tokens_holds_when_all_come_at_once(bed: Limited) -> None:
    """Each may take about 110 + 16 tokens and takes 18."""
    seen = Counter(bed.statuses("crowd", 80))
    bed.gateway.idle()
    spent = sum(
        r["usage"]["input_tokens"] + r["usage"]["output_tokens"] for r in bed.gateway.ledger() if r["key_name"] == "crowd"
    )
    assert spent == 18 * seen[200] <= 1000
    assert seen.keys() <= {200, 429, 402}
    assert seen[200] >= 5


def test_a_request_without_a_maximum_gets_the_one_of_its_model(bed: Limited) -> None:
    """So that it cannot take more than was reserved; null is none."""
    for asked in ({}, {"max_tokens": None}):
        assert bed.ask("capped", body={"model": "short", "max_tokens": None, **asked}).status == 200
        sent = bed.mock.calls[-1].json
        assert (sent.pop("max_completion_tokens"), "max_tokens" in sent) == (50, False)
    assert bed.ask("capped", body={"model": "short"}).status == 200
    assert bed.mock.calls[-1].json == {
        "model": "gpt-4o-mini",
        "messages": [{"role": "user", "content": "hello"}],
        "max_tokens": 16,
    }
    assert bed.ask("free", body={"model": "short", "max_tokens": None}).status == 200
    assert "max_completion_tokens" not in bed.mock.calls[-1].json, "of a key without limits nothing is changed"


def test_gz_11_a_model_without_a_price_is_refused(bed: Limited) -> None:
    refused = bed.ask("strict", body=UNKNOWN)
    assert (refused.status, "model_pricing_missing" in refused.json["error"]["message"]) == (422, True)
    flat = bed.ask("strict", OPEN, body={"model": "nobody-knows-its-price"})
    assert (flat.status, flat.json["error"]) == (422, "model_pricing_missing")
    assert bed.mock.calls == []
    assert bed.ask("strict").status == 200


def test_a_pass_through_request_is_charged_for_the_model_in_its_body(bed: Limited) -> None:
    assert bed.ask("capped", OPEN, **{"x-request-id": "charged"}).status == 200
    assert bed.mock.calls[-1].json == {
        "model": "gpt-4o-mini",
        "messages": [{"role": "user", "content": "hello"}],
        "max_tokens": 16,
    }
    record = bed.gateway.record("charged")
    assert (record["surface"], record["requested_model"], Decimal(record["cost"])) == ("pass_through", "gpt-4o-mini", COST)


def test_every_request_has_one_record_and_refused_ones_have_none(bed: Limited) -> None:
    before = len(bed.gateway.ledger())
    assert bed.ask("poor", CHAT).status == 402
    assert bed.ask("free", CHAT).status == 200
    bed.gateway.idle()
    assert len(bed.gateway.ledger()) == before + 1

"""Rates, slots and what the headers say of them (TP-08, TP-15)."""

import time
from collections import Counter
from collections.abc import Iterator

import pytest
from tests.support.client import stream
from tests.support.limited import CHAT, MESSAGES, MODEL, OPEN, Limited, key_of, limited, open_limited
from tests.support.queued_provider import Answer
from tests.support.wait import until

LIMITED = {"message": "rate limit exceeded", "type": "requests", "param": None, "code": 429}
KEYS = [
    limited("hundred", {"requests": {"perMinute": 100}}),
    limited("burst", {"requests": {"perMinute": 100}}),
    limited("second", {"requests": {"perSecond": 3}}),
    limited("tokens", {"tokens": {"perMinute": 1000}, "inputTokens": {"perMinute": 800}, "outputTokens": {"perMinute": 900}}),
    limited("both", {"requests": {"perMinute": 5, "perHour": 1000}, "concurrentRequests": 3}),
    limited("slots", {"concurrentRequests": 2}),
    limited("none", {"requests": {"perMinute": 0}}),
    limited("free"),
]
OURS = {"x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"}
FOREIGN = {
    "x-ratelimit-limit-requests": "777",
    "x-ratelimit-remaining-tokens": "888",
    "anthropic-ratelimit-requests-limit": "999",
}


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Limited]:
    with open_limited(tmp_path_factory.mktemp("rates"), KEYS) as bed:
        yield bed


@pytest.fixture
def bed(opened: Limited) -> Limited:
    opened.mock.answers(Answer())
    return opened


def test_tp_08_the_101st_request_of_a_minute_is_refused(bed: Limited) -> None:
    began = time.monotonic()
    assert bed.statuses("hundred", 100) == [200] * 100
    refused = bed.ask("hundred")
    assert (refused.status, refused.json["error"]) == (429, LIMITED)
    assert 58 - (time.monotonic() - began) < int(refused.headers["retry-after"]) <= 61
    assert len(bed.mock.calls) == 100, "nothing of it reached the provider"


def test_tp_08_of_400_at_once_exactly_100_pass(bed: Limited) -> None:
    assert bed.ask("burst").status == 200, (
        "the key is known: 400 questions of who it is may take longer than nginx waits for them"
    )
    assert Counter(bed.statuses("burst", 400)) == {200: 99, 429: 301}


def test_tp_08_refused_requests_do_not_consume(bed: Limited) -> None:
    """Free again after the window, whatever was refused in it."""
    passed = time.monotonic()
    assert [bed.ask("second").status for _ in range(3)] == [200] * 3
    refused = [bed.ask("second") for _ in range(10)]
    assert {reply.status for reply in refused} == {429}
    again = int(refused[-1].headers["retry-after-ms"]) / 1000
    answers: list[float] = []

    def served() -> bool:
        answers.append(time.monotonic() - passed)
        return bed.ask("second").status == 200

    until(served, "the window slides on", 3)
    assert answers[-1] > 0.9
    assert again < 1.1
    until(lambda: bed.ask("second").status == 200, "the second one is there again", 3)
    until(lambda: bed.ask("second").status == 200, "and the third", 3)


def test_tp_15_zero_is_no_limit(bed: Limited) -> None:
    assert bed.statuses("none", 10) == [200] * 10


def test_tp_15_the_headers_fall_with_each_call(bed: Limited) -> None:
    replies = [bed.ask("both", path) for path in (CHAT, MESSAGES, OPEN, CHAT, CHAT)]
    assert [reply.status for reply in replies] == [200] * 5
    told = [(reply.headers["x-ratelimit-limit"], reply.headers["x-ratelimit-remaining"]) for reply in replies]
    assert told == [("5", "4"), ("5", "3"), ("5", "2"), ("5", "1"), ("5", "0")], "the tightest window"
    for reply in replies:
        assert time.time() < int(reply.headers["x-ratelimit-reset"]) < time.time() + 63
    chat, messages, opened = replies[:3]
    assert (chat.headers["x-ratelimit-limit-requests"], chat.headers["x-ratelimit-remaining-requests"]) == ("5", "4")
    assert chat.headers["x-ratelimit-reset-requests"] in {"1m0s", "1m1s"}
    assert messages.headers["anthropic-ratelimit-requests-remaining"] == "3"
    assert messages.headers["anthropic-ratelimit-requests-reset"].endswith("Z")
    assert {name for name in opened.headers if "ratelimit" in name} == OURS
    refused = bed.ask("both", MESSAGES)
    error = {"type": "rate_limit_error", "message": "rate limit exceeded"}
    assert (refused.status, refused.json["error"], refused.headers["x-ratelimit-remaining"]) == (429, error, "0")
    flat = bed.ask("both", OPEN)
    assert (flat.status, flat.json["error"], flat.headers["x-ratelimit-limit"]) == (429, "rate_limit_exceeded", "5")
    assert int(flat.headers["retry-after"]) >= 1


def test_tokens_are_told_and_a_large_request_is_refused(bed: Limited) -> None:
    chat = bed.ask("tokens")
    assert (chat.status, chat.headers["x-ratelimit-limit-tokens"]) == (200, "1000")
    assert 0 < int(chat.headers["x-ratelimit-remaining-tokens"]) < 1000
    assert "x-ratelimit-limit" not in chat.headers, "requests are not limited"
    messages = bed.ask("tokens", MESSAGES)
    left = {
        unit: int(messages.headers[f"anthropic-ratelimit-{unit}-remaining"])
        for unit in ("tokens", "input-tokens", "output-tokens")
    }
    assert left["tokens"] < int(chat.headers["x-ratelimit-remaining-tokens"])
    assert left["output-tokens"] <= 900 - 16
    refused = bed.ask("tokens", body={"max_tokens": 5000})
    assert (refused.status, refused.json["error"]["type"]) == (429, "tokens")


def test_a_providers_own_limits_are_not_the_callers(bed: Limited) -> None:
    bed.mock.answers(Answer(headers=FOREIGN))
    ours = bed.ask("tokens").headers
    assert "x-ratelimit-limit-requests" not in ours
    assert ours["x-ratelimit-remaining-tokens"] != "888"
    assert "anthropic-ratelimit-requests-limit" not in ours
    assert bed.ask("free").headers.items() >= FOREIGN.items(), "a key without limits sees them"
    assert bed.ask("tokens", OPEN).headers.items() >= FOREIGN.items(), "and so does pass-through, where all is untouched"


def test_requests_at_once_are_limited_and_no_slot_is_lost(bed: Limited) -> None:
    bed.mock.answers(Answer(delay=0.1))
    seen = Counter(bed.statuses("slots", 12))
    assert seen == {200: 2, 429: 10}
    until(lambda: bed.out() == 0, "both slots are back")
    body = {"model": MODEL, "messages": [], "stream": True}
    bed.mock.answers(Answer(pause=0.05))
    with (
        stream(bed.gateway.base_url, CHAT, body, key=key_of("slots")) as first,
        stream(bed.gateway.base_url, CHAT, body, key=key_of("slots")) as second,
    ):
        assert (first.readline()[:5], second.readline()[:5]) == (b"data:", b"data:")
        refused = bed.ask("slots")
        assert (refused.status, refused.headers["retry-after"]) == (429, "1")
        assert first.read().rstrip().endswith(b"[DONE]")
        second.read()
    until(lambda: bed.out() == 0, "both slots are back")

"""The reference's defects, behaviour.md 2.5: each test fails where the defect is."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from tests.support.client import stream as open_stream
from tests.support.manifests import model
from tests.support.planned import CHAT, HELLO, KEY, LIMITED, OK, Bed, policy, rule
from tests.support.queued_provider import Answer

TWO = ("openai", "anthropic")
AFTER_A_MINUTE = Answer(429, headers={"Retry-After": "60"})
ELSEWHERE = policy(rule("DifferentProvider", 2, 429, 503))
NUMBERS = (1, 2, 3, 4, 8)
MODELS = [
    *[model(f"defect-{number}", *TWO, retryPolicy=ELSEWHERE) for number in NUMBERS],
    model("defect-5", "openai", retryPolicy=policy(rule("SameModel", 1, 429))),
    model("defect-6", *TWO, retryPolicy=ELSEWHERE),
    model("defect-7", *TWO, retryPolicy=ELSEWHERE, timeouts={"attemptMilliseconds": 300, "requestMilliseconds": 700}),
]


@pytest.fixture(scope="module", autouse=True)
def models(session_bed: Bed) -> None:
    session_bed.gateway.apply(*MODELS, file="it-defects")


def test_defect_1_what_is_blocked_is_blocked_for_later_requests_too(bed: Bed) -> None:
    bed.answer(AFTER_A_MINUTE)
    with ThreadPoolExecutor(8) as pool:
        bed.chat("defect-1")
        outcomes = list(pool.map(lambda _: bed.chat("defect-1"), range(24)))
    assert {outcome.status for outcome in outcomes} == {200}
    assert bed.counts == [1, 25, 0]


def test_defect_2_blocks_count_before_the_first_attempt(bed: Bed) -> None:
    bed.answer(AFTER_A_MINUTE)
    bed.chat("defect-2")
    second = bed.chat("defect-2")
    assert bed.attempts(second) == [("anthropic", 200, "")]


def test_defect_3_a_switch_does_not_sleep(bed: Bed) -> None:
    bed.answer(AFTER_A_MINUTE)
    start = time.monotonic()
    outcome = bed.chat("defect-3")
    assert time.monotonic() - start < 1
    assert [each["waited_ms"] for each in bed.record(outcome)["attempts"]] == [0, 0]


def test_defect_4_after_a_retry_events_arrive_as_they_are_sent(bed: Bed) -> None:
    bed.answer(LIMITED, Answer(text="one two three four five six", pause=0.1))
    body = {"model": "defect-4", "stream": True, "messages": HELLO}
    start = time.monotonic()
    with open_stream(bed.gateway.base_url, CHAT, body, key=KEY) as response:
        response.readline()
        first = time.monotonic() - start
        response.read()
        last = time.monotonic() - start
    assert first < 0.4
    assert last - first > 0.4


def test_defect_5_attempts_are_counted_after_the_first(bed: Bed) -> None:
    bed.answer([LIMITED, OK])
    assert bed.chat("defect-5").status == 200
    assert bed.counts == [2, 0, 0]


def test_defect_6_the_longest_retry_after_is_told(bed: Bed) -> None:
    bed.answer(AFTER_A_MINUTE, Answer(429, headers={"Retry-After": "3"}))
    assert bed.chat("defect-6").error["observed_max_retry_after_seconds"] == 60


def test_defect_7_an_attempt_has_its_own_time_within_the_requests(bed: Bed) -> None:
    """Two silent attempts of 300 ms are within 700 ms; a third backend is not there, and the whole never takes longer."""
    bed.answer(Answer(delay=60), Answer(text="in time", delay=0.1))
    outcome = bed.chat("defect-7")
    assert (outcome.status, outcome.text) == (200, "in time")
    bed.answer(Answer(delay=60), Answer(delay=60))
    start = time.monotonic()
    outcome = bed.chat("defect-7")
    assert time.monotonic() - start < 1.5
    assert (outcome.status, outcome.error["type"]) == (504, "retry_exhausted")


def test_defect_8_retry_after_counts_without_being_configured(bed: Bed) -> None:
    bed.answer(AFTER_A_MINUTE)
    assert bed.chat("defect-8").status == 200
    assert 55 < bed.blocks("m:openai/defect-8") <= 60
    assert bed.chat("defect-8").status == 200
    assert bed.counts == [1, 2, 0]

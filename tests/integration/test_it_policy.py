"""The rules of a retry policy, PL-01 to PL-10 of behaviour.md 2.3, through nginx and sidecar."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from tests.support.manifests import model, provider
from tests.support.planned import CREDENTIALS, KEY, LIMITED, MESSAGES, OK, Bed, open_bed, policy, rule
from tests.support.queued_provider import Answer
from tests.support.wait import until

THREE = ("openai", "anthropic", "mistral")
ELSEWHERE = policy(rule("DifferentProvider", 2, 429, "500-504"))


def after(seconds: str) -> Answer:
    return Answer(429, headers={"Retry-After": seconds})


def backoff(reach: str, base: int, most: int, *, jitter: bool = False) -> dict[str, object]:
    return {"backoff": {"applyTo": reach, "baseMilliseconds": base, "maxMilliseconds": most, "jitter": jitter}}


def handling(**how: object) -> dict[str, object]:
    return {"retryAfterHandling": how}


def slow(milliseconds: int, retries: int = 2, **more: object) -> dict[str, object]:
    return {"onHighLatency": {"thresholdMilliseconds": milliseconds, **rule("DifferentProvider", retries), **more}}


LASTING = policy(rule("SameModel", 8, 429), **backoff("Global", 40, 41), maxRetryDurationMilliseconds=100)
CAPPED = {**ELSEWHERE, **handling(maxRetryAfterSeconds=50)}
ROOMY = policy(rule("SameProvider", 2, 429), **handling(scope="Provider"))
SLOW_OR_SILENT = {**slow(100), "onTimeout": rule("DifferentProvider", 1)}
RETRY_AFTERS = {"seconds": "40", "capped": "4000", "words": "soon", "negative": "-5", "fraction": "1.5", "none": ""}
MODELS = [
    model("pl-01", "openai", "anthropic/pl-01-second", retryPolicy=policy(rule("DifferentProvider", 1, 429))),
    model("pl-01-second", "anthropic", retryPolicy=policy(rule("SameModel", 5, 429))),
    model("pl-02", *THREE, retryPolicy={"fallbackModels": ["mistral/pl-02"], **ELSEWHERE}),
    model("pl-02-same", "openai/a", "anthropic", "openai/b", "openai/c", retryPolicy=policy(rule("SameProvider", 2, 429))),
    model("pl-02-blocked", *THREE, retryPolicy=ELSEWHERE),
    model("pl-02-first", *THREE, retryPolicy=policy(rule("SameModel", 1, "429-431"), rule("DifferentProvider", 2, 430))),
    model("pl-02-default", *THREE, retryPolicy={"defaultMaxAttempts": 1}),
    model("pl-03", "openai", retryPolicy=policy(rule("SameModel", 4, 429), **backoff("Global", 20, 50))),
    model("pl-03-jitter", "openai", retryPolicy=policy(rule("SameModel", 4, 429), **backoff("SameModel", 40, 41, jitter=True))),
    model("pl-03-switch", *THREE, retryPolicy={**ELSEWHERE, **backoff("SameModel", 5000, 9000)}),
    model("pl-03-everywhere", *THREE, retryPolicy={**ELSEWHERE, **backoff("Global", 50, 60)}),
    model("pl-03-duration", "openai", retryPolicy=LASTING),
    *[model(f"pl-04-{name}", "openai", "anthropic", retryPolicy=CAPPED) for name in RETRY_AFTERS],
    model("pl-04-date", "openai", "anthropic", retryPolicy=ELSEWHERE),
    model("pl-04-cap", "openai", retryPolicy=policy(rule("SameModel", 1, 429), **handling(maxRetryAfterSeconds=1))),
    model("pl-04-later", "openai", retryPolicy=policy(rule("DifferentProvider", 0, 429), **handling(applyTo="Global"))),
    model("pl-05-request", "openai", "anthropic", retryPolicy={**ELSEWHERE, **handling(applyTo="Request")}),
    model("pl-05-provider", "roomy/a", "roomy/b", "mistral", retryPolicy=ROOMY),
    model("pl-06", "openai", "anthropic", retryPolicy=slow(100)),
    model("pl-06-thrice", "openai", "anthropic", retryPolicy=slow(100, minTriggers=3, triggerWindowSeconds=60)),
    model("pl-06-request", "openai", "anthropic", retryPolicy=slow(100, applyTo="Request")),
    model("pl-06-timeout", "openai", "anthropic", retryPolicy=SLOW_OR_SILENT, timeouts={"attemptMilliseconds": 200}),
    model("pl-07", "openai/first-name", "anthropic/second-name", "mistral/third-name", retryPolicy=ELSEWHERE),
    model("pl-07-own", "lets-pass/mine", "openai/ours", retryPolicy=ELSEWHERE),
    model("pl-09", *THREE, retryPolicy={"defaultMaxAttempts": 2}),
    model("pl-09-asked", *THREE, retryPolicy=policy(rule("DifferentProvider", 2, 400, 422))),
    model("pl-10", "nobody", "anthropic", retryPolicy={"onTimeout": rule("DifferentProvider", 1), "defaultMaxAttempts": 0}),
    model("eight", "openai", retryPolicy=policy(rule("SameModel", 8, 429))),
]  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def models(session_bed: Bed) -> None:
    session_bed.gateway.apply(
        *provider("roomy", session_bed.secondary.url, credential="sk-roomy"),
        *provider("lets-pass", session_bed.secondary.url, passthroughAuth=True),
        *provider("nobody", "http://127.0.0.1:1", credential="sk-nobody"),
        *MODELS,
        file="it-policy",
    )


def test_pl_01_the_policy_of_the_model_that_was_asked_for_governs(bed: Bed) -> None:
    bed.answer(LIMITED, LIMITED)
    outcome = bed.chat("pl-01")
    assert (outcome.status, outcome.error["type"]) == (429, "retry_exhausted")
    assert bed.counts == [1, 1, 0]


def test_pl_02_fallback_models_come_first_then_the_rest_of_the_list(bed: Bed) -> None:
    bed.answer(LIMITED, LIMITED, LIMITED)
    outcome = bed.chat("pl-02")
    assert [each["model"] for each in outcome.error["attempts"]] == ["openai/pl-02", "mistral/pl-02", "anthropic/pl-02"]


def test_pl_02_the_same_provider_is_the_same_prefix_and_nobody_twice(bed: Bed) -> None:
    bed.answer(LIMITED)
    outcome = bed.chat("pl-02-same")
    assert [each["model"] for each in outcome.error["attempts"]] == ["openai/a", "openai/b", "openai/c"]
    assert bed.counts == [3, 0, 0]


def test_pl_02_what_is_blocked_is_skipped(bed: Bed) -> None:
    bed.answer(LIMITED, after("60"), OK)
    assert bed.chat("pl-02-blocked").status == 200
    assert bed.counts == [1, 1, 1]
    assert bed.chat("pl-02-blocked").status == 200
    assert bed.counts == [2, 1, 2]


def test_pl_02_the_first_rule_that_names_a_status_counts(bed: Bed) -> None:
    bed.answer(Answer(430))
    outcome = bed.chat("pl-02-first")
    assert outcome.error["total_attempts"] == 2
    assert bed.counts == [2, 0, 0]


def test_pl_02_a_status_that_no_rule_names_has_the_defaults(bed: Bed) -> None:
    bed.answer(Answer(418), Answer(500))
    outcome = bed.chat("pl-02-default")
    assert (outcome.status, outcome.error["total_attempts"]) == (500, 2)
    assert [each["error_type"] for each in outcome.error["attempts"]] == ["http_418", "http_500"]


def test_pl_03_waits_double_up_to_their_maximum(bed: Bed) -> None:
    bed.answer(LIMITED)
    outcome = bed.chat("pl-03")
    assert [each["waited_ms"] for each in bed.record(outcome)["attempts"]] == [0, 20, 40, 50, 50]


def test_pl_03_jitter_takes_up_to_half_of_a_wait(bed: Bed) -> None:
    bed.answer(LIMITED)
    waits = [each["waited_ms"] for each in bed.record(bed.chat("pl-03-jitter"))["attempts"]]
    assert waits[0] == 0
    assert all(20 <= wait <= 41 for wait in waits[1:])
    assert len(set(waits[1:])) > 1


def test_pl_03_a_wait_between_the_same_model_is_none_between_others(bed: Bed) -> None:
    bed.answer(LIMITED, after("30"), OK)
    start = time.monotonic()
    assert bed.chat("pl-03-switch").status == 200
    assert time.monotonic() - start < 1
    assert bed.counts == [1, 1, 1]


def test_pl_03_a_wait_for_all_is_one_between_others_too(bed: Bed) -> None:
    bed.answer(LIMITED, LIMITED)
    assert [each["waited_ms"] for each in bed.record(bed.chat("pl-03-everywhere"))["attempts"]] == [0, 50, 60]


def test_pl_03_retries_end_with_the_time_that_they_may_take(bed: Bed) -> None:
    """40 + 41 ms are within 100 ms of the first retry, a third wait is not."""
    bed.answer(LIMITED)
    outcome = bed.chat("pl-03-duration")
    assert outcome.error["type"] == "retry_exhausted"
    assert bed.counts[0] in {2, 3}
    assert outcome.error["retry_budget_exhausted"] is True


IGNORED = [(name, 0, 0) for name in ("words", "negative", "fraction", "none")]


@pytest.mark.parametrize(("name", "least", "most"), [("seconds", 38, 40), ("capped", 48, 50), *IGNORED])
def test_pl_04_retry_after_is_whole_seconds_capped_and_otherwise_ignored(bed: Bed, name: str, least: float, most: float) -> None:
    bed.answer(after(RETRY_AFTERS[name]))
    assert bed.chat(f"pl-04-{name}").status == 200
    assert least <= bed.blocks(f"m:openai/pl-04-{name}") <= most


def test_pl_04_retry_after_may_be_a_date(bed: Bed) -> None:
    bed.answer(after(format_datetime(datetime.now(UTC) + timedelta(seconds=100), usegmt=True)))
    assert bed.chat("pl-04-date").status == 200
    assert 95 < bed.blocks("m:openai/pl-04-date") <= 100


def test_pl_04_the_cap_is_what_the_same_model_waits(bed: Bed) -> None:
    bed.answer([after("60"), OK])
    start = time.monotonic()
    assert bed.chat("pl-04-cap").status == 200
    assert 0.9 < time.monotonic() - start < 2


def test_pl_04_later_expiry_wins_and_success_does_not_clear_it(bed: Bed) -> None:
    """Three requests are under way at once; the answers come in the order 50 s, 20 s, success."""
    first, second = (Answer(429, headers={"Retry-After": value}, delay=delay) for value, delay in (("50", 0.2), ("20", 0.3)))
    bed.answer([first, second, Answer(delay=0.4)])
    with ThreadPoolExecutor(3) as pool:
        outcomes = list(pool.map(lambda _: bed.chat("pl-04-later"), range(3)))
    assert sorted(outcome.status for outcome in outcomes) == [200, 429, 429]
    assert 45 < bed.blocks("m:openai/pl-04-later") <= 50


def test_pl_05_a_block_of_this_request_is_no_block_for_the_next(bed: Bed) -> None:
    bed.answer(after("60"))
    for number in (1, 2):
        assert bed.chat("pl-05-request").status == 200
        assert bed.counts == [number, number, 0]


def test_pl_05_a_blocked_provider_is_all_of_its_models(bed: Bed) -> None:
    """`roomy` is at the secondary mock; its second model is not tried after the first was limited."""
    bed.answer(OK, after("60"), OK)
    first = bed.chat("pl-05-provider")
    assert first.error["type"] == "retry_exhausted"
    assert bed.counts == [0, 1, 0]
    assert 55 < bed.blocks("p:roomy") <= 60
    assert bed.chat("pl-05-provider").status == 200
    assert bed.counts == [0, 1, 1]


def test_pl_06_time_to_first_byte_is_measured_unless_told_otherwise(bed: Bed) -> None:
    bed.answer(Answer(text="one two three", pause=0.08))
    assert bed.chat("pl-06", stream=True).status == 200
    assert bed.blocks("m:openai/pl-06") == 0
    bed.answer(Answer(delay=0.15))
    assert bed.chat("pl-06").text == OK.text
    assert bed.counts == [1, 0, 0]
    assert bed.blocks("m:openai/pl-06") > 0


def test_pl_06_it_takes_as_many_slow_answers_as_are_asked_for(bed: Bed) -> None:
    bed.answer(Answer(delay=0.15))
    for _ in range(3):
        assert bed.blocks("m:openai/pl-06-thrice") == 0
        assert bed.chat("pl-06-thrice").status == 200
    assert bed.blocks("m:openai/pl-06-thrice") > 0
    assert bed.counts == [3, 0, 0]


def test_pl_06_slowness_that_is_this_requests_business_blocks_nobody(bed: Bed) -> None:
    bed.answer(Answer(delay=0.15))
    assert bed.chat("pl-06-request").status == 200
    assert bed.chat("pl-06-request").status == 200
    assert bed.counts == [2, 0, 0]


def test_pl_06_a_timeout_beyond_the_threshold_counts_as_both(bed: Bed) -> None:
    bed.answer(Answer(delay=60))
    outcome = bed.chat("pl-06-timeout")
    assert outcome.status == 200
    assert bed.counts == [1, 1, 0]
    assert bed.blocks("m:openai/pl-06-timeout") > 0
    assert bed.attempts(outcome)[0][2].startswith("timeout")


def test_pl_07_each_provider_gets_its_own_model_and_credential_and_no_other(bed: Bed) -> None:
    bed.answer(LIMITED, LIMITED, OK)
    assert bed.chat("pl-07", **{"anthropic-version": "2099-01-01", "api-key": "mine"}).status == 200
    first, second, third = (mock.calls[0] for mock in bed.mocks)
    assert [call.json["model"] for call in (first, second, third)] == ["first-name", "second-name", "third-name"]
    assert first.headers["authorization"] == f"Bearer {CREDENTIALS['openai']}"
    assert second.headers["x-api-key"] == CREDENTIALS["anthropic"]
    assert third.headers["authorization"] == f"Bearer {CREDENTIALS['mistral']}"
    assert "authorization" not in second.headers
    assert "x-api-key" not in first.headers
    assert "x-api-key" not in third.headers
    for call, name in zip((first, second, third), CREDENTIALS, strict=True):
        others = [credential for each, credential in CREDENTIALS.items() if each != name]
        assert not [secret for secret in (*others, KEY, "mine") if secret in call.text]


def test_pl_07_anthropic_is_told_a_version(bed: Bed) -> None:
    bed.answer(LIMITED, OK)
    body = {"anthropic_beta": []}
    reply = bed.ask("pl-07", MESSAGES, body)
    assert reply.status == 200
    assert bed.secondary.calls[0].headers["anthropic-version"] == "2023-06-01"
    assert "anthropic-version" not in bed.primary.calls[0].headers


def test_pl_07_the_callers_own_credential_goes_only_where_it_is_let_pass(bed: Bed) -> None:
    bed.answer(OK, LIMITED)
    outcome = bed.chat("pl-07-own")
    assert outcome.status == 200
    assert bed.secondary.calls[0].headers["authorization"] == f"Bearer {KEY}"
    assert bed.primary.calls[0].headers["authorization"] == f"Bearer {CREDENTIALS['openai']}"
    assert KEY not in bed.primary.calls[0].text


@pytest.mark.parametrize("status", [400, 422])
def test_pl_09_what_the_client_did_wrong_is_not_tried_elsewhere(bed: Bed, status: int) -> None:
    bed.answer(Answer(status, body=b'{"error":{"message":"your  fault","odd":1}}'))
    reply = bed.ask("pl-09")
    assert (reply.status, reply.body) == (status, b'{"error":{"message":"your  fault","odd":1}}')
    assert bed.counts == [1, 0, 0]


@pytest.mark.parametrize("status", [204, 304, 307])
def test_pl_09_other_statuses_are_answers(bed: Bed, status: int) -> None:
    bed.answer(Answer(status, body=b""))
    assert bed.ask("pl-09").status == status
    assert bed.counts == [1, 0, 0]


@pytest.mark.parametrize("status", [400, 422])
def test_pl_09_unless_the_policy_names_it(bed: Bed, status: int) -> None:
    bed.answer(Answer(status))
    assert bed.ask("pl-09-asked").status == 200
    assert bed.counts == [1, 1, 0]


def test_pl_10_a_connection_that_fails_is_as_a_timeout(bed: Bed) -> None:
    outcome = bed.chat("pl-10")
    assert outcome.status == 200
    (first, second) = bed.attempts(outcome)
    assert (first[0], first[2]) == ("nobody", "connection_error")
    assert second == ("anthropic", 200, "")


def test_no_policy_makes_more_than_eight_retries(bed: Bed) -> None:
    bed.chat("eight")  # the key and the Model are known from here on
    bed.answer(LIMITED)
    outcome = bed.chat("eight")
    assert (outcome.error["type"], outcome.error["total_attempts"]) == ("retry_exhausted", 9)
    assert bed.counts == [9, 0, 0]


@pytest.fixture(scope="module")
def narrow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bed]:
    """Two retries at a time, few of them, no headers of ours, and attempts of a second."""
    settings = {"workers": 2, "retry_concurrency": 2, "retry_budget_minimum": 5, "retry_budget_percent": 1}
    manifests = (
        model("waits", "openai", retryPolicy=policy(rule("SameModel", 1, 429), **backoff("SameModel", 2000, 2001))),
        model("storm", "openai", "anthropic", retryPolicy=ELSEWHERE),
        model("silent", "openai", "anthropic", retryPolicy={"onTimeout": rule("DifferentProvider", 1)}),
    )
    with open_bed(tmp_path_factory.mktemp("narrow"), *manifests, **settings, attempt_seconds=1, response_headers="false") as bed:
        yield bed


def test_pl_08_with_as_many_retries_under_way_as_there_may_be_a_failure_is_final(narrow: Bed) -> None:
    narrow.answer(LIMITED)
    with ThreadPoolExecutor(2) as pool:
        waiting = [pool.submit(narrow.chat, "waits") for _ in range(2)]
        until(lambda: narrow.counts[0] == 2, "two first attempts")
        third = narrow.chat("waits")
        assert third.status == 429
        assert len(narrow.attempts(third)) == 1
        assert [len(narrow.attempts(each.result())) for each in waiting] == [2, 2]


def test_attempts_end_after_attempt_seconds_and_headers_can_be_left_out(narrow: Bed) -> None:
    narrow.answer(Answer(delay=60))
    start = time.monotonic()
    outcome = narrow.chat("silent")
    assert outcome.status == 200
    assert 0.9 < time.monotonic() - start < 2.5
    assert not [name for name in outcome.headers if name.lower().startswith("x-ostiary-")]


def test_retries_cannot_become_a_storm(narrow: Bed) -> None:
    """Five in ten seconds and one for a hundred requests: of twenty requests at most eleven are retried (two windows)."""
    narrow.answer(LIMITED)
    outcomes = [narrow.chat("storm") for _ in range(20)]
    retried = narrow.counts[1]
    assert 0 < retried <= 11
    refused = [outcome for outcome in outcomes if outcome.status == 429]
    assert len(refused) == 20 - retried
    assert all(outcome.error["retry_budget_exhausted"] for outcome in refused)

"""Breakers: opened by failures in a row, for every worker; one request is let through; endpoints of GZ-15."""

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from tests.support.client import Reply, call
from tests.support.manifests import model, provider
from tests.support.planned import BROKEN, LIMITED, OK, Bed, policy, rule
from tests.support.queued_provider import Answer
from tests.support.wait import until

ELSEWHERE = policy(rule("DifferentProvider", 2, 429, 400, "500-504"), onTimeout=rule("DifferentProvider", 2))
NAMES = ("opens", "counts", "row", "probe", "reopens", "silent", "warm", "told", "reset", "plain")
QUICK = {"consecutiveFailures": 3, "openSeconds": 1, "warmUpSeconds": 0}
SHAPE = {
    "provider", "state", "failure_count", "success_count", "failure_rate", "recent_requests", "opened_at", "seconds_until_retry",
}  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def models(session_bed: Bed) -> None:
    """A Provider and a Model for each test; `default` has the breaker that is built in."""
    url = session_bed.primary.url
    special: dict[str, dict[str, object]] = {
        "opens": {"consecutiveFailures": 3, "openSeconds": 300},
        "warm": {"consecutiveFailures": 3, "openSeconds": 1, "warmUpSeconds": 60},
        "told": {"consecutiveFailures": 3, "openSeconds": 300},
        "reset": {"consecutiveFailures": 3, "openSeconds": 300},
    }
    brokens = [provider(f"br-{name}", url, credential="sk-br", breaker=special.get(name, QUICK)) for name in NAMES]
    weighted = {"selection": "Weighted", "retryPolicy": ELSEWHERE}
    timely = {"timeouts": {"firstByteMilliseconds": 100}}
    extra: dict[str, dict[str, Any]] = {"warm": weighted, "silent": timely}
    session_bed.gateway.apply(
        *[part for broken in brokens for part in broken],
        *[model(f"on-{name}", f"br-{name}", "anthropic", **{"retryPolicy": ELSEWHERE, **extra.get(name, {})}) for name in NAMES],
        *provider("br-default", url, credential="sk-br"),
        model("on-default", "br-default", "anthropic", retryPolicy=ELSEWHERE),
        model("on-all", "br-plain/all"),
        file="breakers",
    )


def state(bed: Bed, name: str) -> str:
    return str(bed.health()["breakers"].get(f"br-{name}/on-{name}", {"state": "CLOSED"})["state"])


def fail(bed: Bed, name: str, times: int, answer: Answer = BROKEN) -> None:
    bed.answer(answer)
    for _ in range(times):
        assert bed.ask(f"on-{name}").status == 200
    bed.answer()


def wait_for_half_open(bed: Bed, name: str) -> None:
    until(lambda: state(bed, name) == "HALF_OPEN" or bed.health()["now"] >= _retry_at(bed, name), "the end of the time", 5)


def _retry_at(bed: Bed, name: str) -> float:
    breaker = bed.health()["breakers"][f"br-{name}/on-{name}"]
    return float(breaker["opened_at"] + breaker["open_ms"])


def test_gz_15_failures_in_a_row_open_it_for_all_4_workers(bed: Bed) -> None:
    fail(bed, "opens", 2)
    assert state(bed, "opens") == "CLOSED"
    fail(bed, "opens", 1)
    assert state(bed, "opens") == "OPEN"
    for _ in range(16):
        reply = bed.ask("on-opens")
        assert (reply.status, reply.headers["x-ostiary-attempts"]) == (200, "1")
    assert bed.counts == [0, 16, 0]
    assert bed.ask("br-opens/another").status == 200, "its Provider's other models are not touched"


def test_gz_15_five_failures_and_five_minutes_are_the_default(bed: Bed) -> None:
    fail(bed, "default", 4)
    assert state(bed, "default") == "CLOSED"
    fail(bed, "default", 1)
    breaker = bed.health()["breakers"]["br-default/on-default"]
    assert (breaker["state"], breaker["open_ms"]) == ("OPEN", 300_000)


@pytest.mark.parametrize("answer", [LIMITED, Answer(400), Answer(404)], ids=["429", "400", "404"])
def test_gz_15_what_the_client_did_wrong_does_not_count(bed: Bed, answer: Answer) -> None:
    fail(bed, "counts", 6, answer)
    assert state(bed, "counts") == "CLOSED"


def test_gz_15_a_success_sets_the_count_to_nothing(bed: Bed) -> None:
    for _ in range(2):
        fail(bed, "row", 2)
        assert bed.ask("on-row").headers["x-ostiary-provider"] == "br-row"
    assert state(bed, "row") == "CLOSED"


def test_gz_15_timeouts_count(bed: Bed) -> None:
    fail(bed, "silent", 3, Answer(delay=60))
    assert state(bed, "silent") == "OPEN"


def test_gz_15_after_its_time_one_request_goes_through_and_its_success_closes_it(bed: Bed) -> None:
    fail(bed, "probe", 3)
    assert state(bed, "probe") == "OPEN"
    wait_for_half_open(bed, "probe")
    bed.answer(Answer(delay=0.3))
    with ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(lambda _: bed.ask("on-probe"), range(8)))
    assert {reply.status for reply in replies} == {200}
    assert bed.counts == [1, 7, 0]
    assert state(bed, "probe") == "CLOSED"
    assert bed.ask("on-probe").headers["x-ostiary-provider"] == "br-probe"


def test_gz_15_a_failure_of_the_one_opens_it_again(bed: Bed) -> None:
    fail(bed, "reopens", 3)
    wait_for_half_open(bed, "reopens")
    before = bed.health()["breakers"]["br-reopens/on-reopens"]["opened_at"]
    bed.answer(BROKEN)
    assert bed.ask("on-reopens").headers["x-ostiary-attempts"] == "2"
    assert state(bed, "reopens") == "OPEN"
    assert bed.health()["breakers"]["br-reopens/on-reopens"]["opened_at"] > before
    assert bed.ask("on-reopens").headers["x-ostiary-attempts"] == "1"
    assert bed.counts == [1, 2, 0]


def test_a_recovered_backend_gets_its_share_back_slowly(bed: Bed) -> None:
    """Half of the requests would be its share; with a minute of warm-up just begun it is about a tenth of that."""
    bed.answer(BROKEN)
    until(lambda: bed.ask("on-warm") and state(bed, "warm") == "OPEN", "three failures")
    bed.answer()
    wait_for_half_open(bed, "warm")
    until(lambda: bed.ask("on-warm") and state(bed, "warm") == "CLOSED", "one success")
    chosen = Counter(bed.ask("on-warm").headers["x-ostiary-provider"] for _ in range(60))
    assert chosen["br-warm"] <= 18
    assert chosen["anthropic"] >= 42


def breakers(bed: Bed, path: str = "", method: str = "GET") -> Reply:
    return call(bed.gateway.sidecar_url, f"/circuit-breakers{path}", method=method)


def test_gz_15_endpoints_show_breakers(bed: Bed) -> None:
    fail(bed, "told", 3)
    until(lambda: breakers(bed, "/br-told/on-told").json["state"] == "OPEN", "the sidecar knows")
    told = breakers(bed, "/br-told/on-told").json
    assert set(told) >= SHAPE
    assert told["provider"] == "br-told/on-told"
    assert told["failure_count"] >= 3
    assert 290 < told["seconds_until_retry"] <= 300
    assert told["opened_at"] is not None
    everything = breakers(bed).json
    assert everything["total_count"] == len(everything["circuit_breakers"])
    assert everything["open_count"] >= 1
    kinds = ("open_count", "half_open_count", "closed_count")
    assert sum(everything[kind] for kind in kinds) == everything["total_count"]
    assert breakers(bed, "/br-told").json["state"] == "OPEN"


def test_gz_15_a_provider_that_was_never_used_is_closed(bed: Bed) -> None:
    told = breakers(bed, "/mistral").json
    assert told["state"] == "CLOSED"
    assert set(told) >= SHAPE
    assert told["opened_at"] is None


def test_gz_15_a_reset_closes_it_for_all_workers(bed: Bed) -> None:
    for path in ("/br-reset/reset", "/br-reset/on-reset/reset", "/reset-all"):
        fail(bed, "reset", 3)
        assert state(bed, "reset") == "OPEN"
        until(lambda: breakers(bed, "/br-reset").json["state"] == "OPEN", "the sidecar knows")
        reply = breakers(bed, path, "POST")
        assert reply.status == 200
        assert reply.json["success"] is True
        until(lambda: state(bed, "reset") == "CLOSED", "nginx knows", 2)
        assert bed.ask("on-reset").headers["x-ostiary-provider"] == "br-reset"


def test_where_nobody_is_healthy_what_is_built_in_tries_one_all_the_same(bed: Bed) -> None:
    """GZ: no policy, everything open; an answer is worth a try (behaviour.md 5, 8)."""
    bed.answer(BROKEN)
    for _ in range(3):
        assert bed.ask("on-all").status == 503
    start = time.monotonic()
    bed.answer(OK)
    assert bed.ask("on-all").status == 200
    assert time.monotonic() - start < 1

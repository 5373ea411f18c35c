"""`/circuit-breakers` over the real nginx: what a reset does there, and what outlives nginx (GZ-15)."""

from collections.abc import Callable

import pytest
from tests.support.client import Reply, call
from tests.support.gateway import Gateway
from tests.support.manifests import api_key, model, provider
from tests.support.planned import BROKEN, KEY, Bed, policy, rule
from tests.support.process import kill
from tests.support.queued_provider import QueuedProvider
from tests.support.wait import until

OPENS = {"consecutiveFailures": 2, "openSeconds": 300}
ELSEWHERE = policy(rule("DifferentProvider", 1, "500-599"))
NAMES = ("first", "second", "third")


@pytest.fixture(scope="module", autouse=True)
def models(session_bed: Bed) -> None:
    made = [provider(f"cb-{name}", session_bed.primary.url, credential="sk-cb", breaker=OPENS) for name in NAMES]
    session_bed.gateway.apply(
        *(part for each in made for part in each),
        *(model(f"cb-{name}", f"cb-{name}", "anthropic", retryPolicy=ELSEWHERE) for name in NAMES),
        file="circuit-breakers",
    )


def breakers(bed: Bed, path: str = "", method: str = "GET") -> Reply:
    return call(bed.gateway.sidecar_url, f"/circuit-breakers{path}", method=method)


def open_breaker(bed: Bed, name: str) -> None:
    bed.answer(BROKEN)
    for _ in range(2):
        assert bed.ask(f"cb-{name}").status == 200
    assert breakers(bed, f"/cb-{name}").json["state"] == "OPEN"
    bed.answer()


def test_gz_15_a_reset_lets_the_very_next_request_through(bed: Bed) -> None:
    open_breaker(bed, "first")
    assert bed.ask("cb-first").status == 200
    assert bed.counts == [0, 1, 0]
    told = breakers(bed, "/cb-first/reset", "POST").json
    assert (told["success"], told["state"]) == (True, "CLOSED")
    assert breakers(bed, "/cb-first/cb-first").json["failure_count"] == 0
    assert bed.ask("cb-first").status == 200
    assert bed.counts == [1, 1, 0]


def test_gz_15_reset_all_closes_every_one(bed: Bed) -> None:
    for name in ("second", "third"):
        open_breaker(bed, name)
    assert breakers(bed).json["open_count"] >= 2
    assert breakers(bed, "/reset-all", "POST").json["state"] == "CLOSED"
    everything = breakers(bed).json
    assert (everything["open_count"], everything["half_open_count"]) == (0, 0)
    assert bed.health()["breakers"] == {}
    bed.ask("cb-second")
    assert bed.counts == [1, 0, 0]


def test_gz_15_what_is_not_configured_is_not_found(bed: Bed) -> None:
    assert breakers(bed, "/no-such-prefix").status == 404
    assert breakers(bed, "/no-such-prefix/reset", "POST").status == 404
    assert breakers(bed, "/cb-first", "POST").status == 405


def test_breakers_are_never_on_the_port_of_clients(bed: Bed) -> None:
    assert call(bed.gateway.base_url, "/circuit-breakers", key=KEY).status == 404


def test_metrics_count_tries_and_tell_states(bed: Bed) -> None:
    open_breaker(bed, "first")
    breakers(bed, "/reset-all", "POST")
    bed.answer(BROKEN)
    outcome = bed.chat("cb-first")
    bed.record(outcome)
    text = until(lambda: _metrics(bed, 'ostiary_attempts_total{outcome="http_5xx",provider="cb-first"}'), "the record counts")
    assert 'ostiary_attempts_total{outcome="ok",provider="anthropic"}' in text
    assert 'ostiary_retries_total{reason="http_5xx"}' in text
    state = 'ostiary_backend_state{model="cb-first",provider="cb-first",state="closed"} 1.0'
    until(lambda: _metrics(bed, state), "the sidecar has looked again")


def test_a_breaker_outlives_nginx(new_gateway: Callable[..., Gateway]) -> None:
    with QueuedProvider() as broken, QueuedProvider() as fine:
        broken.answers(BROKEN)
        gateway = new_gateway(workers=1)
        gateway.start(
            provider("broken", broken.url, credential="sk-a", breaker=OPENS),
            provider("fine", fine.url, credential="sk-b"),
            [model("smart", "broken/x", "fine/x", retryPolicy=ELSEWHERE), api_key("planned", KEY)],
        )
        ask = lambda: call(gateway.base_url, "/v1/chat/completions", {"model": "smart", "messages": []}, key=KEY)  # noqa: E731
        for _ in range(2):
            assert ask().status == 200
        told = call(gateway.sidecar_url, "/circuit-breakers/broken").json
        assert told["state"] == "OPEN"
        epoch = gateway.status()["epoch"]
        for pid in (gateway.nginx(), *gateway.workers()):
            kill(pid)
        until(lambda: gateway.status().get("epoch", epoch) != epoch, "another nginx", 20)
        after = until(lambda: _is_open(gateway), "the new nginx has been told", 10)
        assert after["opened_at"] == told["opened_at"]
        gateway.await_manifests()
        assert ask().status == 200
        assert len(broken.calls) == 2


def _is_open(gateway: Gateway) -> dict[str, object] | None:
    reply = call(gateway.sidecar_url, "/circuit-breakers/broken")
    return dict(reply.json) if reply.status == 200 and reply.json["state"] == "OPEN" else None


def _metrics(bed: Bed, wanted: str) -> str | None:
    text = call(bed.gateway.sidecar_url, "/metrics").body.decode()
    return text if wanted in text else None

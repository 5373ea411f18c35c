"""Tries at backends, counted from the ledger's records, and the state of backends."""

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from ostiary_gateway.contract.record import Attempt, Record
from ostiary_gateway.telemetry.backends import AttemptCounters, BackendCollector, BackendNumbers, outcome

RECORD = {
    "id": "e-1", "request_id": "r", "timestamp": "2026-11-21T12:00:00.000Z", "key_id": "k", "surface": "managed",
    "method": "POST", "endpoint": "/v1/messages", "provider": "b", "status": 200, "ended": "completed",
}  # fmt: skip


def attempt(provider="a", status=200, error_type=""):
    return Attempt(provider=provider, address="127.0.0.1:1", status=status, error_type=error_type)


@pytest.mark.parametrize(
    ("status", "error_type", "expected"),
    [
        (200, "", "ok"),
        (302, "", "ok"),
        (429, "http_429", "http_429"),
        (429, "", "http_429"),
        (401, "http_401", "http_4xx"),
        (503, "http_503", "http_5xx"),
        (0, "timeout_30000ms", "timeout"),
        (0, "connection_error", "connection"),
        (200, "high_latency_900ms_threshold_500ms", "high_latency"),
        (0, "", "none"),
        (999, "http_999", "none"),
    ],
)
def test_outcomes_are_a_closed_list(status, error_type, expected):
    assert outcome(attempt(status=status, error_type=error_type)) == expected


def lines(registry):
    return {
        line for line in generate_latest(registry).decode().splitlines() if line.startswith("ostiary_") and "_created" not in line
    }


def test_each_try_counts_and_each_but_the_last_is_why_there_was_another():
    registry = CollectorRegistry()
    counters = AttemptCounters(registry)
    tries = (
        attempt("a", 503, "http_503"),
        attempt("b", 429, "http_429"),
        attempt("made up", 0, "connection_error"),
        attempt("b"),
    )
    counters.count(Record(**RECORD, attempts=tries), {"a": "openai", "b": "other"})
    assert lines(registry) == {
        'ostiary_attempts_total{outcome="http_5xx",provider="a"} 1.0',
        'ostiary_attempts_total{outcome="http_429",provider="b"} 1.0',
        'ostiary_attempts_total{outcome="connection",provider="other"} 1.0',
        'ostiary_attempts_total{outcome="ok",provider="b"} 1.0',
        'ostiary_retries_total{reason="http_5xx"} 1.0',
        'ostiary_retries_total{reason="http_429"} 1.0',
        'ostiary_retries_total{reason="connection"} 1.0',
    }


def test_a_request_that_never_reached_a_backend_is_no_try():
    registry = CollectorRegistry()
    AttemptCounters(registry).count(Record(**RECORD), {})
    assert lines(registry) == set()


def test_the_state_is_one_of_four_and_read_at_each_scrape():
    registry = CollectorRegistry()
    now = [BackendNumbers("a", "x", "open", None)]
    registry.register(BackendCollector(lambda: now))
    assert lines(registry) == {
        'ostiary_backend_state{model="x",provider="a",state="closed"} 0.0',
        'ostiary_backend_state{model="x",provider="a",state="open"} 1.0',
        'ostiary_backend_state{model="x",provider="a",state="half_open"} 0.0',
        'ostiary_backend_state{model="x",provider="a",state="blocked"} 0.0',
    }
    now[:] = [BackendNumbers("a", "x", "closed", 0.5)]
    assert 'ostiary_backend_state{model="x",provider="a",state="closed"} 1.0' in lines(registry)
    assert 'ostiary_backend_latency_seconds{model="x",provider="a"} 0.5' in lines(registry)

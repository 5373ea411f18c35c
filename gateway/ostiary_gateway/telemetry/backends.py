"""Numbers of attempts and backends. Models of clients' own making are `other`: only those that manifests name have a label."""

from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import NamedTuple

from prometheus_client import CollectorRegistry, Counter
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from ostiary_gateway.contract.record import Attempt, Record
from ostiary_gateway.telemetry import labels

STATES = ("closed", "open", "half_open", "blocked")


class BackendNumbers(NamedTuple):
    """One backend: `state` is one of STATES."""

    provider: str
    model: str
    state: str
    latency_seconds: float | None


class AttemptCounters:
    def __init__(self, registry: CollectorRegistry) -> None:
        self._attempts = Counter("ostiary_attempts", "Tries at backends", ("provider", "outcome"), registry=registry)
        self._retries = Counter("ostiary_retries", "Tries that followed a failed one", ("reason",), registry=registry)
        self._attempt = cache(self._attempts.labels)  # finding a series by label costs more than counting
        self._retry = cache(self._retries.labels)

    def count(self, record: Record, providers: Mapping[str, str]) -> None:
        """Count the tries of a record; a provider that is none of `providers` is `other`."""
        for attempt in record.attempts:
            provider = attempt.provider if attempt.provider in providers else labels.OTHER
            self._attempt(provider, outcome(attempt)).inc()
        for failed in record.attempts[:-1]:
            self._retry(outcome(failed)).inc()


def outcome(attempt: Attempt) -> str:
    """`ok`, `http_429`, `http_4xx`, `http_5xx`, `timeout`, `connection` or `high_latency`; `none` where there was no answer."""
    for name in ("timeout", "connection", "high_latency"):
        if attempt.error_type.startswith(name):
            return name
    if attempt.status == 429:  # noqa: PLR2004 - the one status that says what to do
        return "http_429"
    kind = labels.status_class(attempt.status)
    return {"4xx": "http_4xx", "5xx": "http_5xx", "none": "none"}.get(kind, "ok")


class BackendCollector(Collector):
    """The state of the backends that were used, as nginx said it last."""

    def __init__(self, read: Callable[[], Iterable[BackendNumbers]]) -> None:
        self._read = read

    def collect(self) -> Iterable[Metric]:
        names = ("provider", "model")
        state = GaugeMetricFamily("ostiary_backend_state", "1 for the state that a backend is in", labels=(*names, "state"))
        latency = GaugeMetricFamily("ostiary_backend_latency_seconds", "Decayed mean of the time to the first byte", labels=names)
        for backend in self._read():
            for name in STATES:
                state.add_metric((backend.provider, backend.model, name), float(name == backend.state))
            if backend.latency_seconds is not None:
                latency.add_metric((backend.provider, backend.model), backend.latency_seconds)
        yield state
        yield latency

"""Every metric of the gateway, in one registry of its own.

Names follow OpenTelemetry's GenAI conventions where they have one (dots become underscores), else they are
`ostiary_<noun>_<unit>_total`. The conventions may trade their token histogram for counters, so both are here.
"""

from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import NamedTuple

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from ostiary_gateway.contract.decision import Refusal
from ostiary_gateway.contract.document import Provider
from ostiary_gateway.contract.record import Record
from ostiary_gateway.telemetry import labels
from ostiary_gateway.telemetry.backends import AttemptCounters, BackendCollector, BackendNumbers
from ostiary_gateway.telemetry.collectors import LedgerCollector, LedgerNumbers, NginxCollector, NginxNumbers
from ostiary_gateway.telemetry.limits import LimitNumbers

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_TOKENS = tuple(4**n for n in range(14))
_SECONDS = tuple(0.01 * 2**n for n in range(14))
_GEN_AI = ("gen_ai_operation_name", "gen_ai_provider_name", "provider")


class _Kind(NamedTuple):
    """What requests are told apart by; each value comes from a closed list."""

    provider: str
    operation: str
    surface: str
    status: str
    ended: str
    error_type: str
    source: str


class _Series(NamedTuple):
    """The series that one kind of request counts on; finding them by label costs more than counting."""

    requests: Counter
    input: Counter
    output: Counter
    input_size: Histogram
    output_size: Histogram
    duration: Histogram
    first_token: Histogram


class Metrics:
    """What the endpoints and the ledger report. Safe to expose: providers are known by name, callers not at all."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._vendors: dict[str, str] = {}
        self._make_request_metrics()
        self._make_own_metrics()
        self._tries = AttemptCounters(self.registry)
        self.limits = LimitNumbers(self.registry)
        self._series = lru_cache(maxsize=4096)(self._look_up)

    def _make_request_metrics(self) -> None:
        add = self.registry
        self._token_usage = Histogram(
            "gen_ai_client_token_usage",
            "Tokens per request",
            (*_GEN_AI, "gen_ai_token_type"),
            buckets=_TOKENS,
            registry=add,
        )
        self._duration = Histogram(
            "gen_ai_client_operation_duration_seconds",
            "Time from accepting a request to its end",
            (*_GEN_AI, "error_type"),
            buckets=_SECONDS,
            registry=add,
        )
        self._first_token = Histogram(
            "gen_ai_server_time_to_first_token_seconds",
            "Time from accepting a request to the first byte of a streamed answer",
            _GEN_AI,
            buckets=_SECONDS,
            registry=add,
        )
        self._requests = Counter(
            "ostiary_requests",
            "Proxied requests by outcome",
            ("provider", "surface", "status_class", "ended", "error_type"),
            registry=add,
        )
        self._tokens = Counter("ostiary_tokens", "Tokens used", ("provider", "direction", "source"), registry=add)

    def _make_own_metrics(self) -> None:
        add = self.registry
        self._decisions = Counter("ostiary_decisions", "Decisions that nginx had to ask for", ("outcome", "code"), registry=add)
        self.ledger_records = Counter("ostiary_ledger_records", "Records written to the ledger", registry=add)
        self.stats_dropped = Counter("ostiary_stats_dropped", "POST /stats bodies that made no record", registry=add)
        self._bundle_info = Gauge("ostiary_bundle_info", "1 for the bundle in use", ("digest",), registry=add)
        self.bundle_age = Gauge("ostiary_bundle_age_seconds", "Time since the bundle was taken into use", registry=add)
        self.bundle_keys = Gauge("ostiary_bundle_keys", "Key values in the bundle in use", registry=add)
        self.bundle_problem = Gauge("ostiary_bundle_problem", "1 while the newest bundle cannot be used", registry=add)

    def watch_ledger(self, read: Callable[[], LedgerNumbers]) -> None:
        """Let each scrape read the ledger's own numbers."""
        self.registry.register(LedgerCollector(read))

    def watch_nginx(self, read: Callable[[], NginxNumbers | None]) -> None:
        """Let each scrape read what nginx said last; None while it is away."""
        self.registry.register(NginxCollector(read))

    def watch_backends(self, read: Callable[[], Iterable[BackendNumbers]]) -> None:
        """Let each scrape read how the backends are."""
        self.registry.register(BackendCollector(read))

    def bundle_in_use(self, digest: str, keys: int, providers: Iterable[Provider]) -> None:
        """The providers of the bundle in use are the only ones that get a label of their own."""
        self._bundle_info.clear()
        self._bundle_info.labels(digest).set(1)
        self.bundle_keys.set(keys)
        vendors = {p.name: labels.VENDORS.get(p.type, labels.OTHER) for p in providers}
        if vendors != self._vendors:
            self._vendors = vendors
            self._series.cache_clear()

    def decided(self, refusal: Refusal | None) -> None:
        if refusal is None:
            self._decisions.labels("allowed", "").inc()
            return
        code = refusal.code if refusal.code in labels.CODES else labels.OTHER
        self._decisions.labels("refused", code).inc()

    def committed(self, record: Record) -> None:
        """Count a record that is in the ledger for good."""
        self.ledger_records.inc()
        self._tries.count(record, self._vendors)
        series = self._series(
            _Kind(
                provider=record.provider if record.provider in self._vendors else labels.OTHER,
                operation=labels.operation(record.endpoint),
                surface=record.surface if record.surface in labels.SURFACES else labels.OTHER,
                status=labels.status_class(record.status),
                ended=record.ended,
                error_type=record.error_type or "",
                source=record.usage_source,
            )
        )
        series.requests.inc()
        series.duration.observe(record.duration_ms / 1000)
        if record.stream and record.first_byte_ms is not None:
            series.first_token.observe(record.first_byte_ms / 1000)
        if record.usage.input_tokens is not None:
            series.input.inc(record.usage.input_tokens)
            series.input_size.observe(record.usage.input_tokens)
        if record.usage.output_tokens is not None:
            series.output.inc(record.usage.output_tokens)
            series.output_size.observe(record.usage.output_tokens)

    def exposition(self) -> bytes:
        """Everything in Prometheus' text format."""
        return generate_latest(self.registry)

    def _look_up(self, kind: _Kind) -> _Series:
        provider = kind.provider
        gen_ai = (kind.operation, self._vendors.get(provider, labels.OTHER), provider)
        return _Series(
            requests=self._requests.labels(provider, kind.surface, kind.status, kind.ended, kind.error_type),
            input=self._tokens.labels(provider, "input", kind.source),
            output=self._tokens.labels(provider, "output", kind.source),
            input_size=self._token_usage.labels(*gen_ai, "input"),
            output_size=self._token_usage.labels(*gen_ai, "output"),
            duration=self._duration.labels(*gen_ai, kind.error_type),
            first_token=self._first_token.labels(*gen_ai),
        )

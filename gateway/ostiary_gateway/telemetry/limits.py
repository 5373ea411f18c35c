"""Numbers of limits and budgets. Labels are closed: kinds of limits, and the budgets of the document in use."""

from collections.abc import Callable, Iterable
from functools import cache
from typing import NamedTuple

from prometheus_client import CollectorRegistry, Counter
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from ostiary_gateway.contract.lease import Lease, Shortage
from ostiary_gateway.telemetry import labels

_KINDS = {
    "r": "requests",
    "t": "tokens",
    "i": "input_tokens",
    "o": "output_tokens",
    "c": "concurrency",
    "m": "budget",
    "k": "budget",
}


class BudgetNumbers(NamedTuple):
    """One budget of the document; US dollars, or tokens where it is one of tokens."""

    name: str
    unit: str
    spent: float
    limit: float


class LimitNumbers:
    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry
        self._leases = Counter("ostiary_leases", "Questions of nginx for what a request lacks", ("outcome",), registry=registry)
        self._refusals = Counter(
            "ostiary_limit_refusals", "Leases refused, by the limit that was short", ("limit",), registry=registry
        )
        self._crossed = Counter(
            "ostiary_budget_threshold_crossed", "Thresholds that budgets went over", ("budget", "percent"), registry=registry
        )
        self._unpriced = Counter(
            "ostiary_unpriced_requests", "Requests to a model without a known price", ("provider",), registry=registry
        )
        self._lease = cache(self._leases.labels)
        self._refusal = cache(self._refusals.labels)

    def leased(self, lease: Lease) -> None:
        """Count an answer."""
        self._lease("refused" if lease.shortage else "granted").inc()
        if lease.shortage:
            self._refusal(kind(lease.shortage)).inc()

    def crossed(self, budget: str, percent: int) -> None:
        self._crossed.labels(budget, str(percent)).inc()

    def unpriced(self, provider: str) -> None:
        self._unpriced.labels(provider).inc()

    def watch_budgets(self, read: Callable[[], Iterable[BudgetNumbers]]) -> None:
        """Let each scrape read the budgets."""
        self._registry.register(_BudgetCollector(read))


def kind(shortage: Shortage) -> str:
    """Which kind of limit was short."""
    if shortage.refusal.code == "budget_reserved":
        return "budget_reserved"
    return _KINDS.get(shortage.purse[:1], labels.OTHER)


class _BudgetCollector(Collector):
    def __init__(self, read: Callable[[], Iterable[BudgetNumbers]]) -> None:
        self._read = read

    def collect(self) -> Iterable[Metric]:
        families = {
            unit: tuple(
                GaugeMetricFamily(f"ostiary_budget_{what}_{unit}", f"{text} in its present period", labels=("budget",))
                for what, text in (("spent", "What a budget has spent"), ("limit", "What a budget may spend"))
            )
            for unit in ("usd", "tokens")
        }
        for budget in self._read():
            for family, value in zip(families[budget.unit], (budget.spent, budget.limit), strict=True):
                family.add_metric((budget.name,), value)
        for pair in families.values():
            yield from pair

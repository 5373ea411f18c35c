"""Numbers that others keep and each scrape reads: the ledger's and nginx's."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector


class LedgerNumbers(NamedTuple):
    """The ledger's state at one moment; `lost` and `malformed` only ever grow."""

    lost: int
    malformed: int
    lag_seconds: float
    has_problem: bool


class NginxNumbers(NamedTuple):
    """`issued` counts the requests that the nginx of this `epoch` accepted; it begins again with each start."""

    epoch: str
    in_flight: int
    issued: int
    workers: int


class LedgerCollector(Collector):
    def __init__(self, read: Callable[[], LedgerNumbers]) -> None:
        self._read = read

    def collect(self) -> Iterable[Metric]:
        now = self._read()
        yield CounterMetricFamily("ostiary_ledger_records_lost", "Requests whose record could not be written", value=now.lost)
        yield CounterMetricFamily("ostiary_spool_malformed", "Spool lines that were no records", value=now.malformed)
        yield GaugeMetricFamily(
            "ostiary_ledger_lag_seconds", "Age of the oldest spool line not in the ledger", value=now.lag_seconds
        )
        yield GaugeMetricFamily("ostiary_ledger_problem", "1 while the ledger cannot be written", value=now.has_problem)


class NginxCollector(Collector):
    """Nothing but `ostiary_nginx_up 0` while nginx cannot be asked: numbers of the past would be lies."""

    def __init__(self, read: Callable[[], NginxNumbers | None]) -> None:
        self._read = read

    def collect(self) -> Iterable[Metric]:
        now = self._read()
        yield GaugeMetricFamily("ostiary_nginx_up", "1 while nginx answers on its control socket", value=now is not None)
        if now is None:
            return
        yield GaugeMetricFamily("ostiary_in_flight_requests", "Accepted requests that have not ended", value=now.in_flight)
        yield CounterMetricFamily("ostiary_requests_accepted", "Requests that got an id", value=now.issued)
        yield GaugeMetricFamily("ostiary_nginx_workers", "Worker processes, draining ones too", value=now.workers)
        info = GaugeMetricFamily("ostiary_nginx_info", "1 for the running nginx", labels=("epoch",))
        info.add_metric((now.epoch,), 1)
        yield info

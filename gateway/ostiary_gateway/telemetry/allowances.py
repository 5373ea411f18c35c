"""Numbers of what replicas allow each other; they exist only where Valkey is set."""

from prometheus_client import CollectorRegistry, Counter, Gauge


class AllowanceNumbers:
    def __init__(self, registry: CollectorRegistry) -> None:
        self.shared = Gauge("ostiary_limits_shared", "1 while limits are divided by need through Valkey", registry=registry)
        self.holdings = Gauge("ostiary_limits_holdings", "Accounts of which this replica holds an allowance", registry=registry)
        self.raises = Counter("ostiary_limits_raises", "Asks for a larger allowance", ["outcome"], registry=registry)
        self.cries = Counter("ostiary_limits_cries", "Times all replicas were asked to give back", registry=registry)
        self.cuts = Counter("ostiary_limits_cuts", "Allowances that had gone to others meanwhile", registry=registry)
        for outcome in ("granted", "short", "away"):
            self.raises.labels(outcome)

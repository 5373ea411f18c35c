"""Numbers of what replicas tell each other; they exist only where that is on."""

from prometheus_client import CollectorRegistry, Counter, Gauge


class SharingNumbers:
    def __init__(self, registry: CollectorRegistry) -> None:
        self.up = Gauge("ostiary_valkey_up", "1 while replicas hear of each other through Valkey", registry=registry)
        self.told = Counter("ostiary_backend_news_told", "Messages to other replicas", registry=registry)
        self.heard = Counter("ostiary_backend_news_heard", "Messages of other replicas", registry=registry)

"""Everything that the sidecar does about the health of backends, put together."""

import asyncio
from collections.abc import Iterable, Iterator

from ostiary_gateway.contract.settings import Settings
from ostiary_gateway.server.circuit_breakers import CircuitBreakers
from ostiary_gateway.server.control import Control
from ostiary_gateway.server.live import Live
from ostiary_gateway.server.reported import Change, Reported
from ostiary_gateway.server.sharing import Sharing
from ostiary_gateway.server.unhealthy import Unhealthy
from ostiary_gateway.server.watch import ALONE_SECONDS, SHARED_SECONDS, Watch
from ostiary_gateway.server.window import Window
from ostiary_gateway.telemetry.backends import STATES, BackendNumbers
from ostiary_gateway.telemetry.labels import OTHER
from ostiary_gateway.telemetry.metrics import Metrics

_WORST_FIRST = ("open", "half_open", "blocked", "closed")
_BLOCKED_MODEL = "m:"


class Backends:
    """`problem` says why replicas do not hear of each other; empty is fine."""

    def __init__(self, settings: Settings, control: Control, live: Live, metrics: Metrics) -> None:
        """Raises SettingsError where `valkey_url` is no such URL."""
        self._live = live
        self.unhealthy = Unhealthy()
        window = Window()
        self._sharing = Sharing(settings, self._tell, metrics.registry)
        listeners = (window.note, self.unhealthy.note, self._sharing.observe)
        self._watch = Watch(control, SHARED_SECONDS if settings.valkey_url else ALONE_SECONDS, listeners)
        self.circuit_breakers = CircuitBreakers(live, self._watch, window, self._sharing)
        metrics.watch_backends(self._numbers)

    @property
    def problem(self) -> str:
        return self._sharing.problem

    @property
    def reported(self) -> Reported | None:
        """What nginx said last; None while it is away."""
        return self._watch.reported

    async def run(self) -> None:
        """Look and share, for ever."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._watch.run())
            tasks.create_task(self._sharing.run())

    async def _tell(self, change: Change) -> None:
        await self._watch.tell(change)

    def _numbers(self) -> Iterable[BackendNumbers]:
        reported, index = self._watch.reported, self._live.index
        if reported is None or index is None:
            return ()
        named = {(place.provider, place.model) for model in index.document.models for place in model.backends}
        prefixes = {provider.prefix for provider in index.document.providers}
        return tuple(_told(reported, named, prefixes))


def _told(reported: Reported, named: set[tuple[str, str]], prefixes: set[str]) -> Iterator[BackendNumbers]:
    """Those that manifests name, one by one; of each provider the rest as one, which is as well as its worst."""
    rest: dict[str, str] = {}
    for target, state in _states(reported).items():
        provider, _, model = target.partition("/")
        if (provider, model) in named:
            latency = reported.latencies.get(target)
            yield BackendNumbers(provider, model, state, latency[0] / 1000 if latency else None)
        elif provider in prefixes:
            rest[provider] = min(state, rest.get(provider, "closed"), key=_WORST_FIRST.index)
    for provider, state in rest.items():
        yield BackendNumbers(provider, OTHER, state, None)


def _states(reported: Reported) -> dict[str, str]:
    """Of every target that nginx knows something of."""
    blocked = {scope.removeprefix(_BLOCKED_MODEL) for scope in reported.blocks if scope.startswith(_BLOCKED_MODEL)}
    used = {**reported.breakers, **reported.counts, **reported.latencies, **dict.fromkeys(blocked)}
    return {target: _state(reported, target, is_blocked=target in blocked) for target in used}


def _state(reported: Reported, target: str, *, is_blocked: bool) -> str:
    breaker = reported.breakers.get(target)
    state = breaker.state.lower() if breaker else "closed"
    return "blocked" if is_blocked and state == STATES[0] else state

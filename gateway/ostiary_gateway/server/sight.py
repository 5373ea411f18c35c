"""What the sidecar sees of its targets' health when it ranks them; nginx decides by its own, newer knowledge."""

from collections.abc import Callable, Mapping

from ostiary_gateway.contract.allowlist import hash_key
from ostiary_gateway.contract.decision import Target
from ostiary_gateway.server.reported import Reported

_NOTHING = Reported(now=0)
_CREDENTIAL_DIGITS = 8


class Sight:
    """A view on the newest state that nginx reported; where there is none, everything is well."""

    def __init__(self, reported: Callable[[], Reported | None]) -> None:
        self._reported = reported

    @property
    def latencies(self) -> Mapping[str, float]:
        """Milliseconds to the first byte, by the id of a target."""
        return {target: latency for target, (latency, _) in self._now().latencies.items()}

    def eligible(self, target: Target) -> bool:
        """Whether neither a block nor an open breaker keeps requests away from it."""
        state = self._now()
        prefix = target.id.partition("/")[0]
        pool = [f"c:{prefix}#{hash_key(value)[:_CREDENTIAL_DIGITS]}" for value in target.credentials]
        if any(_blocked(state, scope) for scope in (f"m:{target.id}", f"p:{prefix}")):
            return False
        if pool and all(_blocked(state, scope) for scope in pool):
            return False
        breaker = state.breakers.get(target.id)
        return breaker is None or breaker.state != "OPEN" or breaker.opened_at + breaker.open_ms <= state.now

    def _now(self) -> Reported:
        return self._reported() or _NOTHING


def _blocked(state: Reported, scope: str) -> bool:
    until, _ = state.blocks.get(scope, (0, ""))
    return until > state.now

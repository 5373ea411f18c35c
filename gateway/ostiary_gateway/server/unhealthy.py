"""Which backends do not take requests, for the operator and for people: open breakers and since when."""

from collections.abc import Mapping

from ostiary_gateway.server.reported import Reported, rfc3339


class Unhealthy:
    """Since when a breaker has not been closed, however often it was half-open in between."""

    def __init__(self) -> None:
        self._since: dict[str, int] = {}
        self._states: dict[str, str] = {}

    def note(self, reported: Reported) -> None:
        openings = reported.openings()
        self._since = {target: self._since.get(target, opening.opened_at) for target, opening in openings.items()}
        self._states = {target: reported.breakers[target].state for target in openings}

    def __call__(self) -> Mapping[str, tuple[str, str]]:
        """State and RFC 3339 time by target."""
        return {target: (state, rfc3339(self._since[target])) for target, state in sorted(self._states.items())}

"""`/circuit-breakers`: how the breakers are, and how to close them by hand (GZ-15).

A breaker belongs to a backend, `<prefix>/<provider model>`; a provider's is what its backends' breakers come to: open if one of
them is. What was never used is closed.
"""

from collections.abc import Iterable

import msgspec
from aiohttp import web

from ostiary_gateway.decide.index import Index
from ostiary_gateway.server.control import NginxAwayError
from ostiary_gateway.server.live import Live
from ostiary_gateway.server.reported import Breaker, Change, Count, Reported, State, rfc3339
from ostiary_gateway.server.sharing import Sharing
from ostiary_gateway.server.watch import Watch
from ostiary_gateway.server.window import Window

_WORST_FIRST: tuple[State, ...] = ("OPEN", "HALF_OPEN", "CLOSED")
_CLOSED = Breaker(state="CLOSED")
_NONE = Count()
_VELOCITY_PERCENT = 25.0  # from which on others halve their limits
_encoder = msgspec.json.Encoder()


class CircuitBreaker(msgspec.Struct, frozen=True, kw_only=True):
    """One breaker, or those of a provider together.

    `failure_count` is the longest row of failures, `success_count` since nginx started; `failure_rate` and `recent_requests` are
    of the last minute. `backends` are a provider's used ones.
    """

    provider: str
    state: State
    failure_count: int
    success_count: int
    failure_rate: float
    recent_requests: int
    opened_at: str | None
    seconds_until_retry: int
    backends: tuple["CircuitBreaker", ...] = ()


class CircuitBreakers:
    def __init__(self, live: Live, watch: Watch, window: Window, sharing: Sharing) -> None:
        self._live = live
        self._watch = watch
        self._window = window
        self._sharing = sharing

    def add_to(self, app: web.Application) -> None:
        app.router.add_get("/circuit-breakers", self.list)
        app.router.add_get("/velocity-mode-status", self.velocity)
        app.router.add_post("/circuit-breakers/reset-all", self.reset_all)
        app.router.add_post("/circuit-breakers/{provider:.+}/reset", self.reset)
        app.router.add_get("/circuit-breakers/{provider:.+}", self.one)

    async def list(self, _: web.Request) -> web.Response:
        """Those of all providers."""
        index, reported = await self._now()
        found = [self._of(provider.prefix, reported) for provider in index.document.providers]
        states = [each.state for each in found]
        return _json(
            {
                "circuit_breakers": found,
                "total_count": len(found),
                "open_count": states.count("OPEN"),
                "half_open_count": states.count("HALF_OPEN"),
                "closed_count": states.count("CLOSED"),
            }
        )

    async def velocity(self, _: web.Request) -> web.Response:
        """How many percent of the last minute's attempts failed (GZ-01). Limits stay what they are then: they are promises."""
        _index, reported = await self._now()
        recent = self._window.recent(reported.counts)
        total = recent.success + recent.failure
        rate = round(100 * recent.failure / total, 2) if total else 0.0
        same = {"factor": 1.0}
        limits = {"normal": same, "velocity": same}
        return _json({"active": False, "current_error_rate": rate, "threshold": _VELOCITY_PERCENT, "limits": limits})

    async def one(self, request: web.Request) -> web.Response:
        """That of a provider or of a backend; 404 where no provider has the prefix."""
        index, reported = await self._now()
        name = _known(index, request.match_info["provider"])
        return _json(self._of(name, reported))

    async def reset(self, request: web.Request) -> web.Response:
        """Close one, in every replica."""
        index, reported = await self._now()
        name = _known(index, request.match_info["provider"])
        await self._close(_targets(name, reported))
        return _json({"success": True, "provider": name, "state": "CLOSED", "message": f"circuit breaker of {name} is closed"})

    async def reset_all(self, _: web.Request) -> web.Response:
        """Close all, in every replica."""
        _index, reported = await self._now()
        await self._close(tuple(reported.breakers))
        return _json({"success": True, "state": "CLOSED", "message": "all circuit breakers are closed"})

    async def _now(self) -> tuple[Index, Reported]:
        index = self._live.index
        if index is None:
            raise web.HTTPServiceUnavailable(text="no bundle")
        try:
            return index, await self._watch.look()
        except NginxAwayError as error:
            raise web.HTTPServiceUnavailable(text="nginx is not there") from error

    async def _close(self, targets: tuple[str, ...]) -> None:
        self._sharing.reset(targets)
        await self._watch.tell(Change(reset=targets))

    def _of(self, name: str, reported: Reported) -> CircuitBreaker:
        targets = _targets(name, reported)
        own = self._sum(name, targets, reported)
        if "/" in name:
            return own
        return msgspec.structs.replace(own, backends=tuple(self._sum(target, (target,), reported) for target in targets))

    def _sum(self, name: str, targets: tuple[str, ...], reported: Reported) -> CircuitBreaker:
        breakers = [reported.breakers.get(target, _CLOSED) for target in targets]
        recent = self._window.recent(targets)
        total = recent.success + recent.failure
        return CircuitBreaker(
            provider=name,
            state=next((state for state in _WORST_FIRST if any(breaker.state == state for breaker in breakers)), "CLOSED"),
            failure_count=max((breaker.failures for breaker in breakers), default=0),
            success_count=sum(reported.counts.get(target, _NONE).success for target in targets),
            failure_rate=round(recent.failure / total, 4) if total else 0.0,
            recent_requests=total,
            opened_at=_first_opening(breakers),
            seconds_until_retry=_seconds_left(breakers, reported.now),
        )


def _known(index: Index, name: str) -> str:
    prefix = name.partition("/")[0]
    if all(provider.prefix != prefix for provider in index.document.providers):
        raise web.HTTPNotFound(text="no such provider")
    return name


def _targets(name: str, reported: Reported) -> tuple[str, ...]:
    if "/" in name:
        return (name,)
    used = {**reported.breakers, **reported.counts}
    return tuple(sorted(target for target in used if target.startswith(f"{name}/")))


def _first_opening(breakers: Iterable[Breaker]) -> str | None:
    opened = min((breaker.opened_at for breaker in breakers if breaker.opened_at), default=0)
    return rfc3339(opened) if opened else None


def _seconds_left(breakers: Iterable[Breaker], now: int) -> int:
    """Until the first of the open ones lets a request through, rounded up."""
    left = min((breaker.opened_at + breaker.open_ms - now for breaker in breakers if breaker.state == "OPEN"), default=0)
    return max(0, -(-left // 1000))


def _json(body: object) -> web.Response:
    return web.Response(body=_encoder.encode(body), content_type="application/json")

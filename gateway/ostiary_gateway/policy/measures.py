"""What the measured times of a backend mean for the requests after."""

from collections.abc import Sequence

from ostiary_gateway.contract.model import LatencyRule

_COLDEST = 0.1
_KEPT = 0.8
_HALF_LIFE_MS = 10_000


def high_latency(rule: LatencyRule | None, ttfb: int, total: int) -> bool:
    """Whether an answer was too slow: strictly more than the threshold."""
    return rule is not None and (total if rule.measure == "total" else ttfb) > rule.threshold_ms


def triggered(times: Sequence[int], now: int, window: int, least: int) -> tuple[list[int], bool]:
    """Count a slow answer: the times to keep, and whether it makes a block, which starts the count anew."""
    kept = [*(time for time in times if time > now - window), now]
    return ([], True) if len(kept) >= least else (kept, False)


def warmth(recovered_at: int, warm_up: int, now: int) -> float:
    """The part of its share that a recovered target may have: from 0.1 on, growing evenly to 1."""
    if now - recovered_at >= warm_up:
        return 1.0
    return _COLDEST + (1 - _COLDEST) * max(0, now - recovered_at) / warm_up


def averaged(before: float, age: int, ms: float) -> float:
    """An average that forgets: the older it is, the more a new measurement counts. Negative is none so far."""
    if before < 0:
        return ms
    kept = _KEPT * 2 ** (-age / _HALF_LIFE_MS)
    return before * kept + ms * (1 - kept)

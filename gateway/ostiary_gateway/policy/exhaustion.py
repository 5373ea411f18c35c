"""The end of a request that nobody could answer (behaviour.md 2.3)."""

from collections.abc import Sequence
from typing import Any

import msgspec

from ostiary_gateway.policy.failures import Failure, error_type, failure_status

_NO_ATTEMPT = 502


class Try(msgspec.Struct, frozen=True):
    """`model` is `<prefix>/<provider model>`."""

    model: str
    failure: Failure


class Facts(msgspec.Struct, frozen=True, rename="camel"):
    """`model` as resolved; `budget`: a budget and not the policy ended it; milliseconds, -1 where there is none."""

    model: str
    budget: bool = False
    retry_after_seen_ms: int = -1
    shortest_block_ms: int = -1


class Exhausted(msgspec.Struct, frozen=True, rename="camel"):
    """`error` is the object of the body; `retry_after` is seconds, 0 for no such header."""

    status: int
    error: dict[str, Any]
    retry_after: int


def exhausted(tries: Sequence[Try], facts: Facts) -> Exhausted:
    """The status of the last attempt and all attempts in order."""
    last = tries[-1].failure if tries else None
    count = f"{len(tries)} attempt{'' if len(tries) == 1 else 's'}"
    ending = f", the last ended with {error_type(last)}" if last else ""
    error: dict[str, Any] = {
        "message": f"no backend of {facts.model} could answer: {count}{ending}",
        "type": "retry_exhausted",
        "attempts": [
            {"model": one.model, "error_type": error_type(one.failure), "attempt": n} for n, one in enumerate(tries, start=1)
        ],
        "total_attempts": len(tries),
        "retry_budget_exhausted": facts.budget,
    }
    if facts.retry_after_seen_ms >= 0:
        error["observed_max_retry_after_seconds"] = _seconds(facts.retry_after_seen_ms)
    shortest = _seconds(facts.shortest_block_ms)
    if facts.shortest_block_ms >= 0:
        error["shortest_remaining_block_seconds"] = shortest
    return Exhausted(failure_status(last) if last else _NO_ATTEMPT, error, max(0, shortest))


def _seconds(ms: int) -> int:
    return -(-ms // 1000)

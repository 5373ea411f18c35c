"""What a filter says of a request, and how a client is told of a stop (PL-29)."""

from typing import Literal, NamedTuple

import msgspec

Outcome = Literal["passed", "changed", "rejected", "failed", "timed_out"]
OUTCOMES: tuple[Outcome, ...] = ("passed", "changed", "rejected", "failed", "timed_out")

BAD_REQUEST, BAD_GATEWAY, GATEWAY_TIMEOUT, LOOP = 400, 502, 504, 508


class Verdict(NamedTuple):
    """`body` goes on instead of the request's where it is set. `status` and `why` tell of a stop or a failure."""

    outcome: Outcome
    body: str | None = None
    status: int = 0
    why: str = ""


PASSED = Verdict("passed")


def changed(body: str) -> Verdict:
    return Verdict("changed", body)


def rejected(why: str, status: int = BAD_REQUEST) -> Verdict:
    return Verdict("rejected", status=status, why=why)


def failed(why: str, status: int = BAD_GATEWAY) -> Verdict:
    """Whether the request goes on is the filter's `on_failure`."""
    return Verdict("failed", status=status, why=why)


def timed_out(why: str) -> Verdict:
    """The same of one that took too long."""
    return Verdict("timed_out", status=GATEWAY_TIMEOUT, why=why)


def chain_error(name: str, verdict: Verdict) -> str:
    """The body that tells a client which filter stopped its request."""
    said = {"error": "FilterChainError", "agent": name, "status": verdict.status, "agent_response": verdict.why}
    return msgspec.json.encode(said).decode()

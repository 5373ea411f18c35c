"""How an attempt failed, and what the policy says to that (PL-09, PL-10, GZ-14)."""

from typing import Literal

import msgspec

from ostiary_gateway.contract.model import RetryPolicy, Strategy

MOST_RETRIES = 8
"""nginx allows ten internal redirects, and two are the gateway's own."""

_BUILT_IN = frozenset({401, 402, 403, 404, 502, 503, 504})  # GZ-14
_ONLY_IF_LISTED = (400, 422)
_FIRST_FAILURE = 400
_FIRST_ILLNESS = 500
_CLIENT_CLOSED = 499  # nginx cannot intercept it
_UNREACHABLE, _TOO_LATE = 502, 504

Intercept = Literal["builtin", "policy", "policy_400", "policy_422", "policy_400_422"]


class Status(msgspec.Struct, frozen=True, tag_field="kind", tag="status"):
    status: int


class Timeout(msgspec.Struct, frozen=True, tag_field="kind", tag="timeout"):
    ms: int


class Connection(msgspec.Struct, frozen=True, tag_field="kind", tag="connection"):
    """No connection to the provider, or none that lasted until an answer."""


class HighLatency(msgspec.Struct, frozen=True, tag_field="kind", tag="high_latency", rename="camel"):
    ms: int
    threshold_ms: int


Failure = Status | Timeout | Connection | HighLatency


class Rule(msgspec.Struct, frozen=True, rename="camel"):
    """`any` is the built-in policy's strategy: every target, in order. `max_attempts` counts retries."""

    strategy: Strategy | Literal["any"]
    max_attempts: int


def match_failure(policy: RetryPolicy | None, failure: Failure) -> Rule | None:
    """What the policy says to a failure; None if it is not to be tried again. No policy is the built-in one."""
    if policy is None:
        again = not isinstance(failure, Status) or failure.status in _BUILT_IN
        return Rule("any", MOST_RETRIES) if again else None
    if isinstance(failure, Status):
        return _of_status(policy, failure.status)
    special = policy.on_high_latency if isinstance(failure, HighLatency) else policy.on_timeout
    return _default(policy) if special is None else Rule(special.strategy, special.max_attempts)


def _of_status(policy: RetryPolicy, status: int) -> Rule | None:
    if status < _FIRST_FAILURE or status == _CLIENT_CLOSED:
        return None
    for rule in policy.on_status_codes:
        if any(first <= status <= last for first, last in rule.codes):
            return Rule(rule.strategy, rule.max_attempts)
    return None if status in _ONLY_IF_LISTED else _default(policy)


def _default(policy: RetryPolicy) -> Rule:
    return Rule(policy.default_strategy, policy.default_max_attempts)


def intercept(policy: RetryPolicy | None) -> Intercept:
    """The location of nginx.conf whose `error_page` names the statuses that this policy may try again."""
    if policy is None:
        return "builtin"
    listed = [match_failure(policy, Status(status)) for status in _ONLY_IF_LISTED]
    match [rule is not None and rule.max_attempts > 0 for rule in listed]:
        case [True, True]:
            return "policy_400_422"
        case [True, False]:
            return "policy_400"
        case [False, True]:
            return "policy_422"
        case _:
            return "policy"


def error_type(failure: Failure) -> str:
    """As the body of an exhausted request and the ledger name it."""
    match failure:
        case Status():
            return f"http_{failure.status}"
        case Timeout():
            return f"timeout_{failure.ms}ms"
        case HighLatency():
            return f"high_latency_{failure.ms}ms_threshold_{failure.threshold_ms}ms"
        case Connection():
            return "connection_error"


def failure_status(failure: Failure) -> int:
    """The client's status if nothing came after it."""
    match failure:
        case Status():
            return failure.status
        case Connection():
            return _UNREACHABLE
        case _:
            return _TOO_LATE


def counts_for_breaker(failure: Failure) -> bool:
    """Whether it says that the backend is ill (GZ-15): never 429 or another 4xx."""
    return failure.status >= _FIRST_ILLNESS if isinstance(failure, Status) else not isinstance(failure, HighLatency)


def retries_left(rule: Rule, done: int) -> int:
    """`done` counts the retries made: 0 after the first attempt."""
    return max(0, min(rule.max_attempts, MOST_RETRIES) - done)

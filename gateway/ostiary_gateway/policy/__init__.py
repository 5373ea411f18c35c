"""Which backend a request tries, and what follows when it fails: rules from values to values.

nginx carries requests out and has the same rules in JavaScript (`policy.js`, `choose.js`); the golden cases in
`tests/golden/policy` and `tests/golden/choice` hold both to them. Here they serve whoever tells what nginx would do.
"""

from ostiary_gateway.policy.choice import View, choose, rank
from ostiary_gateway.policy.exhaustion import Facts, Try, exhausted
from ostiary_gateway.policy.failures import (
    MOST_RETRIES,
    Connection,
    Failure,
    HighLatency,
    Rule,
    Status,
    Timeout,
    counts_for_breaker,
    error_type,
    failure_status,
    intercept,
    match_failure,
    retries_left,
)
from ostiary_gateway.policy.measures import averaged, high_latency, triggered, warmth
from ostiary_gateway.policy.retries import backoff_ms, may_begin, next_target, wait_ms
from ostiary_gateway.policy.retry_after import retry_after_ms

__all__ = [
    "MOST_RETRIES",
    "Connection",
    "Facts",
    "Failure",
    "HighLatency",
    "Rule",
    "Status",
    "Timeout",
    "Try",
    "View",
    "averaged",
    "backoff_ms",
    "choose",
    "counts_for_breaker",
    "error_type",
    "exhausted",
    "failure_status",
    "high_latency",
    "intercept",
    "match_failure",
    "may_begin",
    "next_target",
    "rank",
    "retries_left",
    "retry_after_ms",
    "triggered",
    "wait_ms",
    "warmth",
]

"""A Model's retry policy, as the document holds it: every default filled in, times in milliseconds."""

from typing import Literal

from ostiary_gateway.contract import model as contract
from ostiary_operator.api import retrypolicy as api
from ostiary_operator.api.rules import code_range

_STRATEGIES: dict[api.Strategy, contract.Strategy] = {
    "SameModel": "same_model",
    "SameProvider": "same_provider",
    "DifferentProvider": "different_provider",
}
_SCOPES: dict[api.Scope, contract.Scope] = {"Model": "model", "Provider": "provider"}
_REACHES: dict[api.Reach, contract.Reach] = {"Global": "global", "Request": "request"}
_MEASURES: dict[str, Literal["ttfb", "total"]] = {"TimeToFirstByte": "ttfb", "Total": "total"}
_WAITS: dict[str, Literal["same_model", "same_provider", "global"]] = {
    "SameModel": "same_model",
    "SameProvider": "same_provider",
    "Global": "global",
}


def build_policy(policy: api.RetryPolicy, fallbacks: tuple[int, ...]) -> contract.RetryPolicy:
    """`fallbacks` are places in the backends that can be used."""
    return contract.RetryPolicy(
        fallbacks=fallbacks,
        default_strategy=_STRATEGIES[policy.default_strategy],
        default_max_attempts=policy.default_max_attempts,
        on_status_codes=tuple(_status_rule(rule) for rule in policy.on_status_codes),
        on_timeout=_timeout_rule(policy.on_timeout) if policy.on_timeout else None,
        on_high_latency=_latency_rule(policy.on_high_latency) if policy.on_high_latency else None,
        backoff=_backoff(policy.backoff) if policy.backoff else None,
        retry_after=_retry_after(policy.retry_after_handling or api.RetryAfterHandling()),
        max_duration_ms=policy.max_retry_duration_milliseconds or 0,
    )


def _status_rule(rule: api.StatusRule) -> contract.StatusRule:
    codes = tuple(code_range(code) for code in rule.codes)
    return contract.StatusRule(codes=codes, strategy=_STRATEGIES[rule.strategy], max_attempts=rule.max_attempts)


def _timeout_rule(rule: api.TimeoutRule) -> contract.TimeoutRule:
    return contract.TimeoutRule(strategy=_STRATEGIES[rule.strategy], max_attempts=rule.max_attempts)


def _latency_rule(rule: api.LatencyRule) -> contract.LatencyRule:
    return contract.LatencyRule(
        threshold_ms=rule.threshold_milliseconds,
        strategy=_STRATEGIES[rule.strategy],
        max_attempts=rule.max_attempts,
        measure=_MEASURES[rule.measure],
        block_ms=rule.block_duration_seconds * 1000,
        scope=_SCOPES[rule.scope],
        apply_to=_REACHES[rule.apply_to],
        min_triggers=rule.min_triggers,
        window_ms=(rule.trigger_window_seconds or api.DEFAULT_WINDOW_SECONDS) * 1000,
    )


def _backoff(backoff: api.Backoff) -> contract.Backoff:
    return contract.Backoff(
        apply_to=_WAITS[backoff.apply_to],
        base_ms=backoff.base_milliseconds,
        max_ms=backoff.max_milliseconds,
        jitter=backoff.jitter,
    )


def _retry_after(handling: api.RetryAfterHandling) -> contract.RetryAfter:
    return contract.RetryAfter(
        scope=_SCOPES[handling.scope],
        apply_to=_REACHES[handling.apply_to],
        max_ms=handling.max_retry_after_seconds * 1000,
    )

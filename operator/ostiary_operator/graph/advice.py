"""What is allowed in a Model but hardly meant: the warnings of behaviour.md 2.2, and names that nobody reaches."""

from collections.abc import Callable, Collection, Iterator, Sequence

from ostiary_operator.api import conditions
from ostiary_operator.api.conditions import ACCEPTED
from ostiary_operator.api.model import ModelSpec
from ostiary_operator.api.retrypolicy import RetryPolicy
from ostiary_operator.api.rules import code_range
from ostiary_operator.graph.nodes import Place, Problem

_SHORTEST_THRESHOLD = 1000  # milliseconds
_Advice = Iterator[tuple[str, str]]  # field, message


def of(name: str, spec: ModelSpec, places: Sequence[Place], prefixes: Collection[str]) -> tuple[Problem, ...]:
    """`places` are all backends that can be used, `prefixes` those of every Provider that /v1 serves."""
    found = [*_name(name, prefixes)]
    if spec.retry_policy:
        policy = spec.retry_policy
        found += [*_single_provider(policy, places)]
        for rule in _POLICY:
            found += [*rule(policy)]
    reason = conditions.REASON_ACCEPTED
    return tuple(
        Problem(condition=ACCEPTED, reason=reason, message=message, field=field, fatal=False) for field, message in found
    )


def _name(name: str, prefixes: Collection[str]) -> _Advice:
    prefix, slash, rest = name.partition("/")
    if slash and "*" in rest and prefix in prefixes:
        yield "spec.name", f"is never reached: {prefix}/ is a Provider's prefix, which comes before any pattern"


def _strategies(policy: RetryPolicy) -> dict[str, str]:
    """Field -> strategy, of the parts under which something is retried."""
    found: dict[str, str] = {"defaultStrategy": policy.default_strategy} if policy.default_max_attempts else {}
    found |= {f"onStatusCodes[{i}].strategy": rule.strategy for i, rule in enumerate(policy.on_status_codes) if rule.max_attempts}
    if policy.on_timeout:
        found["onTimeout.strategy"] = policy.on_timeout.strategy
    if policy.on_high_latency and policy.on_high_latency.max_attempts:
        found["onHighLatency.strategy"] = policy.on_high_latency.strategy
    return found


def _single_provider(policy: RetryPolicy, places: Sequence[Place]) -> _Advice:
    providers = {place.prefix for place in places}
    fields = [field for field, strategy in _strategies(policy).items() if strategy == "DifferentProvider"]
    if len(providers) == 1 and fields:
        yield f"spec.retryPolicy.{fields[0]}", f"there is no other Provider than {providers.pop()} to go to"


def _threshold(policy: RetryPolicy) -> _Advice:
    latency = policy.on_high_latency
    if latency and latency.threshold_milliseconds < _SHORTEST_THRESHOLD:
        why = f"{latency.threshold_milliseconds} is less than a second: ordinary answers may count as slow"
        yield "spec.retryPolicy.onHighLatency.thresholdMilliseconds", why


def _overlaps(policy: RetryPolicy) -> _Advice:
    seen: dict[int, int] = {}
    for number, rule in enumerate(policy.on_status_codes):
        ranges = [code_range(code) for code in rule.codes]
        codes = {status for first, last in ranges for status in range(first, last + 1)}
        twice = sorted(status for status in codes if status in seen)
        if twice:
            why = f"{twice[0]} is in onStatusCodes[{seen[twice[0]]}] already: the first counts"
            yield f"spec.retryPolicy.onStatusCodes[{number}].codes", why
        seen = dict.fromkeys(codes, number) | seen


def _provider_scope(policy: RetryPolicy) -> _Advice:
    why = "blocks the whole Provider, which SameModel then cannot retry"
    strategies = _strategies(policy)
    handling, latency = policy.retry_after_handling, policy.on_high_latency
    if handling and handling.scope == "Provider" and "SameModel" in strategies.values():
        yield "spec.retryPolicy.retryAfterHandling.scope", why
    if latency and latency.scope == "Provider" and latency.strategy == "SameModel":
        yield "spec.retryPolicy.onHighLatency.scope", why


def _backoff(policy: RetryPolicy) -> _Advice:
    if policy.backoff is None or policy.backoff.apply_to == "Global":
        return
    reach = policy.backoff.apply_to
    fitting = {"SameModel"} if reach == "SameModel" else {"SameModel", "SameProvider"}
    if not fitting & set(_strategies(policy).values()):
        yield "spec.retryPolicy.backoff.applyTo", f"nothing is ever waited: no strategy goes to the same one ({reach})"


_POLICY: tuple[Callable[[RetryPolicy], _Advice], ...] = (_threshold, _overlaps, _provider_scope, _backoff)

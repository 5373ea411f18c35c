"""Where a retry goes, and when (PL-01, PL-02, PL-03)."""

from collections.abc import Callable, Collection
from typing import Literal

from ostiary_gateway.contract.decision import Plan
from ostiary_gateway.contract.model import RetryPolicy, Strategy


def next_target(
    plan: Plan, tried: Collection[int], current: int, strategy: Strategy | Literal["any"], eligible: Callable[[int, bool], bool]
) -> int:
    """The place of the next target, -1 if there is none: the policy's fallbacks in order, then the others by priority.

    `same_model` is the same target again. The second argument of `eligible` is true for it: a Retry-After block is
    waited for and does not count.
    """
    if strategy == "same_model":
        return current if eligible(current, True) else -1
    here = plan.targets[current].provider
    for i in _in_order(plan):
        fits = strategy == "any" or (plan.targets[i].provider == here) == (strategy == "same_provider")
        if fits and i != current and i not in tried and eligible(i, False):
            return i
    return -1


def _in_order(plan: Plan) -> list[int]:
    fallbacks = plan.policy.fallbacks if plan.policy else ()
    rest = [i for i in range(len(plan.targets)) if i not in fallbacks]
    return [*fallbacks, *sorted(rest, key=lambda i: plan.targets[i].priority)]


def backoff_ms(
    policy: RetryPolicy | None, n: int, random: Callable[[], float], *, same_model: bool = False, same_provider: bool = False
) -> int:
    """The pause before retry `n`, from 1; `same_model` and `same_provider` tell where it goes from where it failed."""
    backoff = policy.backoff if policy else None
    if backoff is None:
        return 0
    if (backoff.apply_to == "same_model" and not same_model) or (backoff.apply_to == "same_provider" and not same_provider):
        return 0
    full = min(backoff.base_ms * 2 ** (n - 1), backoff.max_ms)
    return int(full * (0.5 + random() / 2)) if backoff.jitter else full


def wait_ms(backoff: int, retry_after_left: int, *, same_target: bool) -> int:
    """A switch never waits for the Retry-After of the target that it leaves (behaviour.md 2.5, defect 3)."""
    return max(backoff, retry_after_left) if same_target else backoff


def may_begin(policy: RetryPolicy | None, elapsed: int, wait: int) -> bool:
    """Whether the time for retries allows one more, `elapsed` after the first was planned and after a pause of `wait`."""
    return policy is None or policy.max_duration_ms == 0 or elapsed + wait <= policy.max_duration_ms

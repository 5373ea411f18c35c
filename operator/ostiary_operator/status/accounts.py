"""Conditions about money and limits, which `Ready` does not depend on."""

from collections.abc import Iterable

from ostiary_operator.api import conditions as c
from ostiary_operator.api.budget import BudgetSpec, BudgetStatus
from ostiary_operator.api.conditions import Condition, ConditionType
from ostiary_operator.status.conditions import History, Verdict, dated
from ostiary_operator.status.statement import Statement

_ALL = 100
_TOLD = 16


def shared(said: Statement | None, history: History) -> tuple[Condition, ...]:
    """LimitsShared; what was known stays until something newer is, and nothing is said before anything is."""
    sharing = said.sharing if said else None
    if said is None or sharing is None:
        return kept(c.LIMITS_SHARED, history)
    if said.replicas <= 1:
        verdict = Verdict(c.LIMITS_SHARED, "True", c.REASON_SINGLE_REPLICA, sharing.bound or "one replica counts everything")
    elif sharing.problem:
        message = f"{sharing.problem}; {sharing.bound}" if sharing.bound else sharing.problem
        verdict = Verdict(c.LIMITS_SHARED, "False", c.REASON_SHARING_INTERRUPTED, message)
    elif sharing.mode == "local":
        message = sharing.bound or "each replica grants its own part of every limit"
        verdict = Verdict(c.LIMITS_SHARED, "False", c.REASON_DIVIDED, message)
    else:
        verdict = Verdict(c.LIMITS_SHARED, "True", c.REASON_SHARED, sharing.bound or "replicas share every limit")
    return (dated(verdict, history),)


def priced(said: Statement | None, backends: Iterable[str], history: History) -> tuple[Condition, ...]:
    """Priced; `backends` are the unpriced ones that are this object's."""
    if said is None:
        return kept(c.PRICED, history)
    found = sorted(backends)
    if not found:
        return (dated(Verdict(c.PRICED, "True", c.REASON_PRICED, "no model was used whose price is unknown"), history),)
    more = f" and {len(found) - _TOLD} more" if len(found) > _TOLD else ""
    message = f"no price is known for {', '.join(found[:_TOLD])}{more}"
    return (dated(Verdict(c.PRICED, "False", c.REASON_UNPRICED_MODELS, message), history),)


def budget(spec: BudgetSpec, status: BudgetStatus, history: History, *, known: bool) -> tuple[Condition, ...]:
    """ThresholdReached and Exceeded; `known`: numbers were told at least once."""
    if not known:
        why = "no replica of the gateway has told its numbers yet"
        verdicts = [Verdict(kind, "Unknown", c.REASON_NOT_REPORTED, why) for kind in (c.THRESHOLD_REACHED, c.EXCEEDED)]
        return tuple(dated(verdict, history) for verdict in verdicts)
    percent = status.percent or 0
    highest = reached(spec, percent)
    if highest:
        threshold = Verdict(c.THRESHOLD_REACHED, "True", c.REASON_THRESHOLD_REACHED, f"{highest} % of it or more are spent")
    else:
        threshold = Verdict(c.THRESHOLD_REACHED, "False", c.REASON_BELOW_THRESHOLDS, "no threshold is reached")
    if percent >= _ALL:
        effect = "requests are refused" if spec.action == "Reject" else "requests are still served: action is Warn"
        exceeded = Verdict(c.EXCEEDED, "True", c.REASON_BUDGET_SPENT, f"all of it is spent; {effect}")
    else:
        exceeded = Verdict(c.EXCEEDED, "False", c.REASON_WITHIN_BUDGET, "something is left")
    return dated(threshold, history), dated(exceeded, history)


def reached(spec: BudgetSpec, percent: int) -> int:
    """The highest threshold that is reached; 0 is none."""
    return max((each for each in spec.threshold_percents if each <= percent), default=0)


def not_used(history: History) -> tuple[Condition, ...]:
    """Of a Budget that is left out."""
    why = "left out; another condition says why"
    verdicts = [Verdict(kind, "Unknown", c.REASON_NOT_USED, why) for kind in (c.THRESHOLD_REACHED, c.EXCEEDED)]
    return tuple(dated(verdict, history) for verdict in verdicts)


def kept(kind: ConditionType, history: History) -> tuple[Condition, ...]:
    return tuple(each for each in history.previous if each.type == kind)

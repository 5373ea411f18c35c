"""Budgets that reach one of their thresholds: an Event for each, once in a period. Pure.

What was told stands in the status: a percentage of a period. An Event that two operators or a failed write tell twice is the
price of keeping nothing else.
"""

from ostiary_operator import status
from ostiary_operator.api.apikey import ApiKey, ApiKeyStatus
from ostiary_operator.api.budget import Budget, BudgetStatus, KeyBudget
from ostiary_operator.api.model import Model
from ostiary_operator.api.provider import Provider
from ostiary_operator.cluster.resources import Object
from ostiary_operator.reconcile.notices import Notice

_ALL = 100


def crossed(about: Object, resource: Provider | Model | ApiKey | Budget, after: status.Status) -> list[Notice]:
    """The highest threshold that was reached between two statuses of a Budget, or of an ApiKey with a budget of its own."""
    match resource, after:
        case Budget(spec=spec, status=before), BudgetStatus() if spec:
            spent = f"{after.spent} of {after.limit} {after.unit}"
            return _notices(about, spec, (before.period, before.percent), (after.period, after.percent), spent)
        case ApiKey(spec=spec, status=before), ApiKeyStatus(usage=usage) if spec and spec.budget and usage:
            earlier = (before.usage.period, before.usage.percent) if before.usage else ("", None)
            used = str(usage.tokens) if usage.unit == "Tokens" else usage.spent
            spent = f"{used} of {usage.budget} {usage.unit}"
            return _notices(about, spec.budget, earlier, (usage.period, usage.percent), spent)
    return []


def _notices(
    about: Object, spec: KeyBudget, before: tuple[str, int | None], after: tuple[str, int | None], spent: str
) -> list[Notice]:
    period, percent = after[0], after[1] or 0
    known = (before[1] or 0) if before[0] == period else 0
    new = [each for each in spec.threshold_percents if known < each <= percent]
    if not period or not new:
        return []
    highest = max(new)
    message = f"{highest} % or more of the budget is spent: {spent} in {period}"
    if highest >= _ALL:
        effect = "requests are refused until it ends" if spec.action == "Reject" else "requests are still served"
        return [Notice(about, "Warning", "BudgetSpent", f"{message}; {effect}")]
    return [Notice(about, "Normal", "BudgetThresholdReached", message)]

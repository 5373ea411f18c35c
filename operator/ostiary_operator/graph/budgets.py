"""Budgets -> nodes: which ApiKeys each one covers."""

from collections.abc import Iterable, Mapping
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ostiary_operator.api import conditions
from ostiary_operator.api.apikey import ApiKey
from ostiary_operator.api.budget import Budget, BudgetSpec
from ostiary_operator.api.conditions import ACCEPTED
from ostiary_operator.api.metadata import Invalid
from ostiary_operator.api.selector import Selector
from ostiary_operator.graph.nodes import BudgetNode, Problem
from ostiary_operator.graph.snapshot import Policy, Snapshot


def resolve(snapshot: Snapshot, policy: Policy) -> tuple[BudgetNode, ...]:
    """In the order of the snapshot; keys that are left out themselves are covered all the same."""
    return tuple(_node(budget, snapshot.api_keys, policy) for budget in snapshot.budgets)


def covering(nodes: Iterable[BudgetNode]) -> Mapping[tuple[str, str], tuple[str, ...]]:
    """ApiKey -> ids of the usable budgets that cover it, in order."""
    found: dict[tuple[str, str], list[str]] = {}
    for node in nodes:
        for ref in node.keys if node.usable else ():
            found.setdefault(ref, []).append(node.resource.metadata.id)
    return {ref: tuple(sorted(ids)) for ref, ids in found.items()}


def time_zone_problem(name: str, field: str) -> tuple[Problem, ...]:
    """A budget with a zone that nobody knows holds by UTC: better at the wrong hour than not at all."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return (_told(f"{name} is no time zone that is known here: UTC counts", field),)
    return ()


def _node(budget: Budget, keys: Iterable[ApiKey], policy: Policy) -> BudgetNode:
    spec = budget.spec
    if spec is None:
        invalid = budget.invalid or Invalid("spec", "is missing")
        reason = conditions.REASON_INVALID
        return BudgetNode(
            resource=budget,
            problems=(Problem(condition=ACCEPTED, reason=reason, message=str(invalid), field=invalid.field),),
        )
    if spec.scope == "Cluster" and policy.home not in ("", budget.metadata.namespace):
        why = f"a Budget of the whole cluster must be in namespace {policy.home}"
        reason = conditions.REASON_SCOPE_NOT_ALLOWED
        return BudgetNode(
            resource=budget, problems=(Problem(condition=ACCEPTED, reason=reason, message=why, field="spec.scope"),)
        )
    covered = tuple(key.metadata.ref for key in keys if _covers(budget, spec, key))
    lonely = () if covered else (_told("no ApiKey is covered by it", "spec.selector"),)
    return BudgetNode(resource=budget, problems=(*time_zone_problem(spec.time_zone, "spec.timeZone"), *lonely), keys=covered)


def _covers(budget: Budget, spec: BudgetSpec, key: ApiKey) -> bool:
    here = spec.scope == "Cluster" or key.metadata.namespace == budget.metadata.namespace
    return here and (spec.selector or Selector()).matches(key.metadata.labels)


def _told(message: str, field: str) -> Problem:
    return Problem(condition=ACCEPTED, reason=conditions.REASON_ACCEPTED, message=message, field=field, fatal=False)

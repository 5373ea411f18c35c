"""What a key may use, as the allow-list and the document hold it."""

from collections.abc import Iterator, Mapping
from typing import Literal

import msgspec

from ostiary_gateway.contract import limits as contract
from ostiary_operator.api.budget import Action, KeyBudget, Period
from ostiary_operator.api.limits import Limits, ModelLimits, OnUnpriced, Rate
from ostiary_operator.graph import BudgetNode, KeyNode
from ostiary_operator.graph.budgets import time_zone_problem

_PERIODS: Mapping[Period, contract.Period] = {
    "Hourly": "hourly",
    "Daily": "daily",
    "Weekly": "weekly",
    "Monthly": "monthly",
    "Total": "total",
}
_ACTIONS: Mapping[Action, contract.Action] = {"Reject": "reject", "Warn": "warn"}
_UNPRICED: Mapping[OnUnpriced, contract.OnUnpriced] = {"Reject": "reject", "Allow": "allow", "Default": "default"}


def build_terms(node: KeyNode, default_limits: Limits | None) -> str:
    """JSON of the key's terms, empty where it has none. `default_limits` are for keys that name no limits of their own."""
    spec = node.resource.spec
    if spec is None:
        return ""
    limits = spec.limits or default_limits or Limits()
    each = limits.per_model or ModelLimits()
    terms = contract.Terms(
        rates=(*_rates(limits, "key"), *_rates(each, "model")),
        concurrency=limits.concurrent_requests,
        concurrency_per_model=each.concurrent_requests,
        budget=_budget("", spec.budget) if spec.budget else None,
        budgets=node.budgets,
        on_unpriced=_UNPRICED[spec.on_unpriced] if spec.on_unpriced else "",
        labels=dict(sorted(node.resource.metadata.labels.items())),
    )
    return "" if terms == contract.UNLIMITED else msgspec.json.encode(terms, order="deterministic").decode()


def build_budget(node: BudgetNode) -> contract.Budget | None:
    """None for a Budget whose spec cannot be used."""
    spec = node.resource.spec
    return _budget(node.resource.metadata.id, spec) if spec else None


def _budget(identity: str, spec: KeyBudget) -> contract.Budget:
    return contract.Budget(
        id=identity,
        amount=spec.amount or "",
        tokens=spec.tokens or 0,
        period=_PERIODS[spec.period],
        time_zone="UTC" if time_zone_problem(spec.time_zone, "") else spec.time_zone,
        action=_ACTIONS[spec.action],
        thresholds=tuple(sorted(set(spec.threshold_percents))),
    )


def _rates(limits: ModelLimits, per: Literal["key", "model"]) -> Iterator[contract.Rate]:
    units: tuple[tuple[contract.RateUnit, Rate | None], ...] = (
        ("requests", limits.requests),
        ("tokens", limits.tokens),
        ("input_tokens", limits.input_tokens),
        ("output_tokens", limits.output_tokens),
    )
    for unit, rate in units:
        for window, most in _windows(rate or Rate()):
            if most:
                yield contract.Rate(unit=unit, window=window, most=most, per=per)


def _windows(rate: Rate) -> tuple[tuple[contract.Window, int], ...]:
    return ("second", rate.per_second), ("minute", rate.per_minute), ("hour", rate.per_hour), ("day", rate.per_day)

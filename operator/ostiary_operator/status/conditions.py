"""Conditions of one object, computed once, at the end."""

from dataclasses import dataclass
from functools import lru_cache

from ostiary_operator.api import conditions as c
from ostiary_operator.api.conditions import Condition, ConditionStatus, ConditionType
from ostiary_operator.graph import Problem


@dataclass(frozen=True, slots=True)
class Rollout:
    """How far the gateways are with one object: ready replicas, and those that do not work with it as it is yet."""

    replicas: int
    behind: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """A condition before it has a date."""

    type: ConditionType
    status: ConditionStatus
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class History:
    """What dates a condition: the conditions before, the generation they are about now, and the moment (RFC 3339)."""

    previous: tuple[Condition, ...]
    generation: int
    now: str


def conditions(
    problems: tuple[Problem, ...], rollout: Rollout, history: History, refused: Verdict | None = None
) -> tuple[Condition, ...]:
    """Accepted, ResolvedRefs, Programmed, Ready. `refused`: why an object in order is not ready all the same."""
    return tuple(dated(verdict, history) for verdict in _verdicts(problems, rollout, refused))


@lru_cache(maxsize=1024)
def _verdicts(problems: tuple[Problem, ...], rollout: Rollout, refused: Verdict | None) -> tuple[Verdict, ...]:
    """Remembered, because thousands of keys are in one and the same state."""
    accepted = _of(problems, c.ACCEPTED, c.REASON_ACCEPTED, "used as it is written")
    resolved = _of(problems, c.RESOLVED_REFS, c.REASON_RESOLVED_REFS, "everything it refers to is there")
    if accepted.status == "False":
        resolved = Verdict(c.RESOLVED_REFS, "Unknown", c.REASON_NOT_USED, "not looked at; Accepted says why")
    usable = not any(problem.fatal for problem in problems)
    programmed = _programmed(rollout, usable=usable)
    if usable and resolved.status == "False":
        return accepted, resolved, programmed, _degraded(programmed, resolved)
    return accepted, resolved, programmed, _ready((accepted, resolved, programmed), refused)


def _of(problems: tuple[Problem, ...], kind: ConditionType, reason: str, message: str) -> Verdict:
    mine = [problem for problem in problems if problem.condition == kind]
    fatal = next((problem for problem in mine if problem.fatal), None)
    if fatal:
        return Verdict(kind, "False", fatal.reason, fatal.message)
    partial = [problem for problem in mine if problem.partial]
    advice = "; ".join(f"{problem.field}: {problem.message}" for problem in partial or mine)
    if partial:
        return Verdict(kind, "False", partial[0].reason, advice)
    return Verdict(kind, "True", reason, advice or message)


def _programmed(rollout: Rollout, *, usable: bool) -> Verdict:
    if not usable:
        return Verdict(c.PROGRAMMED, "False", c.REASON_NOT_USED, "left out; another condition says why")
    if not rollout.replicas:
        return Verdict(c.PROGRAMMED, "Unknown", c.REASON_NO_REPLICAS, "no replica of the gateway is ready")
    if rollout.behind:
        return Verdict(c.PROGRAMMED, "False", c.REASON_PENDING, "not every ready replica has reported it yet")
    return Verdict(c.PROGRAMMED, "True", c.REASON_PROGRAMMED, "in force on every ready replica")


def _degraded(programmed: Verdict, resolved: Verdict) -> Verdict:
    """Of an object that is used without what it refers to in vain."""
    if programmed.status != "True":
        return Verdict(c.READY, programmed.status, programmed.reason, programmed.message)
    return Verdict(c.READY, "True", c.REASON_DEGRADED, f"served, but {resolved.message}")


def _ready(parts: tuple[Verdict, ...], refused: Verdict | None) -> Verdict:
    first = next((part for part in parts if part.status == "False"), None)
    first = first or next((part for part in parts if part.status == "Unknown"), None)
    if parts[0].status == parts[1].status == "True" and refused:
        first = refused
    if first is None:
        return Verdict(c.READY, "True", c.REASON_READY, "served")
    status: ConditionStatus = "Unknown" if first.status == "Unknown" else "False"
    return Verdict(c.READY, status, first.reason, first.message)


def dated(verdict: Verdict, history: History) -> Condition:
    before = next((each for each in history.previous if each.type == verdict.type), None)
    same = before is not None and before.status == verdict.status
    return Condition(
        type=verdict.type,
        status=verdict.status,
        reason=verdict.reason,
        message=verdict.message,
        last_transition_time=before.last_transition_time if before and same else history.now,
        observed_generation=history.generation,
    )

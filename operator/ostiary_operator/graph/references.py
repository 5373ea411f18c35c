"""Following references into Secrets."""

from ostiary_operator.api import conditions, keys
from ostiary_operator.graph.nodes import Problem
from ostiary_operator.graph.snapshot import Ref, Snapshot


def value_of(snapshot: Snapshot, ref: Ref, entry: str, field: str) -> str | Problem:
    """A key or credential out of a Secret, or why there is none."""
    secret = snapshot.secrets.get(ref)
    name = ref[1]
    if secret is None:
        return _missing(conditions.REASON_SECRET_NOT_FOUND, f"Secret {name} does not exist", f"{field}.name")
    value = secret.data.get(entry, b"")
    if not value.strip():
        why = f"Secret {name} has no value for {entry}"
        return _missing(conditions.REASON_SECRET_KEY_NOT_FOUND, why, f"{field}.key")
    text = keys.from_bytes(value)
    if text is None:
        why = f"{entry} of Secret {name} is not one line of printable ASCII without spaces"
        return _missing(conditions.REASON_INVALID_SECRET, why, f"{field}.key")
    return text


def is_absent(problem: Problem) -> bool:
    """Whether there is nothing, as against something that cannot be used."""
    return problem.reason in (conditions.REASON_SECRET_NOT_FOUND, conditions.REASON_SECRET_KEY_NOT_FOUND)


def _missing(reason: str, message: str, field: str) -> Problem:
    return Problem(condition=conditions.RESOLVED_REFS, reason=reason, message=message, field=field)

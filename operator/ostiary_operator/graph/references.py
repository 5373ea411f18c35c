"""Following references into Secrets."""

from collections.abc import Sequence

from ostiary_operator.api import conditions, keys
from ostiary_operator.graph.nodes import Problem
from ostiary_operator.graph.snapshot import Ref, Snapshot


def value_of(snapshot: Snapshot, ref: Ref, entry: str, field: str) -> str | Problem:
    """A key or credential out of a Secret, or why there is none."""
    value = bytes_of(snapshot, ref, (entry,), field)
    if isinstance(value, Problem):
        return value
    text = keys.from_bytes(value)
    return text or unusable(f"{entry} of Secret {ref[1]} is not one line of printable ASCII without spaces", f"{field}.key")


def bytes_of(snapshot: Snapshot, ref: Ref, entries: Sequence[str], field: str) -> bytes | Problem:
    """What a Secret holds in the first of these entries that it has, or why there is nothing."""
    secret = snapshot.secrets.get(ref)
    name = ref[1]
    if secret is None:
        return _missing(conditions.REASON_SECRET_NOT_FOUND, f"Secret {name} does not exist", f"{field}.name")
    value = next((found for entry in entries if (found := secret.data.get(entry, b"").strip())), b"")
    if not value:
        why = f"Secret {name} has no value for {entries[0]}"
        return _missing(conditions.REASON_SECRET_KEY_NOT_FOUND, why, f"{field}.key")
    return value


def unusable(message: str, field: str) -> Problem:
    """A value that is there and is not what it should be."""
    return _missing(conditions.REASON_INVALID_SECRET, message, field)


def is_absent(problem: Problem) -> bool:
    """Whether there is nothing, as against something that cannot be used."""
    return problem.reason in (conditions.REASON_SECRET_NOT_FOUND, conditions.REASON_SECRET_KEY_NOT_FOUND)


def _missing(reason: str, message: str, field: str) -> Problem:
    return Problem(condition=conditions.RESOLVED_REFS, reason=reason, message=message, field=field)

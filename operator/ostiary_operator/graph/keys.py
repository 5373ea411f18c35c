"""ApiKeys -> nodes: the values of each key, and whose they are."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from ostiary_gateway.contract.allowlist import hash_key
from ostiary_operator.api import conditions, keys, names, times
from ostiary_operator.api.apikey import ApiKey, ApiKeySpec
from ostiary_operator.api.conditions import ACCEPTED, RESOLVED_REFS
from ostiary_operator.api.metadata import Invalid
from ostiary_operator.api.secret import Secret
from ostiary_operator.graph import references
from ostiary_operator.graph.nodes import KeyNode, KeyState, KeyValue, Problem, Rotation
from ostiary_operator.graph.snapshot import Snapshot


def resolve(snapshot: Snapshot) -> tuple[KeyNode, ...]:
    """Nodes in the order of the snapshot. A value belongs to the oldest key that has it."""
    nodes = [_node(key, snapshot) for key in snapshot.api_keys]
    holders: dict[str, ApiKey] = {}
    for node in sorted(nodes, key=lambda each: each.resource.metadata.seniority):
        for value in node.values:
            holders.setdefault(value.sha256, node.resource)
    return tuple(_yield_to(node, holders) for node in nodes)


def _node(key: ApiKey, snapshot: Snapshot) -> KeyNode:
    if key.spec is None:
        invalid = key.invalid or Invalid("spec", "is missing")
        reason = conditions.REASON_INVALID
        return _refused(key, Problem(condition=ACCEPTED, reason=reason, message=str(invalid), field=invalid.field))
    if key.spec.sha256 is not None:
        return _made(key, key.spec, Rotation(), key.spec.sha256, "")
    if key.spec.secret_ref is not None:
        return _referenced(key, key.spec, snapshot)
    return _generated(key, key.spec, snapshot)


def _referenced(key: ApiKey, spec: ApiKeySpec, snapshot: Snapshot) -> KeyNode:
    """The value is in the user's Secret; the key Secret remembers the hash of the one before it."""
    assert spec.secret_ref is not None  # noqa: S101 - told by the caller
    ref = (key.metadata.namespace, spec.secret_ref.name)
    value = references.value_of(snapshot, ref, spec.secret_ref.key, "spec.secretRef")
    if isinstance(value, Problem):
        return _refused(key, value)
    sha256 = hash_key(value)
    memory = snapshot.secrets.get((key.metadata.namespace, names.key_secret(key.metadata.name)))
    if memory is None or memory.metadata.owner_uid != key.metadata.uid:
        return _made(key, spec, Rotation(), sha256, "")
    rotation = _rotation(memory)
    if _hash_in(memory, names.SECRET_SHA256) == sha256:
        return _made(key, spec, rotation, sha256, _hash_in(memory, names.SECRET_PREVIOUS_SHA256))
    return _made(key, spec, Rotation(version=str(int(rotation.version) + 1)), sha256, "")


def _generated(key: ApiKey, spec: ApiKeySpec, snapshot: Snapshot) -> KeyNode:
    ref = (key.metadata.namespace, names.key_secret(key.metadata.name))
    secret = snapshot.secrets.get(ref)
    if secret is None:
        why = "the key has not been generated yet"
        return _refused(key, _unresolved(conditions.REASON_KEY_PENDING, why))
    if secret.metadata.owner_uid != key.metadata.uid:
        why = f"Secret {ref[1]} belongs to somebody else: rename the ApiKey or remove the Secret"
        return _refused(key, _unresolved(conditions.REASON_FOREIGN_SECRET, why))
    value = references.value_of(snapshot, ref, names.SECRET_KEY, "spec.generate")
    if isinstance(value, Problem):
        return _refused(key, value)
    previous = keys.from_bytes(secret.data.get(names.SECRET_PREVIOUS, b""))
    return _made(key, spec, _rotation(secret), hash_key(value), hash_key(previous) if previous else "")


def _made(key: ApiKey, spec: ApiKeySpec, rotation: Rotation, sha256: str, previous: str) -> KeyNode:
    current: KeyState = "disabled" if spec.disabled else "current"
    retiring: KeyState = "disabled" if spec.disabled else "retiring"
    values = [KeyValue(version=rotation.version, sha256=sha256, state=current, expires=spec.expires_at)]
    if previous and previous != sha256 and rotation.retiring_until:
        until = _earlier(rotation.retiring_until, spec.expires_at)
        version = rotation.retiring_version
        values.append(KeyValue(version=version, sha256=previous, state=retiring, expires=until))
    return KeyNode(resource=key, values=tuple(values), rotation=rotation)


def _rotation(secret: Secret) -> Rotation:
    notes = secret.metadata.annotations
    version = notes.get(names.KEY_VERSION, "1")
    return Rotation(
        version=version if version.isascii() and version.isdigit() and int(version) else "1",
        rotated_at=notes.get(names.ROTATED_AT, ""),
        retiring_until=times.parse(notes.get(names.RETIRING_UNTIL, "")),
        observed_rotate=notes.get(names.OBSERVED_ROTATE, ""),
    )


def _yield_to(node: KeyNode, holders: Mapping[str, ApiKey]) -> KeyNode:
    """Without the values that belong to an older key; without its current value a key is of no use."""
    own = tuple(value for value in node.values if holders[value.sha256] is node.resource)
    if own == node.values:
        return node
    if own and own[0] == node.values[0]:
        return KeyNode(resource=node.resource, problems=node.problems, values=own, rotation=node.rotation)
    holder = holders[node.values[0].sha256]
    why = f"the key belongs to ApiKey {holder.metadata.id}, which is older"
    return _refused(node.resource, Problem(condition=ACCEPTED, reason=conditions.REASON_CONFLICTED, message=why))


def _refused(key: ApiKey, problem: Problem) -> KeyNode:
    return KeyNode(resource=key, problems=(problem,))


def _unresolved(reason: str, message: str) -> Problem:
    return Problem(condition=RESOLVED_REFS, reason=reason, message=message, field="spec.generate")


def _hash_in(secret: Secret, entry: str) -> str:
    return secret.data.get(entry, b"").decode("ascii", "replace")


def _earlier(first: datetime, second: datetime | None) -> datetime:
    return first if second is None else min(first, second)


def origins(keys_: Iterable[ApiKey]) -> Iterable[tuple[str, str]]:
    """The Secrets that keys may have to do with: the user's and ours."""
    for key in keys_:
        if key.spec and key.spec.secret_ref:
            yield key.metadata.namespace, key.spec.secret_ref.name
        if key.spec and key.spec.sha256 is None:
            yield key.metadata.namespace, names.key_secret(key.metadata.name)

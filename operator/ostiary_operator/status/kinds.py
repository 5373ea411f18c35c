"""The whole status of each kind."""

from datetime import datetime
from typing import Any

import msgspec

from ostiary_operator.api import conditions as c
from ostiary_operator.api import names, times
from ostiary_operator.api.apikey import ApiKeySpec, ApiKeyStatus, KeyUsage, RotationStatus, StatusSecretRef
from ostiary_operator.api.budget import BudgetStatus
from ostiary_operator.api.model import ModelStatus
from ostiary_operator.api.provider import ProviderStatus, Unhealthy
from ostiary_operator.graph import BudgetNode, KeyNode, ModelNode, ProviderNode
from ostiary_operator.status import accounts
from ostiary_operator.status.conditions import History, Rollout, Verdict, conditions, dated
from ostiary_operator.status.health import healthy
from ostiary_operator.status.statement import Statement
from ostiary_operator.status.usage import budget_usage, key_usage

Status = ProviderStatus | ModelStatus | ApiKeyStatus | BudgetStatus


def provider(
    node: ProviderNode,
    rollout: Rollout,
    now: datetime,
    unhealthy: tuple[Unhealthy, ...] = (),
    said: Statement | None = None,
) -> ProviderStatus:
    """`unhealthy` are its backends that ready replicas leave alone, the longest first."""
    resource = node.resource
    history = History(resource.status.conditions, resource.metadata.generation, times.to_text(now))
    seen = unhealthy if node.usable else ()
    health = dated(healthy(node, rollout, seen), history)
    mine = [each for each in (said.unpriced if said else ()) if each.partition("/")[0] == resource.prefix]
    price = accounts.priced(said, mine if node.usable else (), history)
    return ProviderStatus(
        conditions=(*conditions(node.problems, rollout, history), health, *price), prefix=resource.prefix, unhealthy=seen
    )


def model(node: ModelNode, rollout: Rollout, now: datetime, said: Statement | None = None) -> ModelStatus:
    resource = node.resource
    history = History(resource.status.conditions, resource.metadata.generation, times.to_text(now))
    named = len(resource.spec.backends) if resource.spec else 0
    used = sum(place.spec is not None for place in node.backends)
    mine = {place.id for place in node.backends} & set(said.unpriced if said else ())
    return ModelStatus(
        conditions=(*conditions(node.problems, rollout, history), *accounts.priced(said, mine, history)),
        name=resource.name,
        backends=f"{used}/{named}" if named else "",
    )


def api_key(node: KeyNode, rollout: Rollout, now: datetime, last_used: str = "", said: Statement | None = None) -> ApiKeyStatus:
    """`last_used` is when a gateway last saw the retiring value (RFC 3339), empty if none did: what was known stays."""
    resource, spec = node.resource, node.resource.spec
    history = History(resource.status.conditions, resource.metadata.generation, times.to_text(now))
    refused = _refused(resource.spec, now) if resource.spec else None
    limited = spec is not None and (spec.limits or spec.budget or node.budgets)
    return ApiKeyStatus(
        conditions=(
            *conditions(node.problems, rollout, history, refused),
            *(accounts.shared(said, history) if limited else ()),
        ),
        key_id=node.key_id,
        secret_ref=_secret_ref(node),
        rotation=_rotation(node, last_used),
        usage=key_usage(node.key_id, spec, resource.status.usage, said, now) if spec else None,
    )


def budget(node: BudgetNode, rollout: Rollout, now: datetime, said: Statement | None = None) -> BudgetStatus:
    resource, spec = node.resource, node.resource.spec
    history = History(resource.status.conditions, resource.metadata.generation, times.to_text(now))
    general = conditions(node.problems, rollout, history)
    if spec is None or not node.usable:
        return BudgetStatus(conditions=(*general, *accounts.not_used(history)))
    found = budget_usage(resource.metadata.id, spec, resource.status, said)
    states = accounts.budget(spec, found, history, known=bool(found.period))
    return msgspec.structs.replace(found, conditions=(*general, *states, *accounts.shared(said, history)), keys=len(node.keys))


def encode(status: Status) -> dict[str, Any]:
    """A status as JSON for a merge patch: what is no longer said is null, so that it goes away."""
    fields: dict[str, Any] = msgspec.to_builtins(status)
    if isinstance(status, ModelStatus):
        return {"backends": None, **fields}
    if isinstance(status, ApiKeyStatus):
        rotation = _all(RotationStatus, fields.get("rotation"))
        usage = _all(KeyUsage, fields.get("usage"))
        fields = {"secretRef": None, **fields, "rotation": rotation, "usage": usage}
    if isinstance(status, BudgetStatus):
        fields = _all(BudgetStatus, fields) or {}
    return fields


def _all(kind: type[msgspec.Struct], said: dict[str, Any] | None) -> dict[str, Any] | None:
    if said is None:
        return None
    return {**{field.encode_name: None for field in msgspec.structs.fields(kind)}, **said}


def _refused(spec: ApiKeySpec, now: datetime) -> Verdict | None:
    if spec.disabled:
        return Verdict(c.READY, "False", c.REASON_DISABLED, "spec.disabled is set: the key is refused")
    if spec.expires_at and spec.expires_at <= now:
        return Verdict(c.READY, "False", c.REASON_EXPIRED, "spec.expiresAt has passed: the key is refused")
    return None


def _secret_ref(node: KeyNode) -> StatusSecretRef | None:
    spec = node.resource.spec
    if spec is None or not node.values:
        return None
    if spec.secret_ref:
        return StatusSecretRef(name=spec.secret_ref.name, key=spec.secret_ref.key)
    if spec.generate is not None:
        return StatusSecretRef(name=names.key_secret(node.resource.metadata.name), key=names.SECRET_KEY)
    return None


def _rotation(node: KeyNode, last_used: str) -> RotationStatus | None:
    """None for a key that Ostiary cannot rotate. The date of the last use goes with the value that it is about."""
    spec, rotation = node.resource.spec, node.rotation
    if spec is None or rotation is None or spec.sha256 is not None:
        return None
    retiring = next((value for value in node.values[1:]), None)
    before = node.resource.status.rotation
    known = before.retiring_last_used if before and retiring and before.retiring_version == retiring.version else ""
    return RotationStatus(
        version=rotation.version,
        rotated_at=rotation.rotated_at,
        retiring_version=retiring.version if retiring else "",
        retiring_until=times.to_text(retiring.expires) if retiring and retiring.expires else "",
        retiring_last_used=max(last_used, known) if retiring else "",
        observed_rotate=rotation.observed_rotate,
    )

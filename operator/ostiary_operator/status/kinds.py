"""The whole status of each kind."""

from datetime import datetime
from typing import Any

import msgspec

from ostiary_operator.api import conditions as c
from ostiary_operator.api import names, times
from ostiary_operator.api.apikey import ApiKeySpec, ApiKeyStatus, RotationStatus, StatusSecretRef
from ostiary_operator.api.model import ModelStatus
from ostiary_operator.api.provider import ProviderStatus, Unhealthy
from ostiary_operator.graph import KeyNode, ModelNode, ProviderNode
from ostiary_operator.status.conditions import History, Rollout, Verdict, conditions, dated
from ostiary_operator.status.health import healthy

Status = ProviderStatus | ModelStatus | ApiKeyStatus


def provider(node: ProviderNode, rollout: Rollout, now: datetime, unhealthy: tuple[Unhealthy, ...] = ()) -> ProviderStatus:
    """`unhealthy` are its backends that ready replicas leave alone, the longest first."""
    resource = node.resource
    history = History(resource.status.conditions, resource.metadata.generation, times.to_text(now))
    seen = unhealthy if node.usable else ()
    health = dated(healthy(node, rollout, seen), history)
    return ProviderStatus(
        conditions=(*conditions(node.problems, rollout, history), health), prefix=resource.prefix, unhealthy=seen
    )


def model(node: ModelNode, rollout: Rollout, now: datetime) -> ModelStatus:
    resource = node.resource
    history = History(resource.status.conditions, resource.metadata.generation, times.to_text(now))
    named = len(resource.spec.backends) if resource.spec else 0
    used = sum(place.spec is not None for place in node.backends)
    return ModelStatus(
        conditions=conditions(node.problems, rollout, history),
        name=resource.name,
        backends=f"{used}/{named}" if named else "",
    )


def api_key(node: KeyNode, rollout: Rollout, now: datetime, last_used: str = "") -> ApiKeyStatus:
    """`last_used` is when a gateway last saw the retiring value (RFC 3339), empty if none did: what was known stays."""
    resource = node.resource
    history = History(resource.status.conditions, resource.metadata.generation, times.to_text(now))
    refused = _refused(resource.spec, now) if resource.spec else None
    return ApiKeyStatus(
        conditions=conditions(node.problems, rollout, history, refused),
        key_id=node.key_id,
        secret_ref=_secret_ref(node),
        rotation=_rotation(node, last_used),
    )


def encode(status: Status) -> dict[str, Any]:
    """A status as JSON for a merge patch: what is no longer said is null, so that it goes away."""
    fields: dict[str, Any] = msgspec.to_builtins(status)
    if isinstance(status, ModelStatus):
        return {"backends": None, **fields}
    if isinstance(status, ApiKeyStatus):
        fields = {"secretRef": None, **fields, "rotation": _all(fields.get("rotation"))}
    return fields


def _all(rotation: dict[str, Any] | None) -> dict[str, Any] | None:
    if rotation is None:
        return None
    return {**{field.encode_name: None for field in msgspec.structs.fields(RotationStatus)}, **rotation}


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

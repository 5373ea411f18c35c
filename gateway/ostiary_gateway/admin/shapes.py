"""Custom resource <-> what the admin API shows of it: id, name, namespace, labels, version, created, spec, status."""

from typing import Any

from ostiary_gateway.admin import kinds
from ostiary_gateway.admin.kinds import API_VERSION, KINDS, Kind
from ostiary_gateway.admin.resources import Object, Ref, ref_of, version_of
from ostiary_gateway.admin.structural import Schema

_LABEL_NAME = "^([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$"
_LABEL_VALUE = "^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$"
_STRING: Schema = {"type": "string"}
_NAME: Schema = {"type": "string", "pattern": kinds.OBJECT_NAME, "maxLength": 253}
_NAMESPACE: Schema = {"type": "string", "pattern": kinds.NAMESPACE, "maxLength": 63}
_LABELS: Schema = {
    "type": "object",
    "description": "What selectors of Budgets choose by.",
    "propertyNames": {"pattern": _LABEL_NAME},
    "additionalProperties": {"type": "string", "pattern": _LABEL_VALUE},
    "maxProperties": 64,
}


def shown(obj: Object) -> Object:
    """An object as the admin API shows it."""
    ref, meta = ref_of(obj), obj["metadata"]
    labels = meta.get("labels")
    return {
        "id": f"{ref.namespace}/{ref.name}",
        "name": ref.name,
        "namespace": str(ref.namespace),
        "labels": {str(name): str(value) for name, value in labels.items()} if isinstance(labels, dict) else {},
        "version": version_of(obj),
        **({"created": created} if isinstance(created := meta.get("creationTimestamp"), str) else {}),
        "spec": spec_of(obj),
        "status": _mapping(obj.get("status")),
    }


def spec_of(obj: Object) -> Object:
    """A copy of its fields; a manifest may say anything there."""
    return dict(_mapping(obj.get("spec")))


def manifest(kind: Kind, ref: Ref, body: Object) -> Object:
    """A new object of what was posted."""
    labels = {"labels": body["labels"]} if body.get("labels") else {}
    metadata = {"name": ref.name, "namespace": ref.namespace, **labels}
    return {"apiVersion": API_VERSION, "kind": kind.name, "metadata": metadata, "spec": body.get("spec", {})}


def with_change(obj: Object, body: Object) -> Object:
    """An object with what was put; labels that are not named stay."""
    labels = {"labels": body["labels"]} if "labels" in body else {}
    return obj | {"metadata": obj["metadata"] | labels, "spec": body["spec"]}


def schemas() -> dict[str, Schema]:
    """Every shape of every kind, by its name in the OpenAPI document."""
    return {name: schema for kind in KINDS for name, schema in _of(kind).items()}


def new_name(kind: Kind) -> str:
    return f"New{kind.name}"


def change_name(kind: Kind) -> str:
    return f"Changed{kind.name}"


def list_name(kind: Kind) -> str:
    return f"{kind.name}List"


def paged(item: Schema) -> Schema:
    """The shape of every list that knows its length."""
    return _object(
        {
            "items": {"type": "array", "items": item},
            "total_count": {"type": "integer", "minimum": 0, "description": "Of all pages."},
            "page": {"type": "integer", "minimum": 1},
            "page_size": {"type": "integer", "minimum": 1, "maximum": 200},
        }
    )


def reference(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _of(kind: Kind) -> dict[str, Schema]:
    spec, is_key = reference(f"{kind.name}Spec"), kind is kinds.KEY
    there: Schema = {
        "id": _STRING | {"description": "<namespace>/<name>; of a key, what the ledger calls it."},
        "name": _STRING,
        "namespace": _STRING,
        "labels": {"type": "object", "additionalProperties": _STRING},
        "version": _STRING | {"description": "Changes whenever the object does; also in ETag, for If-Match."},
        "created": _STRING | {"description": "RFC 3339; not known of a manifest in a folder."},
        "spec": {"type": "object", "description": f"As {kind.name}Spec, if whoever wrote it kept to that."},
        "status": kind.status,
    }
    named = {"name": _NAME, "namespace": _NAMESPACE | {"description": "The installation's own where it is left out."}}
    wanted = [] if is_key else ["name", "spec"]
    shapes = {
        f"{kind.name}Spec": kind.spec,
        kind.name: _object(there, optional=("created",)),
        new_name(kind): _object({**named, "labels": _LABELS, "spec": spec}, required=wanted),
        change_name(kind): _object({"labels": _LABELS, "spec": spec}, required=["spec"]),
        list_name(kind): paged(reference(kind.name)),
    }
    if is_key:
        value = _STRING | {"description": "The key. It is told this once; only its SHA-256 is kept."}
        overlap: Schema = {
            "type": "integer",
            "minimum": 0,
            "description": "How long the value before it still counts, in seconds.",
        }
        shapes["CreatedApiKey"] = _object({**there, "key": value}, optional=("created", "key"))
        shapes["RegeneratedApiKey"] = _object({**there, "key": value, "overlap_seconds": overlap}, optional=("created", "key"))
    return shapes


def _object(properties: Schema, *, optional: tuple[str, ...] = (), required: list[str] | None = None) -> Schema:
    wanted = [name for name in properties if name not in optional] if required is None else required
    return {
        "type": "object",
        "properties": properties,
        **({"required": wanted} if wanted else {}),
        "additionalProperties": False,
    }


def _mapping(value: Any) -> Object:
    return value if isinstance(value, dict) else {}

"""The Secret that belongs to an ApiKey: the generated key, or which values a key from elsewhere has had.

It is named `<name>-key` and carries the state of the rotation in annotations, so that a key's values and their versions
change in one write. A generated key is there in plaintext: `api-key`, and during an overlap `previous-api-key`; of a key that
the user keeps in a Secret there are only hashes: `sha256`, `previous-sha256`.
"""

import base64
import binascii
from dataclasses import dataclass
from typing import Any

from ostiary_operator.api import keys, names
from ostiary_operator.objects import labels

Object = dict[str, Any]
_PLAIN = (names.SECRET_KEY, names.SECRET_PREVIOUS)
_HASHED = (names.SECRET_SHA256, names.SECRET_PREVIOUS_SHA256)
_ANNOTATIONS = (names.KEY_VERSION, names.ROTATED_AT, names.RETIRING_UNTIL, names.OBSERVED_ROTATE)


@dataclass(frozen=True, slots=True)
class Rotation:
    """The values of a key: plaintext of a generated key, else hashes. `previous` is empty when no overlap runs.

    Times are RFC 3339 UTC; `observed` is the value of the rotate annotation that has been answered.
    """

    current: str
    version: int
    rotated_at: str
    previous: str = ""
    retiring_until: str = ""
    observed: str = ""


def build_key_secret(apikey: Object, rotation: Rotation, *, generated: bool, replacing: Object | None = None) -> Object:
    """The Secret of an ApiKey as it is in the cluster (its uid makes it the owner); over a version that was read, if given."""
    fields = _PLAIN if generated else _HASHED
    data = dict(zip(fields, (rotation.current, rotation.previous), strict=True))
    metadata = _metadata(apikey, rotation)
    if replacing:
        metadata = _over(metadata, replacing["metadata"])
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": metadata,
        "type": "Opaque",
        "data": {name: base64.b64encode(value.encode()).decode() for name, value in data.items() if value},
    }


def belongs_to(secret: Object, apikey: Object) -> bool:
    """Whether we made this Secret for this very ApiKey; another's Secret is never touched."""
    owners = secret["metadata"].get("ownerReferences") or ()
    return any(owner.get("controller") and owner.get("uid") == apikey["metadata"]["uid"] for owner in owners)


def read_rotation(secret: Object, *, generated: bool) -> Rotation | None:
    """What a Secret of ours says; None if it has no usable current value or no version any more."""
    fields = _PLAIN if generated else _HASHED
    current, previous = (read_value(secret, field) for field in fields)
    annotations = secret["metadata"].get("annotations") or {}
    version = annotations.get(names.KEY_VERSION, "")
    if not current or not version.isdecimal():
        return None
    return Rotation(
        current=current,
        version=int(version),
        rotated_at=annotations.get(names.ROTATED_AT, ""),
        previous=previous,
        retiring_until=annotations.get(names.RETIRING_UNTIL, "") if previous else "",
        observed=annotations.get(names.OBSERVED_ROTATE, ""),
    )


def read_value(secret: Object, field: str) -> str:
    """A key or a hash in a Secret; empty if it is not there or can be neither."""
    try:
        value = base64.b64decode((secret.get("data") or {}).get(field, ""), validate=True)
    except binascii.Error:
        return ""
    return keys.from_bytes(value) or ""


def _metadata(apikey: Object, rotation: Rotation) -> Object:
    meta = apikey["metadata"]
    annotations = {
        names.KEY_VERSION: str(rotation.version),
        names.ROTATED_AT: rotation.rotated_at,
        names.RETIRING_UNTIL: rotation.retiring_until,
        names.OBSERVED_ROTATE: rotation.observed,
    }
    return {
        "name": names.key_secret(meta["name"]),
        "namespace": meta["namespace"],
        "labels": {labels.MANAGED_BY: labels.MANAGER, labels.APIKEY: meta["uid"]},
        "annotations": {key: value for key, value in annotations.items() if value},
        "ownerReferences": [
            {
                "apiVersion": apikey["apiVersion"],
                "kind": apikey["kind"],
                "name": meta["name"],
                "uid": meta["uid"],
                "controller": True,
            }
        ],
    }


def _over(wanted: Object, found: Object) -> Object:
    kept = {key: value for key, value in (found.get("annotations") or {}).items() if key not in _ANNOTATIONS}
    return wanted | {
        "resourceVersion": found["resourceVersion"],
        "labels": (found.get("labels") or {}) | wanted["labels"],
        "annotations": kept | wanted["annotations"],
    }

"""A bundle as Kubernetes objects: one ConfigMap that binds (the head), one for each shard of the allow-list, one Secret.

The head carries the manifest beside the document and upstreams.conf, so these three change in one step. Shards and Secret are
written before it and refer to it as their owner: whoever deletes the head has removed the whole bundle. A large document is
packed: a thousand Models of ten backends are 2.8 MB, and 45 kB then.
"""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from ostiary_gateway.contract import bundle as contract
from ostiary_operator.api import names
from ostiary_operator.objects import labels

Object = dict[str, Any]
_SHARD = "allowlist-"
_SUFFIX = ".csv"
_PACK_FROM = 256 * 1024  # bytes; smaller ones can be read with kubectl


@dataclass(frozen=True, slots=True)
class Place:
    """Where a bundle lives; its name is also the name of the head."""

    namespace: str
    name: str

    @property
    def credentials(self) -> str:
        return f"{self.name}-credentials"


@dataclass(frozen=True, slots=True)
class BundleObjects:
    shards: tuple[Object, ...]
    credentials: Object
    head: Object


def build_bundle(bundle: contract.Bundle, place: Place, owner_uid: str) -> BundleObjects:
    """All objects of a bundle; `owner_uid` is the uid of the head as it is in the cluster.

    Raises:
        ValueError: the bundle has a file for which there is no object.
    """
    head = {contract.MANIFEST: bundle.manifest}
    shards = []
    credentials = b"{}"
    for name, content in sorted(bundle.files.items()):
        if name in (contract.DOCUMENT, contract.UPSTREAMS):
            head[name] = content
        elif name == contract.CREDENTIALS:
            credentials = content
        elif name.startswith(_SHARD) and name.endswith(_SUFFIX):
            shards.append(_config_map(f"{place.name}-{name.removesuffix(_SUFFIX)}", place, {name: content}, owner_uid))
        else:
            raise ValueError(f"no object for {name}")
    return BundleObjects(
        shards=tuple(shards),
        credentials=_secret(place, {contract.CREDENTIALS: credentials}, owner_uid),
        head=_config_map(place.name, place, head, ""),
    )


def build_empty_head(place: Place) -> Object:
    """The head before there is a bundle: without a manifest nobody takes it for one."""
    return _config_map(place.name, place, {}, "")


def same_content(wanted: Object, found: Object) -> bool:
    """Whether an object in the cluster already says what is wanted; what others added to its metadata is theirs."""
    meta, seen = wanted["metadata"], found["metadata"]
    return (
        all((wanted.get(part) or {}) == (found.get(part) or {}) for part in ("data", "binaryData"))
        and (seen.get("labels") or {}).get(names.BUNDLE) == meta["labels"][names.BUNDLE]
        and all(owner in (seen.get("ownerReferences") or ()) for owner in meta.get("ownerReferences", ()))
    )


def merged(wanted: Object, found: Object) -> Object:
    """What to put over an object in the cluster: our content, the others' metadata, and only over the version that was read."""
    meta = dict(found["metadata"])
    ours = wanted["metadata"]["labels"]
    meta["labels"] = ours | (meta.get("labels") or {}) | {names.BUNDLE: ours[names.BUNDLE]}
    if owners := wanted["metadata"].get("ownerReferences"):
        meta["ownerReferences"] = owners
    return wanted | {"metadata": meta}


def read_digest(head: Object) -> str:
    """The digest of the bundle that a head in the cluster binds; empty if it binds none."""
    text = (head.get("data") or {}).get(contract.MANIFEST, "")
    try:
        return msgspec.json.decode(text, type=contract.Manifest).digest if text else ""
    except msgspec.DecodeError:
        return ""


def _config_map(name: str, place: Place, files: Mapping[str, bytes], owner_uid: str) -> Object:
    large = {key for key, content in files.items() if len(content) >= _PACK_FROM and not key.endswith(_SUFFIX)}
    data = {key: content.decode() for key, content in files.items() if key not in large}
    packed = {key + contract.PACKED: base64.b64encode(contract.pack(files[key])).decode() for key in sorted(large)}
    item: Object = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": _metadata(name, place, owner_uid), "data": data}
    return item | ({"binaryData": packed} if packed else {})


def _secret(place: Place, files: Mapping[str, bytes], owner_uid: str) -> Object:
    data = {key: base64.b64encode(content).decode() for key, content in files.items()}
    meta = _metadata(place.credentials, place, owner_uid)
    return {"apiVersion": "v1", "kind": "Secret", "metadata": meta, "type": "Opaque", "data": data}


def _metadata(name: str, place: Place, owner_uid: str) -> Object:
    meta: Object = {"name": name, "namespace": place.namespace, "labels": labels.bundle_labels(place.name)}
    if owner_uid:
        owner = {"apiVersion": "v1", "kind": "ConfigMap", "name": place.name, "uid": owner_uid}
        meta["ownerReferences"] = [owner]
    return meta

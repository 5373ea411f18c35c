"""Where the objects are: custom resources in a cluster, or manifests in a folder. Objects are Kubernetes JSON either way."""

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

from ostiary_gateway.admin.kinds import Kind

Object = dict[str, Any]


class Ref(NamedTuple):
    namespace: str
    name: str

    @property
    def id(self) -> str:
        """`<namespace>/<name>`: for a key, what the ledger calls it."""
        return f"{self.namespace}/{self.name}"


class Resources(Protocol):
    """`metadata.resourceVersion` changes whenever the object does; one that is given is the only one that is replaced or deleted.

    Raises:
        MissingError: there is no such object.
        ConflictError: there is one of that name already; it is of another version.
        InvalidError: the API server does not take it.
        UnavailableError: there is nobody, or nothing, to ask.
    """

    @property
    def rotates(self) -> bool:
        """Whether somebody makes new values of keys that say `generate` when their annotation asks for one (the operator)."""
        ...

    async def list(self, kind: Kind, namespace: str = "") -> Sequence[Object]:
        """All objects of a kind in a namespace, or in all that are served."""
        ...

    async def get(self, kind: Kind, ref: Ref) -> Object: ...

    async def create(self, kind: Kind, obj: Object) -> Object:
        """Returns: the object as it is now."""
        ...

    async def replace(self, kind: Kind, obj: Object) -> Object:
        """Returns: the object as it is now."""
        ...

    async def delete(self, kind: Kind, ref: Ref, version: str) -> None: ...

    async def close(self) -> None: ...


def ref_of(obj: Object) -> Ref:
    """A manifest that names no namespace is in `default`."""
    return Ref(obj["metadata"].get("namespace") or "default", obj["metadata"]["name"])


def version_of(obj: Object) -> str:
    return str(obj["metadata"].get("resourceVersion", ""))

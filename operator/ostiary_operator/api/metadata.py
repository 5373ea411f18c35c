"""The part of every Kubernetes object that says which one it is."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Metadata:
    """`created` is RFC 3339 as the API server wrote it, or empty; `rank` is the place among manifests of a folder."""

    name: str
    namespace: str
    uid: str = ""
    generation: int = 0
    created: str = ""
    rank: int = 0
    annotations: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    owner_uid: str = ""  # of the controlling owner

    @property
    def id(self) -> str:
        """`<namespace>/<name>`."""
        return f"{self.namespace}/{self.name}"

    @property
    def ref(self) -> tuple[str, str]:
        return self.namespace, self.name

    @property
    def seniority(self) -> tuple[str, int, str, str]:
        """Of two objects that claim one thing, the one with the smaller seniority has it."""
        return self.created, self.rank, self.namespace, self.name


@dataclass(frozen=True, slots=True)
class Invalid:
    """Why a spec cannot be used. `message` never quotes a value: it might be a key pasted into the wrong field."""

    field: str
    message: str

    def __str__(self) -> str:
        return f"{self.field}: {self.message}"

"""The kinds of objects that the operator reads and writes, and where the API server keeps them."""

from dataclasses import dataclass
from typing import Any

from ostiary_operator.api import names

Object = dict[str, Any]  # one Kubernetes object as JSON


@dataclass(frozen=True, slots=True)
class Resource:
    """A namespaced kind; `group` is empty for the core."""

    group: str
    version: str
    plural: str

    def path(self, namespace: str = "", name: str = "", subresource: str = "") -> str:
        """The URL path of an object, or of all objects of a namespace, or of the cluster."""
        root = f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"
        parts = [root, *(["namespaces", namespace] if namespace else []), self.plural, name, subresource]
        return "/".join(part for part in parts if part)


PROVIDERS = Resource(names.GROUP, names.VERSION, "providers")
MODELS = Resource(names.GROUP, names.VERSION, "models")
APIKEYS = Resource(names.GROUP, names.VERSION, "apikeys")
BUDGETS = Resource(names.GROUP, names.VERSION, "budgets")
SECRETS = Resource("", "v1", "secrets")
CONFIGMAPS = Resource("", "v1", "configmaps")
PODS = Resource("", "v1", "pods")
EVENTS = Resource("", "v1", "events")
LEASES = Resource("coordination.k8s.io", "v1", "leases")

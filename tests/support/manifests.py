"""Custom resources as a user writes them."""

import base64
import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Any

Manifest = dict[str, Any]
_API_VERSION = "ostiary.dev/v1alpha1"


def provider(name: str, url: str, kind: str = "openai", *, credential: str | None = None, **spec: object) -> list[Manifest]:
    """A Provider, and the Secret with its credential if Ostiary is to hold one."""
    spec = {"type": kind, "baseURL": url, **spec}
    if credential is None:
        return [_resource("Provider", name, spec)]
    secret = f"{name}-credential"
    spec["credential"] = {"secretRef": {"name": secret, "key": "key"}}
    return [_resource("Provider", name, spec), build_secret(secret, {"key": credential})]


def api_key(name: str, key: str, *, models: Sequence[str] = (), **spec: object) -> Manifest:
    """An ApiKey that is known by its hash."""
    digest = hashlib.sha256(key.encode()).hexdigest()
    full: dict[str, object] = {"owner": f"{name}@example.test", "sha256": digest, **spec}
    if models:
        full["models"] = list(models)
    return _resource("ApiKey", name, full)


def model(name: str, *backends: str | Mapping[str, object], **spec: object) -> Manifest:
    """A Model of this name; a backend is a Provider's name, `<Provider>/<its model>`, or the whole thing."""
    full = {"name": name, "backends": [_backend(backend) for backend in backends], **spec}
    return _resource("Model", re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "default", full)


def _backend(backend: str | Mapping[str, object]) -> Mapping[str, object]:
    if not isinstance(backend, str):
        return backend
    provider, _, model = backend.partition("/")
    return {"providerRef": {"name": provider}} | ({"model": model} if model else {})


def build_secret(name: str, values: Mapping[str, str]) -> Manifest:
    data = {key: base64.b64encode(value.encode()).decode() for key, value in values.items()}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "data": data}


def _resource(kind: str, name: str, spec: Mapping[str, object]) -> Manifest:
    return {"apiVersion": _API_VERSION, "kind": kind, "metadata": {"name": name}, "spec": dict(spec)}

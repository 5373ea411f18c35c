"""The objects that the tests apply, as a user of the cluster would write them."""

import base64
import hashlib
from typing import Any

Object = dict[str, Any]
API = "ostiary.dev/v1alpha1"
SYSTEM = "ostiary"  # where the release is
TEAM = "team-red"  # where a user is
CROWD = "crowd"  # where a thousand keys are
VENDOR = "vendor"  # where the fake provider is
FAKE = f"http://fake.{VENDOR}.svc:8090"
CREDENTIAL = "sk-vendor-credential"
VALKEY_IMAGE = "valkey/valkey:9"
VALKEY = f"valkey://valkey.{VENDOR}.svc:6379"


def namespace(name: str) -> Object:
    labels = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "warn")}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}


def secret(name: str, **values: str) -> Object:
    data = {key.replace("_", "-"): base64.b64encode(value.encode()).decode() for key, value in values.items()}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": TEAM}, "data": data}


def provider(name: str, *, base_url: str = FAKE, credential: str | Object = "", **spec: Any) -> Object:
    """`credential` names a Secret, or is the whole field; without one the caller's own credential goes to the provider."""
    whole = {"secretRef": {"name": credential, "key": "api-key"}} if isinstance(credential, str) else credential
    held = {"credential": whole} if credential else {}
    return {
        "apiVersion": API,
        "kind": "Provider",
        "metadata": {"name": name, "namespace": TEAM},
        "spec": {"type": "openai", "baseURL": base_url} | held | spec,
    }


def api_key(name: str, *, key: str = "", namespace: str = TEAM, **spec: Any) -> Object:
    """An ApiKey for a key that the test knows (only its hash is in the object), or for a generated one."""
    source: Object = {"sha256": hashlib.sha256(key.encode()).hexdigest()} if key else {"generate": {}}
    if "secretRef" in spec:
        source = {}
    return {
        "apiVersion": API,
        "kind": "ApiKey",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"owner": "red@example.com"} | source | spec,
    }


def model(name: str, /, *backends: str, **spec: Any) -> Object:
    """A backend is `<Provider>/<its model>`."""
    places = [backend.partition("/") for backend in backends]
    each = [{"providerRef": {"name": provider}, "model": there} for provider, _, there in places]
    return {
        "apiVersion": API,
        "kind": "Model",
        "metadata": {"name": name, "namespace": TEAM},
        "spec": {"backends": each} | spec,
    }


def valkey() -> list[Object]:
    """One Valkey that keeps nothing, where the replicas can reach it."""
    command = ["valkey-server", "--save", "", "--appendonly", "no", "--protected-mode", "no", "--dir", "/tmp"]
    container = _container("valkey", VALKEY_IMAGE, command) | {
        "readinessProbe": {"tcpSocket": {"port": 6379}, "periodSeconds": 1},
    }
    return _served("valkey", container, [{"name": "valkey", "port": 6379}])


def fake(image: str) -> list[Object]:
    """The fake provider as a Deployment and a Service, which has a port where nobody listens, too."""
    command = ["python3", "-m", "ostiary_gateway", "fake", "--host", "0.0.0.0", "--port", "8090"]
    container = _container("fake", image, command) | {
        "ports": [{"containerPort": 8090}],
        "readinessProbe": {"tcpSocket": {"port": 8090}, "periodSeconds": 1},
    }
    return _served("fake", container, [{"name": "http", "port": 8090}, {"name": "closed", "port": 9}])


def client(image: str) -> Object:
    container = _container("client", image, ["sleep", "infinity"])
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "client", "namespace": TEAM},
        "spec": _pod(container),
    }


def _served(name: str, container: Object, ports: list[Object]) -> list[Object]:
    """A Deployment of one Pod beside the vendor, and its Service."""
    labels = {"app": name}
    return [
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": name, "namespace": VENDOR},
            "spec": {
                "selector": {"matchLabels": labels},
                "template": {"metadata": {"labels": labels}, "spec": _pod(container)},
            },
        },
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": name, "namespace": VENDOR},
            "spec": {"selector": labels, "ports": ports},
        },
    ]


def _pod(container: Object) -> Object:
    return {
        "containers": [container],
        "terminationGracePeriodSeconds": 1,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": {"runAsNonRoot": True, "runAsUser": 65532, "seccompProfile": {"type": "RuntimeDefault"}},
    }


def _container(name: str, image: str, command: list[str]) -> Object:
    return {
        "name": name,
        "image": image,
        "imagePullPolicy": "Never",
        "command": command,
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
    }

"""The chart as `helm template` prints it. No cluster is needed."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

CHART = Path(__file__).parents[2] / "charts" / "ostiary"
Object = dict[str, Any]


class Rendered:
    """The objects of one rendering, by kind and name."""

    def __init__(self, text: str) -> None:
        self.objects: list[Object] = [found for found in yaml.load_all(text, yaml.CSafeLoader) if found]

    def all(self, kind: str) -> list[Object]:
        return [found for found in self.objects if found["kind"] == kind]

    def one(self, kind: str, name: str) -> Object:
        (found,) = (found for found in self.all(kind) if found["metadata"]["name"] == name)
        return found

    @property
    def gateway(self) -> Object:
        return self.one("StatefulSet", "ostiary-gateway")

    @property
    def operator(self) -> Object:
        return self.one("Deployment", "ostiary-operator")

    @property
    def gateway_pod(self) -> Object:
        return self.gateway["spec"]["template"]["spec"]

    @property
    def operator_pod(self) -> Object:
        return self.operator["spec"]["template"]["spec"]

    @property
    def nginx(self) -> Object:
        return self.gateway_pod["containers"][0]

    @property
    def sidecar(self) -> Object:
        return self.gateway_pod["initContainers"][0]


def helm_template(values: Object, *, release: str = "ostiary", namespace: str = "ostiary") -> subprocess.CompletedProcess[str]:
    command = [
        "helm",
        "template",
        release,
        str(CHART),
        "--namespace",
        namespace,
        "--kube-version",
        "1.34.0",
        "--values",
        "-",
    ]
    return subprocess.run(command, input=json.dumps(values), capture_output=True, text=True, check=False, timeout=60)


@pytest.fixture
def render() -> Callable[..., Rendered]:
    def call(values: Object | None = None, **place: str) -> Rendered:
        done = helm_template(values or {}, **place)
        assert done.returncode == 0, done.stderr
        return Rendered(done.stdout)

    return call


@pytest.fixture
def refusal() -> Callable[[Object], str]:
    """What helm says about values that it refuses."""

    def call(values: Object) -> str:
        done = helm_template(values)
        assert done.returncode != 0, "helm took these values"
        return done.stderr

    return call


@pytest.fixture(scope="session")
def defaults() -> Rendered:
    return Rendered(helm_template({}).stdout)

"""The kind cluster of the end-to-end tests, with our images in it.

KEEP=1 leaves it standing afterwards and takes it again the next time.
"""

import os
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.commands import ROOT, CommandError, Kubectl, run

NAME = os.environ.get("E2E_CLUSTER", "ostiary-e2e")
NODE = f"{NAME}-control-plane"
DOCKERFILES = {
    "gateway": "gateway/Dockerfile",
    "operator": "operator/Dockerfile",
    "client": "tests/e2e/client/Dockerfile",
}
KEEP = os.environ.get("KEEP", "") not in ("", "0")


@dataclass(frozen=True)
class Cluster:
    kubectl: Kubectl
    tags: dict[str, str]  # part -> tag that names the content, so that a new build is rolled out

    def image(self, part: str) -> str:
        return f"ostiary-{part}:{self.tags[part]}"

    def node(self, script: str, *arguments: str) -> str:
        """Run a shell script on the node."""
        return run("docker", "exec", NODE, "sh", "-c", script, "sh", *arguments)


def open_cluster(folder: Path) -> Cluster:
    """Make the cluster, or take the one that stands; build the images and bring them there."""
    if NAME not in run("kind", "get", "clusters").split():
        run("kind", "create", "cluster", "--name", NAME, "--config", "tests/e2e/kind.yaml", "--wait", "120s",
            "--kubeconfig", str(folder / "unused"), seconds=400)  # fmt: skip
    kubeconfig = folder / "kubeconfig"
    run("kind", "export", "kubeconfig", "--name", NAME, "--kubeconfig", str(kubeconfig))
    return Cluster(kubectl=Kubectl(kubeconfig), tags={part: _build(part) for part in DOCKERFILES})


def close_cluster() -> None:
    if not KEEP:
        run("kind", "delete", "cluster", "--name", NAME, seconds=300)


def state(folder: Path) -> list[str]:
    """The pods and the ends of our logs, for whoever looks for the cause of a failure."""
    kubectl = Kubectl(folder / "kubeconfig")
    ours = ("logs", "--namespace", "ostiary", "--selector", "app.kubernetes.io/name=ostiary", "--all-containers", "--prefix")
    lines = []
    for question in (("get", "pods", "--all-namespaces"), (*ours, "--tail", "15")):
        try:
            lines += kubectl(*question).splitlines()
        except CommandError as error:
            lines.append(str(error))
    return lines


def _build(part: str) -> str:
    """Build an image and load it unless the node has it; its tag."""
    identity = run("docker", "build", "--quiet", "--file", DOCKERFILES[part], ".", seconds=900).strip()
    tag = f"e2e-{identity.removeprefix('sha256:')[:12]}"
    image = f"ostiary-{part}:{tag}"
    run("docker", "tag", identity, image)
    try:
        run("docker", "exec", NODE, "crictl", "inspecti", image)
    except CommandError:
        run("kind", "load", "docker-image", image, "--name", NAME, seconds=300)
    return tag


def bring(image: str) -> None:
    """An image of somebody else's, onto the node."""
    try:
        run("docker", "image", "inspect", image)
    except CommandError:
        run("docker", "pull", "--quiet", image, seconds=300)
    run("kind", "load", "docker-image", image, "--name", NAME, seconds=300)


def chart() -> str:
    return str(ROOT / "charts" / "ostiary")

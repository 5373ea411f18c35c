"""One cluster and one release for the whole session; taken away whatever happens, unless KEEP=1."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.e2e import objects
from tests.e2e.cluster import Cluster, close_cluster, open_cluster, state
from tests.e2e.installation import READY_KEY, REPLICAS, Installation

FIGURES: list[str] = []
STATE: list[str] = []  # of the cluster, if a test failed


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.timeout(900))  # the first one builds images and a cluster


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for title, lines in (("measured in the cluster", FIGURES), ("the cluster at the end", STATE)):
        if lines:
            terminalreporter.section(title)
        for line in lines:
            terminalreporter.line(line)


@pytest.fixture(scope="session")
def figures() -> list[str]:
    """Lines for the end of the report."""
    return FIGURES


@pytest.fixture(scope="session")
def cluster(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    if missing := [program for program in ("docker", "kind", "kubectl", "helm") if not shutil.which(program)]:
        pytest.exit(f"not in PATH: {', '.join(missing)}", returncode=1)
    folder = tmp_path_factory.mktemp("cluster")
    try:
        yield open_cluster(folder)
    finally:
        if request.session.testsfailed:
            STATE.extend(state(folder))
        close_cluster()


@pytest.fixture(scope="session")
def installed(cluster: Cluster) -> Installation:
    """The release with two replicas, the fake provider, a client's pod, the ApiKey `red`, and a Provider of each sort.

    `fake` holds a credential, `plain` lets the caller's pass.
    """
    kubectl = cluster.kubectl
    kubectl.apply(*(objects.namespace(name) for name in (objects.SYSTEM, objects.TEAM, objects.CROWD, objects.VENDOR)))
    kubectl.apply(*objects.fake(cluster.image("gateway")))
    kubectl("delete", "pod", "client", "--namespace", objects.TEAM, "--ignore-not-found")
    kubectl.apply(objects.client(cluster.image("client")))
    installation = Installation(cluster)
    installation.install()
    kubectl("delete", "apikeys,budgets,models,providers", "--all", "--namespace", objects.TEAM)  # of a cluster that was kept
    kubectl.apply(
        objects.secret("vendor", api_key=objects.CREDENTIAL),
        objects.provider("fake", credential="vendor"),
        objects.provider("plain"),
        objects.api_key("red", key=READY_KEY),
    )
    kubectl.wait("pod/client", "condition=Ready", namespace=objects.TEAM)
    kubectl.wait("deployment/fake", "condition=Available", namespace=objects.VENDOR)
    for kind, name in (("provider", "fake"), ("provider", "plain"), ("apikey", "red")):
        installation.until(kind, name, "Programmed", "True")
    return installation


@pytest.fixture
def gateway(installed: Installation) -> Installation:
    """The release with every replica ready and nothing in the vendor's log."""
    installed.all_ready()
    installed.vendor_reset()
    return installed


@pytest.fixture(params=REPLICAS)
def replica(request: pytest.FixtureRequest) -> str:
    return request.param

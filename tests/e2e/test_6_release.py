"""The release itself: tested, upgraded, taken away and brought back. The last test takes it away, so this file is the last."""

import json

import pytest
from tests.e2e import objects
from tests.e2e.commands import CommandError, eventually
from tests.e2e.installation import READY_KEY, REPLICAS

CRDS = ("crd/apikeys.ostiary.dev", "crd/providers.ostiary.dev")


def test_helm_test_passes(gateway) -> None:
    assert "Succeeded" in gateway.helm("test", "ostiary")


def test_the_notes_hold_what_the_api_server_takes(gateway) -> None:
    manifests = gateway.helm("get", "notes", "ostiary").split("<<'END'\n")[1:]
    assert len(manifests) == 2
    for text in manifests:
        gateway.kubectl("apply", "--dry-run=server", "-f", "-", text=text.split("END\n")[0])


def test_only_the_metrics_are_open_to_others(gateway) -> None:
    """The sidecar's own port, with /auth and /stats, is for its pod alone."""
    host = f"http://{REPLICAS[0]}.ostiary-replicas.{objects.SYSTEM}.svc"
    metrics, auth, stats = gateway.fetch(
        {"url": f"{host}:8082/metrics"}, {"url": f"{host}:8082/auth"}, {"url": f"{host}:8081/stats", "method": "POST"}
    )
    assert metrics["status"] == 200
    assert "ostiary_requests_total" in metrics["body"]
    assert READY_KEY not in metrics["body"]
    assert auth["status"] == 404
    assert stats["status"] == 0


def test_pods_run_as_the_restricted_standard_asks(gateway) -> None:
    """The namespace enforces it; this is about what is behind: no root, no token in nginx's container."""
    for pod in REPLICAS:
        assert gateway.in_sidecar(pod, "id", "-u").strip() == "65532"
        with pytest.raises(CommandError):
            _in_nginx(gateway, pod, "ls", "/var/run/secrets/kubernetes.io/serviceaccount/token")
        with pytest.raises(CommandError):
            _in_nginx(gateway, pod, "touch", "/usr/share/ostiary/x")


def test_an_upgrade_leaves_objects_and_volumes_alone(gateway) -> None:
    before = _identities(gateway)
    records = {record["id"] for record in gateway.records()}
    gateway.install("settings.decision_seconds=30", "podAnnotations.upgraded=yes")
    gateway.all_ready()
    assert gateway.pod(REPLICAS[0])["metadata"]["annotations"]["upgraded"] == "yes"
    assert _identities(gateway) == before
    assert records <= {record["id"] for record in gateway.records()}
    assert gateway.chat(READY_KEY, "fake/echo", "x")["status"] == 200


def test_an_uninstall_leaves_objects_and_volumes_and_a_new_release_goes_on_with_them(gateway) -> None:
    before = _identities(gateway)
    records = {record["id"] for record in gateway.records()}
    gateway.kubectl.apply(objects.api_key("kept"))
    key = gateway.generated_key("kept")
    gateway.helm("uninstall", "ostiary", "--wait")
    assert before.items() <= _identities(gateway).items()
    eventually(lambda: "ostiary" not in _ours(gateway), "nothing of the release itself", seconds=120)

    gateway.install()
    gateway.all_ready()
    for name in ("red", "kept"):
        gateway.until("apikey", name, "Programmed", "True")
    assert gateway.chat(key, "fake/echo", "x")["status"] == 200
    assert gateway.generated_key("kept") == key
    assert records <= {record["id"] for record in gateway.records()}


def _identities(gateway) -> dict[str, str]:
    """Name and uid of everything that belongs to a user, and of the volumes and definitions."""
    kubectl = gateway.kubectl
    found = [
        *json.loads(kubectl("get", "apikeys,providers,secrets", "--namespace", objects.TEAM, "--output", "json"))["items"],
        *json.loads(kubectl("get", "pvc", "--namespace", objects.SYSTEM, "--output", "json"))["items"],
        *json.loads(kubectl("get", *CRDS, "--output", "json"))["items"],
    ]
    return {f"{each['kind']}/{each['metadata']['name']}": each["metadata"]["uid"] for each in found}


def _ours(gateway) -> str:
    kinds = "pods,services,configmaps,secrets,deployments,statefulsets,roles,serviceaccounts,networkpolicies"
    return gateway.kubectl("get", kinds, "--namespace", objects.SYSTEM, "--output", "name")


def _in_nginx(gateway, pod: str, *command: str) -> str:
    return gateway.kubectl("exec", "--namespace", objects.SYSTEM, pod, "--container", "nginx", "--", *command)

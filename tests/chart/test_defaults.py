"""What comes out of the chart when nobody sets anything."""

import base64
import os
from pathlib import Path

import pytest
import yaml

from ostiary_gateway.contract.settings import load

ROOT = Path(__file__).parents[2]
GOLDEN = ROOT / "tests" / "golden" / "chart" / "defaults.yaml"
CRDS = sorted((ROOT / "crds").glob("*.yaml"))


def test_the_defaults_are_the_golden_ones(defaults) -> None:
    """The definitions are left out, they are compared with crds/ below; and the Secret, which is random."""
    shown = [found for found in defaults.objects if found["kind"] not in ("CustomResourceDefinition", "Secret")]
    text = yaml.safe_dump_all(shown, sort_keys=True)
    if os.environ.get("UPDATE_GOLDEN"):
        GOLDEN.parent.mkdir(parents=True, exist_ok=True)
        GOLDEN.write_text(text)
    assert text == GOLDEN.read_text(), "if this is meant: UPDATE_GOLDEN=1 pytest tests/chart"


def test_the_chart_ships_crds_as_they_are_and_an_uninstall_keeps_them(defaults) -> None:
    shipped = {found["metadata"]["name"]: found for found in defaults.all("CustomResourceDefinition")}
    wanted = {definition["metadata"]["name"]: definition for path in CRDS for definition in yaml.safe_load_all(path.read_text())}
    assert len(wanted) == 4
    assert {name: found["spec"] for name, found in shipped.items()} == {name: found["spec"] for name, found in wanted.items()}
    assert all(found["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep" for found in shipped.values())


def test_the_chart_holds_a_copy_of_crds() -> None:
    copies = {path.name: path.read_bytes() for path in (ROOT / "charts/ostiary/files/crds").iterdir()}
    assert copies == {path.name: path.read_bytes() for path in CRDS}, "run hack/update/chart"


def test_pods_are_restricted(defaults) -> None:
    """What the pod security standard `restricted` asks of a pod, and a read-only root."""
    pods = [defaults.gateway_pod, defaults.operator_pod, defaults.one("Pod", "ostiary-test")["spec"]]
    for pod in pods:
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert pod["enableServiceLinks"] is False
        assert not [volume for volume in pod.get("volumes", ()) if "hostPath" in volume]
        for container in [*pod["containers"], *pod.get("initContainers", ())]:
            context = container["securityContext"]
            assert context["allowPrivilegeEscalation"] is False
            assert context["readOnlyRootFilesystem"] is True
            assert context["capabilities"] == {"drop": ["ALL"]}


def test_only_the_sidecar_has_an_account_at_the_api_server(defaults) -> None:
    account = "/var/run/secrets/kubernetes.io/serviceaccount"
    assert defaults.gateway_pod["automountServiceAccountToken"] is False
    assert account in [mount["mountPath"] for mount in defaults.sidecar["volumeMounts"]]
    assert account not in [mount["mountPath"] for mount in defaults.nginx["volumeMounts"]]


def test_the_sidecar_stops_after_nginx_and_volumes_are_kept(defaults) -> None:
    assert defaults.sidecar["restartPolicy"] == "Always"
    assert defaults.nginx["lifecycle"]["preStop"] == {"sleep": {"seconds": 5}}
    assert defaults.gateway["spec"]["podManagementPolicy"] == "Parallel"
    assert defaults.gateway["spec"]["persistentVolumeClaimRetentionPolicy"] == {
        "whenDeleted": "Retain",
        "whenScaled": "Retain",
    }


def test_the_service_has_the_name_of_the_release(defaults) -> None:
    service = defaults.one("Service", "ostiary")
    assert service["spec"]["ports"] == [{"name": "http", "port": 80, "targetPort": "http", "appProtocol": "http"}]


def test_selectors_find_the_pods_of_their_part_only(defaults) -> None:
    gateway = defaults.gateway["spec"]["template"]["metadata"]["labels"]
    operator = defaults.operator["spec"]["template"]["metadata"]["labels"]
    for name in ("ostiary", "ostiary-replicas"):
        selector = defaults.one("Service", name)["spec"]["selector"]
        assert selector.items() <= gateway.items()
        assert not selector.items() <= operator.items()
    selector = dict(
        pair.split("=") for pair in _environment(defaults.operator_pod["containers"][0])["OSTIARY_GATEWAY_SELECTOR"].split(",")
    )
    assert selector.items() <= gateway.items()


def test_tokens_are_made_once_and_long_and_each_part_sees_only_its_own(defaults, render) -> None:
    tokens = defaults.one("Secret", "ostiary-admin")["data"]
    assert set(tokens) == {"admin-token", "viewer-token"}
    assert all(len(base64.b64decode(token)) == 48 for token in tokens.values())
    assert len({*tokens.values(), *render({}).one("Secret", "ostiary-admin")["data"].values()}) == 4
    volumes = {volume["name"]: volume for volume in defaults.operator_pod["volumes"]}
    assert [item["key"] for item in volumes["token"]["secret"]["items"]] == ["viewer-token"]
    assert "/run/secrets/ostiary" in [mount["mountPath"] for mount in defaults.sidecar["volumeMounts"]]
    assert "/run/secrets/ostiary" not in [mount["mountPath"] for mount in defaults.nginx["volumeMounts"]]


def test_the_operator_asks_the_port_that_the_sidecar_serves(defaults) -> None:
    operator, sidecar = (_environment(each) for each in (defaults.operator_pod["containers"][0], defaults.sidecar))
    for name in ("OSTIARY_ADMIN_PORT", "OSTIARY_VIEWER_TOKEN_FILE", "OSTIARY_REPLICAS"):
        assert operator[name] == sidecar[name]
    assert {"name": "admin", "containerPort": int(sidecar["OSTIARY_ADMIN_PORT"] or 0)} in defaults.sidecar["ports"]
    rule = defaults.one("NetworkPolicy", "ostiary-gateway")["spec"]["ingress"][2]
    assert rule["ports"] == [{"port": "admin"}]
    (peer,) = rule["from"]
    labels = defaults.operator["spec"]["template"]["metadata"]["labels"]
    assert peer["podSelector"]["matchLabels"].items() <= labels.items()


@pytest.mark.parametrize("part", ["nginx", "sidecar", "operator"])
def test_the_environment_is_one_that_the_processes_take(defaults, part: str) -> None:
    container = defaults.operator_pod["containers"][0] if part == "operator" else getattr(defaults, part)
    settings = load({name: value for name, value in _environment(container).items() if value is not None})
    assert settings.bundle == "ostiary-bundle"
    assert settings.metrics_port == 8082


def test_both_images_are_built_from_the_same_stages() -> None:
    """So that the second one finds them in the cache."""
    operator, gateway = ((ROOT / part / "Dockerfile").read_text().split("FROM ") for part in ("operator", "gateway"))
    assert operator[1:3] == gateway[1:3]
    assert operator[3].startswith("debian:forky-slim\n")
    assert gateway[3].startswith("debian:forky-slim\n")


def _environment(container) -> dict[str, str | None]:
    return {entry["name"]: entry.get("value") for entry in container["env"]}

"""One test per knob: what it changes."""

import msgspec
import pytest
import yaml

from ostiary_gateway.contract.price import PriceList
from ostiary_gateway.contract.settings import load
from ostiary_operator.api.limits import parse_limits

VOLUME = {"name": "authorities", "configMap": {"name": "authorities"}}
MOUNT = {"name": "authorities", "mountPath": "/etc/authorities", "readOnly": True}
VARIABLE = {"name": "TZ", "value": "UTC"}
SPREAD = {"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "ScheduleAnyway"}
PEER = {"namespaceSelector": {"matchLabels": {"team": "red"}}}
PLACEMENT = {
    "nodeSelector": {"disk": "fast"},
    "tolerations": [{"key": "llm", "operator": "Exists"}],
    "affinity": {"podAntiAffinity": {}},
    "topologySpreadConstraints": [SPREAD],
    "priorityClassName": "high",
}


def test_image(render) -> None:
    rendered = render({"image": {"repository": "registry.example:5000/gateway", "tag": "1.2", "pullPolicy": "Always"}})
    assert {rendered.nginx["image"], rendered.sidecar["image"]} == {"registry.example:5000/gateway:1.2"}
    assert {rendered.nginx["imagePullPolicy"], rendered.sidecar["imagePullPolicy"]} == {"Always"}


def test_image_digest_wins_over_the_tag(render) -> None:
    digest = f"sha256:{'a' * 64}"
    rendered = render({"image": {"digest": digest, "tag": "x"}, "operator": {"image": {"digest": digest}}})
    assert rendered.nginx["image"] == f"ostiary-gateway@{digest}"
    assert rendered.operator_pod["containers"][0]["image"] == f"ostiary-operator@{digest}"


def test_operator_image(render) -> None:
    rendered = render({"operator": {"image": {"repository": "mine", "tag": "2", "pullPolicy": "Never"}}})
    assert rendered.operator_pod["containers"][0]["image"] == "mine:2"
    assert rendered.operator_pod["containers"][0]["imagePullPolicy"] == "Never"


def test_image_pull_secrets(render) -> None:
    rendered = render({"imagePullSecrets": [{"name": "registry"}]})
    for pod in (rendered.gateway_pod, rendered.operator_pod, rendered.one("Pod", "ostiary-test")["spec"]):
        assert pod["imagePullSecrets"] == [{"name": "registry"}]


def test_replica_count(render) -> None:
    rendered = render({"replicaCount": 5, "operator": {"replicaCount": 2}})
    assert (rendered.gateway["spec"]["replicas"], rendered.operator["spec"]["replicas"]) == (5, 2)


def test_resources(render) -> None:
    wanted = {"requests": {"cpu": "2"}, "limits": {"memory": "3Gi"}}
    rendered = render({"resources": wanted, "sidecar": {"resources": wanted}, "operator": {"resources": wanted}})
    for container in (rendered.nginx, rendered.sidecar, rendered.operator_pod["containers"][0]):
        assert container["resources"]["requests"]["cpu"] == "2"
        assert container["resources"]["limits"]["memory"] == "3Gi"


def test_service_accounts_of_others(render) -> None:
    own = {"create": False, "name": "mine"}
    rendered = render({"serviceAccount": own, "operator": {"serviceAccount": own}})
    assert not rendered.all("ServiceAccount")
    assert {rendered.gateway_pod["serviceAccountName"], rendered.operator_pod["serviceAccountName"]} == {"mine"}
    assert rendered.one("RoleBinding", "ostiary-gateway")["subjects"][0]["name"] == "mine"


def test_service_account_annotations(render) -> None:
    rendered = render(
        {
            "serviceAccount": {"annotations": {"role": "a"}},
            "operator": {"serviceAccount": {"annotations": {"role": "b"}}},
        }
    )
    assert rendered.one("ServiceAccount", "ostiary-gateway")["metadata"]["annotations"] == {"role": "a"}
    assert rendered.one("ServiceAccount", "ostiary-operator")["metadata"]["annotations"] == {"role": "b"}


def test_security_contexts(render) -> None:
    values = {"podSecurityContext": {"fsGroup": 7}, "securityContext": {"privileged": False}}
    rendered = render(values | {"operator": {"podSecurityContext": {"runAsUser": 8}}})
    assert rendered.gateway_pod["securityContext"]["fsGroup"] == 7
    assert rendered.nginx["securityContext"]["privileged"] is False
    assert rendered.operator_pod["securityContext"]["runAsUser"] == 8


def test_pod_disruption_budget(render) -> None:
    budget = render({"podDisruptionBudget": {"maxUnavailable": "50%"}}).one("PodDisruptionBudget", "ostiary-gateway")
    assert budget["spec"]["maxUnavailable"] == "50%"
    assert not render({"podDisruptionBudget": {"enabled": False}}).all("PodDisruptionBudget")


@pytest.mark.parametrize("field", PLACEMENT)
def test_placement(render, field: str) -> None:
    rendered = render({field: PLACEMENT[field]})
    assert rendered.gateway_pod[field] == PLACEMENT[field]
    assert field not in rendered.operator_pod
    assert render({"operator": {field: PLACEMENT[field]}}).operator_pod[field] == PLACEMENT[field]


def test_extra_environment(render) -> None:
    rendered = render({"extraEnv": [VARIABLE], "operator": {"extraEnv": [VARIABLE]}})
    for container in (rendered.nginx, rendered.sidecar, rendered.operator_pod["containers"][0]):
        assert VARIABLE in container["env"]


def test_extra_volumes_and_mounts(render) -> None:
    rendered = render({"extraVolumes": [VOLUME], "extraVolumeMounts": [MOUNT]})
    assert VOLUME in rendered.gateway_pod["volumes"]
    assert MOUNT in rendered.nginx["volumeMounts"]
    assert MOUNT in rendered.sidecar["volumeMounts"]


def test_extra_containers(render) -> None:
    rendered = render({"extraContainers": [{"name": "shipper", "image": "ship:1"}]})
    assert [container["name"] for container in rendered.gateway_pod["containers"]] == ["nginx", "shipper"]


def test_pod_annotations_and_labels(render) -> None:
    values = {"podAnnotations": {"a": "b"}, "podLabels": {"c": "d"}}
    rendered = render(values | {"operator": values})
    for owner in (rendered.gateway, rendered.operator):
        meta = owner["spec"]["template"]["metadata"]
        assert meta["annotations"]["a"] == "b"
        assert meta["labels"]["c"] == "d"
        assert "c" not in owner["spec"]["selector"]["matchLabels"]


def test_common_labels(render) -> None:
    rendered = render({"commonLabels": {"team": "red"}})
    for found in rendered.objects:
        if found["kind"] != "CustomResourceDefinition":
            assert found["metadata"]["labels"]["team"] == "red"
    assert "team" not in rendered.gateway["spec"]["selector"]["matchLabels"]


def test_network_policy(render) -> None:
    rendered = render({"networkPolicy": {"clients": [PEER], "scrapers": [PEER], "admins": [PEER]}})
    calls, metrics, admin = rendered.one("NetworkPolicy", "ostiary-gateway")["spec"]["ingress"]
    assert (calls["ports"], calls["from"]) == ([{"port": "http"}], [PEER])
    assert (metrics["ports"], metrics["from"]) == ([{"port": "metrics"}], [PEER])
    assert (admin["ports"], admin["from"][1:]) == ([{"port": "admin"}], [PEER])
    assert not render({"networkPolicy": {"enabled": False}}).all("NetworkPolicy")


def test_service_monitor_is_off_unless_asked_for(render, defaults) -> None:
    assert not defaults.all("ServiceMonitor")
    rendered = render({"metrics": {"serviceMonitor": {"enabled": True, "interval": "5s", "labels": {"release": "prometheus"}}}})
    monitor = rendered.one("ServiceMonitor", "ostiary-gateway")
    selector = monitor["spec"]["selector"]["matchLabels"]
    assert monitor["spec"]["endpoints"] == [{"port": "metrics", "path": "/metrics", "interval": "5s"}]
    assert monitor["metadata"]["labels"]["release"] == "prometheus"
    matching = [found for found in rendered.all("Service") if selector.items() <= found["metadata"]["labels"].items()]
    assert [found["metadata"]["name"] for found in matching] == ["ostiary-replicas"]


def test_settings(render) -> None:
    rendered = render({"settings": {"decision_seconds": 5, "rotate_bytes": 104857600, "log_level": "DEBUG"}})
    for container in (rendered.nginx, rendered.sidecar):
        environment = {entry["name"]: entry.get("value") for entry in container["env"]}
        assert environment["OSTIARY_DECISION_SECONDS"] == "5"
        assert environment["OSTIARY_ROTATE_BYTES"] == "104857600"
        assert environment["OSTIARY_LOG_LEVEL"] == "DEBUG"


def test_settings_of_retries(render) -> None:
    values = {"attempt_seconds": 7, "retry_budget_percent": 0, "retry_budget_minimum": 5, "retry_concurrency": 10}
    rendered = render({"settings": values | {"response_headers": False, "resolver_seconds": 2, "valkey_url": "valkey://v:6379"}})
    for container in (rendered.nginx, rendered.sidecar):
        environment = {entry["name"]: entry.get("value") for entry in container["env"]}
        settings = load({name: value for name, value in environment.items() if name.startswith("OSTIARY_") and value})
        assert {name: getattr(settings, name) for name in values} == values
        assert (settings.response_headers, settings.resolver_seconds, settings.valkey_url) == (False, 2, "valkey://v:6379")


def test_valkey_with_a_password_is_known_to_the_sidecar_alone(render) -> None:
    rendered = render({"valkey": {"urlSecret": {"name": "cache", "key": "valkey-url"}}})
    wanted = {"name": "OSTIARY_VALKEY_URL", "valueFrom": {"secretKeyRef": {"name": "cache", "key": "valkey-url"}}}
    assert wanted in rendered.sidecar["env"]
    assert "OSTIARY_VALKEY_URL" not in {entry["name"] for entry in rendered.nginx["env"]}


def test_pl_32_where_responses_are_kept(render) -> None:
    rendered = render({"responses": {"urlSecret": {"name": "db", "key": "dsn"}}})
    wanted = {"name": "OSTIARY_RESPONSE_STORE", "valueFrom": {"secretKeyRef": {"name": "db", "key": "dsn"}}}
    for container in (rendered.nginx, rendered.sidecar):
        assert wanted in container["env"]
    single = render({"replicaCount": 1, "settings": {"response_store": "/data/responses.sqlite"}})
    assert {"name": "OSTIARY_RESPONSE_STORE", "value": "/data/responses.sqlite"} in single.nginx["env"]


def test_summary_database_with_a_password_is_known_to_the_sidecar_alone(render) -> None:
    rendered = render({"summaries": {"urlSecret": {"name": "db", "key": "dsn"}}})
    wanted = {"name": "OSTIARY_SUMMARY_URL", "valueFrom": {"secretKeyRef": {"name": "db", "key": "dsn"}}}
    assert wanted in rendered.sidecar["env"]
    assert "OSTIARY_SUMMARY_URL" not in {entry["name"] for entry in rendered.nginx["env"]}


def test_default_limits(render, defaults) -> None:
    limits = {"requests": {"perMinute": 60}, "concurrentRequests": 10, "perModel": {"tokens": {"perDay": 100000000}}}
    environment = {entry["name"]: entry.get("value") for entry in operator_of(render({"defaultLimits": limits}))["env"]}
    assert msgspec.to_builtins(parse_limits(environment["OSTIARY_DEFAULT_LIMITS"]))["perModel"]["tokens"]["perDay"] == 100000000
    assert "OSTIARY_DEFAULT_LIMITS" not in {entry["name"] for entry in operator_of(defaults)["env"]}


def test_prices(render, defaults) -> None:
    listed = {"version": "2026-11", "prices": [{"model": "openai/*", "price": {"input": "2.5", "output": "10"}}]}
    rendered = render({"prices": listed})
    text = rendered.one("ConfigMap", "ostiary-prices")["data"]["prices.yaml"]
    assert msgspec.convert(yaml.safe_load(text), PriceList).prices[0].price.input == "2.5"
    assert {"name": "OSTIARY_PRICES", "value": "/etc/ostiary/prices/prices.yaml"} in rendered.sidecar["env"]
    assert {"name": "prices", "mountPath": "/etc/ostiary/prices", "readOnly": True} in rendered.sidecar["volumeMounts"]
    assert "ostiary-prices" not in {found["metadata"]["name"] for found in defaults.all("ConfigMap")}


def test_admin_tokens_of_your_own(render) -> None:
    rendered = render({"admin": {"existingSecret": "mine"}})
    assert not rendered.all("Secret")
    for pod in (rendered.gateway_pod, rendered.operator_pod):
        assert "mine" in [volume["secret"]["secretName"] for volume in pod["volumes"] if "secret" in volume]


def test_admin_api(render, defaults) -> None:
    service = render({"admin": {"service": {"port": 9000, "annotations": {"a": "b"}}}}).one("Service", "ostiary-admin")
    assert (service["spec"]["ports"][0]["port"], service["metadata"]["annotations"]) == (9000, {"a": "b"})
    rendered = render({"admin": {"enabled": False}})
    assert "ostiary-admin" not in {found["metadata"]["name"] for found in rendered.all("Service")}
    environment = {entry["name"]: entry.get("value") for entry in rendered.sidecar["env"]}
    assert (environment["OSTIARY_ADMIN_TOKEN_FILE"], environment["OSTIARY_ADMIN_REVIEWS_TOKENS"]) == ("", "false")
    reviewed = render({"admin": {"tokenReview": True}}).sidecar["env"]
    assert {"name": "OSTIARY_ADMIN_REVIEWS_TOKENS", "value": "true"} in reviewed


def test_each_replica_knows_how_many_there_are(render) -> None:
    for count, told in ((0, "1"), (3, "3")):
        rendered = render({"replicaCount": count})
        for container in (rendered.nginx, rendered.sidecar, operator_of(rendered)):
            assert {"name": "OSTIARY_REPLICAS", "value": told} in container["env"]


def operator_of(rendered):
    return rendered.operator_pod["containers"][0]


def test_cluster_domain(render) -> None:
    rendered = render({"clusterDomain": "example.internal"})
    for container in (rendered.nginx, rendered.sidecar, rendered.operator_pod["containers"][0]):
        assert {"name": "OSTIARY_CLUSTER_DOMAIN", "value": "example.internal"} in container["env"]


def test_time_to_stop(render) -> None:
    values = {
        "terminationGracePeriodSeconds": 60,
        "lifecycle": {"preStop": {"sleepSeconds": 9}},
        "settings": {"shutdown_seconds": 30},
    }
    rendered = render(values)
    assert rendered.gateway_pod["terminationGracePeriodSeconds"] == 60
    assert rendered.nginx["lifecycle"]["preStop"] == {"sleep": {"seconds": 9}}


def test_persistence(render) -> None:
    values = {"size": "1Ti", "storageClass": "fast", "accessModes": ["ReadWriteOncePod"], "annotations": {"a": "b"}}
    (claim,) = render({"persistence": values}).gateway["spec"]["volumeClaimTemplates"]
    assert claim["metadata"] == {"name": "data", "annotations": {"a": "b"}}
    assert claim["spec"]["storageClassName"] == "fast"
    assert claim["spec"]["accessModes"] == ["ReadWriteOncePod"]
    assert claim["spec"]["resources"] == {"requests": {"storage": "1Ti"}}


def test_without_persistence_the_ledger_goes_with_the_pod(render) -> None:
    rendered = render({"persistence": {"enabled": False}})
    assert "volumeClaimTemplates" not in rendered.gateway["spec"]
    assert {"name": "data", "emptyDir": {}} in rendered.gateway_pod["volumes"]


def test_service(render) -> None:
    service = render({"service": {"type": "LoadBalancer", "port": 8000, "annotations": {"a": "b"}}}).one("Service", "ostiary")
    assert service["spec"]["type"] == "LoadBalancer"
    assert service["spec"]["ports"][0]["port"] == 8000
    assert service["metadata"]["annotations"] == {"a": "b"}


def test_without_crds(render) -> None:
    assert not render({"crds": {"enabled": False}}).all("CustomResourceDefinition")


def test_operator_log_level(render) -> None:
    container = render({"operator": {"logLevel": "DEBUG"}}).operator_pod["containers"][0]
    assert {"name": "OSTIARY_LOG_LEVEL", "value": "DEBUG"} in container["env"]


@pytest.mark.parametrize(
    ("release", "values", "name"),
    [
        ("prod", {}, "prod-ostiary"),
        ("ostiary-eu", {}, "ostiary-eu"),
        ("prod", {"nameOverride": "gate"}, "prod-gate"),
        ("prod", {"fullnameOverride": "llm"}, "llm"),
    ],
)
def test_names_follow_the_release(render, release: str, values: dict[str, str], name: str) -> None:
    rendered = render(values, release=release)
    assert rendered.one("Service", name)
    assert rendered.one("StatefulSet", f"{name}-gateway")

"""The chart allows what our code calls, exactly: no verb more, none less."""

from collections.abc import Iterable
from typing import Any

from ostiary_gateway.admin import permissions as admin
from ostiary_gateway.bundle import permissions as gateway
from ostiary_operator.cluster import permissions as operator

Allowed = set[tuple[str, str, str, str]]  # API group, resource, name or empty, verb


def allowed(rules: Iterable[dict[str, Any]]) -> Allowed:
    return {
        (group, resource, name, verb)
        for rule in rules
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for name in rule.get("resourceNames", [""])
        for verb in rule["verbs"]
    }


def called(table: Iterable[tuple[str, str, frozenset[str]]]) -> Allowed:
    return {(group, resource, "", verb) for group, resource, verbs in table for verb in verbs}


def subjects(binding: dict[str, Any]) -> list[tuple[str, str]]:
    return [(subject["namespace"], subject["name"]) for subject in binding["subjects"]]


def test_the_operator_may_do_what_cluster_calls_in_every_namespace(defaults) -> None:
    role = defaults.one("ClusterRole", "ostiary-ostiary-operator")
    binding = defaults.one("ClusterRoleBinding", "ostiary-ostiary-operator")
    assert allowed(role["rules"]) == called(operator.EVERYWHERE)
    assert binding["roleRef"]["name"] == role["metadata"]["name"]
    assert subjects(binding) == [("ostiary", defaults.operator_pod["serviceAccountName"])]


def test_the_operator_may_do_what_cluster_calls_at_home(defaults) -> None:
    assert allowed(defaults.one("Role", "ostiary-operator")["rules"]) == called(operator.AT_HOME)
    assert subjects(defaults.one("RoleBinding", "ostiary-operator")) == [("ostiary", "ostiary-operator")]


def test_the_gateway_may_do_what_its_bundle_watcher_calls(defaults) -> None:
    wanted = {
        (group, resource, name.format(bundle="ostiary-bundle"), verb)
        for group, resource, names, verbs in gateway.AT_HOME
        for name in names or {""}
        for verb in verbs
    }
    assert allowed(defaults.one("Role", "ostiary-gateway")["rules"]) == wanted
    assert subjects(defaults.one("RoleBinding", "ostiary-gateway")) == [("ostiary", defaults.gateway_pod["serviceAccountName"])]


def test_listed_namespaces_get_a_role_each_and_nothing_is_cluster_wide(render) -> None:
    rendered = render({"watchNamespaces": ["red", "blue"]})
    roles = {
        (found["metadata"]["namespace"], _part(found)): found
        for found in rendered.all("Role")
        if found["metadata"]["name"].endswith("-resources")
    }
    bindings = {(found["metadata"]["namespace"], _part(found)): found for found in rendered.all("RoleBinding")}
    assert set(roles) == {(namespace, part) for namespace in ("red", "blue") for part in ("operator", "gateway")}
    for (namespace, part), role in roles.items():
        assert allowed(role["rules"]) == called(operator.EVERYWHERE if part == "operator" else admin.RESOURCES)
        assert subjects(bindings[namespace, part]) == [("ostiary", f"ostiary-{part}")]
    assert not rendered.all("ClusterRoleBinding")
    environment = {entry["name"]: entry.get("value") for entry in rendered.operator_pod["containers"][0]["env"]}
    assert environment["OSTIARY_WATCH_NAMESPACES"] == "red,blue"


def test_whoever_may_edit_a_namespace_may_edit_its_resources_but_not_their_status(defaults) -> None:
    for role in ("edit", "view"):
        found = defaults.one("ClusterRole", f"ostiary-ostiary-{role}")
        assert found["metadata"]["labels"][f"rbac.authorization.k8s.io/aggregate-to-{role}"] == "true"
        assert {resource for _, resource, _, _ in allowed(found["rules"])} == {"providers", "models", "apikeys", "budgets"}


def test_the_admin_api_may_do_what_it_calls_and_nothing_where_it_is_off(render, defaults) -> None:
    role, binding = (defaults.one(kind, "ostiary-ostiary-gateway") for kind in ("ClusterRole", "ClusterRoleBinding"))
    assert allowed(role["rules"]) == called(admin.RESOURCES)
    assert subjects(binding) == [("ostiary", defaults.gateway_pod["serviceAccountName"])]
    off = render({"admin": {"enabled": False, "tokenReview": True}})
    assert {found["metadata"]["name"] for found in off.all("ClusterRoleBinding")} == {"ostiary-ostiary-operator"}


def test_reviews_of_tokens_are_allowed_where_they_are_asked_for(render, defaults) -> None:
    names = {found["metadata"]["name"] for found in defaults.all("ClusterRole")}
    assert not {"ostiary-ostiary-gateway-reviews", "ostiary-ostiary-admin"} & names
    rendered = render({"admin": {"tokenReview": True}})
    assert allowed(rendered.one("ClusterRole", "ostiary-ostiary-gateway-reviews")["rules"]) == called(admin.REVIEWS)
    assert subjects(rendered.one("ClusterRoleBinding", "ostiary-ostiary-gateway-reviews")) == [("ostiary", "ostiary-gateway")]
    for role, verbs in (("admin-viewer", ["get"]), ("admin", ["*"])):
        (rule,) = rendered.one("ClusterRole", f"ostiary-ostiary-{role}")["rules"]
        assert rule == {"nonResourceURLs": ["/admin", "/admin/*"], "verbs": verbs}


def _part(found: dict[str, Any]) -> str:
    part: str = found["metadata"]["labels"]["app.kubernetes.io/component"]
    return part

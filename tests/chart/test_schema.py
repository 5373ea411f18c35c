"""values.schema.json refuses nonsense, and knows every value that there is."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from ostiary_gateway.contract.settings import Settings

CHART = Path(__file__).parents[2] / "charts" / "ostiary"
SCHEMA = json.loads((CHART / "values.schema.json").read_text())
SET_BY_THE_CHART = {
    "host", "port", "metrics_host", "metrics_port", "run", "data", "namespace", "pod_name", "bundle", "bundle_mount",
    "watch_namespaces", "gateway_selector", "cluster_domain", "nginx", "replicas", "prices", "default_limits",
    "admin_host", "admin_port", "admin_token_file", "viewer_token_file", "admin_reviews_tokens", "key_store",
}  # fmt: skip
NOT_IN_A_POD = {"config", "manifests", "sidecar_host", "sidecar_port"}

NONSENSE = {
    "an unknown name": ({"replicas": 3}, "replicas"),
    "an unknown name inside": ({"image": {"name": "x"}}, "name"),
    "fewer than no replicas": ({"replicaCount": -1}, "/replicaCount"),
    "a tag with a space": ({"image": {"tag": "a b"}}, "/image/tag"),
    "a digest that is none": ({"image": {"digest": "sha256:12"}}, "/image/digest"),
    "a namespace that cannot be": ({"watchNamespaces": ["Red"]}, "/watchNamespaces/0"),
    "a size that is none": ({"persistence": {"size": "much"}}, "/persistence/size"),
    "a setting that is none": ({"settings": {"colour": "red"}}, "colour"),
    "a setting out of range": ({"settings": {"decision_seconds": 0}}, "/settings/decision_seconds"),
    "a setting that the chart makes": ({"settings": {"port": 81}}, "port"),
    "a port that is none": ({"service": {"port": 70000}}, "/service/port"),
    "a service type that is none": ({"service": {"type": "Magic"}}, "/service/type"),
    "a level that is none": ({"operator": {"logLevel": "loud"}}, "/operator/logLevel"),
    "a variable without a name": ({"extraEnv": [{"value": "x"}]}, "/extraEnv/0"),
    "a Valkey that is none": ({"settings": {"valkey_url": "valkey:6379"}}, "/settings/valkey_url"),
    "two URLs of one Valkey": (
        {"settings": {"valkey_url": "valkey://valkey:6379"}, "valkey": {"urlSecret": {"name": "valkey"}}},
        "valkey.urlSecret and settings.valkey_url",
    ),
    "a limit that is none": ({"defaultLimits": {"requests": {"perWeek": 1}}}, "perWeek"),
    "a limit below nothing": ({"defaultLimits": {"perModel": {"tokens": {"perDay": -1}}}}, "perDay"),
    "a price of nothing": ({"prices": {"version": "1", "prices": [{"price": {}}]}}, "/prices/prices/0"),
    "a summary of another kind": ({"settings": {"summary_url": "mysql://db/x"}}, "/settings/summary_url"),
    "two URLs of one store": (
        {"settings": {"response_store": "postgresql://db/x"}, "responses": {"urlSecret": {"name": "db"}}},
        "responses.urlSecret and settings.response_store",
    ),
    "a store that one replica alone has": ({"settings": {"response_store": "memory"}}, "any of them may get the next turn"),
    "a store that is none": ({"settings": {"response_store": "mysql://db/x"}}, "/settings/response_store"),
    "two URLs of one summary": (
        {"settings": {"summary_url": "postgresql://db/x"}, "summaries": {"urlSecret": {"name": "db"}}},
        "summaries.urlSecret and settings.summary_url",
    ),
    "an admin port that is none": ({"admin": {"service": {"port": 0}}}, "/admin/service/port"),
    "a budget below nothing": ({"settings": {"retry_budget_percent": -1}}, "/settings/retry_budget_percent"),
    "headers that are neither on nor off": ({"settings": {"response_headers": "no"}}, "/settings/response_headers"),
    "less time to stop than it takes": (
        {"terminationGracePeriodSeconds": 605},
        "terminationGracePeriodSeconds must exceed",
    ),
    "more time to finish than to stop": (
        {"settings": {"shutdown_seconds": 700}},
        "terminationGracePeriodSeconds must exceed",
    ),
}


@pytest.mark.parametrize("case", NONSENSE)
def test_nonsense_is_refused_and_named(refusal, case: str) -> None:
    values, named = NONSENSE[case]
    assert named in refusal(values)


def test_every_value_is_in_the_schema_and_back() -> None:
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    assert set(_paths(values)) == {path for path in _properties(SCHEMA) if not path.startswith(("global", "settings."))}


def test_the_settings_are_those_of_the_processes() -> None:
    named = set(SCHEMA["$defs"]["settings"]["properties"])
    assert named == set(Settings.__struct_fields__) - SET_BY_THE_CHART - NOT_IN_A_POD


def _paths(values: dict[str, Any], above: str = "") -> list[str]:
    """Each value's dotted name, as deep as the schema closes its objects."""
    found = []
    for name, value in values.items():
        path = f"{above}{name}"
        found.append(path)
        closed = _at(path).get("additionalProperties") is False
        if isinstance(value, dict) and closed and path != "settings" and not path.endswith("resources"):
            found += _paths(value, f"{path}.")
    return found


def _properties(schema: dict[str, Any], above: str = "") -> list[str]:
    found = []
    for name, value in schema.get("properties", {}).items():
        path = f"{above}{name}"
        found.append(path)
        if path != "settings" and not path.endswith("resources"):
            found += _properties(_resolved(value), f"{path}.")
    return found


def _at(path: str) -> dict[str, Any]:
    schema = SCHEMA
    for name in path.split("."):
        schema = _resolved(schema["properties"][name])
    return schema


def _resolved(schema: dict[str, Any]) -> dict[str, Any]:
    reference = schema.get("$ref", "")
    return SCHEMA["$defs"][reference.removeprefix("#/$defs/")] if reference else schema

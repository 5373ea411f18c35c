"""`crds/` as files: what the types say, nothing more, in the shape that the API server takes."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from ostiary_operator.api import crd
from ostiary_operator.api.apikey import ApiKeySpec, ApiKeyStatus
from ostiary_operator.api.budget import BudgetSpec, BudgetStatus
from ostiary_operator.api.fields import CEL
from ostiary_operator.api.model import ModelSpec, ModelStatus
from ostiary_operator.api.provider import ProviderSpec, ProviderStatus

FOLDER = Path(__file__).parents[2] / "crds"
FILES = {
    "providers.yaml": (ProviderSpec, ProviderStatus),
    "models.yaml": (ModelSpec, ModelStatus),
    "apikeys.yaml": (ApiKeySpec, ApiKeyStatus),
    "budgets.yaml": (BudgetSpec, BudgetStatus),
}
GO_AND_PYTHON = re.compile(r"(?:[^\\]|\\[x.\[\]]|\\/)*")  # no lookaround, no classes that only one of them knows


def read(name: str) -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load((FOLDER / name).read_text())
    return document


def root(name: str) -> dict[str, Any]:
    schema: dict[str, Any] = read(name)["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    return schema


def nodes(schema: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    yield path, schema
    for name, child in schema.get("properties", {}).items():
        yield from nodes(child, f"{path}.{name}")
    if "items" in schema:
        yield from nodes(schema["items"], f"{path}[]")
    if "additionalProperties" in schema:
        yield from nodes(schema["additionalProperties"], f"{path}[]")


def test_the_files_are_what_the_types_say() -> None:
    assert {path.name: yaml.safe_load(path.read_text()) for path in FOLDER.glob("*.yaml")} == crd.definitions()


@pytest.mark.parametrize("name", FILES)
def test_each_field_has_its_struct_field_and_back(name: str) -> None:
    for part, struct in zip(("spec", "status"), FILES[name], strict=True):
        fields = {field.encode_name for field in msgspec.structs.fields(struct)}
        assert set(root(name)["properties"][part]["properties"]) == fields


@pytest.mark.parametrize("name", FILES)
def test_the_schema_is_structural(name: str) -> None:
    for path, schema in nodes(root(name)):
        if not schema.get("x-kubernetes-int-or-string"):
            assert schema["type"] in {"object", "array", "string", "integer", "boolean"}, path
        assert not {"$ref", "anyOf", "oneOf", "allOf", "not"} & set(schema), path
        assert not {"properties", "additionalProperties"} <= set(schema), path
        assert ("items" in schema) == (schema.get("type") == "array"), path


@pytest.mark.parametrize("name", FILES)
def test_each_field_says_what_it_is_for(name: str) -> None:
    for part in ("spec", "status"):
        for path, schema in nodes(root(name)["properties"][part], part):
            assert schema.get("description") or path.endswith("[]"), path


@pytest.mark.parametrize("name", FILES)
def test_each_pattern_means_the_same_to_go_and_python(name: str) -> None:
    patterns = {schema["pattern"] for _, schema in nodes(root(name)) if "pattern" in schema}
    assert patterns
    for pattern in patterns:
        assert pattern.startswith("^")
        assert pattern.endswith("$")
        assert "(?" not in pattern
        assert GO_AND_PYTHON.fullmatch(pattern)
        re.compile(pattern)


@pytest.mark.parametrize("name", FILES)
def test_each_text_that_a_rule_reads_has_a_greatest_length(name: str) -> None:
    """Else the API server refuses the rule for what it might cost."""
    for path, schema in nodes(root(name)["properties"]["spec"], "spec"):
        if schema.get("type") == "string" and not {"enum", "format"} & set(schema):
            assert schema["maxLength"] <= 1024, path
        if schema.get("type") == "array":
            assert schema["maxItems"] <= 128, path


@pytest.mark.parametrize("name", FILES)
def test_each_number_has_limits(name: str) -> None:
    for path, schema in nodes(root(name)["properties"]["spec"], "spec"):
        if schema.get("type") == "integer" or schema.get("x-kubernetes-int-or-string"):
            assert {"minimum", "maximum"} <= set(schema), path


def test_every_number_of_retries_is_at_most_what_nginx_allows_and_says_why() -> None:
    spec = root("models.yaml")["properties"]["spec"]
    found = {path: schema for path, schema in nodes(spec) if path.endswith("axAttempts")}
    assert len(found) == 4
    for path, schema in found.items():
        assert schema["maximum"] == 8, path
        assert "10 internal redirects" in schema["description"], path


@pytest.mark.parametrize("name", FILES)
def test_each_rule_has_a_message_and_is_balanced(name: str) -> None:
    rules = [rule for _, schema in nodes(root(name)) for rule in schema.get(CEL, ())]
    assert rules
    for rule in rules:
        assert rule["message"]
        bare = re.sub(r"'[^']*'", "", rule["rule"])
        assert all(bare.count(a) == bare.count(b) for a, b in ("()", "[]"))
        assert "self" in bare


def test_the_columns_say_what_a_person_needs() -> None:
    columns = {name: [c["name"] for c in read(name)["spec"]["versions"][0]["additionalPrinterColumns"]] for name in FILES}
    assert columns == {
        "providers.yaml": ["Type", "Prefix", "Credential", "Ready", "Unhealthy", "Since", "Reason", "Age"],
        "models.yaml": ["Model", "Selection", "Backends", "Ready", "Reason", "Age"],
        "apikeys.yaml": [
            *("Owner", "Ready", "Spent", "Budget", "Remaining", "Today", "Last Used"),
            *("Expires", "Disabled", "Reason", "Key ID", "Age"),
        ],
        "budgets.yaml": [
            *("Limit", "Unit", "Spent", "Remaining", "Percent", "Period", "Keys", "Ready"),
            *("Action", "Ends", "Reason", "Age"),
        ],
    }


@pytest.mark.parametrize("name", FILES)
def test_status_is_a_subresource_of_a_namespaced_kind_in_the_category(name: str) -> None:
    spec = read(name)["spec"]
    assert spec["scope"] == "Namespaced"
    assert spec["names"]["categories"] == ["ostiary"]
    assert spec["names"]["shortNames"]
    assert spec["versions"][0]["subresources"] == {"status": {}}
    conditions = spec["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["status"]["properties"]["conditions"]
    assert (conditions["x-kubernetes-list-type"], conditions["x-kubernetes-list-map-keys"]) == ("map", ["type"])

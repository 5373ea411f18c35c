"""The custom resources' schemas as the admin API checks by them, tried on the cases of tests/crds."""

from pathlib import Path
from typing import Any

import pytest

from ostiary_gateway.admin import structural
from ostiary_gateway.admin.kinds import API_VERSION, KINDS
from ostiary_gateway.admin.rules import broken
from ostiary_operator.api import names
from ostiary_operator.source import manifests

CASES = Path(__file__).parents[2] / "crds/cases"
CRDS = Path(__file__).parents[3] / "crds"


def problems(obj: Any) -> list[str]:
    (kind,) = (kind for kind in KINDS if kind.name == obj["kind"])
    return structural.problems(structural.validator(kind.spec), obj["spec"], "spec") or list(broken(kind.structural, obj))


def cases(folder: str) -> list[Any]:
    paths = sorted((CASES / folder).glob("*.yaml"))
    return [pytest.param(path, id=path.stem) for path in paths]


def test_every_kind_is_served() -> None:
    assert {kind.name for kind in KINDS} == set(names.KINDS)
    assert {kind.plural for kind in KINDS} == {path.stem for path in CRDS.glob("*.yaml")}
    assert API_VERSION == names.API_VERSION


@pytest.mark.parametrize("path", cases("valid"))
def test_what_the_api_server_takes_is_taken(path: Path) -> None:
    for obj in manifests.read(path.read_text()):
        assert problems(obj) == []


@pytest.mark.parametrize("path", cases("invalid"))
def test_what_the_api_server_refuses_is_refused(path: Path) -> None:
    (obj,) = manifests.read(path.read_text())
    assert problems(obj)


def test_a_rule_between_fields_is_told_in_its_own_words() -> None:
    spec = {"type": "openai", "baseURL": "https://a.example"}
    provider = {"kind": "Provider", "metadata": {"name": "admin"}, "spec": spec}
    assert problems(provider) == ["the object's name cannot be a prefix: set spec.prefix"]
    assert problems(provider | {"metadata": {"name": "a"}, "spec": {**spec, "prefix": "auth"}})[0].startswith("spec.prefix: ")
    header = {**spec, "prefix": "p", "headers": [{"name": "x-a", "value": "1"}, {"name": "Host", "value": "2"}]}
    assert problems(provider | {"spec": header})[0].startswith("spec.headers[1].name: ")


def test_the_first_mistake_is_named_by_its_place() -> None:
    schema = structural.to_json_schema(
        {
            "type": "object",
            "required": ["a"],
            "properties": {
                "a": {"type": "array", "items": {"type": "string", "pattern": "^x$", "maxLength": 3}},
                "when": {"type": "string", "format": "date-time"},
                "either": {"x-kubernetes-int-or-string": True, "maximum": 5},
                "whole": {"type": "integer", "format": "int64"},
            },
        }
    )

    def told(value: object) -> list[str]:
        return structural.problems(structural.validator(schema), value, "spec")

    assert told({"a": ["x"], "when": "2026-11-21T10:00:00+01:00", "either": "5", "whole": 2**63 - 1}) == []
    assert told({}) == ["spec: a is missing"]
    assert told({"a": ["x", "y"]}) == ["spec.a[1]: must look like ^x$"]
    assert told({"a": ["x\n"]}) == ["spec.a[0]: must not contain control characters"]
    assert told({"a": [], "b\n": 1}) == ["spec: unknown field b?"]
    assert told({"a": [], "either": 6}) == ["spec.either: must keep to maximum 5"]
    assert told({"a": [], "either": []}) == ["spec.either: must be integer or string"]
    assert told({"a": [], "whole": 2**63}) == [f"spec.whole: must keep to maximum {2**63 - 1}"]
    for number in (1.0, True, "1"):
        assert told({"a": [], "whole": number}) == ["spec.whole: must be integer"]
    for text in ("2026-11-21", "2026-11-21T10:00:00", "2026-13-21T10:00:00Z", "now", "2026-11-21 10:00:00Z"):
        assert told({"a": [], "when": text}) == ["spec.when: must look like date-time"]

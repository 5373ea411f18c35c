"""Every case, as Python and the CRD's own schema see it. The API server's view of the same files is in tests/e2e.

A file of `invalid/` begins with `# refused: <text>`, which stands in the API server's message and in ours.
"""

from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from ostiary_operator.api import decode
from ostiary_operator.api.apikey import ApiKey
from ostiary_operator.api.budget import Budget
from ostiary_operator.api.fields import CEL
from ostiary_operator.api.model import Model
from ostiary_operator.api.provider import Provider

ROOT = Path(__file__).parents[2]
CASES = Path(__file__).parent / "cases"
VALID = sorted((CASES / "valid").glob("*.yaml"))
INVALID = sorted((CASES / "invalid").glob("*.yaml"))
CRDS = {kind: ROOT / f"crds/{kind.lower()}s.yaml" for kind in ("Provider", "Model", "ApiKey", "Budget")}


def decoded(path: Path) -> Provider | Model | ApiKey | Budget:
    obj = yaml.safe_load(path.read_text())
    match obj["kind"]:
        case "Provider":
            return decode.provider(obj)
        case "Model":
            return decode.model(obj)
        case "Budget":
            return decode.budget(obj)
    return decode.api_key(obj)


def strict(schema: dict[str, Any]) -> dict[str, Any]:
    """As kubectl asks for it: an unknown field is an error."""
    schema = {**schema}
    closed = {**schema}
    if "properties" in schema:
        closed["properties"] = {name: strict(each) for name, each in schema["properties"].items()}
    if "items" in schema:
        closed["items"] = strict(schema["items"])
    if schema.pop("x-kubernetes-int-or-string", False):
        closed["type"] = ["integer", "string"]
    if schema.get("type") == "object" and "additionalProperties" not in schema:
        closed["additionalProperties"] = False
    return closed


@cache
def definition(kind: str) -> dict[str, Any]:
    """The schema of a kind's spec."""
    crd = yaml.load(CRDS[kind].read_bytes(), yaml.CSafeLoader)
    return crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]


@cache
def validator(kind: str) -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(strict(definition(kind)))


def rules_of(schema: dict[str, Any]) -> list[str]:
    """The messages of every CEL rule, however deep."""
    found = [rule["message"] for rule in schema.get(CEL, ())]
    children = [*schema.get("properties", {}).values(), *([schema["items"]] if "items" in schema else [])]
    return found + [message for each in children for message in rules_of(each)]


@pytest.mark.parametrize("path", VALID, ids=lambda path: path.stem)
def test_a_valid_case_is_taken(path: Path) -> None:
    resource = decoded(path)
    assert resource.invalid is None
    obj = yaml.safe_load(path.read_text())
    validator(obj["kind"]).validate(obj["spec"])


@pytest.mark.parametrize("path", INVALID, ids=lambda path: path.stem)
def test_an_invalid_case_is_refused_with_its_field(path: Path) -> None:
    resource = decoded(path)
    assert resource.spec is None
    expected = path.read_text().partition("\n")[0].removeprefix("# refused: ")
    assert expected in str(resource.invalid)


@pytest.mark.parametrize("path", INVALID, ids=lambda path: path.stem)
def test_the_api_server_gets_told_a_rule_for_each_invalid_case(path: Path) -> None:
    obj = yaml.safe_load(path.read_text())
    refused_by_schema = not validator(obj["kind"]).is_valid(obj["spec"])
    messages = rules_of(definition(obj["kind"]))
    why = str(decoded(path).invalid)
    only_by_cel = any(message in why for message in messages) or "reserved for Ostiary" in why or "cannot be one" in why
    only_by_format = path.stem == "apikey-expires"
    only_by_go = path.stem.endswith("-line-end")  # `$` is the end of the text in Go, and the place before "\n" in Python
    assert refused_by_schema or only_by_cel or only_by_format or only_by_go


def test_no_refusal_quotes_the_value() -> None:
    assert "sk-something" not in str(decoded(CASES / "invalid" / "apikey-plaintext-as-hash.yaml").invalid)
    assert "secret@" not in str(decoded(CASES / "invalid" / "provider-url-user.yaml").invalid)

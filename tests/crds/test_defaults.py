"""What the API server fills in is what Python takes for granted: an object means the same in a cluster and in a folder."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from ostiary_operator.api import decode

ROOT = Path(__file__).parents[2]
VALID = sorted((Path(__file__).parent / "cases/valid").glob("*.yaml"))
DECODERS = {"Provider": decode.provider, "Model": decode.model, "ApiKey": decode.api_key, "Budget": decode.budget}


def filled(schema: dict[str, Any], value: Any) -> Any:
    """A value as the API server stores it."""
    if schema.get("type") == "array":
        return [filled(schema["items"], item) for item in value]
    if schema.get("type") != "object" or "properties" not in schema:
        return value
    properties = schema["properties"]
    defaults = {name: each["default"] for name, each in properties.items() if "default" in each}
    return defaults | {name: filled(properties[name], item) for name, item in value.items()}


@pytest.mark.parametrize("path", VALID, ids=lambda path: path.stem)
def test_defaults_of_the_api_server_change_nothing(path: Path) -> None:
    obj = yaml.safe_load(path.read_text())
    crd = yaml.safe_load((ROOT / f"crds/{obj['kind'].lower()}s.yaml").read_text())
    schema = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
    stored = obj | {"spec": filled(schema, obj["spec"])}
    decoder = DECODERS[obj["kind"]]
    assert decoder(stored).spec == decoder(obj).spec
    assert decoder(obj).spec is not None


def test_a_model_with_little_in_it_gets_much() -> None:
    """So that the test above is about something."""
    crd = yaml.safe_load((ROOT / "crds/models.yaml").read_text())
    schema = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
    stored = filled(schema, {"backends": [{"providerRef": {"name": "a"}}], "retryPolicy": {"backoff": {"applyTo": "Global"}}})
    assert stored["backends"] == [{"weight": 1, "priority": 0, "providerRef": {"name": "a"}}]
    assert stored["retryPolicy"]["backoff"] == {
        "applyTo": "Global",
        "baseMilliseconds": 100,
        "maxMilliseconds": 5000,
        "jitter": True,
    }

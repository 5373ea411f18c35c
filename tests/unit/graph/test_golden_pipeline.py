"""Custom resources in, everything that the gateway gets and every problem out: one file per case in tests/golden/pipeline.

`UPDATE_GOLDEN=1 pytest tests/unit/graph` writes the `output` of each case anew.
"""

import json
import os
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from ostiary_gateway.contract import bundle as contract
from ostiary_gateway.contract import document
from ostiary_operator.api import decode
from ostiary_operator.api.limits import parse_limits
from ostiary_operator.dataplane import compile_graph
from ostiary_operator.graph import Policy, Snapshot, deadlines, resolve, wanted_secrets
from ostiary_operator.render import bundle

CASES = sorted((Path(__file__).parents[2] / "golden/pipeline").glob("*.yaml"))


class Dumper(yaml.SafeDumper):
    """Texts of many lines as blocks; nothing by reference."""

    def ignore_aliases(self, data: object) -> bool:
        return True


def _block(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


Dumper.add_representer(str, _block)


def output_of(case: dict[str, Any]) -> dict[str, Any]:
    objects = case["input"]
    snapshot = Snapshot(
        providers=tuple(decode.provider(obj) for obj in objects if obj["kind"] == "Provider"),
        models=tuple(decode.model(obj) for obj in objects if obj["kind"] == "Model"),
        api_keys=tuple(decode.api_key(obj) for obj in objects if obj["kind"] == "ApiKey"),
        budgets=tuple(decode.budget(obj) for obj in objects if obj["kind"] == "Budget"),
        secrets={s.metadata.ref: s for obj in objects if obj["kind"] == "Secret" for s in [decode.secret(obj)]},
    )
    graph = resolve(snapshot, Policy(allow_local=case.get("allowLocal", False), home=case.get("home", "")))
    defaults = parse_limits(json.dumps(case["defaultLimits"]) if "defaultLimits" in case else "")
    files = bundle(compile_graph(graph, default_limits=defaults)).files
    compiled = document.decode(files[contract.DOCUMENT])
    nodes = (*graph.providers, *graph.models, *graph.keys, *graph.budgets)
    return {
        "problems": {
            f"{node.resource.kind} {node.resource.metadata.id}": [
                f"{problem.condition}/{problem.reason} {problem.field}: {problem.message}" for problem in node.problems
            ]
            for node in nodes
            if node.problems
        },
        "wantedSecrets": sorted("/".join(ref) for ref in wanted_secrets(snapshot)),
        "deadlines": [moment.isoformat() for moment in deadlines(graph)],
        "providers": msgspec.to_builtins(compiled.providers),
        **({"models": msgspec.to_builtins(compiled.models)} if graph.models else {}),
        **({"budgets": msgspec.to_builtins(compiled.budgets)} if graph.budgets else {}),
        "credentials": msgspec.json.decode(files[contract.CREDENTIALS]),
        "upstreams": files[contract.UPSTREAMS].decode(),
        "allowlist": files[contract.ALLOWLIST.format(0)].decode(),
    }


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_case(path: Path) -> None:
    case = yaml.safe_load(path.read_text())
    output = output_of(case)
    plain = msgspec.json.decode(msgspec.json.encode(output))
    if os.environ.get("UPDATE_GOLDEN"):
        text = yaml.dump({**case, "output": plain}, Dumper=Dumper, sort_keys=False, width=120, allow_unicode=True)
        path.write_text(text)
        return
    assert plain == case["output"], "if this is meant: UPDATE_GOLDEN=1 pytest tests/unit/graph"


def test_the_same_objects_in_another_order_are_the_same_bundle() -> None:
    for path in CASES:
        case = yaml.safe_load(path.read_text())
        turned = {**case, "input": case["input"][::-1]}
        first, second = output_of(case), output_of(turned)
        assert {**first, "problems": None} == {**second, "problems": None}, path.stem
        assert first["problems"] == second["problems"], path.stem

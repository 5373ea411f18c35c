"""One object, its neighbours and what the gateways reported in, its status out: one file per case in tests/golden/status.

`UPDATE_GOLDEN=1 pytest tests/unit/status` writes the `output` of each case anew. The object asked for is the first of `input`.
"""

import os
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from ostiary_operator import status
from ostiary_operator.api import decode
from ostiary_operator.api.provider import Unhealthy
from ostiary_operator.graph import BudgetNode, KeyNode, ModelNode, Snapshot, resolve
from ostiary_operator.status import Account, Rollout, Sharing, Statement, Status

CASES = sorted((Path(__file__).parents[2] / "golden/status").glob("*.yaml"))


def statement_of(case: dict[str, Any]) -> Statement:
    def account(spent: str = "0", **more: Any) -> Account:
        return Account(spent=Decimal(spent), **more)

    return Statement(
        keys={key: account(**each) for key, each in case.get("keys", {}).items()},
        budgets={key: account(**each) for key, each in case.get("budgets", {}).items()},
        unpriced=tuple(case.get("unpriced", ())),
        sharing=Sharing(*case["sharing"]) if "sharing" in case else None,
        replicas=case.get("replicas", 2),
        complete=case.get("complete", True),
    )


def status_of(case: dict[str, Any], now: datetime) -> tuple[Status, Status]:
    """The status before and after."""
    objects = case["input"]
    snapshot = Snapshot(
        providers=tuple(decode.provider(obj) for obj in objects if obj["kind"] == "Provider"),
        models=tuple(decode.model(obj) for obj in objects if obj["kind"] == "Model"),
        api_keys=tuple(decode.api_key(obj) for obj in objects if obj["kind"] == "ApiKey"),
        budgets=tuple(decode.budget(obj) for obj in objects if obj["kind"] == "Budget"),
        secrets={s.metadata.ref: s for obj in objects if obj["kind"] == "Secret" for s in [decode.secret(obj)]},
    )
    graph = resolve(snapshot)
    nodes = {"Provider": graph.providers, "Model": graph.models, "ApiKey": graph.keys, "Budget": graph.budgets}
    node = nodes[objects[0]["kind"]][0]
    rollout = Rollout(**case["rollout"])
    said = statement_of(case["statement"]) if "statement" in case else None
    if isinstance(node, KeyNode):
        return node.resource.status, status.api_key(node, rollout, now, case.get("lastUsed", ""), said)
    if isinstance(node, ModelNode):
        return node.resource.status, status.model(node, rollout, now, said)
    if isinstance(node, BudgetNode):
        return node.resource.status, status.budget(node, rollout, now, said)
    unhealthy = tuple(msgspec.convert(each, Unhealthy) for each in case.get("unhealthy", ()))
    return node.resource.status, status.provider(node, rollout, now, unhealthy, said)


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_case(path: Path) -> None:
    case = yaml.safe_load(path.read_text())
    before, after = status_of(case, datetime.fromisoformat(case["now"]))
    output = msgspec.json.decode(msgspec.json.encode({"changed": before != after, "status": status.encode(after)}))
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_text(yaml.safe_dump({**case, "output": output}, sort_keys=False, width=120, allow_unicode=True))
        return
    assert output == case["output"], "if this is meant: UPDATE_GOLDEN=1 pytest tests/unit/status"


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_what_was_written_is_not_written_again(path: Path) -> None:
    """Later, with the status as the API server gives it back: equal, so nothing to do."""
    case = yaml.safe_load(path.read_text())
    later = datetime.fromisoformat(case["now"]).replace(second=59)
    written = {name: value for name, value in case["output"]["status"].items() if value is not None}
    for part in ("rotation", "usage"):
        if part in written:
            written[part] = {name: value for name, value in written[part].items() if value is not None}
    first, *others = case["input"]
    before, after = status_of({**case, "input": [{**first, "status": written}, *others]}, later)
    assert before == after
    assert status_of({**case, "input": [{**first, "status": written}, *others], "lastUsed": ""}, later)[1] == after


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_all_conditions_are_there_from_the_first_time_on(path: Path) -> None:
    case = yaml.safe_load(path.read_text())
    conditions = case["output"]["status"]["conditions"]
    more = {"Provider": ["Healthy"], "Budget": ["ThresholdReached", "Exceeded"]}.get(case["input"][0]["kind"], [])
    always = ["Accepted", "ResolvedRefs", "Programmed", "Ready", *more]
    types = [each["type"] for each in conditions]
    assert types[: len(always)] == always
    assert set(types[len(always) :]) <= {"LimitsShared", "Priced"}
    assert len(types) == len(set(types))
    generation = case["input"][0]["metadata"]["generation"]
    assert {each["observedGeneration"] for each in conditions} == {generation}


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_no_status_holds_a_key(path: Path) -> None:
    assert "sk-" not in str(yaml.safe_load(path.read_text())["output"])

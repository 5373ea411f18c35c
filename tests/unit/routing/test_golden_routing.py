"""GZ-20: prompts and what the classifiers of `router:general` and `router:code` make of them."""

import json
from pathlib import Path
from typing import Any

import pytest

from ostiary_gateway.routing import code, general
from ostiary_gateway.routing.prompt import read

CASES = Path(__file__).parents[2] / "golden/routing"


def cases(name: str) -> list[dict[str, Any]]:
    return list(json.loads((CASES / f"{name}.json").read_text()))


@pytest.mark.parametrize("case", cases("general"), ids=lambda case: case["prompt"][:40] or "empty")
def test_gz_20_general_category(case: dict[str, Any]) -> None:
    body = {"model": "router:general", "messages": [{"role": "user", "content": case["prompt"]}]}
    verdict = general.classify(read(json.dumps(body).encode()))
    assert (verdict.category, verdict.confidence) == (case["category"], case["confidence"])
    assert verdict.reasons


@pytest.mark.parametrize("case", cases("code"), ids=lambda case: case["name"][:40])
def test_gz_20_code_complexity_and_tier(case: dict[str, Any]) -> None:
    task = code.classify(read(json.dumps(case["body"]).encode()))
    assert (task.category, task.complexity, task.confidence) == (case["category"], case["complexity"], case["confidence"])
    assert {mode: code.tier(mode, task.complexity) for mode in code.MODES} == case["tiers"]


def test_gz_20_every_category_has_a_golden_case() -> None:
    assert {case["category"] for case in cases("general")} == set(general.SIGNS)
    assert {case["category"] for case in cases("code")} == set(code.SIGNS)
    assert {case["complexity"] for case in cases("code")} == {"simple", "medium", "complex", "agentic"}

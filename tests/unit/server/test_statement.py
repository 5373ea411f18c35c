"""The statement on real sockets: what keys and budgets used, whole and as changes."""

import json
from pathlib import Path

import pytest
from tests.unit.decide.bundles import KEY, entry, make, model, priced, terms
from tests.unit.server.rig import eventually, rig

from ostiary_gateway.contract.limits import Budget

PRICED = priced("priced", "openai/gpt-x", "1", "2")
TEAM = Budget(id="prod/team", amount="0.001", period="daily", thresholds=(50, 100))
WATCHED = Budget(id="prod/watched", tokens=1000, period="total", action="warn")
MINE = f"id-{KEY}"


def bundle(**limits):
    row = entry(terms=terms(budgets=(TEAM.id, WATCHED.id), **limits))
    return make([row, entry("sk-unused")], models=(PRICED, model("dear", "openai/none-such")), budgets=(TEAM, WATCHED))


@pytest.fixture
async def sidecar(tmp_path):
    async with rig(tmp_path) as made:
        await made.use(bundle(budget=Budget(amount="2")))
        await eventually(lambda: made.nginx.purses.looks)
        yield made


async def statement(sidecar, after=""):
    status, text = await sidecar.get(f"/statement?after={after}")
    assert status == 200
    return json.loads(text)


async def use(sidecar, into, out, count=1):
    before = len(sidecar.ledger())
    for _ in range(count):
        request = await sidecar.nginx.purses.request(sidecar, "priced", {"m": 1})
        sidecar.nginx.purses.end(Path(sidecar.settings.data), request, into=into, out=out)
    await eventually(lambda: len(sidecar.ledger()) == before + count)


async def spent(sidecar, amount):
    """The statement once it says so: the ledger's file is there a moment before its sums."""

    async def found():
        told = await statement(sidecar)
        return told if told["keys"].get(MINE, {}).get("spent") == amount else None

    return await eventually(found)


async def test_a_statement_tells_what_keys_and_budgets_used(sidecar):
    await use(sidecar, 100, 150)
    told = await spent(sidecar, "0.0004")
    assert told["complete"] is True
    (key,) = told["keys"].values()
    assert key["last_used"].endswith("Z")
    expected = {"tokens": 250, "budget": "2", "remaining": "1.9996", "requests_today": 1}
    assert {name: key[name] for name in expected} == expected
    assert key["period"].startswith("monthly 20")
    team, watched = told["budgets"]["prod/team"], told["budgets"]["prod/watched"]
    assert (team["spent"], team["remaining"], team["limit"], team["percent"]) == ("0.0004", "0.0006", "0.001", 40)
    assert team["ends"].endswith("T00:00:00Z")
    assert (watched["tokens"], watched["remaining"], watched["limit"], watched["ends"]) == (250, "750", "1000", "")


async def test_after_a_cursor_only_what_changed_is_told(sidecar):
    await use(sidecar, 100, 0)
    first = await spent(sidecar, "0.0001")
    again = await statement(sidecar, first["cursor"])
    assert (again["complete"], again["keys"], again["budgets"]) == (False, {}, {})
    await use(sidecar, 100, 0)
    await spent(sidecar, "0.0002")
    third = await statement(sidecar, first["cursor"])
    assert (third["complete"], third["keys"][MINE]["spent"]) == (False, "0.0002")


async def test_a_cursor_of_another_bundle_or_process_gets_everything(sidecar):
    await use(sidecar, 100, 0)
    first = await spent(sidecar, "0.0001")
    await sidecar.use(bundle(budget=Budget(amount="3")))
    told = await statement(sidecar, first["cursor"])
    assert (told["complete"], told["keys"][MINE]["remaining"]) == (True, "2.9999")


async def test_a_key_without_a_budget_of_its_own_is_told_by_the_month(sidecar):
    await use(sidecar, 100, 0)
    await sidecar.use(bundle())
    key = (await spent(sidecar, "0.0001"))["keys"][MINE]
    assert (key["budget"], key["remaining"], key["period"][:8]) == ("", "", "monthly ")


async def test_thresholds_are_counted_once_when_they_are_crossed(sidecar):
    for _ in range(4):
        await use(sidecar, 130, 60)
    await spent(sidecar, "0.00100")
    text = (await sidecar.get("/metrics", sidecar.metrics_url))[1]
    crossed = [line for line in text.splitlines() if "threshold_crossed_total{" in line]
    assert crossed == [
        'ostiary_budget_threshold_crossed_total{budget="prod/team",percent="50"} 1.0',
        'ostiary_budget_threshold_crossed_total{budget="prod/watched",percent="50"} 1.0',
        'ostiary_budget_threshold_crossed_total{budget="prod/team",percent="100"} 1.0',
    ]
    assert 'ostiary_budget_spent_usd{budget="prod/team"} 0.001' in text
    assert 'ostiary_budget_spent_tokens{budget="prod/watched"} 760.0' in text


async def test_how_limits_hold_is_told(sidecar):
    told = await statement(sidecar)
    assert told["sharing"] == {"mode": "local", "problem": "", "bound": "exact: one replica, never above the limit"}
    assert told["unpriced"] == []


async def test_a_process_that_knows_nothing_yet_says_so(tmp_path):
    async with rig(tmp_path) as sidecar:
        told = await statement(sidecar)
        assert (told["cursor"], told["complete"], told["keys"], told["budgets"]) == ("", False, {}, {})

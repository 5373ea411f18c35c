"""From two replicas' admin ports to statuses in the cluster: real sockets on both sides."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from tests.support.becoming import becomes
from tests.support.kube import Kube, running_kube
from tests.support.operator import Operator, api_key, condition, pod, running_operator

from ostiary_operator.cluster.errors import RefusedError, UnavailableError
from ostiary_operator.cluster.gateways import Gateways
from ostiary_operator.reconcile.poller import Poller
from ostiary_operator.reconcile.statements import Statements

TOKEN = "a-viewer's-token"
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
FIRST, SECOND = "127.0.0.1", "127.0.0.2"
MONTH = "monthly 2026-11"


class Replicas:
    """Two gateway pods' admin ports: one port, two addresses, as pods have it."""

    def __init__(self) -> None:
        self.answers: dict[str, Any] = {}
        self.asked: list[tuple[str, str]] = []
        self.port = 0

    def says(self, address: str, *, complete: bool = True, cursor: str = "1", **parts: Any) -> None:
        self.answers[address] = {"cursor": cursor, "complete": complete, **parts}

    async def statement(self, request: web.Request) -> web.Response:
        assert request.transport
        address = request.transport.get_extra_info("sockname")[0]
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            return web.Response(status=401)
        self.asked.append((address, request.query["after"]))
        answer = self.answers.get(address)
        return web.Response(status=503) if answer is None else web.json_response(answer)


@asynccontextmanager
async def running_replicas() -> AsyncIterator[Replicas]:
    replicas = Replicas()
    app = web.Application()
    app.router.add_get("/admin/statement", replicas.statement)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, FIRST, 0)
    await site.start()
    replicas.port = runner.addresses[0][1]
    await web.TCPSite(runner, SECOND, replicas.port).start()
    try:
        yield replicas
    finally:
        await runner.cleanup()


@pytest.fixture
def token(tmp_path: Path) -> Path:
    file = tmp_path / "viewer-token"
    file.write_text(TOKEN + "\n")
    return file


def at(name: str, address: str, **more: Any) -> dict[str, Any]:
    item = pod(name, "")
    return item | {"status": item["status"] | {"podIP": address}, "metadata": item["metadata"] | more}


def account(spent: str, **more: Any) -> dict[str, Any]:
    return {"spent": spent, "tokens": 10, "requests_today": 1, "last_used": "2026-11-21T11:00:00Z", "period": MONTH, **more}


@asynccontextmanager
async def polling(replicas: Replicas, token: Path, operator: Operator) -> AsyncIterator[Poller]:
    async with Gateways(replicas.port, token) as gateways:
        service = operator.service
        yield Poller(
            gateways,
            service.statements,
            pods=lambda: list(service.world.pods.values()),
            may=lambda: True,
            changed=service.poke,
            now=lambda: NOW,
        )


async def gathered(operator: Operator) -> None:
    """Wait until the operator leads and knows both pods."""
    await operator.until(1)
    await becomes(lambda: len(operator.service.world.pods) == 2)


def usage(kube: Kube) -> dict[str, Any]:
    return (kube.get("apikeys", "team", "app").get("status") or {}).get("usage") or {}


async def test_the_statement_of_two_replicas_becomes_statuses_and_an_idle_cluster_writes_nothing(token: Path) -> None:
    async with running_replicas() as replicas, running_kube() as kube, running_operator(kube, now=lambda: NOW) as operator:
        await kube.put("apikeys", api_key("app", sha256="a" * 64, budget={"amount": "10"}))
        await kube.put("budgets", {"metadata": {"name": "all", "namespace": "team"}, "spec": {"amount": "4"}})
        await kube.put("pods", at("gateway-0", FIRST))
        await kube.put("pods", at("gateway-1", SECOND))
        await gathered(operator)
        budget = {"spent": "1", "tokens": 5, "period": MONTH, "ends": "2026-12-01T00:00:00Z"}
        sharing = {"mode": "valkey", "problem": "", "bound": "at most 3 requests more"}
        for address in (FIRST, SECOND):
            replicas.says(address, keys={"team/app": account("1.25")}, budgets={"team/all": budget}, sharing=sharing)
        async with polling(replicas, token, operator) as poller:
            await poller.once()
            await kube.until(lambda: usage(kube).get("spent") == "2.50")
            assert usage(kube) | {"period": ""} == {
                "spent": "2.50",
                "tokens": 20,
                "budget": "10.00",
                "unit": "USD",
                "remaining": "7.50",
                "percent": 25,
                "period": "",
                "requestsToday": 2,
                "lastUsed": "2026-11-21T11:00:00Z",
            }
            await kube.until(lambda: condition(kube.get("budgets", "team", "all"), "ThresholdReached")[0] == "True")
            assert condition(kube.get("apikeys", "team", "app"), "LimitsShared") == ("True", "Shared")
            await kube.until(lambda: {event["reason"] for event in kube.all("events")} == {"BudgetThresholdReached"})
            await operator.settled()
            kube.journal.clear()
            for address in (FIRST, SECOND):
                replicas.says(address, complete=False, cursor="2", sharing=sharing)
            rounds = len(operator.results)
            for _ in range(3):
                await poller.once()
            assert len(operator.results) == rounds
            assert kube.writes() == []
            assert replicas.asked[-2:] in ([(FIRST, "2"), (SECOND, "2")], [(SECOND, "2"), (FIRST, "2")])


async def test_a_replica_that_is_away_keeps_its_last_numbers_until_it_is_back(token: Path) -> None:
    async with running_replicas() as replicas, running_kube() as kube, running_operator(kube, now=lambda: NOW) as operator:
        await kube.put("apikeys", api_key("app", sha256="a" * 64))
        await kube.put("pods", at("gateway-0", FIRST))
        await kube.put("pods", at("gateway-1", SECOND))
        await gathered(operator)
        replicas.says(FIRST, keys={"team/app": account("4")})
        replicas.says(SECOND, keys={"team/app": account("1")})
        async with polling(replicas, token, operator) as poller:
            await poller.once()
            await kube.until(lambda: usage(kube).get("spent") == "5.00")
            del replicas.answers[FIRST]
            replicas.says(SECOND, complete=False, cursor="2", keys={"team/app": account("2")})
            await poller.once()
            await kube.until(lambda: usage(kube).get("spent") == "6.00")
            await kube.remove("pods", "ostiary", "gateway-0")
            await becomes(lambda: len(operator.service.world.pods) == 1)
            replicas.says(SECOND, complete=False, cursor="3", keys={"team/app": account("3")})
            await poller.once()
            await kube.until(lambda: usage(kube).get("spent") == "7.00")
            replicas.says(FIRST, keys={"team/app": account("0.5")})
            await kube.put("pods", at("gateway-0", FIRST))
            await gathered(operator)
            await poller.once()
            await kube.until(lambda: usage(kube).get("spent") == "3.50")


async def test_a_new_operator_does_not_believe_a_sum_without_all_replicas(token: Path) -> None:
    async with running_replicas() as replicas, running_kube() as kube:
        await kube.put("apikeys", api_key("app", sha256="a" * 64))
        await kube.put("pods", at("gateway-0", FIRST))
        await kube.put("pods", at("gateway-1", SECOND))
        replicas.says(FIRST, keys={"team/app": account("4")})
        replicas.says(SECOND, keys={"team/app": account("1")})
        async with running_operator(kube, now=lambda: NOW) as operator, polling(replicas, token, operator) as poller:
            await gathered(operator)
            await poller.once()
            await kube.until(lambda: usage(kube).get("spent") == "5.00")
        del replicas.answers[FIRST]
        running = running_operator(kube, identity="two", now=lambda: NOW)
        async with running as operator, polling(replicas, token, operator) as poller:
            await gathered(operator)
            await poller.once()
            await operator.settled()
            assert usage(kube)["spent"] == "5.00"
            replicas.says(FIRST, keys={"team/app": account("4.5")})
            await poller.once()
            await kube.until(lambda: usage(kube).get("spent") == "5.50")


async def test_pods_without_an_address_or_on_their_way_out_are_not_asked(token: Path) -> None:
    async with running_replicas() as replicas, Gateways(replicas.port, token) as gateways:
        replicas.says(FIRST)
        pods = [pod("gateway-0", ""), at("gateway-1", SECOND, deletionTimestamp="2026-11-21T11:59:59Z"), at("gateway-2", FIRST)]
        statements = Statements()
        changed = asyncio.Event()
        poller = Poller(gateways, statements, pods=lambda: pods, may=lambda: True, changed=changed.set, now=lambda: NOW)
        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(poller.run(0.01))
            await asyncio.wait_for(changed.wait(), 5)
            running.cancel()
        assert {address for address, _ in replicas.asked} == {FIRST}
        assert statements.told
        assert not statements.told.complete


async def test_only_the_leader_asks(token: Path) -> None:
    async with running_replicas() as replicas, Gateways(replicas.port, token) as gateways:
        replicas.says(FIRST)
        asked: asyncio.Queue[bool] = asyncio.Queue()

        def may() -> bool:
            asked.put_nowait(True)
            return False

        pods = [at("gateway-0", FIRST)]
        poller = Poller(gateways, Statements(), pods=lambda: pods, may=may, changed=lambda: None, now=lambda: NOW)
        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(poller.run(0.01))
            for _ in range(3):
                await asyncio.wait_for(asked.get(), 5)
            running.cancel()
        assert replicas.asked == []


async def test_what_a_pod_answers_else_is_an_error_that_names_no_token(token: Path, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong"
    wrong.write_text("another")
    async with running_replicas() as replicas:
        async with Gateways(replicas.port, wrong) as gateways:
            with pytest.raises(RefusedError, match="401") as refused:
                await gateways.statement(FIRST, "")
        assert "another" not in str(refused.value)
        async with Gateways(replicas.port, token) as gateways:
            with pytest.raises(UnavailableError, match="503"):
                await gateways.statement(FIRST, "")
        async with Gateways(replicas.port, tmp_path / "absent") as gateways:
            with pytest.raises(UnavailableError, match="FileNotFoundError"):
                await gateways.statement(FIRST, "")


async def test_an_answer_that_is_no_statement_changes_nothing(token: Path) -> None:
    async with running_replicas() as replicas, Gateways(replicas.port, token) as gateways:
        statements = Statements()
        poller = Poller(
            gateways, statements, pods=lambda: [at("gateway-0", FIRST)], may=lambda: True, changed=lambda: None, now=lambda: NOW
        )
        replicas.answers[FIRST] = json.loads('{"keys": []}')
        await poller.once()
        assert statements.told is None

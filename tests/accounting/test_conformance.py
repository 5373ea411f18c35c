"""The conformance kit against a real Ostiary: what each case charged is what it used (TP-17, TP-18, GZ-07, GZ-08, GZ-10)."""

import asyncio
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path

import pytest
from tests.support.conforming import BUDGET_KEY, KEY, Conforming
from tests.support.gateway import Record
from tests.support.process import free_port

from ostiary_gateway.conformance import caller, meters
from ostiary_gateway.conformance.edge import Edge, edge
from ostiary_gateway.conformance.judge import Judge, Row
from ostiary_gateway.conformance.provider import Provider
from ostiary_gateway.conformance.run import Bench, connect, run
from ostiary_gateway.conformance.table import table

CASES = table()
VIEWER = "a-token-that-may-look"


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Conforming]:
    folder = tmp_path_factory.mktemp("conforming")
    (folder / "viewer").write_text(VIEWER)
    made = Conforming(folder, admin_port=free_port(), viewer_token_file=folder / "viewer", replicas=2)
    yield made.open()
    made.drop()


@pytest.fixture(scope="module")
def rows(gateway: Conforming) -> Mapping[str, Row]:
    """The whole table, played once."""

    async def play() -> list[Row]:
        async with Provider(port=gateway.provider_port) as provider, caller.session() as session:
            meter = meters.Ledger([gateway.data / "ledger"])
            bench = Bench(provider=provider, callers=connect(session, [gateway.base_url], KEY), meter=meter, patience=10)
            return await run(bench, CASES, Judge())

    return {row.case: row for row in asyncio.run(play())}


@pytest.mark.parametrize("case", [case.name for case in CASES])
def test_gz_07_what_is_charged_is_what_was_used(rows: Mapping[str, Row], case: str) -> None:
    assert rows[case].differs == (), rows[case]


def test_tp_18_the_admin_api_tells_the_same(gateway: Conforming) -> None:
    """As a user of another gateway would read it: over HTTP, by request id."""
    cases = [case for case in CASES if case.name in {"chat: stream cut at bytes", "messages: 503, then a stream: charged once"}]

    async def play() -> list[Row]:
        async with Provider(port=gateway.provider_port) as provider, caller.session() as session:
            meter = meters.build(f"ostiary-admin:http://127.0.0.1:{gateway.admin_port}", session, VIEWER)
            bench = Bench(provider=provider, callers=connect(session, [gateway.base_url], KEY), meter=meter, patience=10)
            return await run(bench, cases, Judge())

    found = asyncio.run(play())
    assert [row.differs for row in found] == [(), ()], found


def test_gz_03_tp_09_a_budget_is_spent_to_its_edge_and_no_further(gateway: Conforming, tmp_path: Path) -> None:
    """Twice as many calls at once as fit, over two replicas that share nothing: each serves what fits into its half."""
    other = Conforming(tmp_path, provider_port=gateway.provider_port, replicas=2, workers=1)
    try:
        found = asyncio.run(at_the_edge(gateway, other.open()))
        served = [len(by_budget_key(replica)) for replica in (gateway, other)]
    finally:
        other.drop()
    assert found.differs == (), found
    assert set(found.statuses) == {"200", "402"}
    half, each = Decimal(gateway.budget) / 2, Decimal(found.used) / found.served
    assert served == [int(half / each)] * 2


def by_budget_key(replica: Conforming) -> list[Record]:
    return [record for record in replica.ledger() if record["key_name"] == "conformance-budget"]


async def at_the_edge(*replicas: Conforming) -> Edge:
    async with Provider(port=replicas[0].provider_port) as provider, caller.session() as session:
        meter = meters.Ledger([replica.data / "ledger" for replica in replicas])
        spenders = connect(session, [replica.base_url for replica in replicas], BUDGET_KEY)
        budget = Decimal(replicas[0].budget)
        return await edge(provider, spenders, meter, budget=budget, bound=Decimal(0), patience=10)

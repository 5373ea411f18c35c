"""kill -9 of sidecar and nginx workers while limited keys are used: nothing is lost, doubled or overspent.

The same with 100,000 requests: `python -m hack.bench.kill`.
"""

import asyncio
import random
import time
from collections.abc import Iterator

import pytest
from click.testing import CliRunner
from tests.support import accounted
from tests.support.accounted import Account, Asked, Blind, Books
from tests.support.becoming import becomes
from tests.support.gateway import Gateway
from tests.support.process import kill

from ostiary_gateway.cli.ledger import ledger

SEED, REQUESTS, CLIENTS, TOKENS = 20261121, 1200, 8, 1_000
AFTERWARDS = 200  # requests while nothing is killed, so that the limits are met however slow the machine is


async def killing(gateway: Gateway, order: random.Random, asking: "asyncio.Task[list[Asked]]", blind: Blind) -> int:
    """A worker and the sidecar in turn until all has been asked; how many workers."""
    count = 0
    while not asking.done():
        await asyncio.sleep(order.uniform(0.1, 0.3))  # the moment is what is random here
        workers = await asyncio.to_thread(gateway.workers)
        kill(order.choice(workers))
        count += 1
        await asyncio.wait({asking}, timeout=order.uniform(0.1, 0.3))
        if not asking.done():
            await blind.kill(gateway, await asyncio.to_thread(gateway.pid, "sidecar"))
    return count


@pytest.fixture(scope="module")
def held(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Account, Gateway]]:
    """All of it once; the tests look at what it came to."""

    async def play(gateway: Gateway) -> tuple[Account, int]:
        blind = Blind()
        async with Books() as books:
            await asyncio.to_thread(gateway.start, accounted.manifests(books.url, TOKENS))
            asking = asyncio.create_task(accounted.ask(gateway, range(REQUESTS), CLIENTS, SEED))
            kills = await killing(gateway, random.Random(SEED), asking, blind)  # noqa: S311
            await becomes(lambda: not blind.covers(time.time(), time.time()), 10)
            after = await accounted.ask(gateway, range(REQUESTS, REQUESTS + AFTERWARDS), CLIENTS, SEED)
            await asyncio.to_thread(gateway.idle, kills)
            await becomes(lambda: accounted.slots_out(gateway.run) == 0, 10)
            return accounted.account(gateway, books, await asking + after, blind), kills

    gateway = Gateway(tmp_path_factory.mktemp("accounted"))
    try:
        found, kills = asyncio.run(play(gateway))
        print(f"{kills} workers killed: {found}")
        yield found, gateway
    finally:
        gateway.drop()


def test_gz_08_nothing_is_lost_or_doubled(held: tuple[Account, Gateway]) -> None:
    found, _ = held
    assert (found.missing, found.doubled, found.wrong) == (0, 0, 0), found
    assert found.answered > REQUESTS // 2
    assert found.unanswered, "no worker was killed at work"


def test_tp_08_no_limit_and_no_budget_is_exceeded(held: tuple[Account, Gateway]) -> None:
    """And none refuses what it allows. Rates and slots are looked at while there was a sidecar."""
    found, _ = held
    assert found.tokens_of_budget <= TOKENS
    assert (found.over_rate, found.over_slots, found.falsely_refused) == (0, 0, 0), found
    assert found.refused


def test_every_slot_is_given_back(held: tuple[Account, Gateway]) -> None:
    found, _ = held
    assert found.slots_out == 0


def test_the_counters_are_what_the_ledger_says(held: tuple[Account, Gateway]) -> None:
    _, gateway = held
    ran = CliRunner().invoke(ledger, ["verify"], env={"OSTIARY_DATA": str(gateway.data)})
    assert ran.exit_code == 0, ran.output

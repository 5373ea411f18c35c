"""Replicas divide limits by need through a real Valkey: never above one, and nothing refused while another holds what is idle."""

import asyncio
import os
import signal
import time
from collections.abc import Iterator
from decimal import Decimal

import pytest
from tests.support.replicas import Replica, replicas, until
from tests.support.valkey import Valkey
from valkey import Valkey as Client

from ostiary_gateway.contract.record import Record
from ostiary_gateway.limits.claims import DEAD_MS
from ostiary_gateway.server.identity import identity

RATE = "key/k#requests/minute"
BUDGET = "key/k#monthly"
MONTH = "monthly 2026-11"


@pytest.fixture
def valkey(tmp_path) -> Iterator[Valkey]:
    server = Valkey(tmp_path).start()
    yield server
    server.kill()


@pytest.fixture
def client(valkey) -> Iterator[Client]:
    with Client(port=valkey.port, decode_responses=True) as client:
        yield client


def spent(made, account=RATE, period=""):
    return sum(each.till.used.get((account, period), 0) for each in made)


async def test_tp_08_four_replicas_pass_exactly_the_limit(tmp_path, valkey):
    async with replicas(tmp_path, valkey, 4) as made:
        passed = await asyncio.gather(*(made[n % 7 % 4].spend(RATE, 100) for n in range(400)))
    assert (sum(passed), spent(made)) == (100, 100)


async def test_one_replica_may_use_all_that_the_other_does_not_need(tmp_path, valkey):
    async with replicas(tmp_path, valkey) as (first, second):
        assert await second.spend(RATE, 100)
        passed = [await first.spend(RATE, 100) for _ in range(100)]
    assert sum(passed) == 99


async def test_what_lies_idle_in_the_others_nginx_is_given_back_at_once(tmp_path, valkey):
    async with replicas(tmp_path, valkey) as (first, second):
        assert await first.spend(RATE, 100, 5)
        first.till.idle[RATE, ""] = first.shared.allowed(RATE, "", 100) - 5
        began = time.monotonic()
        assert await second.spend(RATE, 100, 95)
        assert time.monotonic() - began < 0.3
        assert first.shared.allowed(RATE, "", 100) == 5
        assert not await first.spend(RATE, 100)


async def test_tp_09_a_budget_is_divided_to_the_last_nanodollar(tmp_path, valkey):
    limit = 10_000_000_000_000_000  # ten million dollars, more than a double counts exactly
    async with replicas(tmp_path, valkey, 3) as made:
        sizes = [limit // 7 + number for number in range(10)]
        passed = [await made[n % 3].spend(BUDGET, limit, size, MONTH) for n, size in enumerate(sizes)]
        assert sum(passed) == 6
        assert limit - limit // 7 - 60 < spent(made, BUDGET, MONTH) <= limit
        assert spent(made, BUDGET, MONTH) == sum(sizes[:6])


async def test_periods_are_apart(tmp_path, valkey):
    async with replicas(tmp_path, valkey) as (first, second):
        assert await first.spend(BUDGET, 100, 100, MONTH)
        assert not await second.spend(BUDGET, 100, 1, MONTH)
        assert await second.spend(BUDGET, 100, 100, "monthly 2026-12")


async def test_idle_allowance_goes_back_by_itself_but_for_a_reserve(tmp_path, valkey, client):
    async with replicas(tmp_path, valkey) as (first, _):
        assert await first.spend(RATE, 100, 80)
        first.till.used[RATE, ""] = 0  # the window has slid
        await until(lambda: first.shared.allowed(RATE, "", 100) == 25, 6)
        await until(lambda: next(iter(client.hgetall("ostiary:::claims:" + RATE).values())).startswith("25:0:"), 2)


async def test_valkey_away_each_goes_on_with_what_it_had_and_never_more(tmp_path, valkey):
    async with replicas(tmp_path, valkey) as made:
        for each in made:
            assert await each.spend(RATE, 100, 10)
        had = [each.shared.allowed(RATE, "", 100) for each in made]
        valkey.kill()
        await until(lambda: all(each.shared.problem for each in made))
        assert "Valkey" in made[0].shared.problem
        assert made[0].number("ostiary_limits_shared") == 0
        began = time.monotonic()
        passed = [await each.spend(RATE, 100) for each in made for _ in range(100)]
        assert time.monotonic() - began < 0.5
        assert sum(passed) + 20 == sum(had) <= 100
        other = "key/other#requests/minute"
        assert [each.shared.allowed(other, "", 100) for each in made] == [50, 50]
        valkey.start()  # it knows nothing any more
        await until(lambda: not any(each.shared.problem for each in made))
        passed = await asyncio.gather(*(each.spend(RATE, 100) for each in made for _ in range(100)))
        assert spent(made) == 100
        assert sum(passed) == 100 - sum(had)
        assert made[0].number("ostiary_limits_shared") == 1


async def test_a_valkey_that_lost_everything_gives_nothing_away_before_all_are_back(tmp_path, valkey):
    async with replicas(tmp_path, valkey) as (first, second):
        assert await second.spend(RATE, 100, 90)
        await second.kill()
        valkey.kill()
        await until(lambda: first.shared.problem)
        valkey.start()
        await until(lambda: not first.shared.problem)
        assert not await first.spend(RATE, 100, 80)
        again = Replica(tmp_path / "1", valkey)
        again.till.used[RATE, ""] = 90
        assert again.shared.allowed(RATE, "", 100) == 0  # it has not tried to ask yet
        again.start()
        assert not await again.spend(RATE, 100, 11)
        assert not await first.spend(RATE, 100, 80)
        assert await first.spend(RATE, 100, 10)
        await again.kill()


async def test_a_valkey_that_hangs_delays_a_raise_by_less_than_a_second(tmp_path, valkey):
    async with replicas(tmp_path, valkey) as (first, _):
        assert await first.spend(RATE, 100, 10)
        os.kill(valkey.pid, signal.SIGSTOP)
        try:
            began = time.monotonic()
            have = first.shared.allowed(RATE, "", 100)
            assert await first.shared.raise_to(RATE, "", 100, 90, 10) == have
            assert time.monotonic() - began < 0.9
            await until(lambda: first.shared.problem)
        finally:
            os.kill(valkey.pid, signal.SIGCONT)


async def test_a_dead_replicas_idle_allowance_comes_free_and_its_use_stays(tmp_path, valkey, client):
    async with replicas(tmp_path, valkey) as (first, second):
        assert await second.spend(BUDGET, 100, 40, MONTH)
        await until(lambda: ":40:" in str(client.hgetall("ostiary:::claims:" + BUDGET + "@" + MONTH)), 3)
        await second.kill()
        assert not await first.spend(BUDGET, 100, 60, MONTH)
        long_ago = client.time()[0] * 1000 - DEAD_MS - 1
        client.zadd("ostiary:::beats", {identity(tmp_path / "1"): long_ago})
        assert not await first.spend(BUDGET, 100, 61, MONTH)
        assert await first.spend(BUDGET, 100, 60, MONTH)
        again = Replica(tmp_path / "1", valkey)
        again.till.used[BUDGET, MONTH] = 40  # what its ledger knows
        again.start()
        await until(lambda: not again.shared.problem)
        assert not await again.spend(BUDGET, 100, 1, MONTH)
        await again.kill()


async def test_a_replica_that_restarts_keeps_what_it_told_and_no_more(tmp_path, valkey, client):
    async with replicas(tmp_path, valkey) as (first, second):
        assert await second.spend(RATE, 100, 60)
        await until(lambda: ":60:" in str(client.hgetall("ostiary:::claims:" + RATE)), 3)
        await second.kill()
        again = Replica(tmp_path / "1", valkey)
        again.till.is_ready = False
        again.start()
        await until(lambda: not again.shared.problem)
        assert not await first.spend(RATE, 100, 40)  # what it holds it goes on to hold, until it knows more
        again.till.is_ready = True
        await asyncio.sleep(0.1)
        assert not await first.spend(RATE, 100, 90)  # what it used and told goes on to count
        again.till.used[RATE, ""] = 10
        assert await again.spend(RATE, 100, 1)
        await asyncio.sleep(0.1)  # so long it is of no use to cry again
        assert await first.spend(RATE, 100, 89)
        await again.kill()


async def test_who_leaves_gives_back_what_is_idle(tmp_path, valkey):
    async with replicas(tmp_path, valkey) as (first, second):
        assert await second.spend(RATE, 100, 60)
        second.till.used[RATE, ""] = 10
        await second.kill()
        await second.shared.leave()
        assert await first.spend(RATE, 100, 90)


def record(number: int, at: str) -> Record:
    names = {"surface": "managed", "method": "POST", "endpoint": "/v1/x", "provider": "p"}
    return Record(id=f"e-{number}", request_id=f"r{number}", timestamp=at, key_id="k", status=200, ended="completed", **names)


async def test_tp_21_calls_of_the_minute_and_cost_of_the_month_can_be_read(tmp_path, valkey, client):
    now = time.time()
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now)) + ".000Z"
    month = stamp[:7]
    async with replicas(tmp_path, valkey) as made:
        for number, each in enumerate(made):
            each.till.costs["k", month] = Decimal("1.000000001") * (number + 1)
            each.shared.note([record(number, stamp), record(number + 10, "2026-01-01T00:00:00.000Z")])
        cost = f"cost:k:{month.replace('-', ':')}"
        await until(lambda: client.zcard("rate_limit:k") == 2 and client.get(cost) == "3.000000003")
        assert 0 < client.ttl("rate_limit:k") <= 60
        made[0].shared.note([record(0, stamp)])  # the same again changes nothing
        made[0].till.costs["k", month] = Decimal("0.5")
        await until(lambda: client.get(cost) == "2.500000002")
        assert client.zcard("rate_limit:k") == 2


def test_an_identity_lasts_as_long_as_the_data(tmp_path):
    first = identity(tmp_path / "data")
    assert identity(tmp_path / "data") == first
    (tmp_path / "data" / "replica").write_text("torn")
    assert identity(tmp_path / "data") != first


async def test_tp_21_names_that_hold_other_things_disturb_nothing(tmp_path, valkey, client):
    client.set("rate_limit:k", "something else")
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime()) + ".000Z"
    async with replicas(tmp_path, valkey) as (first, _):
        first.shared.note([record(1, stamp)])
        await until(lambda: client.get(f"cost:k:{stamp[:7].replace('-', ':')}") == "0.000000000")
        assert await first.spend(RATE, 100)
        assert not first.shared.problem
    assert client.get("rate_limit:k") == "something else"


async def test_tp_09_what_the_other_reserved_or_left_idle_is_not_used(tmp_path, valkey):
    async with replicas(tmp_path, valkey) as (first, second):
        assert await first.spend(BUDGET, 100, 30, MONTH)
        first.till.reserved[BUDGET, MONTH] = 20
        await until(lambda: first.shared.allowed(BUDGET, MONTH, 100) >= 50)
        first.till.idle[BUDGET, MONTH] = first.shared.allowed(BUDGET, MONTH, 100) - 50
        assert not await second.spend(BUDGET, 100, 60, MONTH)
        assert second.shared.used_elsewhere(BUDGET, MONTH) == 30
        assert second.shared.within(BUDGET, MONTH, 100) == 50
        assert await second.spend(BUDGET, 100, 50, MONTH)


async def test_tp_09_who_cried_for_a_budget_hears_at_once_of_what_came_free(tmp_path, valkey):
    async with replicas(tmp_path, valkey) as (first, second):
        assert await first.spend(BUDGET, 100, 1, MONTH)
        first.till.reserved[BUDGET, MONTH] = first.shared.allowed(BUDGET, MONTH, 100) - 1
        told = asyncio.Event()
        assert not await second.spend(BUDGET, 100, 90, MONTH)
        second.shared.on_told = lambda account: told.set() if account == BUDGET else None
        del first.till.reserved[BUDGET, MONTH]
        first.till.used[BUDGET, MONTH] = 10
        began = time.monotonic()
        first.shared.settled()
        await asyncio.wait_for(told.wait(), 1)
        assert time.monotonic() - began < 0.5  # a tick may be a second away
        assert await second.spend(BUDGET, 100, 90, MONTH)
        told.clear()
        first.shared.settled()  # nothing new
        await asyncio.sleep(0.05)
        assert not told.is_set()


async def test_a_holder_that_takes_its_time_gives_back_all_the_same(tmp_path, valkey):
    async with replicas(tmp_path, valkey) as (first, second):
        assert await first.spend(BUDGET, 100, 10, MONTH)
        first.till.idle[BUDGET, MONTH] = first.shared.allowed(BUDGET, MONTH, 100) - 10
        first.till.gate = asyncio.Event()
        told = asyncio.Event()
        second.shared.on_told = lambda _: told.set()
        assert not await second.spend(BUDGET, 100, 90, MONTH)
        first.till.gate.set()
        await asyncio.wait_for(told.wait(), 1)
        assert await second.spend(BUDGET, 100, 90, MONTH)


async def test_tp_15_what_remains_is_the_limit_without_what_any_replica_used(tmp_path, valkey):
    async with replicas(tmp_path, valkey) as (first, second):
        assert await first.spend(RATE, 100, 30)
        assert first.shared.within(RATE, "", 100) == 100
        assert await second.spend(RATE, 100, 5)
        assert second.shared.allowed(RATE, "", 100) < 70
        await until(lambda: second.shared.within(RATE, "", 100) == 70, 4)

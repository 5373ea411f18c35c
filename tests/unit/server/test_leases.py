"""Leases on real sockets: what nginx is given of a limit, with a ledger that settles."""

import asyncio
from pathlib import Path

import pytest
from tests.unit.decide.bundles import KEY, entry, make, priced, sha, terms
from tests.unit.server.rig import eventually, rig

from ostiary_gateway.contract.limits import Budget, Rate
from ostiary_gateway.server.clock import now_ms

PRICED = priced("priced", "openai/gpt-x", "1", "2")  # a microdollar per input token
PER_DAY = Rate(unit="requests", window="day", most=3)


def bundle(*shared, **limits):
    return make([entry(terms=terms(**limits))], models=(PRICED,), budgets=shared)


@pytest.fixture
async def sidecar(tmp_path):
    async with rig(tmp_path, lease_wait_seconds=2) as made:
        yield made


def data(sidecar):
    return Path(sidecar.settings.data)


async def spend(sidecar, amounts, **ask):
    return await sidecar.nginx.purses.request(sidecar, "priced", amounts, **ask)


async def settled(sidecar, count):
    await eventually(lambda: len(sidecar.ledger()) >= count)


async def test_tp_08_nginx_asks_seldom_gets_all_there_is_and_then_is_refused(sidecar):
    await sidecar.use(bundle(rates=(PER_DAY,)))
    purses = sidecar.nginx.purses
    made = [await spend(sidecar, {"r": 1}) for _ in range(4)]
    assert [one.shortage is None for one in made] == [True, True, True, False]
    assert purses.asked == 3
    refused = made[3].shortage
    assert (refused["refusal"]["status"], refused["refusal"]["message"]) == (429, "rate limit exceeded")
    assert refused["retry_after_ms"] > 86_000_000
    assert (refused["limit"], refused["hold_ms"]) == (3, 250)


async def test_a_limit_per_second_is_there_again_after_a_second(sidecar):
    await sidecar.use(bundle(rates=(Rate(unit="requests", window="second", most=2),)))
    for _ in range(2):
        made = await spend(sidecar, {"r": 1})
        assert made.shortage is None
    refused = (await spend(sidecar, {"r": 1})).shortage
    await asyncio.sleep(refused["retry_after_ms"] / 1000)  # the promise under test is a time
    assert (await spend(sidecar, {"r": 1})).shortage is None


async def test_tp_09_gz_03_a_budget_is_refused_when_the_truth_has_used_it(sidecar):
    await sidecar.use(bundle(budget=Budget(amount="0.001")))
    first = await spend(sidecar, {"m": 900_000})
    sidecar.nginx.purses.end(data(sidecar), first, into=100, out=300)  # 700 microdollars
    await settled(sidecar, 1)
    refused = (await spend(sidecar, {"m": 400_000})).shortage
    assert (refused["refusal"]["status"], refused["refusal"]["message"]) == (402, "monthly budget exceeded")
    assert refused["retry_after_ms"] == 0
    assert (await spend(sidecar, {"m": 300_000})).shortage is None


async def test_tp_09_a_request_waits_for_what_others_reserved_and_do_not_use(sidecar):
    await sidecar.use(bundle(budget=Budget(amount="0.001")))
    first = await spend(sidecar, {"m": 900_000})
    waiting = asyncio.create_task(spend(sidecar, {"m": 500_000}))
    sidecar.nginx.purses.end(data(sidecar), first, into=100)
    assert (await waiting).shortage is None


async def test_a_request_waits_no_longer_than_it_may(tmp_path):
    async with rig(tmp_path, lease_wait_seconds=0) as sidecar:
        await sidecar.use(bundle(budget=Budget(amount="0.001")))
        await spend(sidecar, {"m": 900_000})
        refused = (await spend(sidecar, {"m": 500_000})).shortage
        assert (refused["refusal"]["status"], refused["refusal"]["code"]) == (429, "budget_reserved")
        assert refused["retry_after_ms"] == 1000


async def test_what_lies_idle_in_nginx_is_used_before_anybody_is_refused(sidecar):
    await sidecar.use(bundle(budget=Budget(tokens=100)))
    purses = sidecar.nginx.purses
    first = await spend(sidecar, {"k": 10})
    purses.end(data(sidecar), first, into=2)
    await settled(sidecar, 1)
    assert purses.idle("k") == 45
    assert (await spend(sidecar, {"k": 98})).shortage is None
    assert sum(purses.granted.values()) - sum(purses.back.values()) == 10 + 98


async def test_a_request_waits_for_what_is_on_its_way_to_nginx(sidecar):
    await sidecar.use(bundle(concurrency=4))
    purses = sidecar.nginx.purses
    first = await lease(sidecar)  # one for itself and one more, which nginx does not have yet
    (purse, slot, amount, extra, *_), *_ = first["grants"]
    assert (slot, amount, extra) == (0, 1, 1)
    await spend(sidecar, {"c": 1})
    await spend(sidecar, {"c": 1})
    last = asyncio.create_task(lease(sidecar))
    asked = purses.emptied
    await eventually(lambda: purses.emptied > asked)
    purses.granted[purse] += 2
    purses.left[purse] += 1
    assert (await last)["grants"][0][2] == 1
    assert (await lease(sidecar))["shortage"]["refusal"]["code"] == "concurrency_exceeded"


async def lease(sidecar):
    name = (await sidecar.ask("priced", sha(KEY)))["spend"]["purses"][0][0]
    body = {"key": sha(KEY), "surface": "managed", "target": "priced", "needs": [[name, 0, 1]]}
    async with sidecar.unix.post("http://sidecar/lease", json=body) as answer:
        return await answer.json()


async def test_all_or_nothing_a_shortage_of_one_grants_none_of_the_others(sidecar):
    await sidecar.use(bundle(rates=(PER_DAY,), budget=Budget(tokens=10)))
    refused = await spend(sidecar, {"r": 1, "k": 11})
    assert refused.shortage["refusal"]["status"] == 402
    assert sidecar.nginx.purses.granted == {}
    assert (await spend(sidecar, {"r": 1, "k": 10})).grants[0][5] == 1  # all three are still there


async def test_tp_09_several_budgets_must_all_allow(sidecar):
    shared = Budget(id="prod/team", amount="0.0005", period="daily")
    await sidecar.use(bundle(shared, budget=Budget(amount="1"), budgets=("prod/team",)))
    refused = (await spend(sidecar, {"m": 600_000})).shortage
    assert refused["refusal"]["message"] == "daily budget exceeded"


async def test_gz_03_bytes_that_are_fewer_tokens_pass_after_they_are_counted(sidecar):
    await sidecar.use(bundle(budget=Budget(amount="0.001")))
    body = '{"model":"priced","messages":[{"role":"user","content":"' + "All the same words. " * 60 + '"}]}'
    size = len(body)
    made = await spend(sidecar, {"m": size * 1000}, body=body)
    assert made.shortage is None
    (amount,) = made.held.values()
    assert amount < 600_000 < size * 1000


async def test_gz_03_an_image_in_the_body_is_not_read_letter_by_letter(sidecar):
    await sidecar.use(bundle(budget=Budget(tokens=6000)))
    body = '{"image_url":{"url":"data:image/png;base64,' + "QUJD" * 4000 + '"}}'
    made = await spend(sidecar, {"k": len(body)}, body=body)
    assert made.shortage is None
    assert 5000 < sum(made.held.values()) < 5100


async def test_a_limit_that_was_raised_or_lowered_counts_at_once(sidecar):
    await sidecar.use(bundle(budget=Budget(tokens=100)))
    await spend(sidecar, {"k": 10})
    await sidecar.use(bundle(budget=Budget(tokens=30)))
    await eventually(lambda: sidecar.nginx.purses.idle("k") == 20)  # it was 45
    await sidecar.use(bundle(budget=Budget(tokens=500)))
    assert (await spend(sidecar, {"k": 480})).shortage is None


async def test_a_new_nginx_begins_with_nothing_and_what_the_old_one_did_stays_spent(tmp_path):
    async with rig(tmp_path, lease_wait_seconds=10) as sidecar:
        await sidecar.use(bundle(budget=Budget(tokens=100)))
        purses = sidecar.nginx.purses
        first = await spend(sidecar, {"k": 60})
        purses.end(data(sidecar), first, into=50)
        await settled(sidecar, 1)
        purses.restart("e2")
        assert (await spend(sidecar, {"k": 51})).shortage["refusal"]["status"] == 402
        assert (await spend(sidecar, {"k": 50})).shortage is None  # once it is sure that the old one had no more under way


async def test_a_new_sidecar_goes_on_where_the_old_one_was(tmp_path):
    async with rig(tmp_path) as sidecar:
        await sidecar.use(bundle(budget=Budget(tokens=100)))
        purses = sidecar.nginx.purses
        done, running = await spend(sidecar, {"k": 20}), await spend(sidecar, {"k": 30})
        purses.end(data(sidecar), done, into=15)
        await settled(sidecar, 1)
    for leftover in (tmp_path / "run").glob("*.sock"):
        leftover.unlink()
    (tmp_path / "run").rename(tmp_path / "old")
    async with rig(tmp_path, lease_wait_seconds=0) as sidecar:
        sidecar.nginx.purses = purses  # the same nginx: its shared memory outlived the sidecar
        await _use_purses(sidecar)
        await sidecar.use(bundle(budget=Budget(tokens=100)))
        await eventually(lambda: purses.idle("k") == 0)
        assert (await spend(sidecar, {"k": 56})).shortage["refusal"]["code"] == "budget_reserved"
        assert (await spend(sidecar, {"k": 55})).shortage is None  # 100 - 15 used - 30 under way
        assert running.held


async def _use_purses(sidecar):
    """Let the control socket of this rig tell and empty the purses of the nginx before."""
    await sidecar.nginx.stop()
    await sidecar.nginx.start()


async def test_a_key_that_is_no_longer_known_is_told_so(sidecar):
    await sidecar.use(bundle(rates=(PER_DAY,)))
    body = {"key": sha("sk-other"), "surface": "managed", "target": "priced", "needs": [["r123", 5, 1]]}
    async with sidecar.unix.post("http://sidecar/lease", json=body) as answer:
        shortage = (await answer.json())["shortage"]
    assert (shortage["refusal"]["status"], shortage["retry_after_ms"]) == (401, 0)


async def test_tp_08_a_request_that_asked_in_a_slot_of_the_past_takes_from_the_present_one(sidecar):
    await sidecar.use(bundle(rates=(Rate(unit="requests", window="second", most=9),)))
    ((name, slot_ms, *_),) = (await sidecar.ask("priced", sha(KEY)))["spend"]["purses"]
    before = now_ms() // slot_ms
    body = {"key": sha(KEY), "surface": "managed", "target": "priced", "needs": [[name, before - 30, 1]]}
    async with sidecar.unix.post("http://sidecar/lease", json=body) as answer:
        ((_, slot, *_),) = (await answer.json())["grants"]
    assert before <= slot <= now_ms() // slot_ms


async def test_a_purse_of_a_limit_that_is_gone_is_free(sidecar):
    await sidecar.use(bundle(rates=(PER_DAY,)))
    body = {"key": sha(KEY), "surface": "managed", "target": "priced", "needs": [["c000000000000", 0, 1]]}
    async with sidecar.unix.post("http://sidecar/lease", json=body) as answer:
        assert (await answer.json())["grants"] == [["c000000000000", 0, 1, 0, 0, 0, 0]]


@pytest.mark.parametrize("body", [b"", b"{}", b'{"key":1}', b"\xff"])
async def test_what_is_no_ask_is_told_so(sidecar, body):
    await sidecar.use(bundle(rates=(PER_DAY,)))
    async with sidecar.unix.post("http://sidecar/lease", data=body) as answer:
        assert answer.status == 400


async def test_leases_are_never_on_tcp(sidecar):
    assert (await sidecar.get("/lease"))[0] == 404


async def test_leases_and_refusals_are_counted_by_kinds_of_limits(sidecar):
    await sidecar.use(bundle(concurrency=1, budget=Budget(tokens=5)))
    await spend(sidecar, {"c": 1, "k": 9})
    await spend(sidecar, {"c": 1, "k": 1})
    await spend(sidecar, {"c": 1, "k": 1})
    text = (await sidecar.get("/metrics", sidecar.metrics_url))[1]
    for line in (
        'ostiary_leases_total{outcome="granted"} 1.0',
        'ostiary_leases_total{outcome="refused"} 2.0',
        'ostiary_limit_refusals_total{limit="budget"} 1.0',
        'ostiary_limit_refusals_total{limit="concurrency"} 1.0',
    ):
        assert line in text

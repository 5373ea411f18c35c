"""Two gateways, one Valkey: limits and budgets hold over both together, whatever happens to one of the three."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest
from tests.support.client import Reply, call
from tests.support.gateway import Parts
from tests.support.manifests import Manifest, api_key, model, provider
from tests.support.queued_provider import Answer, QueuedProvider
from tests.support.valkey import Valkey
from tests.support.wait import until

HELLO = [{"role": "user", "content": "hello"}]
PRICE = {"inputPerMillionTokens": "0", "outputPerMillionTokens": "0", "perRequest": "0.1"}
ROUGH = {"inputPerMillionTokens": "0", "outputPerMillionTokens": "3", "perRequest": "0.003"}
RESERVED, USED = 0.0033, 0.0030  # about, of a call to `rough`: 100 tokens may come, few do
TEAMS = range(4)
LIMIT, SLOTS = 20, 2
RATED = ("rate", "headers", "away", "other", "killed", "seen")


def limited(name: str, **spec: object) -> Manifest:
    return api_key(name, f"sk-{name}", **spec)


def team(name: str, amount: str) -> list[Manifest]:
    """Two keys that share a budget."""
    keys = [limited(f"{name}-{which}") for which in "ab"]
    labelled = [key | {"metadata": key["metadata"] | {"labels": {"team": name}}} for key in keys]
    selector = {"matchLabels": {"team": name}}
    budget = {"amount": amount, "period": "Total", "selector": selector}
    return [*labelled, {"apiVersion": keys[0]["apiVersion"], "kind": "Budget", "metadata": {"name": name}, "spec": budget}]


KEYS = [
    *(limited(name, limits={"requests": {"perHour": LIMIT}}) for name in RATED),
    limited("slots", limits={"concurrentRequests": SLOTS}),
    limited("money", budget={"amount": "1.00", "period": "Total"}),
    *(part for number in TEAMS for part in team(f"team{number}", "0.01")),
    *team("under-way", f"{USED + RESERVED + 0.00015:.5f}"),
]


class Pair:
    def __init__(self, folder: Path, upstream: QueuedProvider, valkey: Valkey) -> None:
        self.upstream, self.valkey = upstream, valkey
        settings = {"valkey_url": valkey.url, "replicas": 2, "workers": 1, "lease_wait_seconds": 3}
        self.gateways = [Parts(folder / name, **settings) for name in ("one", "two")]

    def start(self) -> None:
        backend = {"providerRef": {"name": "paid"}}
        paid = [model("paid", backend | {"price": PRICE}), model("rough", backend | {"price": ROUGH})]
        for gateway in self.gateways:
            gateway.start(provider("paid", self.upstream.url, credential="sk-a"), paid, KEYS)

    def ask(self, which: int, key: str, name: str = "paid", most: int = 5) -> Reply:
        body = {"model": name, "max_tokens": most, "messages": HELLO}
        return call(self.gateways[which].base_url, "/v1/chat/completions", body, key=f"sk-{key}")

    def ask_both(self, key: str, times: int) -> list[int]:
        with ThreadPoolExecutor(8) as pool:
            return sorted(pool.map(lambda number: self.ask(number % 2, key).status, range(times)))

    def rough(self, which: int, key: str) -> int:
        return self.ask(which, key, "rough", 100).status

    def told(self, name: str) -> list[int]:
        """What each replica's ledger has counted of the budget of a team, as Valkey knows it."""
        (book,) = [each for each in self.valkey.call("KEYS", "*claims:budget/*").split() if f"/{name}#".encode() in each]
        claims = [each for each in self.valkey.call("HGETALL", book.decode()).split() if each.count(b":") == 3]
        return [int(claim.split(b":")[3]) for claim in claims]

    def problem(self, which: int) -> str:
        return str(self.gateways[which].ready().get("limits"))

    def metric(self, which: int) -> float:
        """Whether this replica says that it shares."""
        text = call(self.gateways[which].sidecar_url, "/metrics").text
        return float(next(line for line in text.splitlines() if line.startswith("ostiary_limits_shared ")).split()[1])


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    folder = tmp_path_factory.mktemp("shared")
    with ExitStack() as stack:
        upstream = stack.enter_context(QueuedProvider())
        valkey = Valkey(folder).start()
        stack.callback(valkey.kill)
        pair = Pair(folder, upstream, valkey)
        for gateway in pair.gateways:
            stack.callback(gateway.stop)
        pair.start()
        upstream.answers(Answer())
        until(lambda: all(pair.problem(which) == "ok" for which in (0, 1)), "both share", 15)
        yield pair


def test_tp_08_a_rate_holds_over_both_and_none_of_it_is_lost(pair: Pair) -> None:
    assert pair.ask_both("rate", 3 * LIMIT) == [200] * LIMIT + [429] * 2 * LIMIT


def test_tp_15_remaining_falls_with_each_call_on_each_replica(pair: Pair) -> None:
    for which in (0, 1):
        left = [int(pair.ask(which, "headers").headers["x-ratelimit-remaining"]) for _ in range(6)]
        assert left == sorted(set(left), reverse=True)
        assert LIMIT > left[0] > left[-1] >= 0


def test_tp_09_a_budget_holds_over_both_and_is_spent_to_the_end(pair: Pair) -> None:
    assert pair.ask_both("money", 25) == [200] * 10 + [402] * 15  # those that might still fit have waited
    for which in (0, 1):
        until(lambda which=which: pair.ask(which, "money").status == 402, "all is settled and spent")


def test_tp_09_what_lies_idle_at_a_replica_that_is_slow_refuses_nobody_a_budget(pair: Pair) -> None:
    names = [f"team{number}" for number in TEAMS]
    with ThreadPoolExecutor(len(names)) as pool:
        passed = [
            *pool.map(lambda name: pair.rough(0, f"{name}-a"), names),
            *pool.map(lambda name: pair.rough(1, f"{name}-b"), names),
        ]
        until(lambda: all(len(pair.told(name)) == 2 and min(pair.told(name)) > 0 for name in names), "each has told what it used")
        slow = pair.gateways[0].pid("sidecar")
        os.kill(slow, signal.SIGSTOP)
        threading.Timer(0.8, os.kill, (slow, signal.SIGCONT)).start()
        passed += pool.map(lambda name: pair.rough(1, f"{name}-a"), names)
        assert passed == [200] * 3 * len(names)
        for which in (0, 1):
            assert set(pool.map(lambda name, which=which: pair.rough(which, f"{name}-b"), names)) == {402}


def test_tp_09_a_request_waits_for_one_under_way_at_the_other_replica(pair: Pair) -> None:
    pair.upstream.answers(Answer(delay=0.8))
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(pair.rough, 0, "under-way-a")
        until(lambda: pair.upstream.calls, "it is under way")
        pair.upstream.answers(Answer())
        assert pair.rough(1, "under-way-b") == first.result() == 200
    assert [pair.rough(which, "under-way-a") for which in (0, 1)] == [402, 402]


def test_slots_are_shared_and_come_back(pair: Pair) -> None:
    pair.upstream.answers(Answer(delay=0.5))
    try:
        assert pair.ask_both("slots", 8) == [200] * SLOTS + [429] * (8 - SLOTS)
        for which in (0, 1):
            until(lambda which=which: pair.ask(which, "slots").status == 200, "a slot is free again")
    finally:
        pair.upstream.answers(Answer())


def test_tp_21_calls_and_cost_can_be_read_in_valkey(pair: Pair) -> None:
    assert pair.ask(0, "seen").status == pair.ask(1, "seen").status == 200
    month = time.strftime("%Y:%m", time.gmtime())
    until(lambda: pair.valkey.call("ZCARD", "rate_limit:default/seen") == b":2\r\n", "both calls are there")
    until(lambda: b"0.200000000" in pair.valkey.call("GET", f"cost:default/seen:{month}"), "and what they cost")


def test_valkey_killed_each_goes_on_with_what_it_had_and_back_both_share_again(pair: Pair) -> None:
    assert [pair.ask(which, "away").status for which in (0, 1)] == [200, 200]
    pair.valkey.kill()
    until(lambda: all(pair.problem(which) != "ok" for which in (0, 1)), "both know that they are alone")
    assert [pair.metric(which) for which in (0, 1)] == [0.0, 0.0]
    passed = pair.ask_both("away", 2 * LIMIT).count(200)
    assert 0 < passed <= LIMIT - 2
    assert pair.ask(0, "other").status == 200  # a key that it sees for the first time
    pair.valkey.start()
    until(lambda: all(pair.problem(which) == "ok" for which in (0, 1)), "both share again", 15)
    until(lambda: pair.ask(0, "away").status == 200, "nginx no longer repeats its last refusal")
    assert pair.ask_both("away", 2 * LIMIT).count(200) == LIMIT - 3 - passed


def test_a_sidecar_killed_comes_back_with_what_it_used(pair: Pair) -> None:
    passed = [pair.ask(which, "killed").status for which in (0, 1) for _ in range(4)].count(200)
    pair.gateways[1].programs["sidecar"].kill()
    passed += [pair.ask(0, "killed").status for _ in range(2)].count(200)
    pair.gateways[1].start_part("sidecar")
    until(lambda: pair.problem(1) == "ok", "it shares again", 15)
    assert passed + pair.ask_both("killed", 2 * LIMIT).count(200) == LIMIT

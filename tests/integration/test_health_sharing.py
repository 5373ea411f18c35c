"""Two gateways, one Valkey: what one learns of a backend the other knows before its first attempt (IT-9, IT-11)."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from tests.support.client import Reply, call
from tests.support.gateway import Gateway, unix_get
from tests.support.manifests import api_key, model, provider
from tests.support.planned import BROKEN, HELLO, KEY, LIMITED, OK, policy, rule
from tests.support.queued_provider import Answer, QueuedProvider
from tests.support.valkey import Valkey
from tests.support.wait import until

SHARED_WITHIN = 5.0  # well under a second on a quiet machine; other tests run beside this one
OPENS = {"consecutiveFailures": 2, "openSeconds": 300}
NAMES = ("limited", "broken", "reset", "slow", "away", "back", "hung")
ELSEWHERE = policy(
    rule("DifferentProvider", 1, 429, "500-599"),
    onHighLatency={"thresholdMilliseconds": 200, "strategy": "DifferentProvider", "maxAttempts": 1, "blockDurationSeconds": 60},
)


class Pair:
    """Two gateways with the same manifests, as two replicas have them."""

    def __init__(self, folder: Path, primary: QueuedProvider, secondary: QueuedProvider, valkey: Valkey) -> None:
        self.valkey = valkey
        self.primary, self.secondary = primary, secondary
        self.gateways = [Gateway(folder / name, valkey_url=valkey.url, retry_budget_minimum=100_000) for name in ("one", "two")]

    def start(self) -> None:
        made = [provider(f"hs-{name}", self.primary.url, credential="sk-a", breaker=OPENS) for name in NAMES]
        other = provider("other", self.secondary.url, credential="sk-b")
        models = [model(name, f"hs-{name}", "other", retryPolicy=ELSEWHERE) for name in NAMES]
        for gateway in self.gateways:
            gateway.start(*made, other, models, [api_key("planned", KEY)])

    def answer(self, *first: Answer) -> None:
        self.primary.answers(*first)
        self.secondary.answers(OK)

    def ask(self, which: int, name: str) -> Reply:
        return call(self.gateways[which].base_url, "/v1/chat/completions", {"model": name, "messages": HELLO}, key=KEY)

    def state(self, which: int, name: str) -> str:
        reply = call(self.gateways[which].sidecar_url, f"/circuit-breakers/hs-{name}")
        return str(reply.json["state"])

    def knows(self, which: int, text: str) -> bool:
        return text.encode() in unix_get(self.gateways[which].run / "control.sock", "/health")

    def sharing(self, which: int) -> str:
        return str(self.gateways[which].ready().get("sharing"))


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    folder = tmp_path_factory.mktemp("pair")
    with ExitStack() as stack:
        mocks = [stack.enter_context(QueuedProvider()) for _ in range(2)]
        valkey = Valkey(folder).start()
        stack.callback(valkey.kill)
        pair = Pair(folder, *mocks, valkey)
        for gateway in pair.gateways:
            stack.callback(gateway.stop)
        pair.start()
        yield pair


@pytest.fixture(autouse=True)
def _together(pair: Pair) -> None:
    pair.answer(OK)
    until(lambda: all(pair.sharing(which) == "ok" for which in (0, 1)), "both share", 15)


def test_it_9_a_block_of_one_replica_spares_the_others_first_attempt(pair: Pair) -> None:
    pair.answer(Answer(429, headers={"retry-after": "60"}))
    assert pair.ask(0, "limited").status == 200
    until(lambda: pair.knows(1, "m:hs-limited/limited"), "the other knows", SHARED_WITHIN)
    pair.answer(OK)
    reply = pair.ask(1, "limited")
    assert (reply.status, reply.headers["x-ostiary-provider"], reply.headers["x-ostiary-attempts"]) == (200, "other", "1")
    assert (len(pair.primary.calls), len(pair.secondary.calls)) == (0, 1)


def test_it_11_a_slow_backend_is_blocked_in_both(pair: Pair) -> None:
    pair.answer(Answer(delay=0.4))
    assert pair.ask(0, "slow").headers["x-ostiary-provider"] == "hs-slow"
    until(lambda: pair.knows(1, "m:hs-slow/slow"), "the other knows", SHARED_WITHIN)
    pair.answer(OK)
    assert pair.ask(1, "slow").headers["x-ostiary-provider"] == "other"


def test_a_breaker_that_one_opens_is_open_in_both(pair: Pair) -> None:
    pair.answer(BROKEN)
    for _ in range(2):
        assert pair.ask(1, "broken").status == 200
    until(lambda: pair.state(0, "broken") == "OPEN", "the other knows", SHARED_WITHIN)
    pair.answer(OK)
    assert pair.ask(0, "broken").headers["x-ostiary-provider"] == "other"
    assert pair.primary.calls == []


def test_a_reset_in_one_closes_it_in_both(pair: Pair) -> None:
    pair.answer(BROKEN)
    for _ in range(2):
        pair.ask(0, "reset")
    until(lambda: pair.state(1, "reset") == "OPEN", "the other knows", SHARED_WITHIN)
    assert call(pair.gateways[1].sidecar_url, "/circuit-breakers/hs-reset/reset", method="POST").status == 200
    until(lambda: pair.state(0, "reset") == "CLOSED", "the other knows", SHARED_WITHIN)
    pair.answer(OK)
    assert [pair.ask(which, "reset").headers["x-ostiary-provider"] for which in (0, 1)] == ["hs-reset"] * 2


def test_without_valkey_each_replica_goes_on_alone_and_both_meet_again(pair: Pair) -> None:
    pair.valkey.kill()
    until(lambda: all(pair.sharing(which) != "ok" for which in (0, 1)), "both know that they are alone")
    pair.answer(Answer(429, headers={"retry-after": "60"}))
    assert pair.ask(0, "away").status == 200
    assert pair.ask(0, "away").headers["x-ostiary-attempts"] == "1"
    assert pair.ask(1, "away").headers["x-ostiary-attempts"] == "2"  # it had to learn it by itself
    assert pair.ask(0, "back").status == 200
    assert not pair.knows(1, "m:hs-back/back")
    assert all(gateway.ready()["status"] == "degraded" for gateway in pair.gateways)
    pair.valkey.start()
    until(lambda: pair.knows(1, "m:hs-back/back"), "the other is told what it missed", 15)
    pair.answer(OK)
    assert pair.ask(1, "back").headers["x-ostiary-provider"] == "other"


def test_a_valkey_that_hangs_delays_no_request(pair: Pair) -> None:
    """Each request fails over, so each changes what is to be shared."""
    os.kill(pair.valkey.pid, signal.SIGSTOP)
    try:
        pair.answer(LIMITED)
        deadline, slowest = time.monotonic() + 3, 0.0
        while time.monotonic() < deadline:
            started = time.monotonic()
            assert pair.ask(0, "hung").status == 200
            slowest = max(slowest, time.monotonic() - started)
        assert slowest < 1.0
        until(lambda: pair.sharing(0) != "ok", "it is noticed")
    finally:
        os.kill(pair.valkey.pid, signal.SIGCONT)

"""kill -9 of the guard under load: what it had fails honestly, its backends stay in use, one record for each request."""

import json
import random
import threading
import time
from collections.abc import Callable
from http.client import HTTPException
from typing import Self

import pytest
from tests.support import sample
from tests.support.client import stream
from tests.support.gateway import Gateway, unix_get
from tests.support.load import Seen, assert_recorded_once
from tests.support.manifests import model
from tests.support.process import child_of, is_alive, kill
from tests.support.provider import Provider
from tests.support.wait import until

SEED = 20261121
CLIENTS, KILLS = 6, 3  # a fourth death in so short a time would let requests fail rather than wait
CHAT = "/v1/chat/completions"
HELLO = [{"role": "user", "content": "hello"}]
BACKENDS = ["openai/slow-5x20", "compat/slow-5x20"]


@pytest.fixture
def gateway(new_gateway: Callable[..., Gateway], provider: Provider) -> Gateway:
    guarded = model("guarded", *BACKENDS, timeouts={"firstByteMilliseconds": 5000, "requestMilliseconds": 20_000})
    long = model("guarded-long", "openai/slow-100x100", timeouts={"requestMilliseconds": 60_000})
    return new_gateway().start(sample.providers(provider.url), sample.keys(), [guarded, long])


def guard_of(gateway: Gateway) -> int:
    return until(lambda: child_of(gateway.pid("supervisor"), "guard"), "the supervisor has a guard")


class Clients:
    """Threads that ask for whole answers and for streams until the block ends."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._ending = threading.Event()
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._ask, args=(number,)) for number in range(CLIENTS)]
        self.seen: list[Seen] = []

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        for thread in self._threads:
            thread.join()

    def _ask(self, number: int) -> None:
        count = 0
        while not self._ending.is_set():
            count += 1
            seen = self._one(f"guard-{number}-{count}", is_stream=bool((number + count) % 2))
            with self._lock:
                self.seen.append(seen)

    def _one(self, request_id: str, *, is_stream: bool) -> Seen:
        body = {"model": "guarded", "messages": HELLO, "stream": is_stream}
        headers = {"x-request-id": request_id}
        status, said = 0, b""
        try:
            with stream(self._gateway.base_url, CHAT, body, key=sample.ALL, headers=headers) as response:
                status = response.status
                said = response.read()
        except (HTTPException, OSError):
            return Seen(request_id, status, whole=False)
        return Seen(request_id, status, whole=not is_stream or said.rstrip().endswith(b"[DONE]"))


def test_a_killed_guard_costs_only_the_answers_that_had_begun(gateway: Gateway) -> None:
    """At most what each client had under way, and what it asked next while nginx had not noticed the death yet."""
    order = random.Random(SEED)  # noqa: S311 - the same moments each time
    with Clients(gateway) as clients:
        for _ in range(KILLS):
            time.sleep(order.uniform(0.3, 0.8))  # the moment is what is random here
            victim = guard_of(gateway)
            kill(victim)
            until(lambda victim=victim: not is_alive(victim), f"{victim} is dead")
            answered = len(clients.seen)
            until(lambda answered=answered: len(clients.seen) > answered + 30, "requests are answered again")
    assert {seen.status for seen in clients.seen} <= {200, 502}
    cut = [seen.request_id for seen in clients.seen if seen.status == 502 or not seen.whole]
    assert len(cut) <= 2 * KILLS * CLIENTS
    records = {record["request_id"]: record for record in assert_recorded_once(gateway, clients.seen)}
    assert {records[each]["ended"] for each in cut} <= {"upstream_failed"}
    assert _states(gateway) <= {"CLOSED"}


def test_a_killed_guard_opens_no_breaker(gateway: Gateway) -> None:
    """Eight streams of one backend end with it; that backend has done nothing wrong."""
    body = {"model": "guarded-long", "messages": HELLO, "stream": True}
    streams = [stream(gateway.base_url, CHAT, body, key=sample.ALL, headers={"x-request-id": f"cut-{n}"}) for n in range(8)]
    opened = [each.__enter__() for each in streams]
    assert [response.readline()[:5] for response in opened] == [b"data:"] * 8
    kill(guard_of(gateway))
    for each, response in zip(streams, opened, strict=True):
        with pytest.raises((HTTPException, OSError)):
            _to_the_end(response)
        each.__exit__(None, None, None)
    gateway.idle()
    assert _states(gateway) <= {"CLOSED"}
    assert {record["ended"] for record in gateway.ledger()} == {"upstream_failed"}


def _states(gateway: Gateway) -> set[str]:
    breakers = json.loads(unix_get(gateway.run / "control.sock", "/health"))["breakers"]
    return {breaker["state"] for breaker in breakers.values()}


def _to_the_end(response: object) -> None:
    """A stream that was cut: with an error event, and without its last chunk."""
    said = response.read()  # type: ignore[attr-defined]
    assert b"[DONE]" in said

"""kill -9 of any part, at random moments under load: one record for each request, and service goes on."""

import random
import time
from collections.abc import Callable
from contextlib import ExitStack

import pytest
from tests.support import sample
from tests.support.client import call, stream
from tests.support.gateway import Gateway
from tests.support.load import Load, assert_recorded_once
from tests.support.process import is_alive, kill
from tests.support.provider import Provider
from tests.support.wait import until

SEED = 20261121
CLIENTS = 4
KILLS = 3
ECHO = {"model": "openai/echo", "messages": [{"role": "user", "content": "hello"}]}


@pytest.fixture
def gateway(new_gateway: Callable[..., Gateway], provider: Provider) -> Gateway:
    """Warm: the keys of the load have been vouched for."""
    made = new_gateway().start(sample.providers(provider.url), sample.keys())
    for path, model in (("/v1/chat/completions", "openai/slow-3x10"), ("/open/v1/chat/completions", "echo")):
        assert call(made.base_url, path, {**ECHO, "model": model}, key=sample.ALL).status == 200
    assert call(made.base_url, "/v1/chat/completions", ECHO, key=sample.ALL).status == 200
    return made


def kill_at_random_moments(order: random.Random, pick: Callable[[], int]) -> None:
    """The pauses are what is random here; each victim is dead before the next is picked."""
    for _ in range(KILLS):
        time.sleep(order.uniform(0.2, 0.9))
        victim = pick()
        kill(victim)
        until(lambda victim=victim: not is_alive(victim), f"{victim} is dead")


def test_kill_of_the_sidecar_is_not_noticed_by_clients(gateway: Gateway) -> None:
    """Decisions in use are cached; the spool waits for the next sidecar."""
    order = random.Random(SEED)  # noqa: S311 - the same moments each time
    with Load(gateway, CLIENTS, SEED) as load:
        kill_at_random_moments(order, lambda: gateway.pid("sidecar"))
    assert load.statuses == {200: len(load.seen)}
    assert len(load.seen) > 100
    until(lambda: gateway.ready().get("status") == "ready", "the sidecar is back", 20)
    records = assert_recorded_once(gateway, load.seen)
    assert {record["ended"] for record in records} == {"completed", "client_closed"}


def test_kill_of_the_supervisor_is_not_noticed_by_clients(gateway: Gateway) -> None:
    """The next one adopts nginx as it is."""
    order = random.Random(SEED + 1)  # noqa: S311 - the same
    before = gateway.status()["epoch"], gateway.workers()
    with Load(gateway, CLIENTS, SEED + 1) as load:
        kill_at_random_moments(order, lambda: gateway.pid("supervisor"))
    assert load.statuses == {200: len(load.seen)}
    assert (gateway.status()["epoch"], gateway.workers()) == before
    assert_recorded_once(gateway, load.seen)


def test_kill_of_nginx_workers_loses_what_they_had_open_but_no_record(gateway: Gateway) -> None:
    order = random.Random(SEED + 2)  # noqa: S311 - the same
    epoch = gateway.status()["epoch"]
    with Load(gateway, CLIENTS, SEED + 2) as load:
        kill_at_random_moments(order, lambda: order.choice(until(gateway.workers, "nginx has workers")))
    assert gateway.status()["epoch"] == epoch
    assert len(load.unanswered) <= KILLS * CLIENTS
    assert len(load.seen) > 100
    records = assert_recorded_once(gateway, load.seen, untaken=KILLS)
    lost = [record for record in records if record["ended"] == "worker_lost"]
    assert lost
    assert {record["error_type"] for record in lost} == {"worker_lost"}
    assert all(
        record["key_id"] == "default/all" and record["requested_model"] is not None
        for record in lost
        if record["surface"] == "managed"
    )


def test_kill_of_any_part_in_any_order(gateway: Gateway) -> None:
    """While one part comes back the next one goes."""
    order = random.Random(SEED + 4)  # noqa: S311 - the same

    def victim() -> int:
        part = order.choice(("sidecar", "supervisor", "worker"))
        return order.choice(until(gateway.workers, "nginx has workers")) if part == "worker" else gateway.pid(part)

    with Load(gateway, CLIENTS, SEED + 4) as load:
        kill_at_random_moments(order, victim)
    assert set(load.statuses) <= {0, 200}
    until(lambda: gateway.ready().get("status") == "ready", "every part is back", 20)
    assert_recorded_once(gateway, load.seen, untaken=KILLS)


def test_kill_of_all_of_nginx_is_repaired_in_a_new_epoch(gateway: Gateway) -> None:
    """Of what was open, the registry on disk tells all but what began in its last second: one request a client at most."""
    epoch = gateway.status()["epoch"]
    with Load(gateway, CLIENTS, SEED + 3) as load:
        until(lambda: len(load.seen) > 50, "there is load")
        for victim in (gateway.nginx(), *gateway.workers()):
            kill(victim)
        until(lambda: gateway.status().get("epoch", epoch) != epoch, "another nginx")
        answered = len(load.seen)
        until(lambda: len(load.seen) > answered + 100, "it serves")
    records = assert_recorded_once(gateway, load.seen, unaccounted=CLIENTS)
    assert len({record["id"].split("-")[0] for record in records}) == 2


def test_kill_of_all_of_nginx_leaves_a_record_of_each_stream_under_way(gateway: Gateway) -> None:
    """The registry is written to disk each second; the next one reads it and tells what was lost."""
    ids = [f"under-way-{number}" for number in range(5)]
    body = {**ECHO, "model": "openai/slow-200x200", "stream": True}
    with ExitStack() as streams:
        for each in ids:
            open_stream = stream(gateway.base_url, "/v1/chat/completions", body, key=sample.ALL, headers={"x-request-id": each})
            assert streams.enter_context(open_stream).status == 200
        registry = gateway.run / "nginx" / "inflight.json"
        until(lambda: all(each in registry.read_text() for each in ids), "the registry is on disk")
        for victim in (gateway.nginx(), *gateway.workers()):
            kill(victim)
        lost = gateway.records(lambda record: record["ended"] == "worker_lost", len(ids), 20)
    assert sorted(record["request_id"] for record in lost) == ids
    assert {record["key_id"] for record in lost} == {"default/all"}

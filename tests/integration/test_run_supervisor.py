"""The supervisor and its nginx as real processes: deaths, adoption, reloads, rotation, the end."""

import contextlib
import http.client
import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support import sample
from tests.support.client import call, stream
from tests.support.gateway import Parts as Gateway
from tests.support.manifests import api_key
from tests.support.manifests import provider as provider_manifests
from tests.support.process import is_alive, kill, python
from tests.support.provider import Provider
from tests.support.wait import until

from ostiary_gateway.bundle.folder import publish
from ostiary_gateway.contract.bundle import UPSTREAMS, build, digest

EVENTS = 15
SLOW = f"openai/slow-100x{EVENTS}"
CHAT = "/v1/chat/completions"
HELLO = [{"role": "user", "content": "hello"}]


@pytest.fixture
def gateway(tmp_path: Path, provider: Provider) -> Iterator[Gateway]:
    """One for each test: what happens to it here is not undone."""
    started = Gateway(tmp_path, spool_rotate_bytes=1_000_000).start(sample.providers(provider.url), sample.keys())
    yield started
    started.stop()


@pytest.fixture(scope="module")
def second_provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provider]:
    """At another address, so that a Provider object for it needs an upstream of its own."""
    started = Provider(tmp_path_factory.mktemp("second-provider") / "log")
    yield started
    started.stop()


def report(gateway: Gateway) -> dict[str, Any]:
    return dict(json.loads((gateway.run / "nginx.json").read_text()))


def ask(gateway: Gateway) -> int:
    body = {"model": "openai/echo", "messages": HELLO}
    return call(gateway.base_url, CHAT, body, key=sample.ALL).status


@contextlib.contextmanager
def slow_stream(gateway: Gateway) -> Iterator[http.client.HTTPResponse]:
    """A stream whose first event has arrived."""
    body = {"model": SLOW, "messages": HELLO, "stream": True}
    with stream(gateway.base_url, CHAT, body, key=sample.ALL) as response:
        assert response.readline().startswith(b"data:")
        yield response


def assert_whole(response: http.client.HTTPResponse) -> None:
    assert response.read().rstrip().endswith(b"data: [DONE]")


def children(pid: int) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError, ValueError):
            if int((entry / "stat").read_text().rpartition(")")[2].split()[1]) == pid:
                found.append(int(entry.name))
    return found


def test_a_killed_supervisor_finds_its_nginx_again_and_cuts_no_stream(gateway: Gateway) -> None:
    before = report(gateway)
    with slow_stream(gateway) as response:
        gateway.programs["supervisor"].kill()
        gateway.start_part("supervisor")
        until(lambda: "adopted nginx" in gateway.output, "adoption")
        assert_whole(response)
    assert report(gateway) == before
    assert ask(gateway) == 200


def test_an_adopted_nginx_is_kept_as_one_s_own(gateway: Gateway, second_provider: Provider) -> None:
    gateway.programs["supervisor"].kill()
    gateway.start_part("supervisor")
    until(lambda: "adopted nginx" in gateway.output, "adoption")
    gateway.apply(*provider_manifests("other", second_provider.url, credential="x"))
    first = report(gateway)
    kill(first["pid"])
    second = until(lambda: _served_by_another(gateway, first), "another nginx")
    assert second["epoch"] != first["epoch"]
    assert ask(gateway) == 200


def test_a_killed_nginx_is_replaced_in_a_new_epoch_and_its_workers_end_their_streams(gateway: Gateway) -> None:
    before = report(gateway)
    workers = children(before["pid"])
    with slow_stream(gateway) as response:
        kill(before["pid"])
        after = until(lambda: _served_by_another(gateway, before), "another nginx")
        assert_whole(response)
    assert after["epoch"] != before["epoch"]
    assert after["upstreams"] == before["upstreams"]
    until(lambda: not any(is_alive(worker) for worker in workers), "the old workers are gone")
    until(lambda: ask(gateway) == 200, "the new nginx knows the generation")


def test_orphaned_workers_do_not_outlive_supervisor_and_master(gateway: Gateway) -> None:
    before = report(gateway)
    workers = children(before["pid"])
    gateway.programs["supervisor"].kill()
    kill(before["pid"])
    assert all(is_alive(worker) for worker in workers), "without a supervisor they go on accepting"
    gateway.start_part("supervisor")
    until(lambda: _served_by_another(gateway, before), "another nginx")
    until(lambda: not any(is_alive(worker) for worker in workers), "the old workers are gone")


def test_upstreams_that_nginx_refuses_never_come_near_it(gateway: Gateway) -> None:
    good = (gateway.run / "bundle/current" / UPSTREAMS).read_bytes()
    before = report(gateway)
    publish(gateway.run, build({UPSTREAMS: good + b"upstream broken { server 127.0.0.1:1 nonsense; }\n"}))
    problem = until(lambda: report(gateway)["problem"], "the problem is reported")
    assert 'invalid parameter "nonsense"' in problem
    assert str(gateway.run) not in problem
    assert {**report(gateway), "problem": ""} == before
    assert (gateway.run / "nginx" / UPSTREAMS).read_bytes() == good
    assert call(gateway.base_url, "/healthz").status == 200


def test_good_upstreams_after_refused_ones_clear_the_problem(gateway: Gateway) -> None:
    good = (gateway.run / "bundle/current" / UPSTREAMS).read_bytes()
    for name, text in (("same", good), ("more", good + b"upstream more { server 127.0.0.1:1; }\n")):
        publish(gateway.run, build({UPSTREAMS: b"upstream {"}))
        until(lambda: report(gateway)["problem"], "the problem is reported")
        publish(gateway.run, build({UPSTREAMS: text}))
        until(lambda: not report(gateway)["problem"], f"{name} upstreams clear the problem")
        assert report(gateway)["upstreams"] == digest(text)


def test_bad_upstreams_at_start_give_way_to_the_last_good_ones(gateway: Gateway) -> None:
    good = (gateway.run / "bundle/current" / UPSTREAMS).read_bytes()
    gateway.programs["supervisor"].stop()
    publish(gateway.run, build({UPSTREAMS: b"upstream {"}))
    gateway.start_part("supervisor")
    after = until(lambda: (gateway.run / "nginx.json").exists() and report(gateway)["pid"] and report(gateway), "nginx")
    assert after["problem"]
    assert after["upstreams"] == digest(good)


def test_a_reload_cuts_no_stream_and_is_reported_only_when_in_force(
    gateway: Gateway, second_provider: Provider
) -> None:
    before = report(gateway)
    old_workers = set(children(before["pid"]))
    with slow_stream(gateway) as response:
        gateway.apply(*provider_manifests("other", second_provider.url, credential="x"))
        after = report(gateway)
        accepting = {pid for pid in children(after["pid"]) if "shutting down" not in _title(pid)}
        assert len(accepting) == 2
        assert not accepting & old_workers
        body = {"model": "other/echo", "messages": HELLO}
        assert call(gateway.base_url, CHAT, body, key=sample.ALL).status == 200
        assert_whole(response)
    assert (after["epoch"], after["pid"]) == (before["epoch"], before["pid"])
    assert after["upstreams"] != before["upstreams"]


def test_a_change_of_keys_reloads_nothing(gateway: Gateway) -> None:
    workers = children(report(gateway)["pid"])
    gateway.apply(api_key("another", "sk-test-another"))
    assert children(report(gateway)["pid"]) == workers


def test_lm_25_a_rotated_spool_loses_no_record(tmp_path: Path, provider: Provider) -> None:
    gateway = Gateway(tmp_path, spool_rotate_bytes=1).start(sample.providers(provider.url), sample.keys())
    try:
        for number in range(20):
            assert ask(gateway) == 200, number
        gateway.idle()
        until(lambda: "spool rotated" in gateway.output, "rotation")
        assert len(gateway.ledger()) == 20
    finally:
        gateway.stop()


def test_lm_26_a_stop_lets_streams_end_and_accepts_nothing_more(gateway: Gateway) -> None:
    supervisor = gateway.programs["supervisor"]
    with slow_stream(gateway) as response:
        supervisor.process.send_signal(signal.SIGTERM)
        until(lambda: _refuses(gateway), "the port is closed")
        assert supervisor.running
        assert_whole(response)
    assert supervisor.process.wait(5) == 0
    assert not (gateway.run / "nginx.json").exists()


def test_a_second_signal_does_not_wait_for_streams(gateway: Gateway) -> None:
    supervisor = gateway.programs["supervisor"]
    master = report(gateway)["pid"]
    with slow_stream(gateway) as response:
        supervisor.process.send_signal(signal.SIGINT)
        until(lambda: _refuses(gateway), "the port is closed")
        supervisor.process.send_signal(signal.SIGINT)
        assert supervisor.process.wait(5) == 0
        with pytest.raises(http.client.IncompleteRead):
            response.read()
    assert not is_alive(master)


def test_without_a_bundle_nginx_serves_all_the_same(tmp_path: Path) -> None:
    gateway = Gateway(tmp_path)
    gateway.start_part("supervisor")
    try:
        until(lambda: (gateway.run / "nginx.json").exists() and report(gateway)["pid"], "nginx")
        assert call(gateway.base_url, "/healthz").text == "ok"
        assert report(gateway)["upstreams"] == digest(b"")
    finally:
        gateway.programs["supervisor"].stop()


def test_two_supervisors_of_one_folder_do_not_fight(gateway: Gateway) -> None:
    before = report(gateway)
    second = python(
        gateway.folder / "second.log",
        "ostiary_gateway",
        "supervisor",
        settings={"run": gateway.run, "data": gateway.data},
    )
    assert second.process.wait(10) == 1
    assert second.output == f"Error: another supervisor uses {gateway.run}\n"
    assert report(gateway) == before


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"nginx": "/nowhere/nginx"}, "nginx is missing: OSTIARY_NGINX=/nowhere/nginx is no program"),
        ({"resolver": "dns.example"}, "OSTIARY_RESOLVER: dns.example is no address of a DNS server"),
        ({"host": "a;b"}, "OSTIARY_HOST: 'a;b' is neither an address nor a name"),
        ({"port": "99999"}, "Expected `int` <= 65535 - at `port`"),
    ],
)
def test_what_only_a_person_can_put_right_is_one_line(tmp_path: Path, settings: dict[str, str], message: str) -> None:
    folders = {"run": tmp_path / "run", "data": tmp_path / "data"}
    program = python(tmp_path / "log", "ostiary_gateway", "supervisor", settings={**folders, **settings})
    assert program.process.wait(20) == 1
    assert program.output.count("\n") == 1
    assert message in program.output


def _served_by_another(gateway: Gateway, before: dict[str, Any]) -> dict[str, Any]:
    now = report(gateway)
    return now if now["pid"] not in {0, before["pid"]} and now["upstreams"] else {}


def _refuses(gateway: Gateway) -> bool:
    try:
        call(gateway.base_url, "/healthz")
    except ConnectionError:
        return True
    return False


def _title(pid: int) -> str:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
    return os.fspath("shutting down")

"""The supervisor and its nginx as real processes: deaths, adoption, reloads, rotation, the end."""

import contextlib
import http.client
import json
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support import sample
from tests.support.client import call, stream
from tests.support.gateway import Parts
from tests.support.manifests import api_key
from tests.support.manifests import provider as provider_manifests
from tests.support.process import is_alive, kill, python
from tests.support.provider import Provider
from tests.support.wait import until

from ostiary_gateway.bundle.folder import publish
from ostiary_gateway.contract.bundle import UPSTREAMS, build, digest

SLOW = "openai/slow-100x15"  # 1.5 s
CHAT = "/v1/chat/completions"
HELLO = [{"role": "user", "content": "hello"}]


@pytest.fixture(scope="module")
def lasting(tmp_path_factory: pytest.TempPathFactory, provider: Provider) -> Iterator[Parts]:
    started = Parts(tmp_path_factory.mktemp("supervised"))
    started.start(sample.providers(provider.url), sample.keys())
    yield started
    started.stop()


@pytest.fixture
def parts(lasting: Parts) -> Iterator[Parts]:
    """Whatever a test does to it, it serves its manifests again at the end."""
    yield lasting
    if not lasting.programs["supervisor"].running:
        lasting.start_part("supervisor")
    for file in lasting.manifests.glob("more.yaml"):
        file.unlink()
    lasting.await_manifests()
    wanted = digest((lasting.run / "bundle/current" / UPSTREAMS).read_bytes())
    until(lambda: (report(lasting)["upstreams"], report(lasting)["problem"]) == (wanted, ""), "all is well again")


@pytest.fixture(scope="module")
def second_provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provider]:
    """At another address, so that a Provider object for it needs an upstream of its own."""
    started = Provider(tmp_path_factory.mktemp("second-provider") / "log")
    yield started
    started.stop()


def report(parts: Parts) -> dict[str, Any]:
    return dict(json.loads((parts.run / "nginx.json").read_text()))


def ask(parts: Parts) -> int:
    body = {"model": "openai/echo", "messages": HELLO}
    return call(parts.base_url, CHAT, body, key=sample.ALL).status


@contextlib.contextmanager
def slow_stream(parts: Parts) -> Iterator[http.client.HTTPResponse]:
    """A stream whose first event has arrived."""
    body = {"model": SLOW, "messages": HELLO, "stream": True}
    with stream(parts.base_url, CHAT, body, key=sample.ALL) as response:
        assert response.readline().startswith(b"data:")
        yield response


def assert_whole(response: http.client.HTTPResponse) -> None:
    assert response.read().rstrip().endswith(b"data: [DONE]")


def kill_and_start_supervisor(parts: Parts) -> None:
    """Until the new one has adopted nginx."""
    before = parts.output.count("adopted nginx")
    parts.programs["supervisor"].kill()
    parts.start_part("supervisor")
    until(lambda: parts.output.count("adopted nginx") > before, "adoption")


def children(pid: int) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError, ValueError):
            if int((entry / "stat").read_text().rpartition(")")[2].split()[1]) == pid:
                found.append(int(entry.name))
    return found


def accepting(master: int) -> set[int]:
    """Its workers that do not shut down."""
    found = set()
    for pid in children(master):
        with contextlib.suppress(OSError):
            if b"shutting down" not in Path(f"/proc/{pid}/cmdline").read_bytes():
                found.add(pid)
    return found


def test_a_killed_supervisor_finds_its_nginx_again_and_cuts_no_stream(parts: Parts) -> None:
    before = report(parts)
    with slow_stream(parts) as response:
        kill_and_start_supervisor(parts)
        assert_whole(response)
    assert report(parts) == before
    assert ask(parts) == 200


def test_an_adopted_nginx_is_kept_as_one_s_own(parts: Parts, second_provider: Provider) -> None:
    kill_and_start_supervisor(parts)
    parts.apply(*provider_manifests("other", second_provider.url, credential="x"))
    first = report(parts)
    kill(first["pid"])
    second = until(lambda: _served_by_another(parts, first), "another nginx")
    assert second["epoch"] != first["epoch"]
    assert ask(parts) == 200


def test_a_killed_nginx_is_replaced_in_a_new_epoch_and_its_workers_end_their_streams(parts: Parts) -> None:
    before = report(parts)
    workers = children(before["pid"])
    with slow_stream(parts) as response:
        kill(before["pid"])
        after = until(lambda: _served_by_another(parts, before), "another nginx")
        assert_whole(response)
    assert after["epoch"] != before["epoch"]
    assert after["upstreams"] == before["upstreams"]
    until(lambda: not any(is_alive(worker) for worker in workers), "the old workers are gone")
    until(lambda: ask(parts) == 200, "the new nginx knows the generation")


def test_orphaned_workers_do_not_outlive_supervisor_and_master(parts: Parts) -> None:
    before = report(parts)
    workers = children(before["pid"])
    parts.programs["supervisor"].kill()
    kill(before["pid"])
    assert all(is_alive(worker) for worker in workers), "without a supervisor they go on accepting"
    parts.start_part("supervisor")
    until(lambda: _served_by_another(parts, before), "another nginx")
    until(lambda: not any(is_alive(worker) for worker in workers), "the old workers are gone")


def test_upstreams_that_nginx_refuses_never_come_near_it(parts: Parts) -> None:
    good = (parts.run / "bundle/current" / UPSTREAMS).read_bytes()
    before = report(parts)
    publish(parts.run, build({UPSTREAMS: good + b"upstream broken { server 127.0.0.1:1 nonsense; }\n"}))
    problem = until(lambda: report(parts)["problem"], "the problem is reported")
    assert 'invalid parameter "nonsense"' in problem
    assert str(parts.run) not in problem
    assert {**report(parts), "problem": ""} == before
    assert (parts.run / "nginx" / UPSTREAMS).read_bytes() == good
    assert call(parts.base_url, "/healthz").status == 200


def test_good_upstreams_after_refused_ones_clear_the_problem(parts: Parts) -> None:
    good = (parts.run / "bundle/current" / UPSTREAMS).read_bytes()
    for name, text in (("same", good), ("more", good + b"upstream more { server 127.0.0.1:1; }\n")):
        publish(parts.run, build({UPSTREAMS: b"upstream {"}))
        until(lambda: report(parts)["problem"], "the problem is reported")
        publish(parts.run, build({UPSTREAMS: text}))
        until(lambda: not report(parts)["problem"], f"{name} upstreams clear the problem")
        assert report(parts)["upstreams"] == digest(text)


def test_bad_upstreams_at_start_give_way_to_the_last_good_ones(parts: Parts) -> None:
    good = (parts.run / "bundle/current" / UPSTREAMS).read_bytes()
    parts.programs["supervisor"].stop()
    publish(parts.run, build({UPSTREAMS: b"upstream {"}))
    parts.start_part("supervisor")
    after = until(lambda: (parts.run / "nginx.json").exists() and report(parts)["pid"] and report(parts), "nginx")
    assert after["problem"]
    assert after["upstreams"] == digest(good)


def test_a_reload_cuts_no_stream_and_is_reported_only_when_in_force(parts: Parts, second_provider: Provider) -> None:
    before = report(parts)
    old_workers = set(children(before["pid"]))
    with slow_stream(parts) as response:
        parts.apply(*provider_manifests("other", second_provider.url, credential="x"))
        after = until(lambda: _with_other_upstreams(parts, before), "the reload is reported")
        assert len(accepting(after["pid"])) == 2
        assert not accepting(after["pid"]) & old_workers
        body = {"model": "other/echo", "messages": HELLO}
        assert call(parts.base_url, CHAT, body, key=sample.ALL).status == 200
        assert_whole(response)
    assert (after["epoch"], after["pid"]) == (before["epoch"], before["pid"])


def test_a_change_of_keys_reloads_nothing(parts: Parts) -> None:
    master = report(parts)["pid"]
    workers = until(lambda: len(found := accepting(master)) == 2 and found, "the workers before the last reload are told to go")
    parts.apply(api_key("another", "sk-test-another"))
    assert accepting(report(parts)["pid"]) == workers


def test_lm_25_a_rotated_spool_loses_no_record(new_parts: Callable[..., Parts], provider: Provider) -> None:
    parts = new_parts(spool_rotate_bytes=1)
    parts.start(sample.providers(provider.url), sample.keys())
    for number in range(20):
        assert ask(parts) == 200, number
    parts.idle()
    until(lambda: "spool rotated" in parts.output, "rotation")
    assert len(parts.ledger()) == 20


def test_lm_26_a_stop_lets_streams_end_and_accepts_nothing_more(parts: Parts) -> None:
    supervisor = parts.programs["supervisor"]
    with slow_stream(parts) as response:
        supervisor.process.send_signal(signal.SIGTERM)
        until(lambda: _refuses(parts), "the port is closed")
        assert supervisor.running
        assert_whole(response)
    assert supervisor.process.wait(15) == 0
    assert not (parts.run / "nginx.json").exists()


def test_a_second_signal_does_not_wait_for_streams(parts: Parts) -> None:
    supervisor = parts.programs["supervisor"]
    master = report(parts)["pid"]
    with slow_stream(parts) as response:
        supervisor.process.send_signal(signal.SIGINT)
        until(lambda: _refuses(parts), "the port is closed")
        supervisor.process.send_signal(signal.SIGINT)
        assert supervisor.process.wait(15) == 0
        with pytest.raises(http.client.IncompleteRead):
            response.read()
    assert not is_alive(master)


def test_without_a_bundle_nginx_serves_all_the_same(new_parts: Callable[..., Parts]) -> None:
    parts = new_parts()
    parts.start_part("supervisor")
    until(lambda: (parts.run / "nginx.json").exists() and report(parts)["pid"], "nginx")
    assert call(parts.base_url, "/healthz").text == "ok"
    assert report(parts)["upstreams"] == digest(b"")


def test_two_supervisors_of_one_folder_do_not_fight(parts: Parts) -> None:
    before = report(parts)
    second = python(
        parts.folder / "second.log",
        "ostiary_gateway",
        "supervisor",
        settings={"run": parts.run, "data": parts.data},
    )
    assert second.process.wait(10) == 1
    assert second.output == f"Error: another supervisor uses {parts.run}\n"
    assert report(parts) == before


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


def _served_by_another(parts: Parts, before: dict[str, Any]) -> dict[str, Any]:
    now = report(parts)
    return now if now["pid"] not in {0, before["pid"]} and now["upstreams"] else {}


def _with_other_upstreams(parts: Parts, before: dict[str, Any]) -> dict[str, Any]:
    now = report(parts)
    return now if now["upstreams"] != before["upstreams"] else {}


def _refuses(parts: Parts) -> bool:
    try:
        call(parts.base_url, "/healthz")
    except ConnectionError:
        return True
    return False

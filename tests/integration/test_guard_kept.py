"""The guard as the supervisor's child: started before nginx, started again, taken over, ended after nginx."""

import json
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.support import sample
from tests.support.client import call, stream
from tests.support.gateway import Parts, unix_get
from tests.support.guard import COMMENT, ScriptedProvider, ask
from tests.support.manifests import model
from tests.support.process import child_of, is_alive, kill, python
from tests.support.provider import Provider
from tests.support.wait import until

CHAT = "/v1/chat/completions"
SLOW = {"model": "guarded", "messages": [{"role": "user", "content": "hello"}], "stream": True}


@pytest.fixture(scope="module")
def lasting(tmp_path_factory: pytest.TempPathFactory, provider: Provider) -> Iterator[Parts]:
    started = Parts(tmp_path_factory.mktemp("kept"))
    guarded = model("guarded", "openai/slow-100x15", timeouts={"requestMilliseconds": 20_000})
    started.start(sample.providers(provider.url), sample.keys(), [guarded])
    yield started
    started.stop()


@pytest.fixture
def parts(lasting: Parts) -> Iterator[Parts]:
    """Whatever a test does to it, it runs again at the end."""
    yield lasting
    if not lasting.programs["supervisor"].running:
        lasting.start_part("supervisor")
    until(lambda: guard_of(lasting), "a guard")
    lasting.await_manifests()


@pytest.fixture
def scripted() -> Iterator[ScriptedProvider]:
    made = ScriptedProvider()
    yield made
    made.close()


def guard_of(parts: Parts) -> int:
    """The guard that serves, as soon as it does."""
    supervisor = parts.pid("supervisor")
    pid = until(lambda: child_of(supervisor, "guard"), "the supervisor has a guard")
    until(lambda: _answers(parts.run / "guard.sock"), "it answers")
    return pid


def test_no_request_is_refused_while_a_guard_starts(parts: Parts) -> None:
    """They wait on the supervisor's socket."""
    before = guard_of(parts)
    kill(before)
    assert call(parts.base_url, CHAT, {**SLOW, "stream": False}, key=sample.ALL).status == 200
    assert guard_of(parts) != before


def test_a_dead_guard_is_replaced_at_once_and_nginx_left_alone(parts: Parts) -> None:
    nginx, before = parts.nginx(), guard_of(parts)
    kill(before)
    after = until(lambda: _another(parts, before), "another guard")
    until(lambda: _answers(parts.run / "guard.sock"), "it answers")
    assert call(parts.base_url, CHAT, {**SLOW, "stream": False}, key=sample.ALL).status == 200
    assert parts.nginx() == nginx
    assert guard_of(parts) == after
    assert parts.programs["supervisor"].output.count(f"guard {before} died") == 1


def test_the_next_supervisor_s_guard_takes_over_and_cuts_no_stream(parts: Parts, scripted: ScriptedProvider) -> None:
    before = guard_of(parts)
    with ask(parts.run / "guard.sock", {"target": scripted.url, "stream": True}) as asked:
        under_way = scripted.take()
        under_way.begin_stream()
        answer = asked.answer()
        parts.programs["supervisor"].kill()
        assert is_alive(before)
        parts.start_part("supervisor")
        until(lambda: _another(parts, before), "another guard")
        until(lambda: f"guard {before} of an earlier supervisor is to end" in parts.output, "the old one is told")
        under_way.send(COMMENT)
        under_way.end_stream()
        assert answer.read() == COMMENT
    until(lambda: not is_alive(before), "the old guard is gone")
    assert call(parts.base_url, CHAT, {**SLOW, "stream": False}, key=sample.ALL).status == 200


def test_lm_26_the_guard_stays_until_the_streams_through_nginx_have_ended(parts: Parts) -> None:
    guard, supervisor = guard_of(parts), parts.programs["supervisor"]
    with stream(parts.base_url, CHAT, SLOW, key=sample.ALL) as response:
        assert response.readline().startswith(b"data:")
        supervisor.process.send_signal(signal.SIGTERM)
        until(lambda: "stopping nginx" in supervisor.output, "the end begins")
        assert response.read().rstrip().endswith(b"data: [DONE]")
    assert supervisor.process.wait(15) == 0
    assert not is_alive(guard)
    assert not (parts.run / "guard.sock").exists()


def test_a_guard_that_was_left_behind_is_ended_with_its_nginx(parts: Parts) -> None:
    guard = guard_of(parts)
    parts.programs["supervisor"].kill()
    folders = {"run": parts.run, "data": parts.data}
    end = python(parts.folder / "end.log", "ostiary_gateway", "supervisor", "--stop", settings=folders)
    assert end.process.wait(20) == 0
    assert not is_alive(guard)


def test_a_supervisor_that_cannot_start_leaves_no_guard(new_parts: Callable[..., Parts], tmp_path: Path) -> None:
    broken = tmp_path / "nginx"
    broken.write_text("#!/bin/sh\necho 'nginx: [emerg] no' >&2\nexit 1\n")
    broken.chmod(0o755)
    parts = new_parts()
    folders = {"run": parts.run, "data": parts.data}
    program = python(tmp_path / "log", "ostiary_gateway", "supervisor", settings={**folders, "nginx": broken})
    assert program.process.wait(20) == 1
    assert not _answers(parts.run / "guard.sock")


def _another(parts: Parts, before: int) -> int:
    pid = child_of(parts.pid("supervisor"), "guard")
    return pid if pid not in {None, before} and _answers(parts.run / "guard.sock") else 0


def _answers(socket: Path) -> bool:
    try:
        return "open" in json.loads(unix_get(socket, "/status"))
    except (OSError, ValueError):
        return False

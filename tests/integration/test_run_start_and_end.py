"""`ostiary run`: how it ends, how it starts again, and the one line where it cannot start."""

import contextlib
import shutil
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.client import call
from tests.support.local import Local, assert_whole, quickstart, slow_stream
from tests.support.process import is_alive, kill
from tests.support.wait import until

PARTS = ("supervisor", "sidecar", "fake")


@pytest.fixture
def local(tmp_path: Path) -> Iterator[Local]:
    prepared = quickstart(tmp_path)
    yield prepared
    prepared.stop()


def test_lm_26_ctrl_c_loses_no_record_and_the_next_start_takes_less_than_five_seconds(local: Local) -> None:
    local.serve()
    pids = [local.nginx()["pid"], *(local.part(name) for name in PARTS)]
    with slow_stream(local) as response:
        local.interrupt()
        assert_whole(response)
    assert local.wait() == 0
    assert [record["ended"] for record in local.ledger()] == ["completed"]
    assert "Traceback" not in local.output
    assert not [pid for pid in pids if is_alive(pid)]
    begun = time.monotonic()
    local.serve()
    assert time.monotonic() - begun < 5
    assert call(local.base_url, "/healthz").status == 200


def test_lm_26_a_second_ctrl_c_cuts_streams_and_still_loses_no_record(local: Local) -> None:
    local.serve()
    with slow_stream(local, events=300):
        local.interrupt()
        until(lambda: "Ctrl-C again" in local.output, "the explanation")
        local.interrupt()
        assert local.wait() == 0
    assert [record["ended"] for record in local.ledger()] == ["worker_lost"]


def test_after_a_kill_of_all_the_next_start_serves(local: Local) -> None:
    local.serve()
    pids = [local.nginx()["pid"], *(local.part(name) for name in PARTS)]
    local.program.kill()
    until(lambda: not [pid for pid in pids if is_alive(pid)], "the parts end with their parent", 20)
    local.serve()
    assert call(local.base_url, "/healthz").status == 200


@pytest.mark.parametrize("signals", [1, 2])
def test_nginx_ends_with_the_run_even_if_the_supervisor_is_dead_just_then(local: Local, signals: int) -> None:
    local.serve()
    nginx = local.nginx()["pid"]
    for _ in range(3):  # the next one is started after a pause
        kill(until(lambda: find(local, "supervisor"), "a supervisor"))
    for _ in range(signals):
        local.interrupt()
    assert local.wait() == 0
    assert not is_alive(nginx)


def test_an_nginx_that_was_left_is_adopted_by_the_next_run(local: Local) -> None:
    local.serve()
    nginx = local.nginx()["pid"]
    kill(local.part("supervisor"))
    local.program.kill()
    assert is_alive(nginx)
    local.serve()
    assert local.nginx()["pid"] == nginx


def test_without_the_fake_provider_there_is_no_curl_for_it(local: Local) -> None:
    printed = local.serve("--no-fake")
    assert "curl" not in printed
    with pytest.raises(ConnectionRefusedError):
        call(f"http://127.0.0.1:{local.fake_port}", "/_stats")
    local.program.process.send_signal(signal.SIGHUP)  # of a terminal that closes
    assert local.wait() == 0


def test_a_second_run_in_the_same_folder_is_one_line(local: Local) -> None:
    local.serve()
    second = Local(local.folder)
    assert f"another `ostiary run` uses {local.run}" in refused(second)
    assert local.program.running


@pytest.mark.parametrize(
    ("name", "attribute"),
    [("OSTIARY_PORT", "port"), ("OSTIARY_SIDECAR_PORT", "sidecar_port"), ("--fake-port", "fake_port")],
)
def test_a_busy_port_is_one_line(local: Local, name: str, attribute: str) -> None:
    port = getattr(local, attribute)
    with contextlib.closing(socket.create_server(("127.0.0.1", port))):
        assert f"port {port} on 127.0.0.1 is busy; choose another: {name}" in refused(local)


@pytest.mark.parametrize("name", ["OSTIARY_RUN", "OSTIARY_DATA"])
def test_an_unwritable_folder_is_one_line(local: Local, name: str) -> None:
    message = refused(local, **{name: "/proc/ostiary"})
    assert "cannot write to /proc/ostiary: No such file or directory; choose another folder: " + name in message


def test_a_missing_nginx_is_one_line(local: Local) -> None:
    assert "OSTIARY_NGINX=/nowhere/nginx is no nginx >= 1.30" in refused(local, OSTIARY_NGINX="/nowhere/nginx")
    assert "run hack/dev/get-nginx .tools/nginx" in refused(local, OSTIARY_NGINX="", PATH="/usr/bin:/bin")


def test_a_missing_folder_of_manifests_is_one_line(local: Local) -> None:
    shutil.rmtree(local.manifests)
    message = refused(local)
    assert str(local.manifests) in message
    assert "OSTIARY_MANIFESTS" in message


def test_an_unknown_setting_is_one_line(local: Local) -> None:
    assert "OSTIARY_PROT: no such setting" in refused(local, OSTIARY_PROT="1")


def find(local: Local, part: str) -> int:
    with contextlib.suppress(AssertionError, OSError):
        return local.part(part)
    return 0


def refused(local: Local, **environ: str) -> str:
    """The one line of a start that cannot be."""
    program = local.start(environ=environ)
    assert program.process.wait(20) == 1, program.output
    assert program.output.startswith("Error: ")
    assert program.output.count("\n") == 1, program.output
    return program.output

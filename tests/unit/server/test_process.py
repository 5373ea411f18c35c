"""The real process: start, SIGTERM, and what it says when it cannot start."""

import json
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
from tests.support.process import free_port, python
from tests.support.wait import until
from tests.unit.decide.bundles import make
from tests.unit.server.lines import append, line

from ostiary_gateway.bundle.folder import publish


@pytest.fixture
def settings(tmp_path):
    return {"run": tmp_path / "run", "data": tmp_path / "data", "sidecar_port": free_port(), "log_level": "INFO"}


@pytest.fixture
def program(tmp_path, settings):
    started = python(tmp_path / "log", "ostiary_gateway", "sidecar", settings=settings)
    until(lambda: "sidecar started" in started.output, "sidecar started")
    yield started
    if started.running:
        started.kill()


def test_lm_26_sigterm_reads_the_spool_to_its_end(program, settings):
    publish(settings["run"], make())
    until(lambda: "bundle taken into use" in program.output, "a bundle: before, nobody knows who pays")
    append(settings["data"], *(line(f"e-{number}") for number in range(1, 2001)))
    program.process.send_signal(signal.SIGTERM)
    assert program.process.wait(20) == 0
    lines = "".join(path.read_text() for path in (settings["data"] / "ledger").glob("usage-*.jsonl")).splitlines()
    assert sorted(json.loads(text)["id"] for text in lines) == sorted(f"e-{n}" for n in range(1, 2001))
    assert "Traceback" not in program.output


def test_nobody_else_reads_the_ledger_or_opens_the_socket(program, settings):
    publish(settings["run"], make())
    append(settings["data"], line("e-1"))
    ledger = settings["data"] / "ledger"
    until(lambda: list(ledger.glob("usage-*.jsonl")), "a record")
    files = [settings["run"] / "sidecar.sock", ledger, *ledger.iterdir()]
    assert [path.name for path in files if path.stat().st_mode & 0o077] == []


def test_sigint_ends_it_too(program):
    program.process.send_signal(signal.SIGINT)
    assert program.process.wait(10) == 0


def test_a_killed_sidecar_can_be_started_again_on_its_socket(program, settings, tmp_path):
    program.kill()
    assert (settings["run"] / "sidecar.sock").exists()
    again = python(tmp_path / "log2", "ostiary_gateway", "sidecar", settings=settings)
    try:
        until(lambda: "sidecar started" in again.output, "sidecar started again")
        with urllib.request.urlopen(f"http://127.0.0.1:{settings['sidecar_port']}/healthz") as answer:
            assert answer.read() == b"ok"
    finally:
        assert again.stop() == 0


def test_the_log_is_json_lines(program):
    program.stop()
    lines = [json.loads(text) for text in program.output.splitlines()]
    assert {"time", "level", "logger", "message"} <= lines[0].keys()
    assert [entry["message"] for entry in lines if entry["logger"].endswith("server.app")][-1] == "sidecar stopped"


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"SIDECAR_PORT": "many"}, "sidecar_port"),
        ({"LOG_LEVEL": "LOUD"}, "log_level"),
        ({"NO_SUCH": "1"}, "OSTIARY_NO_SUCH"),
        ({"CONFIG": "/nowhere.yaml"}, "/nowhere.yaml"),
        ({"RUN": "/proc/nowhere"}, "/proc/nowhere"),
        pytest.param({"SUMMARY_URL": "mysql://x"}, "Failed to initialize database: summary_url", id="tp_23_database"),
        pytest.param({"VALKEY_URL": "http://x"}, "Failed to initialize Redis: valkey_url", id="tp_23_redis"),
    ],
)
def test_a_wrong_setting_is_one_clear_line_and_exit_code_1(wrong, says, tmp_path):
    result = start(tmp_path, wrong)
    assert result.returncode == 1
    assert says in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_a_busy_port_is_one_clear_line_and_exit_code_1(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as busy:
        result = start(tmp_path, {"SIDECAR_PORT": str(busy.getsockname()[1])})
    assert result.returncode == 1
    (said,) = [text for text in result.stderr.splitlines() if not text.startswith("{")]
    assert said.startswith("sidecar: ")
    assert "address already in use" in result.stderr
    assert "Traceback" not in result.stderr


def start(folder: Path, wrong: dict[str, str]) -> subprocess.CompletedProcess[str]:
    environ = {"RUN": str(folder / "run"), "DATA": str(folder / "data"), "SIDECAR_PORT": "0", **wrong}
    return subprocess.run(
        [sys.executable, "-m", "ostiary_gateway", "sidecar"],
        env={f"OSTIARY_{name}": value for name, value in environ.items()},
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )

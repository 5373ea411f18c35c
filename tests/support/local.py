"""`ostiary run` in a folder of its own, as a person would start it."""

import http.client
import json
import os
import re
import shutil
import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support.client import stream
from tests.support.process import REPOSITORY, Program, free_port
from tests.support.wait import until

NGINX = os.environ.get("OSTIARY_NGINX") or str(REPOSITORY / ".tools/nginx/usr/sbin/nginx")
SAMPLE_KEY = "sk-ostiary-quickstart"
_READY_SECONDS = 30.0
_END_SECONDS = 20.0


class Local:
    """One working folder; `start` may be called again after the end."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.manifests = folder / "manifests"
        self.data = folder / ".ostiary/data"
        self.run = folder / ".ostiary/run"
        self.port, self.sidecar_port, self.fake_port = free_port(), free_port(), free_port()
        self.base_url = f"http://127.0.0.1:{self.port}"
        self._program: Program | None = None

    @property
    def program(self) -> Program:
        assert self._program is not None, "not started"
        return self._program

    @property
    def output(self) -> str:
        return self.program.output

    def start(self, *options: str, environ: Mapping[str, str] | None = None) -> Program:
        """Start it; what an earlier start printed is forgotten."""
        log = self.folder / f"output-{self.port}"
        log.unlink(missing_ok=True)
        ours = {name: value for name, value in os.environ.items() if not name.startswith("OSTIARY_")}
        settings = {"OSTIARY_PORT": self.port, "OSTIARY_SIDECAR_PORT": self.sidecar_port, "OSTIARY_WORKERS": 1}
        full = {
            **ours,
            "OSTIARY_NGINX": NGINX,
            **{name: str(value) for name, value in settings.items()},
            **(environ or {}),
        }
        command = (sys.executable, "-m", "ostiary_operator", "run", "--manifests", str(self.manifests))
        fake = ("--fake-port", str(self.fake_port))
        self._program = Program(log, *command, *fake, *options, environ=full, cwd=self.folder)
        return self._program

    def serve(self, *options: str, environ: Mapping[str, str] | None = None) -> str:
        """Start it and wait until it says that it serves; what it printed."""
        program = self.start(*options, environ=environ)

        def served() -> bool:
            assert program.running, program.output
            return "Ostiary serves" in program.output

        until(served, "the greeting", _READY_SECONDS)
        return program.output

    def interrupt(self) -> None:
        self.program.process.send_signal(signal.SIGINT)

    def wait(self, seconds: float = _END_SECONDS) -> int:
        return self.program.process.wait(seconds)

    def stop(self) -> None:
        """Whatever state it is in, leave nothing behind."""
        if self._program is not None and self._program.running:
            self.interrupt()
            self.interrupt()
            self.wait()

    def part(self, name: str) -> int:
        """Process id of a part of the running gateway."""
        for entry in Path("/proc").iterdir():
            if entry.name.isdecimal() and (words := _command(entry))[-1:] and self._is_part(int(entry.name), words, name):
                return int(entry.name)
        raise AssertionError(f"no {name}")

    def nginx(self) -> dict[str, Any]:
        """What the supervisor last reported."""
        return dict(json.loads((self.run / "nginx.json").read_text()))

    def ledger(self) -> list[dict[str, Any]]:
        files = sorted((self.data / "ledger").glob("usage-*.jsonl"))
        return [json.loads(line) for file in files for line in file.read_text().splitlines()]

    def _is_part(self, pid: int, words: list[str], name: str) -> bool:
        return words[1:4] == ["-m", "ostiary_gateway", name] and _parent(pid) == self.program.pid


@contextmanager
def slow_stream(local: Local, events: int = 12) -> Iterator[http.client.HTTPResponse]:
    """A stream of ten events a second whose first has arrived."""
    body = {"model": f"fake/slow-100x{events}", "messages": [{"role": "user", "content": "Hello"}], "stream": True}
    with stream(local.base_url, "/v1/chat/completions", body, key=SAMPLE_KEY) as response:
        assert response.readline().startswith(b"data:")
        yield response


def assert_whole(response: http.client.HTTPResponse) -> None:
    assert response.read().rstrip().endswith(b"data: [DONE]")


def quickstart(folder: Path) -> Local:
    """With the manifests of hack/quickstart, but for the fake provider's port."""
    local = Local(folder)
    shutil.copytree(REPOSITORY / "hack/quickstart", local.manifests)
    file = local.manifests / "fake.yaml"
    file.write_text(file.read_text().replace(":8090", f":{local.fake_port}"))
    return local


def pasteable(printed: str) -> list[str]:
    """The curl commands of the greeting."""
    found = [match.group() for match in re.finditer(r"^ *curl (?:.*\\\n)*.*", printed, re.MULTILINE)]
    assert found, printed
    return found


def _command(entry: Path) -> list[str]:
    try:
        return (entry / "cmdline").read_bytes().decode(errors="replace").split("\0")[:-1]
    except OSError:
        return []


def _parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])

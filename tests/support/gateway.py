"""A whole gateway for tests: the real nginx, supervisor and sidecar as processes, and a folder of manifests."""

import json
import math
import socket
import time
from collections.abc import Callable, Iterable
from http.client import HTTPException
from pathlib import Path
from typing import Any

import yaml
from tests.support import client
from tests.support.compiled import compile_folder
from tests.support.manifests import Manifest
from tests.support.process import Program, child_of, children, free_port, python
from tests.support.wait import until

from ostiary_gateway.bundle.folder import publish
from ostiary_gateway.contract.bundle import UPSTREAMS, Bundle, digest

Record = dict[str, Any]
_READY_SECONDS = 30.0
_STOP_SECONDS = 30.0
_SETTLE_SECONDS = 20.0
_QUIET_SECONDS = 3.0


class Gateway:
    """`ostiary run` over a folder of manifests: started by `start`, changed by `apply`, ended by `stop`."""

    def __init__(self, folder: Path, **settings: object) -> None:
        self.folder = folder
        self.manifests, self.run, self.data = folder / "manifests", folder / "run", folder / "data"
        self.manifests.mkdir(parents=True, exist_ok=True)
        port, sidecar_port = free_port(), free_port()
        self.base_url = f"http://127.0.0.1:{port}"
        self.sidecar_url = f"http://127.0.0.1:{sidecar_port}"
        ports = {"port": port, "sidecar_port": sidecar_port, "metrics_port": 0}
        folders = {"manifests": self.manifests, "run": self.run, "data": self.data}
        self._settings = {"workers": 2, "shutdown_seconds": 20, **ports, **folders, **settings}
        self.programs: dict[str, Program] = {}

    def start(self, *manifests: Iterable[Manifest]) -> "Gateway":
        """Start with these manifests and wait until they are in force."""
        self.write("main", *(manifest for group in manifests for manifest in group))
        self._launch()
        self.await_manifests()
        return self

    def stop(self) -> None:
        """Gracefully; a gateway that was never started or has been killed is fine."""
        for program in self.programs.values():
            if program.running:
                program.stop(_STOP_SECONDS)

    def drop(self) -> None:
        """An end that waits for nothing, for gateways that no test asks about any more."""
        for program in self.programs.values():
            program.hurry(_STOP_SECONDS)

    def pid(self, part: str) -> int:
        """Process of a part: `supervisor` or `sidecar`."""
        return until(lambda: child_of(self.programs["run"].pid, part), f"{part} runs")

    def apply(self, *manifests: Manifest, file: str = "more") -> None:
        """Put manifests into a file of their own (in place of what was in it) and wait until they are in force."""
        self.write(file, *manifests)
        self.await_manifests()

    def remove(self, file: str = "more") -> None:
        (self.manifests / f"{file}.yaml").unlink()
        self.await_manifests()

    @property
    def output(self) -> str:
        """What every part logged."""
        return "\n".join(program.output for program in self.programs.values())

    def status(self) -> dict[str, Any]:
        """What nginx says of itself: epoch, generation, in_flight, issued, workers. Empty while it cannot be asked."""
        try:
            return dict(json.loads(unix_get(self.run / "control.sock", "/status")))
        except (OSError, ValueError):
            return {}

    def ready(self) -> dict[str, Any]:
        """What /readyz says; empty while nobody is there to say it."""
        try:
            return dict(client.call(self.sidecar_url, "/readyz").json)
        except (OSError, HTTPException):
            return {}

    def nginx(self) -> int:
        """Process of nginx's master."""
        return int(json.loads((self.run / "nginx.json").read_text())["pid"])

    def workers(self) -> list[int]:
        """Processes of nginx's workers, as the system knows them."""
        return sorted(children(self.nginx()))

    def ledger(self) -> list[Record]:
        """Every whole line of a request in every ledger file."""
        records = []
        for file in sorted((self.data / "ledger").glob("usage-*.jsonl")):
            records += [json.loads(line) for line in file.read_text().split("\n")[:-1]]
        return [record for record in records if record["kind"] == "request"]

    def records(self, wanted: Callable[[Record], bool], count: int = 1, seconds: float = 10.0) -> list[Record]:
        """At least `count` records that are wanted, as soon as they are there."""

        def found() -> list[Record] | None:
            matching = [record for record in self.ledger() if wanted(record)]
            return matching if len(matching) >= count else None

        return until(found, f"{count} records in {self.data}", seconds)

    def record(self, request_id: str) -> Record:
        """The one record of the request that was sent with this id."""
        matching = self.records(lambda record: record["request_id"] == request_id)
        assert len(matching) == 1, matching
        return matching[0]

    def idle(self, missing: int = 0) -> None:
        """Wait until nginx has nothing open and all that it wrote is in the ledger.

        Args:
            missing: so many ids may never have a record (a worker was killed while it took one); then the ledger has
                to be quiet for longer than lost requests are looked for.
        """
        last = (-1, time.monotonic())

        def settled() -> bool:
            nonlocal last
            status = self.status()
            count = sum(record["id"].startswith(f"{status.get('epoch')}-") for record in self.ledger())
            if count != last[0]:
                last = (count, time.monotonic())
            quiet = time.monotonic() - last[1] > _QUIET_SECONDS
            expected = status.get("issued", math.inf) - (missing if quiet else 0)
            return status.get("in_flight") == 0 and count >= expected

        until(settled, "nothing in flight and every record written", _SETTLE_SECONDS)

    def write(self, file: str, *manifests: Manifest) -> None:
        """The same as `apply` without waiting."""
        target = self.manifests / f"{file}.yaml"
        temporary = target.with_suffix(".tmp")
        temporary.write_text(yaml.safe_dump_all(manifests))
        temporary.rename(target)

    def await_manifests(self) -> None:
        """Wait until what the folder says is in force everywhere."""
        self._await_bundle(compile_folder(self.manifests, self.data))

    def _launch(self) -> None:
        self._start_program("run", "ostiary_operator", "run", "--no-fake")

    def _start_program(self, part: str, *arguments: str) -> None:
        self.programs[part] = python(self.folder / f"{part}.log", *arguments, settings=self._settings, cwd=self.folder)

    def _await_bundle(self, wanted: Bundle) -> None:
        until(lambda: self._serves(wanted), f"bundle {wanted.digest} is in force in {self.folder}", _READY_SECONDS)

    def _serves(self, wanted: Bundle) -> bool:
        """Its decisions and its hosts: the sidecar waits only a second for nginx to know the latter."""
        for part, program in self.programs.items():
            assert program.running, f"{part} ended:\n{program.output}"
        return bool(self.status().get("generation") == wanted.digest) and self._has_hosts(wanted)

    def _has_hosts(self, wanted: Bundle) -> bool:
        try:
            report = json.loads((self.run / "nginx.json").read_text())
        except (OSError, ValueError):
            return False
        return bool(report["upstreams"] == digest(wanted.files.get(UPSTREAMS, b"")))


class Parts(Gateway):
    """The same gateway with supervisor and sidecar as our own children: one that is killed stays dead."""

    def start_part(self, part: str) -> None:
        self._start_program(part, "ostiary_gateway", part)

    def stop(self) -> None:
        """First nginx: what it still writes is read before the sidecar ends."""
        for part in ("supervisor", "sidecar"):
            if part in self.programs and self.programs[part].running:
                self.programs[part].stop(_STOP_SECONDS)

    def pid(self, part: str) -> int:
        return self.programs[part].pid

    def await_manifests(self) -> None:
        bundle = compile_folder(self.manifests, self.data)
        publish(self.run, bundle)
        self._await_bundle(bundle)

    def _launch(self) -> None:
        for part in ("supervisor", "sidecar"):
            self.start_part(part)


def unix_get(path: Path, target: str) -> bytes:
    """Body of a GET over a unix socket."""
    return unix_call(path, "GET", target)


def unix_call(path: Path, method: str, target: str, body: bytes = b"") -> bytes:
    """Body of an answer with a status of success over a unix socket.

    Raises:
        ValueError: it has another status.
    """
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(5)
        connection.connect(str(path))
        head = f"{method} {target} HTTP/1.1\r\nHost: control\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n"
        connection.sendall(head.encode() + body)
        with connection.makefile("rb") as reply:
            head_said, _, answer = reply.read().partition(b"\r\n\r\n")
    if b" 20" not in head_said.split(b"\r\n")[0]:
        raise ValueError(head_said.decode())
    return answer

"""What is measured: a provider, plain nginx before it, Ostiary before it; and the CPU and memory that they take."""

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

TICK = os.sysconf("SC_CLK_TCK")
GATEWAY_CPU, OTHERS_CPU = "0", "1"
KEY = "sk-ostiary-bench"
MODEL = "bench/model"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def children(pid: int) -> list[int]:
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(child) for child in text.split()]


def descendants(pid: int) -> list[int]:
    found = [pid]
    for child in children(pid):
        found += descendants(child)
    return found


def command(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()


def cpu_seconds(pids: list[int]) -> float:
    """User and system time so far; the scheduler's own nanosecond count, not the coarse ticks."""
    return sum(int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) for pid in pids) / 1e9


def resident_kib(pids: list[int]) -> int:
    """Proportional set size: what the processes take together, shared pages counted once."""
    total = 0
    for pid in pids:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                total += int(line.split()[1])
    return total


def pin(pids: list[int], cpu: str) -> None:
    for pid in pids:
        subprocess.run(["taskset", "-a", "-cp", cpu, str(pid)], check=True, capture_output=True)


def wait_for(port: int, path: str = "/healthz", *, seconds: float = 20) -> None:
    """Until a GET is answered with 200."""
    deadline = time.monotonic() + seconds
    while True:
        with contextlib.suppress(OSError, http.client.HTTPException):
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
            connection.request("GET", path)
            if connection.getresponse().status == http.HTTPStatus.OK:
                return
        if time.monotonic() > deadline:
            raise TimeoutError(f"nothing answers on port {port}")
        time.sleep(0.05)


@dataclass(frozen=True)
class Target:
    """Something to load: `workers` are its nginx workers, `sidecar` and `guard` the processes that work beside them."""

    name: str
    port: int
    workers: list[int]
    sidecar: list[int]
    guard: list[int] = field(default_factory=list)
    sidecar_port: int = 0


@contextlib.contextmanager
def running(arguments: list[str], environment: dict[str, str] | None = None, log: Path | None = None) -> Iterator[int]:
    out = log.open("wb") if log else subprocess.DEVNULL
    process = subprocess.Popen(
        arguments, env={**os.environ, **(environment or {})}, stdout=out, stderr=subprocess.STDOUT, start_new_session=True
    )
    try:
        yield process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@contextlib.contextmanager
def plain_nginx(nginx: Path, folder: Path, name: str, server: str) -> Iterator[Target]:
    """One nginx worker with one `server{}` on a free port."""
    port = free_port()
    prefix = folder / name
    (prefix / "temp").mkdir(parents=True)
    temps = "".join(f"{kind}_temp_path {prefix}/temp/{kind}; " for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    (prefix / "nginx.conf").write_text(f"""
        worker_processes 1; daemon off; pid {prefix}/pid; error_log {prefix}/error.log warn;
        {"user root;" if os.geteuid() == 0 else ""}
        events {{ worker_connections 8192; }}
        http {{
          {temps} access_log off; keepalive_requests 10000000; client_max_body_size 64m; client_body_buffer_size 1m;
          default_type application/json;
          {server.replace("@LISTEN@", f"listen 127.0.0.1:{port} backlog=4096")}
        }}""")
    with running([str(nginx), "-p", str(prefix), "-c", str(prefix / "nginx.conf"), "-e", str(prefix / "error.log")]) as pid:
        wait_for(port)
        yield Target(name, port, children(pid), [])


@contextlib.contextmanager
def ostiary(folder: Path, manifests: Path, **settings: str) -> Iterator[Target]:
    """`ostiary run` with one nginx worker; `settings` by their names in the environment, without `OSTIARY_`."""
    port, sidecar_port = free_port(), free_port()
    environment = {
        "OSTIARY_PORT": str(port), "OSTIARY_SIDECAR_PORT": str(sidecar_port), "OSTIARY_WORKERS": "1",
        "OSTIARY_RUN": str(folder / "run"), "OSTIARY_DATA": str(folder / "data"), "OSTIARY_MANIFESTS": str(manifests),
        "OSTIARY_LOG_LEVEL": "WARNING", "OSTIARY_RETRY_BUDGET_MINIMUM": "1000000",
        **{f"OSTIARY_{name}": value for name, value in settings.items()},
    }  # fmt: skip
    program = [str(Path(sys.executable).parent / "ostiary"), "run", "--no-fake"]
    with running(program, environment, folder / "ostiary.log") as pid:
        wait_for(sidecar_port, "/readyz")
        wait_for(port)
        family = {each: command(each) for each in descendants(pid)}
        workers = [each for each, text in family.items() if "nginx: worker" in text]
        sidecar = [each for each, text in family.items() if "ostiary_gateway sidecar" in text]
        guard = [each for each, text in family.items() if "ostiary_gateway guard" in text]
        yield Target("ostiary", port, workers, sidecar, guard, sidecar_port)

"""Programs that a test starts: with their output kept, and never left behind."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

_STOP_SECONDS = 10
_ASK_AGAIN_SECONDS = 0.1
REPOSITORY = Path(__file__).resolve().parents[2]
_NGINX = REPOSITORY / ".tools/nginx/usr/sbin/nginx"


def free_port() -> int:
    """A port that the system says is free."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


class Program:
    """A running program; `output` holds both of its streams."""

    def __init__(self, log: Path, *arguments: str, environ: Mapping[str, str] | None = None, cwd: Path = REPOSITORY) -> None:
        self._log = log
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                arguments, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=environ, cwd=cwd
            )

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def output(self) -> str:
        return self._log.read_text(errors="replace")

    @property
    def running(self) -> bool:
        return self.process.poll() is None

    def kill(self) -> None:
        """As `kill -9`: no chance to tidy up."""
        self.process.kill()
        self.process.wait()

    def stop(self, seconds: float = _STOP_SECONDS) -> int:
        """SIGTERM and its exit code; a program that does not go fails the test, but goes."""
        self.process.terminate()
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"{self.process.args} did not stop:\n{self.output[-2000:]}") from None

    def hurry(self, seconds: float = _STOP_SECONDS) -> None:
        """SIGTERM until it is gone: ours wait for open requests after the first, not after the second."""
        deadline = time.monotonic() + seconds
        while self.running:
            assert time.monotonic() < deadline, f"{self.process.args} did not stop:\n{self.output[-2000:]}"
            self.process.terminate()
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(_ASK_AGAIN_SECONDS)


def python(log: Path, *arguments: str, settings: Mapping[str, object] | None = None, cwd: Path = REPOSITORY) -> Program:
    """One of our programs, with these settings and none of the machine's, but for the nginx to use."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("OSTIARY_")}
    nginx = os.environ.get("OSTIARY_NGINX") or (str(_NGINX) if _NGINX.exists() else "")
    environ |= {"OSTIARY_NGINX": nginx} if nginx else {}
    environ |= {f"OSTIARY_{name.upper()}": str(value) for name, value in (settings or {}).items()}
    return Program(log, sys.executable, "-m", *arguments, environ=environ, cwd=cwd)


def kill(pid: int) -> None:
    """As `kill -9`; gone already is as good."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def is_alive(pid: int) -> bool:
    """Running, and not a corpse that waits for its parent."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def child_of(parent: int, word: str) -> int | None:
    """Process id of a living child with this word in its command line."""
    for pid in children(parent):
        try:
            words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if word.encode() in words:
            return pid
    return None


def children(parent: int) -> list[int]:
    """Process ids of living children."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            state, of = (entry / "stat").read_text().rpartition(")")[2].split()[:2]
        except (OSError, ValueError):
            continue
        if entry.name.isdecimal() and int(of) == parent and state != "Z":
            found.append(int(entry.name))
    return found

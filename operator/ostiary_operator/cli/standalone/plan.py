"""What `ostiary run` was asked for, and whether this machine can do it."""

import contextlib
import errno
import fcntl
import os
import re
import shutil
import socket
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from ostiary_gateway.contract.settings import Settings

_TOOLS_NGINX = Path(".tools/nginx/usr/sbin/nginx")  # where hack/dev/get-nginx puts it
_OLDEST_NGINX = (1, 30)
FAKE_HOST = "127.0.0.1"


class CannotRunError(Exception):
    """The message is one line that says what a person can do about it."""


class _Report(msgspec.Struct):
    pid: int = 0


@dataclass(frozen=True, slots=True)
class Plan:
    """`environ` is what Secrets of the name `env` are made of: the environment over the working folder's .env."""

    settings: Settings
    environ: Mapping[str, str]
    fake_port: int  # 0: no fake provider
    variables: tuple[str, ...] = ()  # those of `environ` that imported manifests take credentials from

    @property
    def run(self) -> Path:
        return Path(self.settings.run).absolute()

    @property
    def data(self) -> Path:
        return Path(self.settings.data).absolute()

    @property
    def manifests(self) -> Path:
        return Path(self.settings.manifests)

    @property
    def address(self) -> str:
        """Host and port for a client on this machine."""
        return _reachable(self.settings.host, self.settings.port)

    @property
    def sidecar_address(self) -> str:
        return _reachable(self.settings.sidecar_host, self.settings.sidecar_port)

    def child_environ(self, nginx: Path) -> dict[str, str]:
        """The children's environment: ours, with the settings and the paths made absolute."""
        settings = {name: value for name, value in self.environ.items() if name.startswith("OSTIARY_")}
        paths = {"OSTIARY_RUN": str(self.run), "OSTIARY_DATA": str(self.data), "OSTIARY_NGINX": str(nginx)}
        paths |= {"OSTIARY_MANIFESTS": str(self.manifests.absolute())}  # where the admin API writes
        level = {} if "OSTIARY_LOG_LEVEL" in settings else {"OSTIARY_LOG_LEVEL": "WARNING"}  # a person reads it
        return {**os.environ, **settings, **paths, **level}


def find_nginx(setting: str) -> Path | None:
    """The nginx to run: the setting, else the checkout's own, else the machine's if it is new enough."""
    names = [setting] if setting else [str(_TOOLS_NGINX), "nginx"]
    for name in names:
        found = shutil.which(name)
        if found and _version(found) >= _OLDEST_NGINX:
            return Path(found).absolute()
    return None


def _version(nginx: str) -> tuple[int, ...]:
    try:
        said = subprocess.run([nginx, "-v"], capture_output=True, text=True, check=False).stderr
    except OSError:
        return ()
    found = re.search(r"nginx/(\d+)\.(\d+)", said)
    return tuple(map(int, found.groups())) if found else ()


def check(plan: Plan) -> None:
    """Look for what would stop the children, before they start.

    Raises:
        CannotRunError: a port is busy, or a folder cannot be written.
    """
    settings = plan.settings
    _check_folder("OSTIARY_RUN", plan.run)
    _check_folder("OSTIARY_DATA", plan.data)
    if not _nginx_was_left(plan.run):
        _check_port("OSTIARY_PORT", settings.host, settings.port)
    _check_port("OSTIARY_SIDECAR_PORT", settings.sidecar_host, settings.sidecar_port)
    if settings.metrics_port:
        _check_port("OSTIARY_METRICS_PORT", settings.metrics_host, settings.metrics_port)
    if settings.admin_port:
        _check_port("OSTIARY_ADMIN_PORT", settings.admin_host, settings.admin_port)
    if plan.fake_port:
        _check_port("--fake-port, or do without: --no-fake", FAKE_HOST, plan.fake_port)


def lock(folder: Path) -> int:
    """Hold the folder until this process ends.

    Raises:
        CannotRunError: another `ostiary run` holds it.
    """
    descriptor = os.open(folder / "run.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        raise CannotRunError(f"another `ostiary run` uses {folder}; give this one its own OSTIARY_RUN") from error
    return descriptor


def _nginx_was_left(run: Path) -> bool:
    """Whether the port may be that of our own nginx, left by a run that was killed: the supervisor adopts it."""
    with contextlib.suppress(OSError, msgspec.MsgspecError, UnicodeDecodeError):
        left = msgspec.json.decode((run / "nginx.json").read_bytes(), type=_Report)
        return left.pid > 0 and b"nginx: master process" in Path(f"/proc/{left.pid}/cmdline").read_bytes()
    return False


def _check_folder(name: str, folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        trial = folder / f".writable-{os.getpid()}"
        trial.touch()
        trial.unlink()
    except OSError as error:
        raise CannotRunError(f"cannot write to {folder}: {error.strerror}; choose another folder: {name}") from error


def _check_port(name: str, host: str, port: int) -> None:
    if port == 0:
        raise CannotRunError(f"port 0 is no port that a client could know; choose one: {name}")
    bare = host.strip("[]")
    family = socket.AF_INET6 if ":" in bare else socket.AF_INET
    with socket.socket(family) as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind((bare, port))
        except OSError as error:
            problem = "is busy" if error.errno == errno.EADDRINUSE else f"cannot be used: {error.strerror}"
            raise CannotRunError(f"port {port} on {host} {problem}; choose another: {name}") from error


def _reachable(host: str, port: int) -> str:
    here = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host.strip("[]"), host)
    return f"{here}:{port}"

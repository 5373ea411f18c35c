"""Where the supervisor's files are (ARCHITECTURE.md, "The folders of a running gateway")."""

import os
from dataclasses import dataclass
from pathlib import Path

from ostiary_gateway.contract.bundle import UPSTREAMS
from ostiary_gateway.supervisor.errors import StartError

_SOCKET_PATH_BYTES = 107  # sun_path of Linux, without its closing zero byte


@dataclass(frozen=True, slots=True)
class Folders:
    """Both paths absolute: nginx resolves relative ones against its own prefix."""

    run: Path
    data: Path

    @property
    def prefix(self) -> Path:
        return self.run / "nginx"

    @property
    def candidate(self) -> Path:
        """A whole second prefix, in which a configuration is tested before it may replace the one in force."""
        return self.prefix / "candidate"

    @property
    def report(self) -> Path:
        return self.run / "nginx.json"

    @property
    def lock(self) -> Path:
        return self.run / "supervisor.lock"

    @property
    def bundle_upstreams(self) -> Path:
        return self.run / "bundle" / "current" / UPSTREAMS

    @property
    def sidecar_socket(self) -> Path:
        return self.run / "sidecar.sock"

    @property
    def guard_socket(self) -> Path:
        return self.run / "guard.sock"

    @property
    def control_socket(self) -> Path:
        return self.run / "control.sock"

    @property
    def translator_socket(self) -> Path:
        return self.run / "translator.sock"

    @property
    def closed_socket(self) -> Path:
        """Where the public server listens while nginx ends: a server has to listen somewhere."""
        return self.prefix / "closed.sock"

    @property
    def spool(self) -> Path:
        return self.data / "spool" / "usage.spool"

    def make(self) -> None:
        """Make what must be there before nginx starts.

        Raises:
            StartError: a folder cannot be written, or a socket's path is longer than the system takes.
        """
        ours = (self.sidecar_socket, self.guard_socket, self.control_socket, self.translator_socket, self.closed_socket)
        for socket in ours:
            if len(os.fsencode(socket)) > _SOCKET_PATH_BYTES:
                raise StartError(f"the path {socket} is too long for a socket: choose a shorter OSTIARY_RUN")
        for folder in (self.prefix / "temp", self.prefix / "empty", self.candidate / "empty", self.spool.parent):
            try:
                folder.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise StartError(f"cannot write to {folder}: {error.strerror}") from error
            if not os.access(folder, os.W_OK):
                raise StartError(f"cannot write to {folder}")

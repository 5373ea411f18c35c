"""A Valkey of a test's own: the real server, on a port of its own, with nothing kept on disk."""

import os
import socket
from contextlib import suppress
from pathlib import Path

from tests.support.process import REPOSITORY, Program, free_port
from tests.support.wait import until

SERVER = os.environ.get("OSTIARY_TEST_VALKEY") or str(REPOSITORY / ".tools/valkey/usr/bin/valkey-server")


class Valkey:
    """`start` and `kill` may be called again and again; the port stays the same."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.port = free_port()
        self.url = f"valkey://127.0.0.1:{self.port}/0"
        self._program: Program | None = None

    @property
    def pid(self) -> int:
        assert self._program is not None, "not started"
        return self._program.pid

    def start(self) -> "Valkey":
        options = (
            "--port",
            str(self.port),
            "--bind",
            "127.0.0.1",
            "--save",
            "",
            "--appendonly",
            "no",
            "--dir",
            str(self._folder),
        )
        self._program = Program(self._folder / "valkey.log", SERVER, *options)
        until(self._answers, f"{SERVER} answers")
        return self

    def kill(self) -> None:
        if self._program is not None and self._program.running:
            self._program.kill()

    def call(self, *words: str) -> bytes:
        """One command and what it answers, as it comes over the wire."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=5) as connection:
            connection.sendall(" ".join(words).encode() + b"\r\n")
            return connection.recv(65536)

    def _answers(self) -> bool:
        with suppress(OSError):
            return self.call("PING") == b"+PONG\r\n"
        return False

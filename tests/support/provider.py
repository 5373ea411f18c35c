"""The fake provider as a process of its own, and what it saw."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support import client
from tests.support.process import Program, python
from tests.support.wait import until


@dataclass(frozen=True)
class Seen:
    """A request as it reached the provider. `headers` in the order of arrival, names in lower case."""

    connection: int
    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    length: int
    sha256: str
    body: bytes  # its first 64 KiB

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key == name]

    def header(self, name: str) -> str | None:
        values = self.all(name)
        return values[0] if values else None

    @property
    def text(self) -> str:
        """Everything that arrived, to look for what must not be there."""
        return "\n".join([self.target, *(f"{name}: {value}" for name, value in self.headers), self.body.decode("latin-1")])


class Provider:
    """`certificate` (PEM file with its key) makes it speak TLS; then only its port is of use here."""

    def __init__(self, log: Path, certificate: Path | None = None) -> None:
        tls = ("--certificate", str(certificate)) if certificate else ()
        self.program: Program = python(log, "ostiary_operator", "fake-provider", "--port", "0", *tls)
        said = until(self._said, "the fake provider listens")
        self.port = int(said.split()[0])
        self.url = f"http://127.0.0.1:{self.port}"

    def _said(self) -> str:
        return self.program.output.partition("fake provider: ")[2].strip()

    def seen(self) -> list[Seen]:
        """The last thousand requests, oldest first."""
        return [_seen(entry) for entry in client.call(self.url, "/_log").json]

    def find(self, request_id: str) -> list[Seen]:
        """Those that carry this request id."""
        return [seen for seen in self.seen() if seen.header("x-request-id") == request_id]

    def stats(self) -> dict[str, int]:
        return dict(client.call(self.url, "/_stats").json)

    def reset(self) -> None:
        client.call(self.url, "/_reset", method="POST")

    def stop(self) -> None:
        self.program.stop()


def _seen(entry: dict[str, Any]) -> Seen:
    return Seen(
        connection=entry["connection"],
        method=entry["method"],
        target=entry["target"],
        headers=tuple((name, value) for name, value in entry["headers"]),
        length=entry["length"],
        sha256=entry["sha256"],
        body=entry["body"].encode("latin-1"),
    )

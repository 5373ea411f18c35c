"""A sidecar that says what a test wrote down, so that the data plane's own part in limits can be seen alone.

Accounts here know no time: what was granted is gone until it is returned or the test fills the account.
"""

import json
import socketserver
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

from tests.support.compiled import compile_folder
from tests.support.gateway import Parts, unix_call
from tests.support.manifests import provider
from tests.support.queued_provider import QueuedProvider
from tests.support.wait import until

from ostiary_gateway.bundle.folder import publish

KEY = "sk-test-limited"
IDENTITY = {"key_id": "k1", "key_version": "1", "name": "limited", "namespace": "default", "owner": "o"}
Spend = dict[str, Any]


class Sidecar:
    """`spends` by target (a model, or a prefix, or `<prefix>/<model>`); `accounts` by purse: what may still be granted.

    `extra` is granted on top of each need as far as there is any. `away` answers nothing but 500.
    """

    def __init__(self, generation: str, port: int) -> None:
        self.generation = generation
        self.port = port
        self.spends: dict[str, Spend] = {}
        self.plans: dict[str, Any] = {}
        self.accounts: dict[str, int] = {}
        self.backs: dict[tuple[str, int], int] = {}
        self.shortages: dict[str, Mapping[str, Any]] = {}
        self.extra = 0
        self.reset_ms = 0
        self.away = False
        self.asks: list[dict[str, Any]] = []
        self.leases: list[dict[str, Any]] = []
        self.lock = threading.Lock()
        self.hook: Callable[[dict[str, Any]], None] = lambda _: None

    def auth(self, ask: dict[str, Any]) -> dict[str, Any]:
        """A Decision: every key is good, but one that begins with sixteen zeros."""
        with self.lock:
            self.asks.append(ask)
        target, model = ask["target"], ask.get("model", "")
        name = f"{target}/{model}" if model else target
        answer: dict[str, Any] = {"generation": self.generation, "identity": IDENTITY}
        if target:
            answer["backends"] = [self._backend(target if ask["surface"] == "managed" else "")]
        if target in self.plans:
            answer |= {"plan": self.plans[target]}
            del answer["backends"]
        if name in self.spends:
            answer["spend"] = self.spends[name]
        return answer

    def lease(self, ask: dict[str, Any]) -> dict[str, Any]:
        """A Lease: all of what is needed, or the first shortage."""
        self.hook(ask)
        with self.lock:
            self.leases.append(ask)
            for purse, slot, back in ask["returns"]:
                more = max(0, back - self.backs.get((purse, slot), 0))
                self.backs[purse, slot] = self.backs.get((purse, slot), 0) + more
                self.accounts[purse] = self.accounts.get(purse, 0) + more
            for purse, _, amount in ask["needs"]:
                if self.accounts.get(purse, 0) < amount:
                    return {"shortage": {**_SHORTAGE, **self.shortages.get(purse, {}), "purse": purse}}
            return {"grants": [self._grant(*need) for need in ask["needs"]]}

    def _grant(self, purse: str, slot: int, amount: int) -> list[Any]:
        extra = min(self.extra, self.accounts[purse] - amount)
        self.accounts[purse] -= amount + extra
        return [purse, slot, amount, extra, 100, self.accounts[purse], self.reset_ms]

    def _backend(self, model: str) -> dict[str, str]:
        upstream = f"os_http_127.0.0.1_{self.port}"
        where = {"scheme": "http", "upstream": upstream, "host": f"127.0.0.1:{self.port}", "base_path": "", "model": model}
        credential = {"credential_header": "authorization", "credential": "Bearer provider"} if model else {}
        return {"provider": "up", "provider_type": "openai", **where, **credential}


_REFUSAL = {"status": 429, "code": "rate_limit_exceeded", "message": "rate limit exceeded"}
_SHORTAGE = {"refusal": _REFUSAL, "retry_after_ms": 1500, "hold_ms": 0, "limit": 100, "reset_ms": 0}


class _Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    request_queue_size = 512

    def __init__(self, path: Path, sidecar: Sidecar) -> None:
        self.sidecar = sidecar
        super().__init__(str(path), _Handler)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def address_string(self) -> str:
        return "unix"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as the base class names it
        """Nothing: a test asks for what it wants to know."""

    def do_POST(self) -> None:
        ask = json.loads(self.rfile.read(int(self.headers["content-length"])))
        sidecar = self.server.sidecar
        answer = sidecar.auth(ask) if self.path == "/auth" else None if sidecar.away else sidecar.lease(ask)
        body = json.dumps(answer).encode()
        self.send_response(500 if answer is None else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class Plane:
    """A running nginx between a mock provider `up` and a scripted sidecar."""

    def __init__(self, gateway: Parts, sidecar: Sidecar, mock: QueuedProvider) -> None:
        self.gateway, self.sidecar, self.mock = gateway, sidecar, mock
        self.base_url = gateway.base_url
        self._names = 0

    def limit(self, target: str, *purses: tuple[Any, ...], **spend: Any) -> None:
        """What a request for this target spends. A target that is asked for under a new name is asked for anew."""
        self.sidecar.spends[target] = {"purses": [list(purse) for purse in purses], **spend}

    def purses(self) -> dict[str, list[int]]:
        answer = json.loads(unix_call(self.gateway.run / "control.sock", "GET", "/purses"))
        return dict(answer["purses"])

    def take_back(self, **amounts: int) -> dict[str, int]:
        body = json.dumps({"take_back": amounts}).encode()
        return dict(json.loads(unix_call(self.gateway.run / "control.sock", "POST", "/purses", body))["taken"])

    def uncounted(self, *ids: str) -> dict[str, Any]:
        return dict(json.loads(unix_call(self.gateway.run / "control.sock", "POST", "/uncounted", json.dumps(ids).encode())))

    def lines(self) -> list[dict[str, Any]]:
        """Of the spool. Nobody else reads it here."""
        text = (self.gateway.data / "spool/usage.spool").read_text()
        return [json.loads(line) for line in text.split("\x1e")[1:] if line.endswith("\n")]

    def line(self, request_id: str) -> dict[str, Any]:
        """That of one request; its fields in `s` as a list."""

        def found() -> dict[str, Any] | None:
            lines = [line | {"s": line["s"].split("\t")} for line in self.lines() if f"\t{request_id}\t" in line["s"]]
            return lines[0] if lines else None

        return until(found, f"the line of {request_id}")

    def idle(self) -> None:
        until(lambda: self.gateway.status().get("in_flight") == 0, "nothing under way")


@contextmanager
def open_plane(folder: Path, **settings: object) -> Iterator[Plane]:
    """The real supervisor and nginx, until the end of the block."""
    with QueuedProvider() as mock:
        gateway = Parts(folder, **{"workers": 2, **settings})
        gateway.write("main", *provider("up", mock.url, credential="sk-upstream"))
        bundle = compile_folder(gateway.manifests, gateway.data)
        publish(gateway.run, bundle)
        sidecar = Sidecar(bundle.digest, mock.port)
        with _Server(gateway.run / "sidecar.sock", sidecar) as server:
            thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
            thread.start()
            gateway.start_part("supervisor")
            try:
                control = gateway.run / "control.sock"
                until(gateway.status, "nginx runs", 30)
                unix_call(control, "POST", "/generation", bundle.digest.encode())
                yield Plane(gateway, sidecar, mock)
            finally:
                gateway.programs["supervisor"].hurry(30)
                server.shutdown()
                thread.join()

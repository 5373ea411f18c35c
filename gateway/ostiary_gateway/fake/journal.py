"""What the fake provider saw, for tests to look at."""

import hashlib
import time
from collections import Counter, deque
from dataclasses import dataclass, field

import msgspec

from ostiary_gateway.fake.wire import Request

_KEPT_REQUESTS = 1000
_KEPT_BYTES = 256 * 1024


@dataclass(slots=True)
class Journal:
    """The last requests, newest last, and counters since the last reset."""

    requests: deque[tuple[float, int, Request]] = field(default_factory=lambda: deque(maxlen=_KEPT_REQUESTS))
    counters: Counter[str] = field(default_factory=Counter)

    def note(self, connection: int, request: Request) -> None:
        self.counters["requests"] += 1
        self.requests.append((time.time(), connection, request))

    def reset(self) -> None:
        """Forget everything but how many connections are open."""
        still_open = self.counters["open"]
        self.requests.clear()
        self.counters = Counter(open=still_open)

    def log(self) -> bytes:
        """JSON list of `{time, connection, method, target, headers, length, sha256, body}`.

        `headers` are name-value pairs; `body` holds its first 256 KiB, one character per byte (Latin-1).
        """
        return msgspec.json.encode([_entry(*noted) for noted in self.requests])

    def stats(self) -> bytes:
        """JSON object of counters: requests, connections, open, streams, broken, abandoned, malformed."""
        return msgspec.json.encode(self.counters)


def _entry(at: float, connection: int, request: Request) -> dict[str, object]:
    return {
        "time": at,
        "connection": connection,
        "method": request.method,
        "target": request.target,
        "headers": request.headers,
        "length": len(request.body),
        "sha256": hashlib.sha256(request.body).hexdigest(),
        "body": request.body[:_KEPT_BYTES].decode("latin-1"),
    }

"""Clients that keep a gateway busy and remember what they saw."""

import random
import threading
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from http.client import HTTPException
from types import TracebackType
from typing import Self

from tests.support import sample
from tests.support.client import stream
from tests.support.gateway import Gateway, Record

_CHAT = "/v1/chat/completions"
_HELLO = [{"role": "user", "content": "hello"}]
_SECONDS = 15


@dataclass(frozen=True)
class Seen:
    """What a client saw of one request: `status` 0 is no answer at all; `whole` is its answer to the end."""

    request_id: str
    status: int
    whole: bool


class Load:
    """Clients in threads, each with requests of several kinds in an order that the seed decides.

    Whole answers, streams, pass-through, and clients that leave in the middle of a stream. Leaving the block ends the
    clients when they have finished the request that they are at.
    """

    def __init__(self, gateway: Gateway, clients: int, seed: int) -> None:
        self._gateway = gateway
        self._ending = threading.Event()
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._client, args=(seed, number)) for number in range(clients)]
        self.seen: list[Seen] = []

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._ending.set()
        for thread in self._threads:
            thread.join()

    @property
    def unanswered(self) -> list[Seen]:
        return [seen for seen in self.seen if seen.status == 0]

    @property
    def statuses(self) -> Counter[int]:
        return Counter(seen.status for seen in self.seen)

    def _client(self, seed: int, number: int) -> None:
        order = random.Random(seed * 1000 + number)  # noqa: S311 - the same order each time
        count = 0
        while not self._ending.is_set():
            count += 1
            seen = self._request(f"load-{number}-{count}", order.choice(("whole", "stream", "pass", "leave")))
            with self._lock:
                self.seen.append(seen)

    def _request(self, request_id: str, kind: str) -> Seen:
        path = f"/open{_CHAT}" if kind == "pass" else _CHAT
        model = {"whole": "openai/echo", "pass": "echo"}.get(kind, "openai/slow-3x10")
        body = {"model": model, "messages": _HELLO, "stream": kind in {"stream", "leave"}}
        headers = {"x-request-id": request_id}
        status, whole = 0, False
        try:
            with stream(self._gateway.base_url, path, body, key=sample.ALL, headers=headers, seconds=_SECONDS) as response:
                status = response.status
                if kind == "leave":
                    response.read1(64)
                else:
                    response.read()
                    whole = True
        except (HTTPException, OSError):
            whole = False
        return Seen(request_id, status, whole)


def assert_recorded_once(gateway: Gateway, seen: Iterable[Seen], unaccounted: int = 0, untaken: int = 0) -> list[Record]:
    """Each answered request has one record, none has two, and no id that was given out is missing.

    A request that got no answer has one record or none: the gateway may never have heard of it.

    Args:
        gateway: what to look at.
        seen: what clients saw.
        unaccounted: so many answered requests may have no record, for where nginx died as a whole and its shared memory
            with it.
        untaken: so many ids may have no request: a worker was killed just when it took one.
    """
    gateway.idle(untaken)
    records = gateway.ledger()
    ids = Counter(record["id"] for record in records)
    assert [one for one, count in ids.items() if count > 1] == []
    requests = Counter(record["request_id"] for record in records)
    assert [one for one, count in requests.items() if count > 1] == []
    answered = {one.request_id for one in seen if one.status == 200}
    assert len(answered - set(requests)) <= unaccounted, answered - set(requests)
    status = gateway.status()
    issued = {f"{status['epoch']}-{number}" for number in range(1, status["issued"] + 1)}
    assert len(issued - set(ids)) <= untaken, issued - set(ids)
    ended = {record["request_id"]: record["ended"] for record in records}
    whole = [one.request_id for one in seen if one.whole and one.status == 200 and one.request_id in ended]
    assert {ended[one] for one in whole} <= {"completed", "worker_lost"}  # killed between the last byte and the record
    return records

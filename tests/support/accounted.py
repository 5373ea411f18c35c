"""Load whose every request is accounted for: what clients saw, what the provider served, what the ledger says.

Four kinds of keys: `free` has wide limits of every kind, `tokens` a budget of tokens that is too small for the load, `rate` a
limit of requests per second, `slots` one of requests at once.
"""

import asyncio
import json
import random
import re
import time
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from tests.support.gateway import Gateway, Record, unix_get
from tests.support.manifests import Manifest, api_key, model, provider
from tests.support.process import kill
from tests.support.wait import until

from ostiary_gateway.contract.limits import SLOT_MS, WINDOW_MS

KINDS = ("free", "tokens", "rate", "slots")
_SHARES = (70, 10, 10, 10)
PER_SECOND, SLOTS = 15, 2
_SLOTS_OF_A_SECOND = WINDOW_MS["second"] // SLOT_MS["second"]
INPUT = 20
_WANTED = re.compile(rb"(free|tokens|rate|slots) (\d+)")
_SLOT_SECONDS = 0.004
_SETTLED_SECONDS = 1.0  # after that nothing that began without a sidecar is still under way
_MILLION = Decimal(1_000_000)
PRICES = {"inputPerMillionTokens": "3", "outputPerMillionTokens": "15"}


def key(kind: str) -> str:
    return f"sk-accounted-{kind}"


def manifests(url: str, tokens: int) -> list[Manifest]:
    """`tokens` is the budget of that key."""
    wide = {"requests": {"perMinute": 10**9, "perSecond": 10**7}, "tokens": {"perMinute": 10**12}, "concurrentRequests": 1000}
    terms: dict[str, dict[str, Any]] = {
        "free": {"limits": wide, "budget": {"amount": "1000000", "period": "Total"}},
        "tokens": {"budget": {"tokens": tokens, "period": "Total"}},
        "rate": {"limits": {"requests": {"perSecond": PER_SECOND}}},
        "slots": {"limits": {"concurrentRequests": SLOTS}},
    }
    keys = [api_key(kind, key(kind), **terms[kind]) for kind in KINDS]
    return [*provider("books", url, credential="sk-x"), model("m", "books/m", price=PRICES), *keys]


@dataclass(frozen=True)
class Asked:
    """One request: `status` 0 is no answer. `output` is what the provider says of it, if it is asked."""

    request_id: str
    kind: str
    output: int
    status: int

    @property
    def cost(self) -> Decimal:
        return (3 * INPUT + 15 * self.output) / _MILLION


class Books:
    """A provider that answers with the output tokens that the prompt wishes. Runs in the loop of the block."""

    def __init__(self) -> None:
        self.url = ""
        self.served: Counter[str] = Counter()
        self.open = 0
        self.too_many: list[float] = []  # moments at which more than SLOTS were open
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0, backlog=1024)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            try:
                while True:
                    head = await reader.readuntil(b"\r\n\r\n")
                    length = re.search(rb"content-length: *(\d+)", head, re.IGNORECASE)
                    found = _WANTED.search(await reader.readexactly(int(length[1]) if length else 0))
                    assert found is not None
                    await self._answer(writer, found[1].decode(), int(found[2]))
            finally:
                writer.transport.abort()

    async def _answer(self, writer: asyncio.StreamWriter, kind: str, output: int) -> None:
        self.served[kind] += 1
        if kind == "slots":
            self.open += 1
            if self.open > SLOTS:
                self.too_many.append(time.time())
            try:
                await asyncio.sleep(_SLOT_SECONDS)
            finally:
                self.open -= 1
        usage = {"prompt_tokens": INPUT, "completion_tokens": output, "total_tokens": INPUT + output}
        choice = {"index": 0, "message": {"role": "assistant", "content": "Done."}, "finish_reason": "stop"}
        value = {"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice], "usage": usage}
        text = json.dumps(value).encode()
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(text), text))


async def ask(gateway: Gateway, numbers: range, clients: int, seed: int) -> list[Asked]:
    """Requests of all kinds, by so many clients that each have one connection; the seed decides their order."""
    order = random.Random(seed)  # noqa: S311 - the same each time
    todo = iter([(f"asked-{number}", order.choices(KINDS, _SHARES)[0], order.randint(1, 90)) for number in numbers])
    seen: list[Asked] = []
    at = urlsplit(gateway.base_url)

    async def client() -> None:
        line: _Line | None = None
        for request_id, kind, output in todo:
            try:
                line = line or await _Line.open(at.hostname or "", at.port or 0)
                status = await line.post(request_id, kind, output)
            except (OSError, asyncio.IncompleteReadError):
                if line is not None:
                    line.close()
                line, status = None, 0
            seen.append(Asked(request_id, kind, output, status))
        if line is not None:
            line.close()

    async with asyncio.TaskGroup() as group:
        for _ in range(clients):
            group.create_task(client())
    return seen


class _Line:
    """One connection, used again and again."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @classmethod
    async def open(cls, host: str, port: int) -> Self:
        return cls(*await asyncio.open_connection(host, port))

    def close(self) -> None:
        self._writer.transport.abort()

    async def post(self, request_id: str, kind: str, output: int) -> int:
        body = json.dumps({"model": "m", "messages": [{"role": "user", "content": f"{kind} {output}"}], "max_tokens": output})
        self._writer.write(
            f"POST /v1/chat/completions HTTP/1.1\r\nHost: g\r\nAuthorization: Bearer {key(kind)}\r\n"
            f"x-request-id: {request_id}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()
        )
        head = await self._reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"content-length: *(\d+)", head, re.IGNORECASE)
        if length:
            await self._reader.readexactly(int(length[1]))
        else:
            await self._reader.readuntil(b"\r\n0\r\n\r\n")
        return int(head[9:12])


class Blind:
    """Spans of Unix time without a sidecar: rates and slots let through then what no purse is there for."""

    def __init__(self) -> None:
        self._spans: list[tuple[float, float]] = []

    async def kill(self, gateway: Gateway, pid: int) -> None:
        """Kill the sidecar, and note how long nobody was there."""
        began = time.time()
        kill(pid)
        await asyncio.to_thread(until, lambda: gateway.ready().get("status") == "ready", "the sidecar is back", 30)
        self._spans.append((began, time.time() + _SETTLED_SECONDS))

    def covers(self, begin: float, end: float) -> bool:
        return any(begin <= over and began <= end for began, over in self._spans)


@dataclass(frozen=True)
class Account:
    """What it came to. `spent` is by key, decimal US dollars; `lost` are the records of requests whose worker died.

    `falsely_refused` are those of the key whose limits are too wide to be met. `over_rate` says how often there were too many
    in a window, `over_slots` how often too many at once, both of what was granted by a sidecar.
    """

    answered: int
    refused: int
    falsely_refused: int
    unavailable: int
    unanswered: int
    records: int
    lost: int
    doubled: int
    missing: int
    wrong: int
    spent: dict[str, Decimal]
    tokens_of_budget: int
    over_rate: int
    over_slots: int
    slots_out: int


def account(gateway: Gateway, books: Books, seen: Iterable[Asked], blind: Blind) -> Account:
    """Compare what clients saw with what is in the ledger; the gateway must be idle."""
    seen = list(seen)
    records = gateway.ledger()
    by_request = {record["request_id"]: record for record in records}
    answered = [one for one in seen if one.status == 200]
    missing = [one for one in answered if one.request_id not in by_request]
    wrong = [one for one in answered if one.request_id in by_request and not _is_true(one, by_request[one.request_id])]
    ids = Counter(record["id"] for record in records)
    spent: dict[str, Decimal] = dict.fromkeys(KINDS, Decimal(0))
    for record in records:
        spent[record["key_name"]] += Decimal(record.get("charged") or 0)
    return Account(
        answered=len(answered),
        refused=sum(one.status in {402, 429} for one in seen),
        falsely_refused=sum(one.kind == "free" and one.status in {402, 429} for one in seen),
        unavailable=sum(one.status == 503 for one in seen),
        unanswered=sum(one.status == 0 for one in seen),
        records=len(records),
        lost=sum(record["ended"] == "worker_lost" for record in records),
        doubled=len(records) - len(ids) + len(records) - len(by_request),
        missing=len(missing),
        wrong=len(wrong),
        spent=spent,
        tokens_of_budget=sum(_tokens(record) for record in records if record["key_name"] == "tokens"),
        over_rate=_over(one for one in records if one["key_name"] == "rate"),
        over_slots=sum(not blind.covers(moment, moment) for moment in books.too_many),
        slots_out=slots_out(gateway.run),
    )


def slots_out(run: Path) -> int:
    """Slots that are taken, or leaked: granted to nginx, not taken back and not left there."""
    purses = json.loads(unix_get(run / "control.sock", "/purses"))["purses"]
    return sum(granted - back - left for name, (left, granted, back) in purses.items() if name.startswith("c"))


def _is_true(one: Asked, record: Record) -> bool:
    """A worker that is killed between the last byte and the record takes the counts with it."""
    if record["ended"] == "worker_lost":
        return True
    usage = record["usage"]
    return (usage["input_tokens"], usage["output_tokens"], Decimal(record["charged"])) == (INPUT, one.output, one.cost)


def _tokens(record: Record) -> int:
    usage = record.get("usage") or {}
    return int(usage.get("input_tokens") or 0) + int(usage.get("output_tokens") or 0)


def _over(records: Iterable[Record]) -> int:
    """How many windows had more requests than the limit, by the slot of nginx's clock in which each one paid.

    Those that were let through without a sidecar hold nothing.
    """
    held = (name for record in records for name in record.get("held") or {} if name.startswith("r"))
    slots = sorted(int(name.partition(".")[2]) for name in held)
    return sum(last - first < _SLOTS_OF_A_SECOND for first, last in zip(slots, slots[PER_SECOND:], strict=False))

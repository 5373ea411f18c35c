"""The state of backends in nginx's shared memory, and how `/health` on control.sock reads and merges it (share.js)."""

import json
import time
from typing import Any

from aiohttp import web


def now_ms() -> int:
    return time.time_ns() // 1_000_000


class SharedState:
    """`open`, `close` and `block` do what requests would have done."""

    def __init__(self, epoch: str = "e1") -> None:
        self.epoch = epoch
        self.blocks: dict[str, list[Any]] = {}
        self.opened: dict[str, tuple[int, int]] = {}
        self.failures: dict[str, int] = {}
        self.counts: dict[str, dict[str, int]] = {}
        self.latencies: dict[str, list[float]] = {}
        self.told: list[dict[str, Any]] = []
        self.asked = 0
        self._changes = 0

    def restart(self) -> None:
        """A new nginx: everything is forgotten."""
        self.__init__(self.epoch + "+")  # type: ignore[misc]

    def open(self, target: str, at: int = 0, open_ms: int = 300_000) -> None:
        self.opened[target] = (at or now_ms(), open_ms)
        self.failures[target] = 5
        self._changes += 1

    def close(self, target: str) -> None:
        self.opened.pop(target, None)
        self.failures.pop(target, None)
        self._changes += 1

    def block(self, scope: str, milliseconds: int = 60_000, why: str = "retry_after") -> None:
        self.blocks[scope] = [now_ms() + milliseconds, why]
        self._changes += 1

    def count(self, target: str, success: int, failure: int) -> None:
        self.counts[target] = {"success": success, "failure": failure}

    async def get(self, request: web.Request) -> web.Response:
        version = f"{self.epoch}-{self._changes}"
        self.asked += 1
        if request.query.get("unless") == version:
            return web.Response(status=304)
        now = now_ms()
        breakers = {t: {"state": "CLOSED", "failures": n, "opened_at": 0, "open_ms": 0} for t, n in self.failures.items()}
        for target, (at, open_ms) in self.opened.items():
            state = "OPEN" if at + open_ms > now else "HALF_OPEN"
            failures = self.failures.get(target, 0)
            breakers[target] = {"state": state, "failures": failures, "opened_at": at, "open_ms": open_ms}
        blocks = {scope: block for scope, block in self.blocks.items() if block[0] > now}
        told = {"now": now, "version": version, "epoch": self.epoch, "blocks": blocks, "breakers": breakers}
        return web.json_response({**told, "latencies": self.latencies, "counts": self.counts})

    async def post(self, request: web.Request) -> web.Response:
        told = json.loads(await request.read())
        self.told.append(told)
        for scope, block in told.get("blocks", {}).items():
            if block[0] > max(now_ms(), self.blocks.get(scope, [0])[0]):
                self.blocks[scope] = block
                self._changes += 1
        for target, opening in told.get("breakers", {}).items():
            if opening is None:
                self.close(target)
            elif opening["opened_at"] + opening["open_ms"] > now_ms() and opening["opened_at"] > self.opened.get(target, (0,))[0]:
                self.open(target, opening["opened_at"], opening["open_ms"])
        for target in told.get("reset", []):
            self.close(target)
        return web.Response(status=204)

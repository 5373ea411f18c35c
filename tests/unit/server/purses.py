"""The purses of nginx, how `/purses` on control.sock tells and empties them, and requests that spend from them."""

import json
import time
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web
from tests.support.spool_lines import IDENTITY, LINE
from tests.unit.decide.bundles import KEY, sha

_FIELDS = [name for name in IDENTITY if name != "pid"]


@dataclass
class Request:
    """`held` by purse key. `shortage` is set where it was refused."""

    number: int
    held: dict[str, int] = field(default_factory=dict)
    shortage: dict[str, Any] | None = None
    grants: list[Any] = field(default_factory=list)


class Purses:
    def __init__(self, epoch: str = "e1") -> None:
        self.epoch = epoch
        self.left: defaultdict[str, int] = defaultdict(int)
        self.granted: defaultdict[str, int] = defaultdict(int)
        self.back: defaultdict[str, int] = defaultdict(int)
        self.looks = self.emptied = 0
        self.asked = 0
        self._numbers = 0

    def restart(self, epoch: str) -> None:
        """Another nginx."""
        self.epoch = epoch
        self.left.clear()
        self.granted.clear()
        self.back.clear()

    async def request(self, sidecar: Any, target: str, amounts: dict[str, int], *, key: str = KEY, **ask: Any) -> Request:
        """What js does: take from the purses, and lease once what they lack. `amounts` by unit letter."""
        decision = await sidecar.ask(target, sha(key))
        names = [(name, slot_ms) for name, slot_ms, *_ in (tuple([*p, 0, ""][:3]) for p in decision["spend"]["purses"])]
        wanted = [(name, slot_ms, amounts[name[0]]) for name, slot_ms in names]
        keys = {name: self._key(name, slot_ms) for name, slot_ms, _ in wanted}
        lacking = [(name, slot_ms, amount) for name, slot_ms, amount in wanted if self.left[keys[name]] < amount]
        made = Request(0)
        if lacking:
            needs = [[name, self._slot(slot_ms), amount] for name, slot_ms, amount in lacking]
            body = {"key": sha(key), "surface": "managed", "target": target, "needs": needs, **ask}
            self.asked += 1
            async with sidecar.unix.post("http://sidecar/lease", json=body) as answer:
                assert answer.status == 200, await answer.text()
                lease = await answer.json()
            made.shortage = lease.get("shortage")
            if made.shortage:
                return made
            made.grants = lease["grants"]
            for name, slot, amount, extra, *_ in made.grants:
                purse = f"{name}.{slot}" if slot else name
                self.granted[purse] += amount + extra
                self.left[purse] += extra
                made.held[purse] = amount
        for name, _, amount in wanted:
            if keys[name] not in made.held and not any(held.startswith(f"{name}.") for held in made.held):
                self.left[keys[name]] -= amount
                made.held[keys[name]] = amount
        self._numbers += 1
        made.number = self._numbers
        return made

    def end(
        self, data: Path, request: Request, *, into: int = 0, out: int = 0, at: float = 0.0, key_id: str = f"id-{KEY}"
    ) -> None:
        """Its slots go back at once; its line goes to the spool."""
        for purse, amount in request.held.items():
            if purse.startswith("c"):
                self.left[purse] += amount
        held = ",".join(f"{purse}={amount}" for purse, amount in request.held.items())
        identity = {**IDENTITY, "key_id": key_id, "requested_model": "priced", "start": str(int(time.time() * 1000))}
        fields = [*(identity[name] for name in _FIELDS), "", held, identity["pid"]]
        usage = {"prompt_tokens": into, "completion_tokens": out, "total_tokens": into + out}
        told = {"last": True, "stream": False, "model": "gpt-x", "usage": [usage]}
        line = {
            **LINE,
            "id": f"{self.epoch}-{request.number}",
            "s": "\t".join(fields),
            "t": at or time.time(),
            "u": json.dumps(told),
        }
        spool = data / "spool" / "usage.spool"
        spool.parent.mkdir(parents=True, exist_ok=True)
        with spool.open("a", encoding="utf-8") as out_file:
            out_file.write("\x1e" + json.dumps(line) + "\n")

    def idle(self, letter: str) -> int:
        return sum(left for purse, left in self.left.items() if purse.startswith(letter))

    async def get(self, _: web.Request) -> web.Response:
        self.looks += 1
        purses = {purse: [self.left[purse], granted, self.back[purse]] for purse, granted in self.granted.items()}
        return web.json_response({"epoch": self.epoch, "purses": purses})

    async def post(self, request: web.Request) -> web.Response:
        self.emptied += 1
        wanted = json.loads(await request.read())["take_back"]
        taken = {purse: min(amount, self.left[purse]) for purse, amount in wanted.items()}
        for purse, amount in taken.items():
            self.left[purse] -= amount
            self.back[purse] += amount
        ever = {name: {purse: of[purse] for purse in wanted} for name, of in (("granted", self.granted), ("back", self.back))}
        return web.json_response({"epoch": self.epoch, "taken": taken, **ever})

    @staticmethod
    def _slot(slot_ms: int) -> int:
        return time.time_ns() // 1_000_000 // slot_ms if slot_ms else 0

    def _key(self, name: str, slot_ms: int) -> str:
        return f"{name}.{self._slot(slot_ms)}" if slot_ms else name

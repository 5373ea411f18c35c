"""`python -m hack.bench.shared [replicas] [runs]`: how far replicas with one Valkey overspend, against the stated bound.

Each run has keys of its own: a rate, a budget, slots, and a rate and a budget while something dies (in turn: Valkey, a replica).
More is asked for than is allowed, of all replicas at once; what passed above the limit is overspent, what is missing was refused
falsely. Real gateways (nginx and sidecar each), a real Valkey, processes of this machine.
"""

import asyncio
import json
import sys
import tempfile
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

import aiohttp
from tests.support.gateway import Parts
from tests.support.manifests import Manifest, api_key, model, provider
from tests.support.process import kill
from tests.support.queued_provider import Answer, QueuedProvider
from tests.support.valkey import Valkey
from tests.support.wait import until

LIMIT, SLOTS, MORE = 40, 3, 1.5
AT_ONCE = 12
SLOW_SECONDS = 1.0
KINDS = ("rate", "budget", "slots", "rate-fault", "budget-fault")
PRICE = {"inputPerMillionTokens": "0", "outputPerMillionTokens": "0", "perRequest": "0.025"}


def keys(runs: int) -> list[Manifest]:
    rate = {"limits": {"requests": {"perHour": LIMIT}}}
    budget = {"budget": {"amount": "1.00", "period": "Total"}}
    specs = dict(zip(KINDS, (rate, budget, {"limits": {"concurrentRequests": SLOTS}}, rate, budget), strict=True))
    return [api_key(f"{kind}-{run}", f"sk-{kind}-{run}", **spec) for run in range(runs) for kind, spec in specs.items()]


class Replicas:
    def __init__(self, folder: Path, count: int, mocks: tuple[QueuedProvider, QueuedProvider], valkey: Valkey) -> None:
        self.valkey = valkey
        self.mocks = mocks
        settings = {"valkey_url": valkey.url, "replicas": count, "workers": 1, "lease_wait_seconds": 2}
        self.gateways = [Parts(folder / str(number), **settings) for number in range(count)]

    def start(self, runs: int) -> None:
        fast, slow = self.mocks
        manifests = [*provider("fast", fast.url, credential="sk-a"), *provider("slow", slow.url, credential="sk-b")]
        models = [model(name, {"providerRef": {"name": name}, "price": PRICE}) for name in ("fast", "slow")]
        for gateway in self.gateways:
            gateway.start(manifests, models, keys(runs))
        self.share()

    def share(self) -> None:
        """Wait until all of every replica is up and shares."""
        until(lambda: all(each.status() and each.ready().get("limits") == "ok" for each in self.gateways), "all share", 30)

    async def ask(self, client: aiohttp.ClientSession, number: int, key: str, name: str) -> int:
        body = {"model": name, "max_tokens": 5, "messages": [{"role": "user", "content": "hello"}]}
        url = self.gateways[number % len(self.gateways)].base_url + "/v1/chat/completions"
        try:
            async with client.post(url, json=body, headers={"Authorization": f"Bearer sk-{key}"}) as reply:
                await reply.read()
                return reply.status
        except aiohttp.ClientError:
            return 0

    async def passed(
        self, client: aiohttp.ClientSession, key: str, times: int, name: str = "fast", at_once: int = AT_ONCE
    ) -> int:
        gate = asyncio.Semaphore(at_once)

        async def one(number: int) -> int:
            async with gate:
                return await self.ask(client, number, key, name)

        self.statuses = Counter(await asyncio.gather(*(one(number) for number in range(times))))
        return self.statuses[200]

    def fault(self, run: int) -> None:
        """Valkey, or all of a replica, dies (kill -9) and comes back at once."""
        if run % 2:
            self.valkey.kill()
            time.sleep(0.3)
            self.valkey.start()
        else:
            victim = self.gateways[run // 2 % len(self.gateways)]
            processes = (*victim.workers(), victim.nginx())
            for program in victim.programs.values():
                program.kill()
            for process in filter(None, processes):  # 0 is not yet started, and to kill it would kill us
                kill(process)
            for part in victim.programs:
                victim.start_part(part)

    async def run(self, client: aiohttp.ClientSession, run: int) -> dict[str, int]:
        """What passed above the limit, by kind; below zero what was refused falsely."""
        over = {}
        for kind in ("rate", "budget"):
            over[kind] = await self.passed(client, f"{kind}-{run}", int(LIMIT * MORE)) - LIMIT
        over["slots"] = await self.passed(client, f"slots-{run}", SLOTS * 4, "slow", SLOTS * 4) - SLOTS
        for kind in ("rate-fault", "budget-fault"):
            before = await self.passed(client, f"{kind}-{run}", LIMIT // 2)
            dies = asyncio.to_thread(self.fault, run)
            meanwhile, _ = await asyncio.gather(self.passed(client, f"{kind}-{run}", LIMIT // 2), dies)
            await asyncio.to_thread(self.share)
            over[kind] = before + meanwhile + await self.passed(client, f"{kind}-{run}", LIMIT) - LIMIT
        return over


async def measure(replicas: Replicas, runs: int) -> list[dict[str, int]]:
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as client:
        rows = []
        for run in range(runs):
            rows.append(await replicas.run(client, run))
            print(f"{run + 1}/{runs} {rows[-1]}", flush=True)
        return rows


def main() -> None:
    count, runs = (int(word) for word in (*sys.argv[1:], "2", "50")[:2])
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        fast, slow = (stack.enter_context(QueuedProvider()) for _ in range(2))
        slow.answers(Answer(delay=SLOW_SECONDS))
        valkey = Valkey(folder).start()
        stack.callback(valkey.kill)
        replicas = Replicas(folder, count, (fast, slow), valkey)
        for gateway in replicas.gateways:
            stack.callback(gateway.stop)
        replicas.start(runs)
        rows = asyncio.run(measure(replicas, runs))
    print(
        f"\n| {count} replicas, {runs} runs, limit {LIMIT} ({SLOTS} slots) | most overspent | most refused falsely | exact runs |"
    )
    print("|---|---|---|---|")
    for kind in KINDS:
        over = [row[kind] for row in rows]
        print(f"| {kind} | {max(0, *over)} | {max(0, *(-each for each in over))} | {over.count(0)} |")
    out = Path(__file__).with_name("out")
    out.mkdir(exist_ok=True)
    (out / f"shared-{count}.json").write_text(json.dumps(rows))


if __name__ == "__main__":
    main()

"""`python -m hack.bench.kill`: 100,000 requests of limited keys while sidecar and nginx workers are killed with kill -9.

The same that tests/faults/test_accounting_kill.py does with few of them. Ends with 1 if a request was lost, charged twice, or a
limit or budget exceeded.
"""

import argparse
import asyncio
import json
import random
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path

from click.testing import CliRunner
from tests.support import accounted
from tests.support.accounted import Account, Blind, Books
from tests.support.becoming import becomes
from tests.support.gateway import Gateway
from tests.support.process import kill

from ostiary_gateway.cli.ledger import ledger

SECONDS = (0.5, 3.0)


async def play(gateway: Gateway, requests: int, clients: int, seed: int) -> tuple[Account, dict[str, int], float]:
    """What it came to, how many processes were killed, and the seconds that the load took."""
    order = random.Random(seed)  # noqa: S311
    blind, tokens = Blind(), requests * 4
    async with Books() as books:
        await asyncio.to_thread(gateway.start, accounted.manifests(books.url, tokens))
        began, kills, sidecars = time.monotonic(), 0, 0
        asking = asyncio.create_task(accounted.ask(gateway, range(requests), clients, seed))
        while not asking.done():
            await asyncio.wait({asking}, timeout=order.uniform(*SECONDS))
            workers = await asyncio.to_thread(gateway.workers)
            if order.random() < 0.5 and workers:  # noqa: PLR2004
                kill(order.choice(workers))
                kills += 1
            else:
                await blind.kill(gateway, gateway.pid("sidecar"))
                sidecars += 1
        took = time.monotonic() - began
        await asyncio.to_thread(gateway.idle, kills)
        await becomes(lambda: accounted.slots_out(gateway.run) == 0, 20)
        return accounted.account(gateway, books, await asking, blind), {"workers": kills, "sidecars": sidecars}, took


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--requests", type=int, default=100_000)
    options.add_argument("--clients", type=int, default=16)
    options.add_argument("--seed", type=int, default=20261121)
    wanted = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="ostiary-kill-") as folder:
        gateway = Gateway(Path(folder))
        try:
            found, kills, took = asyncio.run(play(gateway, wanted.requests, wanted.clients, wanted.seed))
            verified = CliRunner().invoke(ledger, ["verify"], env={"OSTIARY_DATA": str(gateway.data)})
        finally:
            gateway.drop()
    print(verified.output)
    print(json.dumps({"kills": kills, "seconds": round(took, 1), **asdict(found)}, indent=1, default=str))
    wrong = (found.missing, found.doubled, found.wrong, found.over_rate, found.over_slots, found.falsely_refused, found.slots_out)
    sys.exit(1 if any(wrong) or verified.exit_code or found.tokens_of_budget > wanted.requests * 4 else 0)


if __name__ == "__main__":
    main()

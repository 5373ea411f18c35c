"""100,000 keys in a key store beside a thousand: start, memory, and the same requests against both."""

import hashlib
import time
from contextlib import ExitStack
from pathlib import Path

from hack.bench.load import body, script, wrk
from hack.bench.models import Case, alternate
from hack.bench.processes import GATEWAY_CPU, KEY, OTHERS_CPU, Target, ostiary, pin, resident_kib

from ostiary_gateway.contract.allowlist import Entry
from ostiary_gateway.keystore import KeyStore

FEW, MANY, TURNS = 1_000, 100_000, 1_000


def key(number: int) -> str:
    return f"{KEY}-stored-{number}"


def fill(path: Path, count: int) -> float:
    """Seconds that it takes to write so many keys."""
    began = time.monotonic()
    store = KeyStore.open(path)
    store.put(
        Entry(
            sha256=hashlib.sha256(key(number).encode()).hexdigest(),
            id=f"store/{number}",
            owner="bench",
            added="2026-11-21",
            name=f"k{number}",
        )
        for number in range(count)
    )
    store.close()
    return time.monotonic() - began


def measure(folder: Path, manifests: Path) -> dict[str, object]:
    """Both gateways run at the same time and take turns at being asked."""
    figures: dict[str, object] = {}
    cases: list[Case] = []
    with ExitStack() as stack:
        for count in (FEW, MANY):
            place = folder / f"keys-{count}"
            place.mkdir()
            wrote = fill(place / "keys.sqlite", count)
            began = time.monotonic()
            gateway = stack.enter_context(ostiary(place, manifests, KEY_STORE=str(place / "keys.sqlite")))
            figures[f"{count}"] = {"write_seconds": wrote, "start_seconds": time.monotonic() - began, **_memory(gateway)}
            pin(gateway.workers, GATEWAY_CPU)
            pin([*gateway.sidecar, *gateway.guard], OTHERS_CPU)
            one = _one(folder, count)
            wrk(gateway, one, connections=16, seconds=1)
            cases += [
                Case(f"one key of {count:,}", gateway, one),
                Case(f"{TURNS:,} keys of {count:,} in turn", gateway, _in_turn(folder, count)),
            ]
        print(
            "\n| keys in a store, 1 KB, c=16 | CPU us | sidecar CPU us | req/s | p50/p99 ms |\n|---|---|---|---|---|", flush=True
        )
        figures["rows"] = alternate(cases)
        figures["memory_kib_after"] = {case.name: _memory(case.target) for case in cases[1::2]}
    few, many = figures[f"{FEW}"], figures[f"{MANY}"]
    print(f"start to ready: {few['start_seconds']:.2f} s with {FEW:,} keys, {many['start_seconds']:.2f} s with {MANY:,}")
    print(f"sidecar then: {few['sidecar_kib']} KiB and {many['sidecar_kib']} KiB")
    print(f"nginx then: {few['nginx_kib']} KiB and {many['nginx_kib']} KiB")
    return figures


def _memory(gateway: Target) -> dict[str, int]:
    return {"nginx_kib": resident_kib(gateway.workers), "sidecar_kib": resident_kib(gateway.sidecar)}


def _one(folder: Path, count: int) -> Path:
    lua = script(folder, f"store-one-{count}", body(1000))
    lua.write_text(lua.read_text().replace(f"Bearer {KEY}", f"Bearer {key(count - 1)}"))
    return lua


def _in_turn(folder: Path, count: int) -> Path:
    """Keys from all over the store, each in its turn."""
    lua = script(folder, f"store-turns-{count}", body(1000))
    lua.write_text(
        lua.read_text()
        + f"""
local each, next = {{}}, 0
function init(args)
  for i = 0, {TURNS - 1} do
    wrk.headers["Authorization"] = "Bearer {KEY}-stored-" .. (i * {count // TURNS})
    each[i] = wrk.format()
  end
end
function request() next = (next + 1) % {TURNS}; return each[next] end
"""
    )
    return lua

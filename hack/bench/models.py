"""What Models cost: a policy, a guard, ten backends, a thousand Models, one failover. Everything else is as in the main table."""

import contextlib
import http.client
import json
import statistics
import time
from dataclasses import dataclass
from pathlib import Path

from hack.bench.load import MANAGED, Run, body, script, wrk
from hack.bench.processes import KEY, MODEL, Target, cpu_seconds, resident_kib

ROUNDS, SECONDS = 3, 2.0
MANY, BACKENDS = 1000, 10
FAILOVERS = 250  # a round; all rounds together stay below the breaker of `broken`
PATIENCE_SECONDS = 60
HEADINGS = "| case | CPU us | sidecar and guard CPU us | req/s | p50/p99 ms |\n|---|---|---|---|---|"
POLICY = "retryPolicy: {onStatusCodes: [{codes: [429, 500-504], strategy: DifferentProvider, maxAttempts: 2}]}"
PROVIDERS = """
apiVersion: ostiary.dev/v1alpha1
kind: Provider
metadata: {name: other}
spec: {type: openai, baseURL: "http://127.0.0.1:@PROVIDER@", credential: {secretRef: {name: bench, key: credential}}}
---
apiVersion: ostiary.dev/v1alpha1
kind: Provider
metadata: {name: broken}
spec:
  type: openai
  baseURL: "http://127.0.0.1:@PROVIDER@/broken"
  credential: {secretRef: {name: bench, key: credential}}
  breaker: {consecutiveFailures: 1000}
---
"""


def model(name: str, backends: list[str], more: str = "") -> str:
    """The manifest of a Model with a policy; a backend is `<Provider>/<its model>`."""
    each = "".join(
        f"    - {{providerRef: {{name: {provider}}}, model: {name_there}}}\n"
        for provider, _, name_there in (backend.partition("/") for backend in backends)
    )
    head = f"apiVersion: ostiary.dev/v1alpha1\nkind: Model\nmetadata: {{name: {name}}}\n"
    return f"{head}spec:\n  backends:\n{each}  {POLICY}\n  {more}\n---\n"


def ten(name: str) -> str:
    return model(name, [f"{'bench' if number % 2 == 0 else 'other'}/{name}-{number}" for number in range(BACKENDS)])


MANIFESTS = (
    PROVIDERS
    + model("with-policy", ["bench/model", "other/model"])
    + model("guarded", ["bench/model", "other/model"], "timeouts: {firstByteMilliseconds: 5000}")
    + model("direct", ["bench/model", "other/model"])
    + model("failover", ["broken/model", "bench/model"])
    + ten("ten")
)


@dataclass(frozen=True)
class Case:
    name: str
    target: Target
    lua: Path


def measure(folder: Path, manifests: Path, plain: Target, gateway: Target) -> dict[str, object]:
    """Cases take turns; those that need a thousand Models come after the others."""
    wait_for(gateway.port, "ten")
    one = {name: script(folder, name.replace("/", "-"), named(name)) for name in (MODEL, "with-policy", "guarded", "ten")}
    print(f"\n{HEADINGS}", flush=True)
    rows = alternate([
        Case("plain nginx", plain, one[MODEL]),
        Case("/v1, <prefix>/<model>", gateway, one[MODEL]),
        Case("/v1, a Model with a policy", gateway, one["with-policy"]),
        Case("/v1, a Model with a policy and a guard", gateway, one["guarded"]),
        Case(f"/v1, 1 Model of {BACKENDS} backends", gateway, one["ten"]),
    ])  # fmt: skip
    direct, failover = failovers(gateway)
    (manifests / "many.yaml").write_text("".join(ten(f"many-{number}") for number in range(MANY)))
    took = wait_for(gateway.port, f"many-{MANY - 1}")
    rows += alternate([
        Case(f"/v1, the same Model beside {MANY:,} of {BACKENDS} backends each", gateway, one["ten"]),
        Case(f"/v1, {MANY:,} Models of {BACKENDS} backends each, in turn", gateway, in_turn(folder)),
    ])  # fmt: skip
    memory = {"nginx_workers": resident_kib(gateway.workers), "sidecar": resident_kib(gateway.sidecar)}
    (manifests / "many.yaml").unlink()
    return {
        "rows": rows, "direct": direct, "failover": failover, "many_applied_seconds": took, "many_memory_kib": memory,
    }  # fmt: skip


def alternate(cases: list[Case], rounds: int = ROUNDS) -> list[dict[str, object]]:
    """One row for each case: the medians of its rounds."""
    runs: dict[str, list[Run]] = {case.name: [] for case in cases}
    for _ in range(rounds):
        for case in cases:
            runs[case.name].append(wrk(case.target, case.lua, connections=16, seconds=SECONDS))
    rows = [row(name, each) for name, each in runs.items()]
    print("\n".join(map(line, rows)), flush=True)
    return rows


def row(name: str, runs: list[Run]) -> dict[str, object]:
    if errors := sum(run.errors for run in runs):
        raise RuntimeError(f"{name}: {errors} answers were not 2xx")
    fields = ("cpu_us", "sidecar_us", "rate", "p50_ms", "p99_ms")
    medians = {field: statistics.median(getattr(run, field) for run in runs) for field in fields}
    return {"case": name, **medians, "runs": [run.asdict() for run in runs]}


def line(row: dict[str, object]) -> str:
    return (
        f"| {row['case']} | {row['cpu_us']:.0f} | {row['sidecar_us']:.0f} | {row['rate']:.0f} "
        f"| {row['p50_ms']:.2f} / {row['p99_ms']:.2f} |"
    )


def failovers(gateway: Target) -> tuple[dict[str, float], dict[str, float]]:
    """One request after the other: answered at once, and after a 503 from another backend."""
    found: dict[str, list[tuple[float, float]]] = {"direct": [], "failover": []}
    for _ in range(ROUNDS):
        for name, rounds in found.items():
            rounds.append(sequence(gateway, name))
    medians = {
        name: {
            "p50_ms": statistics.median(ms for ms, _ in rounds),
            "cpu_us": statistics.median(us for _, us in rounds),
        }
        for name, rounds in found.items()
    }
    return medians["direct"], medians["failover"]


def sequence(gateway: Target, name: str) -> tuple[float, float]:
    """Median latency in milliseconds and CPU in microseconds of each of many requests on one connection."""
    payload, attempts = named(name), "2" if name == "failover" else "1"
    times = []
    before = cpu_seconds(gateway.workers)
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=5)) as connection:
        for _ in range(FAILOVERS):
            start = time.perf_counter()
            reply = ask(connection, payload)
            times.append((time.perf_counter() - start) * 1e3)
            if (reply.status, reply.getheader("x-ostiary-attempts")) != (http.HTTPStatus.OK, attempts):
                raise RuntimeError(f"{name}: {reply.status} after {reply.getheader('x-ostiary-attempts')} attempts")
    return statistics.median(times), (cpu_seconds(gateway.workers) - before) / FAILOVERS * 1e6


def in_turn(folder: Path) -> Path:
    """A script that asks for each of the Models in turn."""
    lua = script(folder, "many", named("@NAME@"))
    lua.write_text(
        lua.read_text()
        + f"""
local text, each, next = wrk.body, {{}}, 0
function init(args)
  for i = 0, {MANY - 1} do each[i] = wrk.format(nil, nil, nil, (text:gsub("@NAME@", "many-" .. i))) end
end
function request() next = (next + 1) % {MANY}; return each[next] end
"""
    )
    return lua


def wait_for(port: int, name: str) -> float:
    """Seconds until a Model answers."""
    start = time.monotonic()
    while True:
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=5)) as connection:
            if ask(connection, named(name)).status == http.HTTPStatus.OK:
                return time.monotonic() - start
        if time.monotonic() - start > PATIENCE_SECONDS:
            raise TimeoutError(f"the Model {name} was not in force")
        time.sleep(0.02)


def ask(connection: http.client.HTTPConnection, payload: str) -> http.client.HTTPResponse:
    """A reply that has been read."""
    connection.request("POST", MANAGED, payload, {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"})
    reply = connection.getresponse()
    reply.read()
    return reply


def named(name: str) -> str:
    return body(1000).replace(json.dumps(MODEL), json.dumps(name))

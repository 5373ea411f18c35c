"""`make bench`: Ostiary against plain nginx `proxy_pass`, alternating in the same run.

Prints tables in Markdown and writes `hack/bench/out/bench.json`. One nginx worker each, pinned to the first CPU; wrk,
the provider and the sidecar on the second.
"""

import asyncio
import contextlib
import hashlib
import http.client
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from hack.bench import keystore, limits, models, translate
from hack.bench.load import MANAGED, Run, body, burst, script, wrk
from hack.bench.processes import GATEWAY_CPU as FIRST_CPU
from hack.bench.processes import KEY, OTHERS_CPU, Target, free_port, ostiary, pin, plain_nginx, resident_kib, running, wait_for

ROOT = Path(__file__).parents[2]
ONLY = "".join(sys.argv[1:])  # `translate`: these cases alone, nothing is written
ROUNDS, SECONDS = 3, 3.0
PATIENCE_SECONDS = 10
HEADINGS = (
    "| case | plain CPU us | Ostiary CPU us | sidecar CPU us | plain req/s | Ostiary req/s "
    "| plain p50/p99 ms | Ostiary p50/p99 ms |\n|---|---|---|---|---|---|---|---|"
)
REPLY = json.dumps({
    "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "model",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hello! " * 90}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 11, "completion_tokens": 180, "total_tokens": 191},
})  # fmt: skip
PROVIDER = f"""
  server {{ @LISTEN@; location = /healthz {{ return 200 ok; }} location /broken/ {{ return 503 '{{}}'; }}
           {translate.LOCATIONS} location / {{ return 200 '{REPLY}'; }} }}"""
PLAIN = """
  upstream provider { server 127.0.0.1:@PROVIDER@; keepalive 64; keepalive_requests 10000000; }
  upstream fake { server 127.0.0.1:@FAKE@; keepalive 600; }
  map $http_x_stream $to { default provider; }
  server { @LISTEN@; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_buffering off;
           location = /healthz { return 200 ok; } location / { proxy_pass http://provider; } }"""
MANIFESTS = """
apiVersion: v1
kind: Secret
metadata: {name: bench}
stringData: {credential: sk-upstream@AWS@}
---
apiVersion: ostiary.dev/v1alpha1
kind: Provider
metadata: {name: bench}
spec: {type: openai, baseURL: "http://127.0.0.1:@PROVIDER@", credential: {secretRef: {name: bench, key: credential}}}
---
apiVersion: ostiary.dev/v1alpha1
kind: Provider
metadata: {name: fake}
spec: {type: openai, baseURL: "http://127.0.0.1:@FAKE@", credential: {secretRef: {name: bench, key: credential}}}
---
""".replace("@AWS@", translate.AWS_FIELDS)
API_KEY = """
apiVersion: ostiary.dev/v1alpha1
kind: ApiKey
metadata: {name: @NAME@}
spec: {owner: bench, sha256: @SHA256@}
"""


def median(runs: list[Run], value: Callable[[Run], float]) -> float:
    return statistics.median(value(run) for run in runs)


def compare(name: str, plain: Target, gateway: Target, lua: Path, connections: int, *, path: str = MANAGED) -> dict[str, object]:
    """Alternate the two and take the median of each figure."""
    runs: dict[str, list[Run]] = {"plain": [], "ostiary": []}
    for _ in range(ROUNDS):
        for target in (plain, gateway):
            runs[target.name].append(wrk(target, lua, connections=connections, seconds=SECONDS, path=path))
    errors = sum(run.errors for run in runs["plain"] + runs["ostiary"])
    if errors:
        raise RuntimeError(f"{name}: {errors} answers were not 2xx")
    p, o = runs["plain"], runs["ostiary"]
    row: dict[str, object] = {
        "case": name,
        "plain_cpu_us": median(p, lambda r: r.cpu_us), "ostiary_cpu_us": median(o, lambda r: r.cpu_us),
        "sidecar_cpu_us": median(o, lambda r: r.sidecar_us),
        "plain_rate": median(p, lambda r: r.rate), "ostiary_rate": median(o, lambda r: r.rate),
        "plain_p50_ms": median(p, lambda r: r.p50_ms), "ostiary_p50_ms": median(o, lambda r: r.p50_ms),
        "plain_p99_ms": median(p, lambda r: r.p99_ms), "ostiary_p99_ms": median(o, lambda r: r.p99_ms),
        "runs": {which: [run.asdict() for run in each] for which, each in runs.items()},
    }  # fmt: skip
    print(line(row), flush=True)
    return row


def line(row: dict[str, object]) -> str:
    cpu = row["ostiary_cpu_us"] / row["plain_cpu_us"]
    return (
        f"| {row['case']} | {row['plain_cpu_us']:.0f} | {row['ostiary_cpu_us']:.0f} ({cpu:.2f}x) | {row['sidecar_cpu_us']:.0f} "
        f"| {row['plain_rate']:.0f} | {row['ostiary_rate']:.0f} ({row['ostiary_rate'] / row['plain_rate']:.2f}) "
        f"| {row['plain_p50_ms']:.2f} / {row['plain_p99_ms']:.2f} | {row['ostiary_p50_ms']:.2f} / {row['ostiary_p99_ms']:.2f} |"
    )


def applied(port: int, manifests: Path, rounds: int = 10) -> list[float]:
    """Milliseconds from a key's manifest on disk to the first request that it opens."""
    times = []
    for number in range(rounds):
        key = f"sk-bench-{number}-{time.time_ns()}"
        text = API_KEY.replace("@NAME@", f"applied-{number}").replace("@SHA256@", hashlib.sha256(key.encode()).hexdigest())
        (manifests / f"applied-{number}.yaml").write_text(text)
        start = time.monotonic()
        while request(port, key) != http.HTTPStatus.OK:
            if time.monotonic() - start > PATIENCE_SECONDS:
                raise TimeoutError("a key was not in force")
            time.sleep(0.005)
        times.append((time.monotonic() - start) * 1e3)
    return times


def request(port: int, key: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    with contextlib.closing(connection):
        connection.request(
            "POST", "/v1/chat/completions", body(100), {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        )
        return connection.getresponse().status


def machine() -> str:
    model = next(
        (x.split(":")[1].strip() for x in Path("/proc/cpuinfo").read_text().splitlines() if x.startswith("model name")), "?"
    )
    return f"{platform.system()} {platform.release()}, {os.cpu_count()} x {model}"


def install_wrk() -> None:
    if not shutil.which("wrk"):
        if os.geteuid() != 0 or not shutil.which("apt-get"):
            sys.exit("bench: needs wrk (Debian's package wrk)")
        subprocess.run(["apt-get", "update", "-qq"], check=True)
        subprocess.run(
            ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "wrk"], check=True, stdout=subprocess.DEVNULL
        )


def measure(folder: Path, nginx: Path) -> dict[str, object]:
    fake_port = free_port()
    fake = [sys.executable, "-m", "ostiary_gateway", "fake", "--host", "127.0.0.1", "--port", str(fake_port)]
    manifests = folder / "manifests"
    manifests.mkdir()
    with contextlib.ExitStack() as stack:
        fake_pid = stack.enter_context(running(fake))
        provider = stack.enter_context(plain_nginx(nginx, folder, "provider", PROVIDER))
        fill = lambda text: text.replace("@PROVIDER@", str(provider.port)).replace("@FAKE@", str(fake_port))  # noqa: E731
        plain = stack.enter_context(plain_nginx(nginx, folder, "plain", fill(PLAIN)))
        key = API_KEY.replace("@NAME@", "bench").replace("@SHA256@", hashlib.sha256(KEY.encode()).hexdigest())
        (manifests / "bench.yaml").write_text(fill(MANIFESTS + models.MANIFESTS + limits.MANIFESTS + translate.MANIFESTS) + key)
        gateway = stack.enter_context(ostiary(folder, manifests))
        wait_for(fake_port, "/_stats")
        pin(plain.workers + gateway.workers, FIRST_CPU)
        pin([*provider.workers, *gateway.sidecar, *gateway.guard, fake_pid], OTHERS_CPU)

        if ONLY == "translate":
            return {"translate": translate.measure(folder, gateway)}
        small, large = script(folder, "small", body(1000)), script(folder, "large", body(100_000))
        paced = script(folder, "paced", body(1000), delay_ms=10)
        wrk(gateway, small, connections=16, seconds=1)
        print(HEADINGS, flush=True)
        rows = [
            compare("1 KB, c=16, saturated", plain, gateway, small, 16),
            compare("1 KB, fixed rate (16 connections, one request each 10 ms)", plain, gateway, paced, 16),
            compare("100 KB, c=2", plain, gateway, large, 2),
            compare("1 KB, c=16, pass-through", plain, gateway, small, 16, path="/bench/v1/chat/completions"),
        ]
        cold = asyncio.run(burst(gateway, 200, 20))
        warm = asyncio.run(burst(gateway, 200, 20))
        many = asyncio.run(burst(gateway, 500, 60))
        rows.append(compare("1 KB, c=16, after a burst of 500 streams", plain, gateway, small, 16))
        times = applied(gateway.port, manifests)
        memory = {"nginx_workers": resident_kib(gateway.workers), "sidecar": resident_kib(gateway.sidecar)}
        figures: dict[str, object] = {
            "machine": machine(), "rows": rows,
            "bursts": {"cold_200": asdict(cold), "warm_200": asdict(warm), "slow_500": asdict(many)},
            "key_applied_ms": {"median": statistics.median(times), "max": max(times)},
            "memory_kib": memory,
            "limits": limits.measure(folder, gateway),
            "translate": translate.measure(folder, gateway),
            "models": models.measure(folder, manifests, plain, gateway),
            "keystore": keystore.measure(folder, manifests),
        }  # fmt: skip
    return figures


def tell_models(found: dict[str, object]) -> None:
    direct, failover, memory = found["direct"], found["failover"], found["many_memory_kib"]
    print(
        f"one failover (503, then an answer): {failover['p50_ms']:.2f} ms against {direct['p50_ms']:.2f} ms, "
        f"CPU {failover['cpu_us']:.0f} us against {direct['cpu_us']:.0f} us"
    )
    print(f"{models.MANY:,} Models of {models.BACKENDS} backends: in force after {found['many_applied_seconds']:.1f} s")
    print(f"memory then: nginx workers {memory['nginx_workers']} KiB, sidecar {memory['sidecar']} KiB")


def main() -> None:
    nginx = ROOT / ".tools/nginx/usr/sbin/nginx"
    install_wrk()
    with tempfile.TemporaryDirectory(prefix="ostiary-bench-") as folder:
        figures = measure(Path(folder), nginx)
    if ONLY:
        return
    print(f"\nMachine: {figures['machine']}")
    for name, each in figures["bursts"].items():
        print(f"{name}: " + ", ".join(f"{key} {value:.4g}" for key, value in each.items()))
    took = figures["key_applied_ms"]
    print(f"key applied to effective: median {took['median']:.0f} ms, max {took['max']:.0f} ms")
    print(f"memory: nginx workers {figures['memory_kib']['nginx_workers']} KiB, sidecar {figures['memory_kib']['sidecar']} KiB")
    tell_models(figures["models"])
    out = ROOT / "hack/bench/out"
    out.mkdir(exist_ok=True)
    (out / "bench.json").write_text(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()

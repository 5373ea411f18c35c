"""Load: wrk for short requests, a small asyncio client for many slow streams."""

import asyncio
import json
import re
import shutil
import statistics
import subprocess
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from hack.bench.processes import KEY, MODEL, OTHERS_CPU, Target, cpu_seconds, resident_kib

MANAGED = "/v1/chat/completions"
UNIT = {"us": 1e-3, "ms": 1.0, "s": 1e3}


@dataclass(frozen=True)
class Run:
    """Figures of one load: requests per second, CPU microseconds per request, latency in milliseconds."""

    requests: int
    rate: float
    cpu_us: float
    sidecar_us: float
    p50_ms: float
    p99_ms: float
    errors: int

    def asdict(self) -> dict[str, float]:
        return asdict(self)


def body(size: int, *, stream: bool = False) -> str:
    """A chat request of about `size` bytes, `model` after `messages` as the SDKs send it."""
    text = ("The quick brown fox jumps over the lazy dog.\\n" * (size // 46 + 1))[:size]
    return json.dumps({"messages": [{"role": "user", "content": text}], "model": MODEL, "stream": stream, "max_tokens": 256})


def script(folder: Path, name: str, payload: str, delay_ms: int = 0) -> Path:
    path = folder / f"{name}.lua"
    (folder / f"{name}.json").write_text(payload)
    path.write_text(
        f'local f = io.open("{folder / f"{name}.json"}", "rb"); wrk.method = "POST"; wrk.body = f:read("*a"); f:close()\n'
        f'wrk.headers["Content-Type"] = "application/json"; wrk.headers["Authorization"] = "Bearer {KEY}"\n'
        + (f"function delay() return math.random(1, {2 * delay_ms - 1}) end\n" if delay_ms else "")
    )
    return path


def wrk(target: Target, lua: Path, *, connections: int, seconds: float, path: str = MANAGED) -> Run:
    """One run of wrk, pinned beside the provider."""
    before, beside = cpu_seconds(target.workers), cpu_seconds(target.sidecar + target.guard)
    program = shutil.which("wrk") or "wrk"
    url = f"http://127.0.0.1:{target.port}{path}"
    out = subprocess.run(
        ["taskset", "-c", OTHERS_CPU, program, "-t1", f"-c{connections}", f"-d{seconds:.0f}s", "--latency", "-s", str(lua), url],
        check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    time.sleep(0.3)  # the sidecar reads the end of the spool
    used, aside = cpu_seconds(target.workers) - before, cpu_seconds(target.sidecar + target.guard) - beside
    requests = int(_find(r"(\d+) requests in", out))
    bad = re.search(r"Non-2xx or 3xx responses: (\d+)", out)
    return Run(
        requests=requests,
        rate=float(_find(r"Requests/sec:\s+([\d.]+)", out)),
        cpu_us=used / requests * 1e6,
        sidecar_us=aside / requests * 1e6,
        p50_ms=_latency("50%", out),
        p99_ms=_latency("99%", out),
        errors=int(bad[1]) if bad else 0,
    )


@dataclass(frozen=True)
class Burst:
    """Figures of many streams opened at once; memory is what the workers grew by at the height, per stream."""

    streams: int
    complete: int
    first_byte_p50_ms: float
    first_byte_p99_ms: float
    kib_per_stream: float
    cpu_us_per_event: float


async def burst(
    target: Target, streams: int, events: int, *, model: str = "", path: str = MANAGED, last: bytes = b"data: [DONE]"
) -> Burst:
    """Open all streams at once, read each to its end; `last` is in the last event. Without a model: ten events a second."""
    before, memory = cpu_seconds(target.workers), resident_kib(target.workers)
    payload = body(200, stream=True).replace(MODEL, model or f"fake/slow-100x{events}")
    height = 0

    async def watch() -> None:
        nonlocal height
        while True:
            height = max(height, resident_kib(target.workers))
            await asyncio.sleep(0.25)

    watcher = asyncio.create_task(watch())
    results = await asyncio.gather(*(_stream(target.port, payload, path, last) for _ in range(streams)))
    watcher.cancel()
    used = cpu_seconds(target.workers) - before
    first = sorted(time_ms for time_ms, _ in results)
    return Burst(
        streams=streams,
        complete=sum(done for _, done in results),
        first_byte_p50_ms=statistics.median(first),
        first_byte_p99_ms=first[int(len(first) * 0.99)],
        kib_per_stream=(height - memory) / streams,
        cpu_us_per_event=used / (streams * events) * 1e6,
    )


async def _stream(port: int, payload: str, path: str, last: bytes) -> tuple[float, bool]:
    start = time.monotonic()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(
        f"POST {path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {KEY}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(payload)}\r\nConnection: close\r\n\r\n{payload}".encode()
    )
    head = await reader.readuntil(b"\r\n\r\n")
    first = (time.monotonic() - start) * 1e3
    rest = await reader.read(-1)
    writer.close()
    return first, b" 200 " in head[:20] and last in rest


def _find(pattern: str, text: str) -> str:
    found = re.search(pattern, text)
    if not found:
        raise ValueError(f"wrk printed no {pattern}:\n{text}")
    return found[1]


def _latency(quantile: str, text: str) -> float:
    value, unit = re.search(rf"{quantile}\s+([\d.]+)(us|ms|s)", text).groups()
    return float(value) * UNIT[unit]

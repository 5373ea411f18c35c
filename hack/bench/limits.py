"""What limits and budgets cost: the same request of a key without any, and of one with all kinds of them.

The limits are so wide that none is ever met: what is measured is the counting.
"""

import hashlib
import http.client
import re
from contextlib import closing
from pathlib import Path

from hack.bench.load import body, script
from hack.bench.models import Case, alternate
from hack.bench.processes import KEY, Target

RATES, BUDGET, ALL = (f"{KEY}-{kind}" for kind in ("rates", "budget", "all"))
ROUNDS = 5
_LEASES = re.compile(r"^ostiary_leases_total\{[^}]*\} (\S+)$", re.MULTILINE)
_LIMITS = "limits: {requests: {perMinute: 1000000000}, tokens: {perMinute: 1000000000000}, concurrentRequests: 100000}"
_BUDGET = 'budget: {amount: "1000000", period: Monthly}, onUnpriced: Default'


def _key(name: str, key: str, terms: str) -> str:
    digest = hashlib.sha256(key.encode()).hexdigest()
    head = f"apiVersion: ostiary.dev/v1alpha1\nkind: ApiKey\nmetadata: {{name: {name}}}\n"
    return f"{head}spec: {{owner: bench, sha256: {digest}, {terms}}}\n---\n"


MANIFESTS = (
    _key("bench-rates", RATES, _LIMITS) + _key("bench-budget", BUDGET, _BUDGET) + _key("bench-all", ALL, f"{_LIMITS}, {_BUDGET}")
)


def measure(folder: Path, gateway: Target) -> dict[str, object]:
    """Cases take turns, so that a noisy neighbour disturbs all of them alike."""
    cases = [
        Case("no limits", gateway, _script(folder, "unlimited", KEY)),
        Case("requests/minute, tokens/minute, concurrency", gateway, _script(folder, "rates", RATES)),
        Case("one budget", gateway, _script(folder, "budget", BUDGET)),
        Case("all of them", gateway, _script(folder, "all", ALL)),
    ]
    print("\n| limits, 1 KB, c=16 | CPU us | sidecar CPU us | req/s | p50/p99 ms |\n|---|---|---|---|---|", flush=True)
    before = _leases(gateway)
    rows = alternate(cases, ROUNDS)
    asked = _leases(gateway) - before
    limited = sum(run["requests"] for row in rows[1:] for run in row["runs"])  # type: ignore[attr-defined]
    none, everything = (float(rows[at]["cpu_us"]) for at in (0, 3))  # type: ignore[arg-type]
    print(
        f"limits and budgets add {everything - none:.1f} us ({(everything / none - 1) * 100:.0f} %); "
        f"{asked:.0f} leases for {limited:,} limited requests"
    )
    return {"rows": rows, "leases": asked, "limited_requests": limited, "added_us": everything - none}


def _script(folder: Path, name: str, key: str) -> Path:
    lua = script(folder, f"limits-{name}", body(1000))
    lua.write_text(lua.read_text().replace(f"Bearer {KEY}", f"Bearer {key}"))
    return lua


def _leases(gateway: Target) -> float:
    """How often nginx has asked the sidecar for more, so far."""
    with closing(http.client.HTTPConnection("127.0.0.1", gateway.sidecar_port, timeout=5)) as connection:
        connection.request("GET", "/metrics")
        return sum(float(value) for value in _LEASES.findall(connection.getresponse().read().decode()))

"""What each address serves, and that nothing on it tells a secret."""

from pathlib import Path

import pytest
from tests.unit.decide.bundles import CREDENTIAL, KEY, entry, make, sha
from tests.unit.server.lines import append, line
from tests.unit.server.rig import eventually


def spool(sidecar, number, **key):
    append(Path(sidecar.settings.data), line(f"e1-{number}", **key))


async def test_lm_01_healthz(sidecar):
    assert await sidecar.get("/healthz") == (200, "ok")


@pytest.mark.parametrize("path", ["/auth", "/stats", "/models?key=x", "/"])
async def test_the_metrics_port_serves_nothing_else(sidecar, path):
    assert (await sidecar.get(path, sidecar.metrics_url))[0] == 404
    async with sidecar.tcp.post(sidecar.metrics_url + path, data=b"{}") as answer:
        assert answer.status in {404, 405}


async def test_the_metrics_port_serves_health_and_metrics(sidecar):
    assert [(await sidecar.get(path, sidecar.metrics_url))[0] for path in ("/healthz", "/metrics")] == [200, 200]
    assert (await sidecar.get("/readyz", sidecar.metrics_url))[0] == 503


async def test_records_of_the_spool_become_numbers(sidecar):
    await sidecar.use(make())
    spool(sidecar, 1)
    await eventually(sidecar.ledger)
    text = await eventually(lambda: _metrics_with(sidecar, "ostiary_ledger_records_total 1.0"))
    labels = 'ended="completed",error_type="",provider="openai",status_class="2xx",surface="managed"'
    assert f"ostiary_requests_total{{{labels}}} 1.0" in text


async def test_metrics_tell_no_key_and_no_secret(sidecar):
    await sidecar.use(make([entry(id="the-key-id")]))
    await sidecar.ask("openai/my-own-model", sha(KEY))
    await sidecar.ask("openai/my-own-model", sha("sk-other"))
    spool(sidecar, 1, key_id="the-key-id")
    text = await eventually(lambda: _metrics_with(sidecar, "ostiary_ledger_records_total 1.0"))
    for secret in (KEY, sha(KEY), CREDENTIAL, "the-key-id", "team", "my-own-model"):
        assert secret not in text
    assert 'ostiary_decisions_total{code="",outcome="allowed"} 1.0' in text
    assert 'ostiary_decisions_total{code="invalid_api_key",outcome="refused"} 1.0' in text


async def test_requests_in_flight_come_from_nginx(sidecar):
    sidecar.nginx.in_flight = 3
    await eventually(lambda: _metrics_with(sidecar, "ostiary_in_flight_requests 3.0"))


async def test_records_that_never_came_are_counted(sidecar):
    await sidecar.use(make())
    spool(sidecar, 1)
    sidecar.nginx.issued = 2
    await eventually(lambda: _metrics_with(sidecar, "ostiary_ledger_records_lost_total 1.0"), seconds=30)


async def test_the_last_use_of_a_retiring_key_is_known(sidecar):
    old = entry("sk-old", id="k", version="1", state="retiring", expires="2099-01-01T00:00:00Z")
    await sidecar.use(make([old, entry("sk-new", id="k", version="2")]))
    spool(sidecar, 1, key_id="k", key_version="2")
    spool(sidecar, 2, key_id="k", key_version="1")
    await eventually(sidecar.sidecar.last_uses)
    assert sidecar.sidecar.last_uses() == {"k#1": "2027-01-15T08:00:00.500Z"}
    await sidecar.use(make([entry("sk-new", id="k", version="2")]))
    assert sidecar.sidecar.last_uses() == {}


async def _metrics_with(sidecar, sample):
    text = (await sidecar.get("/metrics"))[1]
    return text if sample in text.splitlines() else None

"""A bundle's way into use, with the control socket and the report that nginx and its supervisor would give."""

import asyncio
import time

import pytest
from tests.unit.decide.bundles import KEY, entry, make, sha
from tests.unit.server.rig import eventually, rig

from ostiary_gateway.bundle.folder import publish
from ostiary_gateway.contract.bundle import ALLOWLIST, UPSTREAMS, build


async def test_lm_17_a_removed_key_is_refused_within_a_second(sidecar):
    await sidecar.use(make())
    assert (await sidecar.ask("", sha(KEY)))["identity"]
    started = time.monotonic()
    bundle = make([entry("sk-other")])
    await sidecar.use(bundle)
    assert (await sidecar.ask("", sha(KEY)))["refusal"]["status"] == 401
    assert time.monotonic() - started < 1
    assert sidecar.nginx.told[-1] == bundle.digest


async def test_lm_18_a_bundle_that_cannot_be_used_changes_nothing(sidecar):
    good = make()
    await sidecar.use(good)
    publish(sidecar.run, build({**good.files, ALLOWLIST.format(0): b"id,api_key\n"}))
    ready = await eventually(lambda: _with(sidecar, "bundle", "column owner, added is missing"))
    assert ready["status"] == "degraded"
    assert ready["generation"] == good.digest
    assert (await sidecar.ask("", sha(KEY)))["identity"]
    assert sidecar.nginx.told == [good.digest]
    after = make([entry("sk-new")])
    await sidecar.use(after)
    assert (await sidecar.ready())["status"] == "ready"


async def test_the_generation_is_not_told_before_nginx_has_the_hosts(sidecar):
    await sidecar.use(make())
    bundle = make(upstreams=b"upstream new {}\n")
    publish(sidecar.run, bundle)
    with pytest.raises(TimeoutError):
        await eventually(lambda: sidecar.nginx.generation == bundle.digest, seconds=0.4)
    sidecar.nginx.put(bundle.files[UPSTREAMS])
    await eventually(lambda: sidecar.nginx.generation == bundle.digest, seconds=0.5)


async def test_a_host_that_nginx_cannot_take_delays_a_revocation_by_a_second_at_most(sidecar):
    await sidecar.use(make())
    bundle = make([entry("sk-other")], upstreams=b"upstream broken {}\n")
    started = time.monotonic()
    publish(sidecar.run, bundle)
    await eventually(lambda: sidecar.nginx.generation == bundle.digest)
    assert time.monotonic() - started < 1.5
    ready = await sidecar.ready()
    assert (ready["status"], ready["nginx"]) == ("degraded", "nginx does not have the newest upstreams yet")


async def test_a_revocation_does_not_queue_behind_a_host_that_nginx_is_still_taking(sidecar):
    await sidecar.use(make())
    publish(sidecar.run, make(upstreams=b"upstream slow {}\n"))
    await asyncio.sleep(0.3)
    revoked = make([entry("sk-other")])
    started = time.monotonic()
    publish(sidecar.run, revoked)
    await eventually(lambda: sidecar.nginx.generation == revoked.digest)
    assert time.monotonic() - started < 0.5
    assert len(sidecar.nginx.told) == 2


async def test_endless_changes_of_hosts_hold_nothing_up_for_more_than_a_second(sidecar):
    await sidecar.use(make())
    started = time.monotonic()
    for number in range(8):
        publish(sidecar.run, make([entry("sk-other")], upstreams=b"upstream u%d {}\n" % number))
        await asyncio.sleep(0.2)
    assert len(sidecar.nginx.told) >= 2
    assert time.monotonic() - started > 1
    assert (await sidecar.ask("", sha(KEY)))["refusal"]["status"] == 401


async def test_going_back_to_the_bundle_in_use_clears_the_problem(sidecar):
    good = make()
    await sidecar.use(good)
    publish(sidecar.run, build({**good.files, ALLOWLIST.format(0): b"id,api_key\n"}))
    await eventually(lambda: _with(sidecar, "status", "degraded"))
    publish(sidecar.run, good)
    await eventually(lambda: _with(sidecar, "status", "ready"))
    assert sidecar.nginx.told == [good.digest]


async def test_a_restarted_nginx_is_told_again(sidecar):
    bundle = make()
    await sidecar.use(bundle)
    sidecar.nginx.generation = ""
    await eventually(lambda: sidecar.nginx.generation == bundle.digest, seconds=3)
    assert sidecar.nginx.told == [bundle.digest, bundle.digest]


async def test_readyz_says_what_is_missing(sidecar):
    status, _ = await sidecar.get("/readyz")
    assert status == 503
    ready = await sidecar.ready()
    assert (ready["bundle"], ready["nginx"]) == ("no bundle yet", "nginx is not there")
    await sidecar.use(make())
    ready = await eventually(lambda: _with(sidecar, "status", "ready"))
    assert {ready[part] for part in ("bundle", "nginx", "ledger", "spool")} == {"ok"}
    await sidecar.nginx.stop()
    ready = await eventually(lambda: _with(sidecar, "nginx", "nginx is not there"))
    assert ready["status"] == "unavailable"


async def test_readyz_passes_on_what_the_supervisor_says(sidecar):
    await sidecar.use(make())
    sidecar.nginx.put(make().files[UPSTREAMS], problem="host not found")
    ready = await eventually(lambda: _with(sidecar, "nginx", "host not found"))
    assert ready["status"] == "degraded"


async def test_an_unwritable_ledger_degrades_and_serves(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "ledger").write_text("in the way")
    async with rig(tmp_path) as sidecar:
        await sidecar.use(make())
        ready = await eventually(lambda: _with(sidecar, "status", "degraded"))
        assert ready["ledger"] != "ok"
        assert (await sidecar.get("/readyz"))[0] == 200
        assert (await sidecar.ask("", sha(KEY)))["identity"]
        assert "ostiary_ledger_problem 1.0" in (await sidecar.get("/metrics"))[1]


async def test_many_bundles_end_with_the_last(sidecar):
    bundles = [make([entry(f"sk-{n}")]) for n in range(20)]
    for bundle in bundles:
        sidecar.publish(bundle)
        await asyncio.sleep(0)
    await eventually(lambda: sidecar.nginx.generation == bundles[-1].digest)
    assert (await sidecar.ask("", sha("sk-19")))["identity"]


async def _with(sidecar, part, text):
    ready = await sidecar.ready()
    return ready if text in ready[part] else None

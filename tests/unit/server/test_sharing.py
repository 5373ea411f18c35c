"""Replicas share what they know of backends through a real Valkey, and go on without it."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest
from prometheus_client import CollectorRegistry
from tests.support.process import free_port
from tests.support.valkey import Valkey
from tests.unit.decide.bundles import KEY, make, sha
from tests.unit.server.rig import Rig, eventually, rig
from tests.unit.server.shared_state import now_ms

from ostiary_gateway.contract.settings import Settings, SettingsError
from ostiary_gateway.server.sharing import Sharing

SHARED_WITHIN = 5.0  # well under a second on a quiet machine; other tests run beside this one


@pytest.fixture
def valkey(tmp_path) -> Iterator[Valkey]:
    server = Valkey(tmp_path)
    yield server
    server.kill()


@asynccontextmanager
async def replicas(folder, valkey, *, connected=True) -> AsyncIterator[tuple[Rig, Rig]]:
    for name in ("a", "b"):
        (folder / name).mkdir()
    async with rig(folder / "a", valkey_url=valkey.url) as first, rig(folder / "b", valkey_url=valkey.url) as second:
        for each in (first, second):
            await each.use(make())
            if connected:
                await eventually(lambda each=each: is_sharing(each))
        yield first, second


async def is_sharing(replica):
    return (await replica.ready())["sharing"] == "ok"


async def is_alone(replica):
    return (await replica.ready())["sharing"] != "ok"


async def test_it_9_a_block_of_one_replica_counts_in_the_other(tmp_path, valkey):
    async with replicas(tmp_path, valkey.start()) as (first, second):
        first.nginx.backends.block("m:openai/a")
        await eventually(lambda: "m:openai/a" in second.nginx.backends.blocks, SHARED_WITHIN)
        assert second.nginx.backends.blocks == first.nginx.backends.blocks


async def test_a_breaker_that_opens_and_closes_does_so_everywhere(tmp_path, valkey):
    async with replicas(tmp_path, valkey.start()) as (first, second):
        first.nginx.backends.open("openai/a")
        await eventually(lambda: second.nginx.backends.opened == first.nginx.backends.opened, SHARED_WITHIN)
        second.nginx.backends.close("openai/a")
        await eventually(lambda: not first.nginx.backends.opened, SHARED_WITHIN)
        first.nginx.backends.open("openai/a")
        await eventually(lambda: second.nginx.backends.opened == first.nginx.backends.opened, SHARED_WITHIN)


async def test_a_reset_reaches_every_replica(tmp_path, valkey):
    async with replicas(tmp_path, valkey.start()) as (first, second):
        first.nginx.backends.open("openai/a")
        await eventually(lambda: second.nginx.backends.opened, SHARED_WITHIN)
        async with second.tcp.post(f"{second.url}/circuit-breakers/openai/reset") as answer:
            assert answer.status == 200
        await eventually(lambda: not first.nginx.backends.opened, SHARED_WITHIN)
        assert not second.nginx.backends.opened


async def test_what_is_known_is_told_once_and_comes_back_to_nobody(tmp_path, valkey):
    async with replicas(tmp_path, valkey.start()) as (first, second):
        first.nginx.backends.block("m:openai/a")
        await eventually(lambda: second.nginx.backends.blocks, SHARED_WITHIN)
        second.nginx.backends.block("m:openai/b")
        await eventually(lambda: "m:openai/b" in first.nginx.backends.blocks, SHARED_WITHIN)
        await asyncio.sleep(0.6)  # three more looks: nothing must come of them
        assert len(first.nginx.backends.told) == len(second.nginx.backends.told) == 1


async def test_a_replica_that_comes_later_learns_what_counts(tmp_path, valkey):
    valkey.start()
    async with replicas(tmp_path, valkey) as (first, second):
        first.nginx.backends.block("m:openai/a")
        first.nginx.backends.open("openai/b")
        await eventually(lambda: second.nginx.backends.opened, SHARED_WITHIN)
    (tmp_path / "c").mkdir()
    async with rig(tmp_path / "c", valkey_url=valkey.url) as late:
        await eventually(lambda: late.nginx.backends.blocks and late.nginx.backends.opened)
        assert (late.nginx.backends.blocks, late.nginx.backends.opened) == (
            first.nginx.backends.blocks,
            first.nginx.backends.opened,
        )


async def test_valkey_is_away_at_the_start_and_comes(tmp_path, valkey):
    async with replicas(tmp_path, valkey, connected=False) as (first, second):
        ready = await eventually(lambda: _with(first, "sharing", "ConnectionError"))
        assert ready["status"] == "degraded"
        assert (await first.ask("openai/gpt-4o", sha(KEY)))["backends"]
        assert "ostiary_valkey_up 0.0" in (await first.get("/metrics"))[1]
        first.nginx.backends.block("m:openai/a")
        second.nginx.backends.open("openai/b")
        valkey.start()
        await eventually(lambda: first.nginx.backends.opened and second.nginx.backends.blocks, 20)
        assert "ostiary_valkey_up 1.0" in (await first.get("/metrics"))[1]


async def test_valkey_dies_and_comes_back_empty(tmp_path, valkey):
    async with replicas(tmp_path, valkey.start()) as (first, second):
        first.nginx.backends.block("m:openai/a")
        await eventually(lambda: second.nginx.backends.blocks, SHARED_WITHIN)
        valkey.kill()
        await eventually(lambda: is_alone(first))
        first.nginx.backends.open("openai/a")
        second.nginx.backends.open("openai/b")
        valkey.start()
        await eventually(
            lambda: set(first.nginx.backends.opened) == set(second.nginx.backends.opened) == {"openai/a", "openai/b"}
        )
        assert b"m:openai/a" in valkey.call("KEYS", "*b:*")


async def test_what_ended_here_while_valkey_was_away_is_not_taken_back(tmp_path, valkey):
    async with replicas(tmp_path, valkey.start()) as (first, second):
        first.nginx.backends.open("openai/a")
        await eventually(lambda: second.nginx.backends.opened, SHARED_WITHIN)
        os.kill(valkey.pid, signal.SIGSTOP)
        try:
            await eventually(lambda: is_alone(first))
            first.nginx.backends.close("openai/a")
            await asyncio.sleep(0.5)
        finally:
            os.kill(valkey.pid, signal.SIGCONT)
        await eventually(lambda: not second.nginx.backends.opened)
        assert not first.nginx.backends.opened
        await eventually(lambda: b"openai/a" not in valkey.call("KEYS", "*o:*"), SHARED_WITHIN)


async def test_nothing_waits_for_a_valkey_that_hangs(tmp_path, valkey):
    async with replicas(tmp_path, valkey.start()) as (first, _):
        os.kill(valkey.pid, signal.SIGSTOP)
        try:
            first.nginx.backends.block("m:openai/a")
            deadline = time.monotonic() + 4
            slowest = 0.0
            while time.monotonic() < deadline:
                started = time.monotonic()
                assert (await first.ask("openai/gpt-4o", sha(KEY)))["backends"]
                slowest = max(slowest, time.monotonic() - started)
                await asyncio.sleep(0.01)
            assert slowest < 0.5
            assert await is_alone(first)
        finally:
            os.kill(valkey.pid, signal.SIGCONT)
        await eventually(lambda: is_sharing(first))


async def test_what_others_wrote_into_the_channel_or_the_keys_does_no_harm(tmp_path, valkey):
    valkey.start()
    valkey.call("SET", "ostiary:::b:m:openai/a", "nonsense")
    valkey.call("SET", "ostiary:::o:openai/a", "12")
    async with replicas(tmp_path, valkey) as (first, second):
        for text in ("nonsense", "{}", '[{"origin":1}]'):
            valkey.call("PUBLISH", "ostiary:::news", text)
        first.nginx.backends.block("m:openai/b")
        await eventually(lambda: "m:openai/b" in second.nginx.backends.blocks, SHARED_WITHIN)
        assert set(second.nginx.backends.blocks) == {"m:openai/b"}


async def test_keys_live_as_long_as_what_they_say(tmp_path, valkey):
    async with replicas(tmp_path, valkey.start()) as (first, second):
        first.nginx.backends.block("m:openai/a", 30_000)
        first.nginx.backends.open("openai/a", now_ms(), 40_000)
        await eventually(lambda: second.nginx.backends.opened and second.nginx.backends.blocks, SHARED_WITHIN)
        left = [int(valkey.call("PTTL", f"ostiary:::{key}").strip(b":\r\n")) for key in ("b:m:openai/a", "o:openai/a")]
        assert 28_000 < left[0] <= 30_000
        assert 38_000 < left[1] <= 40_000


async def test_installations_of_one_valkey_do_not_hear_each_other(tmp_path, valkey):
    valkey.start()
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    async with (
        rig(tmp_path / "a", valkey_url=valkey.url, namespace="a") as first,
        rig(tmp_path / "b", valkey_url=valkey.url, namespace="b") as second,
    ):
        await eventually(lambda: is_sharing(second))
        await eventually(lambda: is_sharing(first))
        first.nginx.backends.block("m:openai/a")
        await eventually(lambda: valkey.call("EXISTS", "ostiary:a::b:m:openai/a") == b":1\r\n")
        await asyncio.sleep(0.3)
        assert second.nginx.backends.blocks == {}


async def test_the_password_is_told_nowhere(tmp_path, caplog):
    url = f"valkey://user:s3cr3t-word@127.0.0.1:{free_port()}/0"
    async with rig(tmp_path, valkey_url=url) as sidecar:
        await sidecar.use(make())
        ready = await eventually(lambda: _with(sidecar, "sharing", "ConnectionError"))
        assert "s3cr3t-word" not in str(ready) + caplog.text + (await sidecar.get("/metrics"))[1]
        assert "goes on alone" in caplog.text


async def test_without_a_url_nobody_is_asked(sidecar):
    await sidecar.use(make())
    assert "sharing" not in await sidecar.ready()
    assert "ostiary_valkey_up" not in (await sidecar.get("/metrics"))[1]


@pytest.mark.parametrize("url", ["127.0.0.1:6379", "redis://127.0.0.1", "valkey://127.0.0.1:port"])
def test_a_url_that_is_none_is_a_settings_error(url):
    async def nobody(_):
        raise AssertionError

    with pytest.raises(SettingsError, match="valkey_url"):
        Sharing(Settings(valkey_url=url), nobody, CollectorRegistry())


async def _with(sidecar, part, text):
    ready = await sidecar.ready()
    return ready if text in ready[part] else None

"""`/circuit-breakers` (GZ-15), on the sidecar's own port."""

import json
from datetime import UTC, datetime

import pytest
from tests.unit.decide.bundles import OPENAI, SECOND, make, model
from tests.unit.server.rig import eventually
from tests.unit.server.shared_state import now_ms

FIELDS = {
    "provider", "state", "failure_count", "success_count", "failure_rate", "recent_requests", "opened_at", "seconds_until_retry",
    "backends",
}  # fmt: skip


@pytest.fixture
async def state(sidecar):
    await sidecar.use(make(providers=(OPENAI, SECOND)))
    return sidecar.nginx.backends


async def get(sidecar, name=""):
    status, body = await sidecar.get(f"/circuit-breakers{name}")
    assert status == 200, body
    return json.loads(body)


async def post(sidecar, path):
    async with sidecar.tcp.post(f"{sidecar.url}/circuit-breakers/{path}") as answer:
        assert answer.status == 200
        return await answer.json()


async def test_gz_15_all_of_them_and_how_many_are_how(sidecar, state):
    state.open("openai/gpt-4o")
    state.open("second/x", at=now_ms() - 400_000)
    told = await get(sidecar)
    assert {name: told[name] for name in told if name.endswith("_count")} == {
        "total_count": 2, "open_count": 1, "half_open_count": 1, "closed_count": 0,
    }  # fmt: skip
    assert [(each["provider"], each["state"]) for each in told["circuit_breakers"]] == [
        ("openai", "OPEN"),
        ("second", "HALF_OPEN"),
    ]
    assert set(told["circuit_breakers"][0]) == FIELDS


async def test_gz_15_an_open_one_says_since_when_and_until_when(sidecar, state):
    at = now_ms() - 100_000
    state.open("openai/gpt-4o", at=at)
    told = await get(sidecar, "/openai")
    assert (told["state"], told["failure_count"]) == ("OPEN", 5)
    assert told["opened_at"] == datetime.fromtimestamp(at // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert 198 <= told["seconds_until_retry"] <= 200
    (backend,) = told["backends"]
    assert (backend["provider"], backend["state"]) == ("openai/gpt-4o", "OPEN")


@pytest.mark.parametrize("name", ["openai", "openai/never-used", "openai/with/slashes"])
async def test_gz_15_what_was_never_used_is_closed(sidecar, state, name):
    told = await get(sidecar, f"/{name}")
    assert {**told, "backends": []} == {
        "provider": name, "state": "CLOSED", "failure_count": 0, "success_count": 0, "failure_rate": 0.0, "recent_requests": 0,
        "opened_at": None, "seconds_until_retry": 0, "backends": [],
    }  # fmt: skip


@pytest.mark.parametrize("name", ["nobody", "nobody/x", "open", "openai-2/x"])
async def test_a_provider_that_is_not_configured_has_none(sidecar, state, name):
    assert (await sidecar.get(f"/circuit-breakers/{name}"))[0] == 404
    async with sidecar.tcp.post(f"{sidecar.url}/circuit-breakers/{name}/reset") as answer:
        assert answer.status == 404


async def test_gz_15_providers_are_independent(sidecar, state):
    state.open("openai/gpt-4o")
    assert (await get(sidecar, "/second"))["state"] == "CLOSED"
    assert (await get(sidecar, "/openai/other"))["state"] == "CLOSED"


async def test_gz_15_counts_are_of_the_last_minute_and_of_all_time(sidecar, state):
    state.count("openai/gpt-4o", 5, 1)
    state.count("openai/o3", 1, 1)
    told = await get(sidecar, "/openai")
    assert (told["success_count"], told["recent_requests"], told["failure_rate"]) == (6, 8, 0.25)
    assert (await get(sidecar, "/openai/o3"))["failure_rate"] == 0.5


async def test_gz_15_a_reset_closes_it_in_nginx(sidecar, state):
    for target in ("openai/a", "openai/b", "second/a"):
        state.open(target)
    told = await post(sidecar, "openai/reset")
    assert (told["success"], told["provider"], told["state"]) == (True, "openai", "CLOSED")
    assert set(state.opened) == {"second/a"}
    assert (await get(sidecar, "/openai"))["state"] == "CLOSED"


async def test_gz_15_a_reset_of_one_backend_leaves_the_others(sidecar, state):
    state.open("openai/a")
    state.open("openai/b/c")
    assert (await post(sidecar, "openai/b/c/reset"))["provider"] == "openai/b/c"
    assert set(state.opened) == {"openai/a"}


async def test_gz_15_reset_all(sidecar, state):
    state.open("openai/a")
    state.open("second/a")
    told = await post(sidecar, "reset-all")
    assert (told["success"], told["state"]) == (True, "CLOSED")
    assert state.opened == {}
    assert (await get(sidecar))["closed_count"] == 2


async def test_without_nginx_nothing_is_claimed(sidecar, state):
    await sidecar.nginx.stop()
    assert await sidecar.get("/circuit-breakers") == (503, "nginx is not there")


async def test_without_a_bundle_nothing_is_known(sidecar):
    assert (await sidecar.get("/circuit-breakers"))[0] == 503


async def test_a_new_nginx_is_told_what_the_one_before_it_knew(sidecar, state):
    state.open("openai/a")
    state.block("p:second")
    await eventually(lambda: sidecar.sidecar._backends.reported and sidecar.sidecar._backends.reported.blocks)
    opened, blocks = dict(state.opened), dict(state.blocks)
    state.restart()
    assert state.opened == {}
    await eventually(lambda: (state.opened, state.blocks) == (opened, blocks), seconds=3)


async def test_metrics_tell_the_state_of_named_backends_only(sidecar, state):
    await sidecar.use(make(providers=(OPENAI, SECOND), models=(model("smart", "openai/a", "second/b"),)))
    state.open("openai/a")
    state.block("m:second/b")
    state.open("openai/of a client's making")
    state.latencies["second/b"] = [250.0, now_ms()]
    await get(sidecar)
    text = (await sidecar.get("/metrics"))[1]
    lines = {line for line in text.splitlines() if line.startswith("ostiary_backend_") and not line.endswith(" 0.0")}
    assert lines == {
        'ostiary_backend_state{model="a",provider="openai",state="open"} 1.0',
        'ostiary_backend_state{model="b",provider="second",state="blocked"} 1.0',
        'ostiary_backend_state{model="other",provider="openai",state="open"} 1.0',
        'ostiary_backend_latency_seconds{model="b",provider="second"} 0.25',
    }

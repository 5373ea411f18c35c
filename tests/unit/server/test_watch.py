"""The eye on nginx's backends, on a real socket."""

import asyncio
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from tests.unit.server.rig import eventually
from tests.unit.server.shared_state import SharedState

from ostiary_gateway.server.control import Control, NginxAwayError
from ostiary_gateway.server.reported import Change, Opening
from ostiary_gateway.server.unhealthy import Unhealthy
from ostiary_gateway.server.watch import Watch

T0 = 1_800_000_000_000


@asynccontextmanager
async def served(folder, state):
    app = web.Application()
    app.router.add_get("/health", state.get)
    app.router.add_post("/health", state.post)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.UnixSite(runner, str(folder / "control.sock")).start()
    try:
        yield
    finally:
        await runner.cleanup()


@asynccontextmanager
async def watching(folder, *listeners, every=0.01):
    async with Control(folder / "control.sock") as control:
        watch = Watch(control, every, listeners)
        task = asyncio.create_task(watch.run())
        yield watch
        task.cancel()


async def test_every_change_is_seen_and_what_did_not_change_is_not_sent(tmp_path):
    state, heard = SharedState(), []
    async with served(tmp_path, state), watching(tmp_path, heard.append) as watch:
        await eventually(lambda: heard)
        asked = state.asked
        await eventually(lambda: state.asked > asked + 20)
        assert len(heard) <= 2
        state.open("openai/a")
        await eventually(lambda: heard[-1].breakers, seconds=0.5)
        assert watch.reported is heard[-1]


async def test_counts_are_read_although_they_are_no_change(tmp_path):
    state = SharedState()
    async with served(tmp_path, state), watching(tmp_path) as watch:
        await eventually(lambda: watch.reported)
        state.count("openai/a", 1, 2)
        await eventually(lambda: "openai/a" in watch.reported.counts, seconds=2)


async def test_while_nginx_is_away_there_is_no_state_and_what_it_is_told_waits(tmp_path):
    state = SharedState()
    async with watching(tmp_path) as watch:
        with pytest.raises(NginxAwayError):
            await watch.look()
        await watch.tell(Change(blocks={"m:openai/a": (2 * T0, "retry_after")}))
        assert watch.reported is None
        async with served(tmp_path, state):
            await eventually(lambda: watch.reported and watch.reported.blocks)
        (tmp_path / "control.sock").unlink(missing_ok=True)
        await eventually(lambda: watch.reported is None)


async def test_what_cannot_be_read_is_an_nginx_that_is_away(tmp_path):
    state = SharedState()
    state.latencies["x"] = ["no number", 1]
    async with served(tmp_path, state), watching(tmp_path) as watch:
        await eventually(lambda: state.asked > 3)
        assert watch.reported is None


async def test_nothing_is_told_where_nothing_is_to_tell(tmp_path):
    state = SharedState()
    async with served(tmp_path, state), watching(tmp_path) as watch:
        await watch.tell(Change())
        await watch.tell(Change(breakers={"a/x": Opening(T0, 1), "a/y": None}, reset=("a/z",)))
    assert state.told == [{"breakers": {"a/x": {"opened_at": T0, "open_ms": 1}, "a/y": None}}, {"reset": ["a/z"]}]


async def test_much_is_told_in_pieces_that_nginx_takes(tmp_path):
    state = SharedState()
    async with served(tmp_path, state), watching(tmp_path) as watch:
        await watch.tell(Change(blocks={f"m:a/{n}": (2 * T0, "retry_after") for n in range(1001)}))
    assert len(state.blocks) == 1001
    assert [len(told["blocks"]) for told in state.told] == [40] * 25 + [1]


async def test_what_nginx_refuses_is_given_up(tmp_path):
    state = SharedState()
    async with served(tmp_path, state), watching(tmp_path) as watch:
        await watch.tell(Change(blocks={"m:a/x": ("soon", "retry_after")}))
        await watch.tell(Change(reset=("a/z",)))
        assert (await watch.look()).blocks == {}
    assert state.told[-1] == {"reset": ["a/z"]}


async def test_unhealthy_since_the_first_opening_until_it_closes(tmp_path):
    state, unhealthy = SharedState(), Unhealthy()
    async with served(tmp_path, state), watching(tmp_path, unhealthy.note) as watch:
        state.open("openai/a", at=T0 - 400_000)
        await watch.look()
        assert unhealthy() == {"openai/a": ("OPEN", "2027-01-15T07:53:20Z")}
        state.open("openai/a", at=T0)
        await watch.look()
        assert unhealthy() == {"openai/a": ("OPEN", "2027-01-15T07:53:20Z")}
        state.open("openai/a", at=1000)
        await watch.look()
        assert unhealthy() == {"openai/a": ("HALF_OPEN", "2027-01-15T07:53:20Z")}
        state.close("openai/a")
        await watch.look()
        assert unhealthy() == {}

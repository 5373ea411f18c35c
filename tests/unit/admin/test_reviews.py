"""Kubernetes says whose token it is and what they may; its answers count for a short time."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web
from kubernetes.aio import client as kubernetes
from tests.support.becoming import becomes
from tests.unit.admin.rig import ADMIN, VIEWER, Rig, serving

from ostiary_gateway.admin.reviews import SECONDS, Reviews
from ostiary_gateway.bundle.apiserver import ApiServer

TOKENS = "/apis/authentication.k8s.io/v1/tokenreviews"
ACCESS = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
ANN = {"username": "ann", "uid": "u-1", "groups": ["team"], "extra": {"x": ["y"]}}


class Kubernetes:
    """Knows tokens, and what their users may as (user, path, verb). `gate` holds its answers back."""

    def __init__(self) -> None:
        self.users = {"token-of-ann": ANN}
        self.may = {("ann", "/admin/keys", "get")}
        self.asked: list[tuple[str, Any]] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.status = 201
        self.now = 0.0
        self.most_at_once = 0
        self.open = 0

    async def answer(self, request: web.Request) -> web.Response:
        spec = (await request.json())["spec"]
        self.asked.append((request.path, spec))
        self.open += 1
        self.most_at_once = max(self.most_at_once, self.open)
        await self.gate.wait()
        self.open -= 1
        return web.json_response({"status": self._status(request.path, spec)}, status=self.status)

    def _status(self, path: str, spec: Any) -> Any:
        if path == TOKENS:
            user = self.users.get(spec["token"])
            return {"authenticated": True, "user": user} if user else {"authenticated": False, "error": "unknown"}
        wanted = spec["nonResourceAttributes"]
        return {"allowed": (spec["user"], wanted["path"], wanted["verb"]) in self.may}


@asynccontextmanager
async def reviewing(tmp_path) -> AsyncIterator[tuple[Rig, Kubernetes]]:
    server = Kubernetes()
    app = web.Application()
    app.router.add_post("/{any:.*}", server.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    api = ApiServer(kubernetes.Configuration(host=f"http://127.0.0.1:{runner.addresses[0][1]}"))
    reviews = Reviews(api, lambda: server.now)
    async with serving(Rig(tmp_path), reviewer=reviews) as rig:
        yield rig, server
    await reviews.close()
    await runner.cleanup()


async def test_tp_24_a_user_of_kubernetes_may_what_their_role_says(tmp_path):
    async with reviewing(tmp_path) as (admin, server):
        assert (await admin.ask("GET", "/keys", token="token-of-ann")).status == 200
        assert server.asked[0] == (TOKENS, {"token": "token-of-ann"})
        who = {"user": "ann", "uid": "u-1", "groups": ["team"], "extra": {"x": ["y"]}}
        assert server.asked[1] == (ACCESS, {**who, "nonResourceAttributes": {"path": "/admin/keys", "verb": "get"}})
        refused = await admin.ask("POST", "/keys", {"name": "x"}, token="token-of-ann")
        assert (refused.status, refused.json["error"]["message"]) == (403, "ann may not post /admin/keys")
        assert (await admin.ask("GET", "/models", token="token-of-ann")).status == 403
        server.may.add(("ann", "/admin/postings", "post"))
        body = {"kind": "credit", "account": "key/default/x", "amount": "1", "reason": "r"}
        assert (await admin.ask("POST", "/postings", body, token="token-of-ann")).json["actor"] == "ann"


async def test_a_token_that_kubernetes_does_not_know_is_refused(tmp_path):
    async with reviewing(tmp_path) as (admin, server):
        refused = await admin.ask("GET", "/keys", token="token-of-ben")
        assert (refused.status, refused.code) == (401, "unauthorized")
        assert [path for path, _ in server.asked] == [TOKENS]


async def test_tokens_from_files_need_no_kubernetes(tmp_path):
    async with reviewing(tmp_path) as (admin, server):
        assert (await admin.ask("POST", "/keys", {"name": "x"}, token=ADMIN)).status == 201
        assert (await admin.ask("GET", "/keys", token=VIEWER)).status == 200
        assert (await admin.ask("POST", "/keys", {"name": "y"}, token=VIEWER)).status == 403
        assert server.asked == []


async def test_answers_count_for_a_while_and_no_longer(tmp_path):
    async with reviewing(tmp_path) as (admin, server):
        for _ in range(3):
            assert (await admin.ask("GET", "/keys", token="token-of-ann")).status == 200
            assert (await admin.ask("GET", "/keys", token="token-of-ben")).status == 401
        assert len(server.asked) == 3
        server.users.clear()
        server.now = SECONDS - 0.1
        assert (await admin.ask("GET", "/keys", token="token-of-ann")).status == 200
        server.now = SECONDS
        assert (await admin.ask("GET", "/keys", token="token-of-ann")).status == 401


async def test_a_flood_of_tokens_is_no_flood_of_questions(tmp_path):
    async with reviewing(tmp_path) as (admin, server):
        server.gate.clear()
        asking = [asyncio.create_task(admin.ask("GET", "/keys", token=f"guess-{n}")) for n in range(40)]
        done: set[asyncio.Task[Any]] = set()
        waiting = set(asking)
        while len(done) < 24:
            more, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            done |= more
        await becomes(lambda: server.open == 4)
        server.gate.set()
        replies = await asyncio.gather(*asking)
        assert sorted(reply.status for reply in replies) == [401] * 16 + [503] * 24
        assert server.most_at_once == 4
        assert (await admin.ask("GET", "/keys", token=ADMIN)).status == 200


@pytest.mark.parametrize("status", [403, 500])
async def test_a_kubernetes_that_does_not_answer_lets_nobody_in(tmp_path, status):
    async with reviewing(tmp_path) as (admin, server):
        server.status = status
        assert (await admin.ask("GET", "/keys", token="token-of-ann")).status == 503
        server.status = 201
        assert (await admin.ask("GET", "/keys", token="token-of-ann")).status == 200

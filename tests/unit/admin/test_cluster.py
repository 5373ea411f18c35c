"""Objects in a cluster: what the API reads and writes are the custom resources."""

import hashlib
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from kubernetes.aio import client as kubernetes
from tests.support.kube import Kube, running_kube
from tests.unit.admin.rig import Rig, serving
from tests.unit.admin.test_objects import BODIES

from ostiary_gateway.admin.cluster import Cluster
from ostiary_gateway.admin.permissions import RESOURCES
from ostiary_gateway.bundle.apiserver import ApiServer

SPEC = {"type": "openai", "baseURL": "https://a.example"}
_VERBS = {"POST": "create", "PUT": "update", "DELETE": "delete", "GET": "get"}


@asynccontextmanager
async def served(tmp_path, *namespaces: str) -> AsyncIterator[tuple[Rig, Kube]]:
    async with running_kube() as kube:
        resources = Cluster(namespaces, ApiServer(kubernetes.Configuration(host=kube.url)))
        async with serving(Rig(tmp_path), resources) as rig:
            try:
                yield rig, kube
            finally:
                await resources.close()


async def test_tp_24_keys_are_custom_resources(tmp_path):
    async with served(tmp_path) as (admin, kube):
        made = await admin.ask("POST", "/keys", {"name": "ann", "namespace": "red", "spec": {"owner": "Ann"}})
        resource = kube.get("apikeys", "red", "ann")
        assert resource["spec"] == {"owner": "Ann", "sha256": hashlib.sha256(made.json["key"].encode()).hexdigest()}
        assert made.json["version"] == resource["metadata"]["resourceVersion"]
        assert made.json["created"] == resource["metadata"]["creationTimestamp"]
        await kube.put("apikeys", resource | {"status": {"keyId": "red/ann"}})
        assert (await admin.get("/keys/red/ann"))["status"] == {"keyId": "red/ann"}
        assert (await admin.ask("DELETE", "/keys/red/ann")).status == 200
        assert kube.get("apikeys", "red", "ann")["spec"]["disabled"] is True
        assert (await admin.ask("POST", "/keys", {"name": "ann", "namespace": "red"})).code == "exists"
        assert (await admin.ask("GET", "/keys/red/ben")).status == 404


async def test_what_kubernetes_keeps_with_an_object_stays(tmp_path):
    async with served(tmp_path) as (admin, kube):
        notes = {"annotations": {"a": "1"}, "labels": {"b": "2"}, "finalizers": ["x/y"]}
        await kube.put("providers", {"metadata": {"name": "one", "namespace": "red", **notes}, "spec": SPEC})
        assert (await admin.ask("PUT", "/providers/red/one", {"spec": SPEC | {"prefix": "p"}})).status == 200
        changed = kube.get("providers", "red", "one")
        assert {name: changed["metadata"][name] for name in notes} == notes
        assert changed["spec"] == SPEC | {"prefix": "p"}


async def test_a_generated_key_is_rotated_by_the_operator_with_its_overlap(tmp_path):
    async with served(tmp_path) as (admin, kube):
        spec = {"generate": {}, "rotation": {"overlapSeconds": 60}}
        meta = {"name": "ann", "namespace": "red", "annotations": {"mine": "kept"}}
        await kube.put("apikeys", {"metadata": meta, "spec": spec})
        again = await admin.ask("POST", "/keys/red/ann/regenerate")
        assert (again.status, again.json["overlap_seconds"], "key" in again.json) == (200, 60, False)
        asked = kube.get("apikeys", "red", "ann")
        assert asked["spec"] == spec
        assert asked["metadata"]["annotations"]["mine"] == "kept"
        assert re.fullmatch("[0-9a-f]{16}", asked["metadata"]["annotations"]["ostiary.dev/rotate"])


async def test_somebody_faster_is_tried_again_and_not_overwritten(tmp_path):
    async with served(tmp_path) as (admin, kube):
        await kube.put("providers", {"metadata": {"name": "one", "namespace": "red"}, "spec": SPEC})
        seen = {"If-Match": (await admin.ask("GET", "/providers/red/one")).headers["ETag"]}
        puts = 0

        def refuse(method: str, _path: str) -> int:
            nonlocal puts
            puts += method == "PUT"
            return 409 if method == "PUT" and puts in {1, 2, 4} else 0

        kube.refuse = refuse
        assert (await admin.ask("PUT", "/providers/red/one", {"spec": SPEC | {"prefix": "p"}})).status == 200
        assert puts == 3
        seen = {"If-Match": (await admin.ask("GET", "/providers/red/one")).headers["ETag"]}
        late = await admin.ask("PUT", "/providers/red/one", {"spec": SPEC}, headers=seen)
        assert (late.status, late.code, puts) == (412, "changed", 4)
        kube.refuse = lambda method, _: 409 if method == "PUT" else 0
        assert (await admin.ask("PUT", "/providers/red/one", {"spec": SPEC})).code == "changed"


async def test_lists_are_read_to_their_end(tmp_path):
    async with served(tmp_path) as (admin, kube):
        for number in range(501):
            kube.objects["apikeys", "red", f"k{number:03}"] = {
                "metadata": {"name": f"k{number:03}", "namespace": "red"},
                "spec": {},
            }
        page = await admin.get("/keys?page=3&page_size=200")
        assert (len(page["items"]), page["total_count"]) == (101, 501)


async def test_only_the_namespaces_of_this_installation_are_served(tmp_path):
    async with served(tmp_path, "red", "blue") as (admin, kube):
        for namespace in ("red", "blue", "green"):
            await kube.put("providers", {"metadata": {"name": "one", "namespace": namespace}, "spec": SPEC})
        assert [item["id"] for item in (await admin.get("/providers"))["items"]] == ["blue/one", "red/one"]
        assert (await admin.get("/providers?namespace=green"))["items"] == []
        assert (await admin.ask("GET", "/providers/green/one")).status == 404
        assert (await admin.ask("DELETE", "/providers/green/one")).status == 404
        assert (await admin.ask("PUT", "/providers/green/one", {"spec": SPEC})).status == 404
        assert (await admin.ask("POST", "/providers", {"name": "two", "namespace": "green", "spec": SPEC})).status == 422
        assert not [path for _, path in kube.journal if "green" in path]


@pytest.mark.parametrize(("refusal", "status"), [(403, 503), (500, 503), (422, 422), (400, 422), (404, 422), (409, 409)])
async def test_what_the_api_server_refuses_is_told(tmp_path, refusal, status):
    async with served(tmp_path) as (admin, kube):
        kube.refuse = lambda *_: refusal
        assert (await admin.ask("POST", "/providers", {"name": "one", "spec": SPEC})).status == status


async def test_an_api_server_that_is_away_is_told(tmp_path):
    async with served(tmp_path) as (admin, kube):
        await kube.stop()
        refused = await admin.ask("GET", "/keys")
        assert (refused.status, refused.code) == (503, "unavailable")


async def test_outside_of_a_cluster_there_is_no_api_server(tmp_path):
    async with serving(Rig(tmp_path), Cluster()) as admin:
        assert (await admin.ask("GET", "/keys")).code == "unavailable"


async def test_what_is_called_is_what_is_permitted_exactly(tmp_path):
    async with served(tmp_path) as (admin, kube):
        for kind, spec in BODIES.items():
            await admin.ask("GET", f"/{kind}")
            await admin.ask("POST", f"/{kind}", {"name": "one", "spec": spec})
            await admin.ask("PUT", f"/{kind}/default/one", {"spec": spec})
            await admin.ask("DELETE", f"/{kind}/default/one")
        await admin.ask("POST", "/keys/default/one/regenerate")
        called = {verb_of(method, path) for method, path in kube.journal}
        assert called == {(group, resource, verb) for group, resource, verbs in RESOURCES for verb in verbs}


def verb_of(method: str, path: str) -> tuple[str, str, str]:
    """API group, resource and verb of a request."""
    found = re.fullmatch(r"/apis/([^/]+)/[^/]+(?:/namespaces/[^/]+)?/([^/]+)(/[^/]+)?", path)
    assert found, path
    return found[1], found[2], _VERBS[method] if found[3] or method != "GET" else "list"


async def test_a_deletion_names_the_version_that_was_seen(tmp_path):
    asked: list[object] = []

    async def one(request: web.Request) -> web.Response:
        if request.method == "DELETE":
            asked.append(await request.json())
            return web.json_response({"message": "the object was changed"}, status=409)
        meta = {"name": "one", "namespace": "red", "resourceVersion": "7"}
        return web.json_response({"metadata": meta, "spec": SPEC})

    app = web.Application()
    app.router.add_route("*", "/{any:.*}", one)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    resources = Cluster((), ApiServer(kubernetes.Configuration(host=f"http://127.0.0.1:{runner.addresses[0][1]}")))
    async with serving(Rig(tmp_path), resources) as admin:
        refused = await admin.ask("DELETE", "/providers/red/one", headers={"If-Match": '"7"'})
        assert (refused.status, refused.code) == (412, "changed")
        assert (await admin.ask("DELETE", "/providers/red/one")).status == 409
    await resources.close()
    await runner.cleanup()
    options = {"apiVersion": "v1", "kind": "DeleteOptions"}
    assert asked == [{**options, "preconditions": {"resourceVersion": "7"}}, options]

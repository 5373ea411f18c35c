"""A small API server in this process: objects with versions, conflicts, selectors, pages and watches, on a real socket.

It keeps what it was asked (`journal`), can be away and come back on the same port, forget old versions, and refuse calls.
"""

import asyncio
import base64
import itertools
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiohttp import web

Object = dict[str, Any]
Place = tuple[str, str, str]  # plural, namespace, name
_KINDS = {
    "providers": ("ostiary.dev/v1alpha1", "Provider"),
    "models": ("ostiary.dev/v1alpha1", "Model"),
    "apikeys": ("ostiary.dev/v1alpha1", "ApiKey"),
    "budgets": ("ostiary.dev/v1alpha1", "Budget"),
    "secrets": ("v1", "Secret"),
    "configmaps": ("v1", "ConfigMap"),
    "pods": ("v1", "Pod"),
    "events": ("v1", "Event"),
    "leases": ("coordination.k8s.io/v1", "Lease"),
    "namespaces": ("v1", "Namespace"),
    "customresourcedefinitions": ("apiextensions.k8s.io/v1", "CustomResourceDefinition"),
}
_NO_CONTENT_CHANGE = ("resourceVersion", "generation", "managedFields")


class Kube:
    """Objects are changed by `put` and `remove` as a user would, and by requests as a controller would."""

    def __init__(self) -> None:
        self.objects: dict[Place, Object] = {}
        self.journal: list[tuple[str, str]] = []  # (method, path) of every request; a watch's method is WATCH
        self.refuse: Callable[[str, str], int] = lambda _method, _path: 0
        self._versions = itertools.count(1000)
        self._uids = itertools.count(1)
        self._log: list[tuple[int, str, str, Object]] = []  # version, plural, event type, object
        self._changed = asyncio.Condition()
        self._oldest = 0
        self._runner: web.AppRunner | None = None
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def writes(self) -> list[tuple[str, str]]:
        """What was asked that changes something, the lease aside."""
        return [(method, path) for method, path in self.journal if method not in ("GET", "WATCH") and "/leases" not in path]

    def kubeconfig(self, folder: Path) -> str:
        """A file that says where this is."""
        path = folder / "kubeconfig.json"
        cluster = {"name": "kube", "cluster": {"server": self.url}}
        context = {"name": "kube", "context": {"cluster": "kube", "user": "me"}}
        user = {"name": "me", "user": {"token": "nothing"}}
        config = {"apiVersion": "v1", "kind": "Config", "current-context": "kube"}
        path.write_text(json.dumps(config | {"clusters": [cluster], "contexts": [context], "users": [user]}))
        return str(path)

    def get(self, plural: str, namespace: str, name: str) -> Object | None:
        return self.objects.get((plural, namespace, name))

    def all(self, plural: str) -> list[Object]:
        return [item for (kind, _, _), item in self.objects.items() if kind == plural]

    def secret_value(self, namespace: str, name: str, key: str) -> str:
        return base64.b64decode(self.objects["secrets", namespace, name]["data"][key]).decode()

    async def put(self, plural: str, item: Object) -> Object:
        """Create or replace, as `kubectl apply` would."""
        meta = item["metadata"]
        place = (plural, meta["namespace"], meta["name"])
        body = json.loads(json.dumps(item))
        body["apiVersion"], body["kind"] = _KINDS[plural]
        for key, text in body.pop("stringData", {}).items():
            body.setdefault("data", {})[key] = base64.b64encode(text.encode()).decode()
        return await self._store(place, body)

    async def remove(self, plural: str, namespace: str, name: str) -> None:
        item = self.objects.pop((plural, namespace, name))
        gone = item | {"metadata": item["metadata"] | {"resourceVersion": str(next(self._versions))}}
        await self._tell(plural, "DELETED", gone)

    async def forget_versions(self) -> None:
        """Watches from a version before now are answered with 410, running ones too."""
        async with self._changed:
            self._oldest = next(self._versions)
            self._changed.notify_all()

    async def until(self, condition: Callable[[], Any], seconds: float = 10) -> None:
        """Until something holds of the objects or the journal."""
        async with asyncio.timeout(seconds), self._changed:
            await self._changed.wait_for(condition)

    async def start(self) -> None:
        app = web.Application(client_max_size=2**24)
        app.router.add_get("/{tail:(api|apis|apis/[^/]+|api/v1|apis/[^/]+/[^/]+|version)}", self._discovery)
        for root in ("/api/v1", "/apis/{group}/{version}"):
            scope = f"{root}/namespaces/{{namespace}}"
            app.router.add_get(f"{scope}/{{plural}}", self._list)
            app.router.add_post(f"{scope}/{{plural}}", self._create)
            app.router.add_route("*", f"{scope}/{{plural}}/{{name}}", self._one)
            app.router.add_route("*", f"{scope}/{{plural}}/{{name}}/{{sub}}", self._one)
            app.router.add_get(f"{root}/{{plural}}", self._list)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1, handler_cancellation=True)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port, reuse_address=True)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Be away: connections are cut and refused. The objects stay."""
        if self._runner:
            await self._runner.cleanup()
            self._runner = None

    async def _store(self, place: Place, body: Object) -> Object:
        before = self.objects.get(place)
        meta = body["metadata"]
        now = {"uid": before["metadata"]["uid"] if before else f"uid-{next(self._uids)}"}
        now["creationTimestamp"] = (
            before["metadata"]["creationTimestamp"] if before else f"2026-01-01T00:00:{len(self.objects) % 60:02}Z"
        )
        generation = before["metadata"]["generation"] if before else 0
        changed = not before or before.get("spec") != body.get("spec")
        meta |= now | {"generation": generation + 1 if changed else generation}
        if before and _content(before) == _content(body):
            return before
        meta["resourceVersion"] = str(next(self._versions))
        self.objects[place] = body
        await self._tell(place[0], "MODIFIED" if before else "ADDED", body)
        return body

    async def _tell(self, plural: str, kind: str, item: Object) -> None:
        async with self._changed:
            self._log.append((int(item["metadata"]["resourceVersion"]), plural, kind, item))
            self._changed.notify_all()

    async def _discovery(self, request: web.Request) -> web.Response:
        tail = request.match_info["tail"]
        if tail == "version":
            return web.json_response({"major": "1", "minor": "34"})
        if tail == "api":
            return web.json_response({"kind": "APIVersions", "versions": ["v1"]})
        groups = {version.rpartition("/")[0] for version, _ in _KINDS.values()} - {""}
        if tail == "apis":
            return web.json_response({"kind": "APIGroupList", "groups": [_group(group) for group in sorted(groups)]})
        wanted = tail.removeprefix("apis/").removeprefix("api/")
        if wanted in groups:
            return web.json_response(_group(wanted))
        verbs = ["get", "list", "watch", "create", "patch", "update", "delete"]
        found = [
            {"name": plural, "kind": kind, "namespaced": True, "singularName": plural[:-1], "verbs": verbs}
            for plural, (version, kind) in _KINDS.items()
            if version == wanted
        ]
        return web.json_response({"kind": "APIResourceList", "groupVersion": wanted, "resources": found})

    async def _list(self, request: web.Request) -> web.StreamResponse:
        if request.query.get("watch") == "true":
            return await self._watch(request)
        refusal = await self._note(request)
        if refusal:
            return refusal
        found = [item for place, item in sorted(self.objects.items()) if _selected(place[0], item, request)]
        begin = int(request.query.get("continue", "0"))
        end = begin + int(request.query.get("limit", len(found)))
        meta = {"resourceVersion": str(next(self._versions))} | ({"continue": str(end)} if end < len(found) else {})
        return web.json_response({"kind": "List", "metadata": meta, "items": found[begin:end]})

    async def _watch(self, request: web.Request) -> web.StreamResponse:
        since = int(request.query.get("resourceVersion") or 0)
        async with self._changed:
            self.journal.append(("WATCH", request.path))
            self._changed.notify_all()
        refusal = self.refuse("WATCH", request.path)
        if refusal:
            return _status(refusal)
        if since < self._oldest:
            return _status(410)
        response = web.StreamResponse()
        await response.prepare(request)
        sent = 0
        while True:
            news, sent = self._log[sent:], len(self._log)
            for version, plural, kind, item in news:
                if version > since and _selected(plural, item, request):
                    await response.write(json.dumps({"type": kind, "object": item}).encode() + b"\n")
            async with self._changed:
                await self._changed.wait_for(lambda: len(self._log) > sent or since < self._oldest)  # noqa: B023 - awaited at once
            if since < self._oldest and len(self._log) == sent:
                await response.write(json.dumps({"type": "ERROR", "object": {"code": 410, "reason": "Expired"}}).encode() + b"\n")
                return response

    async def _create(self, request: web.Request) -> web.Response:
        refusal = await self._note(request)
        if refusal:
            return refusal
        body = await request.json()
        place = (request.match_info["plural"], request.match_info["namespace"], body["metadata"]["name"])
        if place in self.objects:
            return _status(409, "AlreadyExists")
        return web.json_response(await self._store(place, body), status=201)

    async def _one(self, request: web.Request) -> web.Response:
        refusal = await self._note(request)
        if refusal:
            return refusal
        info = request.match_info
        place = (info["plural"], info["namespace"], info["name"])
        found = self.objects.get(place)
        if found is None:
            return _status(404)
        if request.method == "DELETE":
            await self.remove(*place)
            return web.json_response({"kind": "Status", "status": "Success"})
        if request.method == "GET":
            return web.json_response(found)
        body = await request.json()
        meta = body.get("metadata", {})
        if any(meta.get(field, found["metadata"][field]) != found["metadata"][field] for field in ("resourceVersion", "uid")):
            return _status(409, "Conflict")
        if request.method == "PATCH":
            body = _merge(found, {"status": body.get("status")} if info.get("sub") == "status" else body)
        return web.json_response(await self._store(place, json.loads(json.dumps(body))))

    async def _note(self, request: web.Request) -> web.Response | None:
        async with self._changed:
            self.journal.append((request.method, request.path))
            self._changed.notify_all()
        status = self.refuse(request.method, request.path)
        return _status(status) if status else None


@asynccontextmanager
async def running_kube() -> AsyncIterator[Kube]:
    kube = Kube()
    await kube.start()
    try:
        yield kube
    finally:
        await kube.stop()


def _status(code: int, reason: str = "") -> web.Response:
    return web.json_response({"kind": "Status", "status": "Failure", "code": code, "reason": reason}, status=code)


def _group(name: str) -> Object:
    versions = {version.rpartition("/")[2] for version, _ in _KINDS.values() if version.startswith(f"{name}/")}
    listed = [{"groupVersion": f"{name}/{version}", "version": version} for version in sorted(versions)]
    return {"kind": "APIGroup", "name": name, "versions": listed, "preferredVersion": listed[0]}


def _content(item: Object) -> Object:
    return item | {"metadata": {key: value for key, value in item["metadata"].items() if key not in _NO_CONTENT_CHANGE}}


def _selected(plural: str, item: Object, request: web.Request) -> bool:
    meta = item["metadata"]
    if plural != request.match_info["plural"] or meta["namespace"] != request.match_info.get("namespace", meta["namespace"]):
        return False
    labels = [part.split("=") for part in request.query.get("labelSelector", "").split(",") if part]
    fields = [part.split("=") for part in request.query.get("fieldSelector", "").split(",") if part and "!=" not in part]
    values = {"metadata.name": meta["name"]}
    return all((meta.get("labels") or {}).get(k) == v for k, v in labels) and all(values[k] == v for k, v in fields)


def _merge(base: Any, patch: Any) -> Any:
    if not isinstance(patch, dict):
        return patch
    merged = dict(base) if isinstance(base, dict) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = _merge(merged.get(key), value)
    return merged

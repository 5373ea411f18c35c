"""The operator process as it runs in a pod, with kopf's own watches, against an API server on a real socket."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
from tests.support.kube import Kube, running_kube
from tests.support.operator import BUNDLE, NAMESPACE, api_key, condition, model, pod, provider, secret

from ostiary_gateway.contract.settings import Settings
from ostiary_operator.cluster import permissions
from ostiary_operator.handlers.running import run_operator

VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete", "WATCH": "watch"}


@asynccontextmanager
async def process(kube: Kube, tmp_path: Path, **settings: object) -> AsyncIterator[None]:
    kubeconfig = kube.kubeconfig(tmp_path)
    stop = threading.Event()
    values = {"namespace": NAMESPACE, "bundle": BUNDLE, "gateway_selector": "component=gateway"} | settings
    # In a thread of its own: kopf, when it ends, cancels what else began in its loop.
    operator = asyncio.create_task(asyncio.to_thread(asyncio.run, run_operator(Settings(**values), kubeconfig, stop)))
    try:
        yield
    finally:
        stop.set()
        await asyncio.wait_for(operator, 20)


async def test_users_objects_are_only_read_and_only_what_is_permitted_is_called(tmp_path: Path) -> None:
    async with running_kube() as kube:
        stray = {"name": f"{BUNDLE}-allowlist-077", "namespace": NAMESPACE, "labels": {"ostiary.dev/bundle": BUNDLE}}
        await kube.put("configmaps", {"metadata": stray, "data": {}})
        async with process(kube, tmp_path):
            await kube.until(lambda: not kube.get("configmaps", NAMESPACE, stray["name"]), 20)
            await kube.put("pods", pod("gateway-0", ""))
            await kube.until(lambda: ("WATCH", "/apis/ostiary.dev/v1alpha1/apikeys") in kube.journal)
            await kube.put("secrets", secret("cred", k="sk-provider"))
            await kube.put("providers", provider())
            await kube.put("models", model("gpt-4o", "fake"))
            await kube.put("budgets", {"metadata": {"name": "all", "namespace": "team"}, "spec": {"amount": "10"}})
            await kube.put("apikeys", api_key("made"))
            await kube.put("apikeys", api_key("named", secretRef={"name": "absent", "key": "k"}))
            await kube.until(lambda: condition(kube.get("apikeys", "team", "named"), "ResolvedRefs")[1] == "SecretNotFound", 20)
            await kube.until(lambda: condition(kube.get("providers", "team", "fake"), "Programmed")[1] == "Pending", 20)
            await kube.until(lambda: condition(kube.get("models", "team", "gpt-4o"), "Programmed")[1] == "Pending", 20)
            await kube.until(lambda: condition(kube.get("budgets", "team", "all"), "Programmed")[1] == "Pending", 20)
            await kube.put("apikeys", api_key("made", annotations={"ostiary.dev/rotate": "1"}))
            await kube.until(lambda: "previous-api-key" in kube.objects["secrets", "team", "made-key"]["data"])
        for item in (*kube.all("apikeys"), *kube.all("budgets"), *kube.all("models"), *kube.all("providers")):
            assert "finalizers" not in item["metadata"]
            assert set(item["metadata"].get("annotations") or {}) <= {"ostiary.dev/rotate"}
        called = _called(kube)
        assert called == _permitted()


async def test_a_key_reaches_the_bundle_through_kopf_and_leaves_it_again(tmp_path: Path) -> None:
    def rows() -> str:
        return json.dumps(kube.all("configmaps"))

    async with running_kube() as kube, process(kube, tmp_path):
        await kube.until(lambda: ("WATCH", "/apis/ostiary.dev/v1alpha1/apikeys") in kube.journal, 20)
        await kube.put("apikeys", api_key("app", sha256="a" * 64))
        await kube.until(lambda: "a" * 64 in rows())
        await kube.put("apikeys", api_key("app", sha256="b" * 64))
        await kube.until(lambda: "a" * 64 not in rows() and "b" * 64 in rows())
        await kube.remove("apikeys", "team", "app")
        await kube.until(lambda: "b" * 64 not in rows())


async def test_it_says_that_it_lives_and_gives_the_lease_back(tmp_path: Path, unused_tcp_port: int) -> None:
    async with running_kube() as kube:
        async with process(kube, tmp_path, metrics_host="127.0.0.1", metrics_port=unused_tcp_port):
            await kube.until(lambda: ("WATCH", "/apis/ostiary.dev/v1alpha1/apikeys") in kube.journal, 20)
            async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{unused_tcp_port}/healthz") as answer:
                assert answer.status == 200
        assert kube.objects["leases", NAMESPACE, f"{BUNDLE}-operator"]["spec"]["holderIdentity"] == ""


def _called(kube: Kube) -> set[tuple[str, str, str]]:
    """(where, resource, verb) of every call but for the discovery of kinds, which everybody may do."""
    found = set()
    for method, path in kube.journal:
        parts = path.strip("/").split("/")
        parts = parts[2:] if parts[0] == "api" else parts[3:]
        if not parts:
            continue
        namespace, parts = (parts[1], parts[2:]) if parts[0] == "namespaces" else ("", parts)
        verb = VERBS.get(method) or ("get" if len(parts) > 1 else "list")
        where = "home" if namespace == NAMESPACE else "everywhere"
        found.add((where, "/".join([parts[0], *parts[2:]]), verb))
    return found


def _permitted() -> set[tuple[str, str, str]]:
    tables = {"home": permissions.AT_HOME, "everywhere": permissions.EVERYWHERE}
    return {(where, resource, verb) for where, table in tables.items() for _, resource, verbs in table for verb in verbs}

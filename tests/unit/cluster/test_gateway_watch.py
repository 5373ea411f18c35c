"""The sidecar's watch of the bundle: from the API server into run/bundle, and back as annotations of its pod."""

import asyncio
import contextlib
import json
import stat
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from kubernetes.aio import client as kubernetes
from tests.support.becoming import becomes
from tests.support.kube import Kube, running_kube
from tests.support.operator import BUNDLE, NAMESPACE, pod

from ostiary_gateway.bundle import cluster as watcher
from ostiary_gateway.bundle import folder
from ostiary_gateway.bundle.apiserver import ApiServer
from ostiary_gateway.bundle.cluster import Cluster, Reports
from ostiary_gateway.contract import bundle as contract
from ostiary_gateway.contract.settings import Settings
from ostiary_operator.objects.bundle import Place, build_bundle

PLACE = Place(NAMESPACE, BUNDLE)
Health = dict[str, tuple[str, str]]


def bundle(mark: str, shards: int = 2) -> contract.Bundle:
    files = {f"allowlist-{n:03d}.csv": f"{mark} {n}".encode() for n in range(shards)}
    rest = {"document.json": mark.encode(), "upstreams.conf": b"", "credentials.json": json.dumps({"of": mark}).encode()}
    return contract.build(files | rest)


async def write(kube: Kube, wanted: contract.Bundle) -> None:
    objects = build_bundle(wanted, PLACE, "uid-of-head")
    for shard in objects.shards:
        await kube.put("configmaps", shard)
    await kube.put("secrets", objects.credentials)
    await kube.put("configmaps", objects.head)


@asynccontextmanager
async def watching(
    kube: Kube, run: Path, uses: Mapping[str, str] | None = None, mount: str = "", health: Health | None = None
) -> AsyncIterator[Cluster]:
    settings = Settings(run=str(run), namespace=NAMESPACE, bundle=BUNDLE, pod_name="gateway-0", bundle_mount=mount)
    reports = Reports(lambda: uses or {}, lambda: health or {})
    cluster = Cluster(settings, reports, api=ApiServer(kubernetes.Configuration(host=kube.url)))
    task = asyncio.create_task(cluster.run())
    try:
        yield cluster
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def in_force(run: Path, digest: str) -> None:
    await becomes(lambda: folder.current(run) == digest)


async def test_a_bundle_and_each_newer_one_come_into_force(tmp_path: Path) -> None:
    async with running_kube() as kube, watching(kube, tmp_path) as cluster:
        for mark in ("one", "two"):
            wanted = bundle(mark)
            await write(kube, wanted)
            await in_force(tmp_path, wanted.digest)
            assert folder.read(tmp_path / "bundle" / wanted.digest) == wanted
        secret = tmp_path / "bundle" / wanted.digest / "credentials.json"
        assert stat.S_IMODE(secret.stat().st_mode) == 0o600
        assert cluster.problem == ""


async def test_half_a_bundle_never_comes_into_force(tmp_path: Path) -> None:
    async with running_kube() as kube, watching(kube, tmp_path):
        first, second = bundle("one"), bundle("two")
        await write(kube, first)
        await in_force(tmp_path, first.digest)
        objects = build_bundle(second, PLACE, "uid-of-head")
        seen = set()
        for item in (*objects.shards, objects.head):
            await kube.put("configmaps", item)
            await asyncio.sleep(0.05)  # nothing is to be waited for: nothing must happen
            seen.add(folder.current(tmp_path))
        assert seen == {first.digest}
        await kube.put("secrets", objects.credentials)
        await in_force(tmp_path, second.digest)


async def test_the_api_server_away_and_back_and_a_version_too_old(tmp_path: Path) -> None:
    async with running_kube() as kube, watching(kube, tmp_path) as cluster:
        await write(kube, bundle("one"))
        await in_force(tmp_path, bundle("one").digest)
        await kube.stop()
        await becomes(lambda: cluster.problem)
        assert folder.current(tmp_path) == bundle("one").digest
        await write(kube, bundle("two"))
        await kube.forget_versions()
        await kube.start()
        await in_force(tmp_path, bundle("two").digest)
        await becomes(lambda: not cluster.problem)


async def test_a_bundle_with_a_large_document_comes_packed_and_arrives_as_it_was(tmp_path: Path) -> None:
    large = bundle("m" * 2_000_000)
    async with running_kube() as kube, watching(kube, tmp_path):
        await write(kube, large)
        assert set(kube.objects["configmaps", NAMESPACE, BUNDLE]["binaryData"]) == {"document.json.gz"}
        await in_force(tmp_path, large.digest)
        assert folder.read(tmp_path / "bundle" / "current") == large
        await write(kube, bundle("small"))
        await in_force(tmp_path, bundle("small").digest)


async def test_a_bundle_that_is_deleted_stays_in_force(tmp_path: Path) -> None:
    async with running_kube() as kube, watching(kube, tmp_path):
        await write(kube, bundle("one"))
        await in_force(tmp_path, bundle("one").digest)
        await kube.remove("configmaps", NAMESPACE, BUNDLE)
        await kube.remove("secrets", NAMESPACE, f"{BUNDLE}-credentials")
        await write(kube, bundle("two"))
        await in_force(tmp_path, bundle("two").digest)


@pytest.mark.parametrize(("already", "expected"), [(None, "mounted"), ("own", "own")])
async def test_without_the_api_server_the_mounted_bundle_is_only_a_start(
    tmp_path: Path, already: str | None, expected: str
) -> None:
    mount, run = tmp_path / "mount", tmp_path / "run"
    mount.mkdir()
    for name, content in {**bundle("mounted").files, "manifest.json": bundle("mounted").manifest}.items():
        (mount / name).write_bytes(content)
    if already:
        folder.publish(run, bundle(already))
    async with running_kube() as kube:
        await kube.stop()
        async with watching(kube, run, mount=str(mount)) as cluster:
            await becomes(lambda: cluster.problem)
            await in_force(run, bundle(expected).digest)
            await write(kube, bundle("newer"))
            await kube.start()
            await in_force(run, bundle("newer").digest)


async def test_the_pod_says_which_bundle_it_works_with_and_when_old_keys_were_used(tmp_path: Path) -> None:
    def annotation(name: str) -> str | None:
        found: str | None = kube.objects["pods", NAMESPACE, "gateway-0"]["metadata"]["annotations"].get(name)
        return found

    uses = {"team/app#1": "2026-11-21T12:00:00Z"}
    async with running_kube() as kube, watching(kube, tmp_path, uses) as cluster:
        await kube.put("pods", pod("gateway-0", ""))
        refusals = iter([503, 503])
        kube.refuse = lambda method, _path: next(refusals, 0) if method == "PATCH" else 0
        await cluster.acknowledge("0123456789abcdef")
        await kube.until(lambda: annotation(watcher.IN_USE) == "0123456789abcdef")
        assert annotation(watcher.RETIRING_KEYS) == json.dumps(uses)
        await cluster.acknowledge("fedcba9876543210")
        await kube.until(lambda: annotation(watcher.IN_USE) == "fedcba9876543210")


async def test_the_pod_says_which_backends_take_no_requests_and_writes_nothing_else(tmp_path: Path) -> None:
    """On change at once, then not before five seconds have passed; what does not change is not written."""

    def told() -> object:
        text = kube.objects["pods", NAMESPACE, "gateway-0"]["metadata"]["annotations"].get(watcher.HEALTH)
        return json.loads(text) if text else None

    def note(method: str, _path: str) -> int:
        writes.append(method)
        return 0

    writes: list[str] = []
    health: Health = {}
    first, second = ("OPEN", "2026-11-21T12:00:00Z"), ("HALF_OPEN", "2026-11-21T12:00:00Z")
    async with running_kube() as kube, watching(kube, tmp_path, health=health) as cluster:
        await kube.put("pods", pod("gateway-0", ""))
        kube.refuse = note
        await cluster.acknowledge("0123456789abcdef")
        await kube.until(lambda: writes.count("PATCH") == 1)
        assert told() is None
        health["openai/a"] = first
        await kube.until(lambda: told() == {"openai/a": list(first)})
        started = asyncio.get_running_loop().time()
        health["openai/a"] = second
        health["openai/b"] = first
        await kube.until(lambda: told() == {"openai/a": list(second), "openai/b": list(first)})
        assert asyncio.get_running_loop().time() - started > watcher.HEALTH_SECONDS - 1.5
        assert writes.count("PATCH") == 3
        health.clear()
        await kube.until(lambda: told() == {})
        await asyncio.sleep(1.5)  # nothing must happen
        assert writes.count("PATCH") == 4

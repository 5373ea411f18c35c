"""Thousands of statuses are written while nobody waits for them: their echoes ask for nothing, and bundles go first."""

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from tests.support.becoming import becomes
from tests.support.kube import running_kube
from tests.support.operator import BUNDLE, NAMESPACE, api_key, client_of, condition

from ostiary_operator.api.keys import new_key
from ostiary_operator.cluster.client import Client
from ostiary_operator.cluster.pen import Pen
from ostiary_operator.cluster.resources import APIKEYS, SECRETS, Object, Resource
from ostiary_operator.objects.bundle import Place
from ostiary_operator.reconcile.bundle_writer import BundleWriter
from ostiary_operator.reconcile.flow import Parts, Reconciler, Rules
from ostiary_operator.reconcile.gather import Gatherer
from ostiary_operator.reconcile.key_writer import KeyWriter
from ostiary_operator.reconcile.notices import Herald
from ostiary_operator.reconcile.reporter import Reporter
from ostiary_operator.reconcile.statements import Statements
from ostiary_operator.reconcile.statuses import StatusWriter
from ostiary_operator.reconcile.world import World, key_of

KEY: Object = {
    "metadata": {"name": "app", "namespace": "team", "uid": "u", "generation": 1, "resourceVersion": "10"},
    "spec": {"owner": "somebody", "secretRef": {"name": "mine", "key": "k"}},
}
SECRET: Object = {"metadata": {"name": "mine", "namespace": "team", "uid": "s", "resourceVersion": "11"}, "data": {"k": "c2s="}}


def changed(item: Object, metadata: dict[str, Any], **parts: Any) -> Object:
    return item | parts | {"metadata": item["metadata"] | {"resourceVersion": "20"} | metadata}


def pokes_of(resource: Resource, item: Object) -> tuple[int, World]:
    """How often a change to an object that is known asks for a reconciliation, and the world after it."""
    pokes: list[None] = []
    world = World(lambda: pokes.append(None))
    world.apply(APIKEYS, "ADDED", KEY)
    world.apply(SECRETS, "ADDED", SECRET)
    known = len(pokes)
    world.apply(resource, "MODIFIED", item)
    return len(pokes) - known, world


@pytest.mark.parametrize(
    ("resource", "item"),
    [
        (APIKEYS, changed(KEY, {"managedFields": [{"manager": "ostiary"}]}, status={"keyId": "team/app"})),
        (SECRETS, changed(SECRET, {"managedFields": [{"manager": "kubectl"}]})),
    ],
)
def test_what_nobody_decided_is_remembered_and_asks_for_nothing(resource: Resource, item: Object) -> None:
    pokes, world = pokes_of(resource, item)
    assert pokes == 0
    assert world.shelves[resource].items[key_of(item)] is item
    if resource == APIKEYS:
        assert world.snapshot().api_keys[0].status.key_id == "team/app"


@pytest.mark.parametrize(
    ("resource", "item"),
    [
        (APIKEYS, changed(KEY, {"generation": 2}, spec=KEY["spec"] | {"disabled": True})),
        (APIKEYS, changed(KEY, {"annotations": {"ostiary.dev/rotate": "now"}})),
        (APIKEYS, changed(KEY, {"labels": {"team": "a"}})),
        (APIKEYS, changed(KEY, {"deletionTimestamp": "2026-01-01T00:00:00Z"})),
        (APIKEYS, changed(KEY, {"uid": "another"})),
        (SECRETS, changed(SECRET, {}, data={"k": "c2stMg=="})),
        (SECRETS, changed(SECRET, {"annotations": {"ostiary.dev/key-version": "2"}})),
    ],
)
def test_what_somebody_decided_asks_for_a_reconciliation(resource: Resource, item: Object) -> None:
    assert pokes_of(resource, item)[0] == 1


def parts_of(client: Client, drained: Callable[[], None] = lambda: None) -> tuple[Parts, StatusWriter]:
    world = World(lambda: None)
    pen = Pen(client, lambda: True)
    statuses = StatusWriter(pen, world, drained)
    parts = Parts(
        world=world,
        gatherer=Gatherer(client, world, []),
        keys=KeyWriter(pen, world, new_key),
        bundles=BundleWriter(pen, world, Place(NAMESPACE, BUNDLE)),
        reporter=Reporter(statuses, Herald(pen, time.monotonic)),
        now=lambda: datetime.now(UTC),
        rules=Rules(home=NAMESPACE, cluster_domain="cluster.local"),
        statements=Statements(),
    )
    return parts, statuses


async def test_a_bundle_waits_for_no_status() -> None:
    async with running_kube() as kube, client_of(kube) as client:
        await kube.put("apikeys", api_key("first", sha256="a" * 64))
        parts, statuses = parts_of(client)
        await parts.gatherer.everything()
        reconciler = Reconciler(parts)
        await reconciler.once()
        assert kube.get("configmaps", NAMESPACE, BUNDLE)
        assert parts.reporter.busy
        tasks = [asyncio.create_task(parts.reporter.run()), asyncio.create_task(statuses.run())]
        async with statuses.held():
            await becomes(lambda: statuses.busy)
            await kube.put("apikeys", api_key("second", sha256="b" * 64))
            await parts.gatherer.everything()
            assert (await reconciler.once()).written
            assert not [path for method, path in kube.journal if method == "PATCH"]
        await kube.until(lambda: all(condition(item, "Accepted")[0] == "True" for item in kube.all("apikeys")))
        await becomes(lambda: not parts.reporter.busy)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def test_a_status_for_an_object_that_changed_meanwhile_is_left_to_the_next_look() -> None:
    async with running_kube() as kube, client_of(kube) as client:
        await kube.put("apikeys", api_key("app", sha256="a" * 64))
        looks: list[None] = []
        parts, statuses = parts_of(client, lambda: looks.append(None))
        await parts.gatherer.everything()
        await Reconciler(parts).once()
        await kube.put("apikeys", api_key("app", sha256="b" * 64))
        await parts.gatherer.everything()
        task = asyncio.create_task(parts.reporter.run())
        await becomes(lambda: not parts.reporter.busy)
        assert not statuses.busy
        assert len(looks) == 1
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

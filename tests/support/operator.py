"""An operator in this process, fed by watches of its own instead of kopf's, whose reconciliations can be awaited."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from kubernetes.aio import client as kubernetes
from tests.support.becoming import becomes
from tests.support.kube import Kube

from ostiary_gateway.contract.settings import Settings
from ostiary_operator.cluster.client import Client
from ostiary_operator.cluster.lease import Terms
from ostiary_operator.cluster.reflector import Reflector, Target
from ostiary_operator.cluster.resources import APIKEYS, BUDGETS, MODELS, PROVIDERS, SECRETS, Object, Resource
from ostiary_operator.reconcile.flow import Result
from ostiary_operator.reconcile.service import Service

NAMESPACE = "ostiary"
BUNDLE = "gate"
SETTINGS = Settings(namespace=NAMESPACE, bundle=BUNDLE, gateway_selector="component=gateway")
QUICK = Terms(duration=1, renew=0.6, retry=0.1)


class Clock:
    """A time of day that only moves when told."""

    def __init__(self) -> None:
        self.time = datetime(2026, 11, 21, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.time

    def forward(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)


class Operator:
    def __init__(self, client: Client, identity: str, now: Callable[[], datetime], terms: Terms | None) -> None:
        self.results: list[Result] = []
        self._changed = asyncio.Condition()
        self._client = client
        self._heard: set[asyncio.Task[None]] = set()
        self.service = Service(client, SETTINGS, identity, now=now, terms=terms, told=self._hear)

    async def rounds(self, more: int, seconds: float = 10) -> list[Result]:
        """Wait for this many reconciliations from now."""
        return await self.until(len(self.results) + more, seconds)

    async def until(self, count: int, seconds: float = 10) -> list[Result]:
        async with asyncio.timeout(seconds), self._changed:
            await self._changed.wait_for(lambda: len(self.results) >= count)
        return self.results

    async def settled(self) -> None:
        """Wait until reconciliations have nothing to write: twice, for one may have been under way when it was asked for."""
        quiet = 0
        while quiet < 2:
            before = self.service.pen.written.total()
            count = len(self.results)
            self.service.poke()
            await self.until(count + 1)
            await becomes(lambda: not self.service.busy)
            quiet = quiet + 1 if self.service.pen.written.total() == before else 0

    async def run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.service.run())
            for resource in (PROVIDERS, MODELS, APIKEYS, BUDGETS, SECRETS):
                tasks.create_task(self._feed(resource))

    async def _feed(self, resource: Resource) -> None:
        def replace(items: list[Object], _version: int) -> None:
            for item in items:
                self.service.take(resource, None, item)

        def apply(kind: str, item: Object) -> None:
            self.service.take(resource, kind, item)

        await Reflector(self._client, Target(resource, ""), replace=replace, apply=apply).run()

    def _hear(self, result: Result) -> None:
        self.results.append(result)
        task = asyncio.create_task(self._wake())
        self._heard.add(task)
        task.add_done_callback(self._heard.discard)

    async def _wake(self) -> None:
        async with self._changed:
            self._changed.notify_all()


def client_of(kube: Kube) -> Client:
    return Client(kubernetes.Configuration(host=kube.url))


@asynccontextmanager
async def running_operator(
    kube: Kube, *, identity: str = "one", now: Callable[[], datetime] | None = None, terms: Terms | None = None
) -> AsyncIterator[Operator]:
    async with client_of(kube) as client:
        operator = Operator(client, identity, now or (lambda: datetime.now(UTC)), terms)
        task = asyncio.create_task(operator.run())
        try:
            yield operator
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


def provider(name: str = "fake", namespace: str = "team", **spec: Any) -> Object:
    base = {"type": "openai", "baseURL": f"https://{name}.example.com", "credential": {"secretRef": {"name": "cred", "key": "k"}}}
    return {"metadata": {"name": name, "namespace": namespace}, "spec": base | spec}


def model(object_name: str, *providers: str, namespace: str = "team", **spec: Any) -> Object:
    backends = [{"providerRef": {"name": provider}} for provider in providers]
    return {"metadata": {"name": object_name, "namespace": namespace}, "spec": {"backends": backends} | spec}


def api_key(name: str, namespace: str = "team", annotations: dict[str, str] | None = None, **spec: Any) -> Object:
    meta = {"name": name, "namespace": namespace, "annotations": annotations or {}}
    return {"metadata": meta, "spec": {"owner": "somebody"} | (spec or {"generate": {}})}


def secret(name: str, namespace: str = "team", **values: str) -> Object:
    return {"metadata": {"name": name, "namespace": namespace}, "stringData": values}


def pod(name: str, digest: str, *, ready: bool = True, retiring: str = "", health: str = "") -> Object:
    told = {"ostiary.dev/bundle": digest, "ostiary.dev/retiring-keys": retiring, "ostiary.dev/health": health}
    annotations = {key: value for key, value in told.items() if value or key == "ostiary.dev/bundle"}
    meta = {"name": name, "namespace": NAMESPACE, "labels": {"component": "gateway"}, "annotations": annotations}
    return {"metadata": meta, "status": {"conditions": [{"type": "Ready", "status": "True" if ready else "False"}]}}


def condition(item: Object | None, kind: str) -> tuple[str, str]:
    """Status and reason, or two empty texts."""
    conditions = ((item or {}).get("status") or {}).get("conditions", [])
    return next(((c["status"], c["reason"]) for c in conditions if c["type"] == kind), ("", ""))

"""What a reconciliation has to say about each object: its status, and an event for what a person should notice.

Thousands of objects take a while to compare and longer to write. No bundle waits for that: the comparison has a thread of its
own, the writing tasks of its own, and of several reconciliations only the newest is told.
"""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from ostiary_operator import status
from ostiary_operator.api import names
from ostiary_operator.api.apikey import ApiKey
from ostiary_operator.api.budget import Budget
from ostiary_operator.api.model import Model
from ostiary_operator.api.provider import Provider
from ostiary_operator.cluster.resources import APIKEYS, BUDGETS, MODELS, PROVIDERS, Object, Resource
from ostiary_operator.graph import Graph
from ostiary_operator.reconcile.health import Health
from ostiary_operator.reconcile.notices import Herald, Notice, worsened
from ostiary_operator.reconcile.rollout import Rollouts, ref_of
from ostiary_operator.reconcile.statuses import StatusWriter, Wanted
from ostiary_operator.reconcile.thresholds import crossed
from ostiary_operator.reconcile.world import Key, version_of

_RESOURCES: Mapping[str, Resource] = {
    names.PROVIDER: PROVIDERS,
    names.MODEL: MODELS,
    names.API_KEY: APIKEYS,
    names.BUDGET: BUDGETS,
}


@dataclass(frozen=True, slots=True)
class Finding:
    """`objects` are those that the graph was made of; `reports`, `uses`, `health` and `said` are what pods tell."""

    graph: Graph
    objects: Mapping[Resource, Mapping[Key, Object]]
    rollouts: Rollouts
    reports: list[str]
    uses: Mapping[str, str]
    health: Health
    said: status.Statement | None
    now: datetime


class Reporter:
    """Tells what was found last, while `run` does."""

    def __init__(self, statuses: StatusWriter, herald: Herald) -> None:
        self._statuses = statuses
        self._herald = herald
        self._newest: Finding | None = None
        self._notices: list[Notice] = []
        self._told = asyncio.Event()
        self._comparing = False

    @property
    def busy(self) -> bool:
        """Whether something is still to be compared or written."""
        return self._newest is not None or self._comparing or self._statuses.busy

    def tell(self, finding: Finding, notices: Iterable[Notice]) -> None:
        """Have this told instead of what was found before; notices are told in any case."""
        self._newest = finding
        self._notices += notices
        self._told.set()

    async def run(self) -> None:
        """Go on until cancelled."""
        while True:
            await self._told.wait()
            self._told.clear()
            finding, self._newest = self._newest, None
            if finding is None:
                continue
            self._comparing = True
            try:
                await self._report(finding)
            finally:
                self._comparing = False

    async def _report(self, finding: Finding) -> None:
        wanted, notices = await asyncio.to_thread(compare, finding)
        await self._statuses.ask(wanted)
        earlier, self._notices = self._notices, []
        await self._herald.tell([*earlier, *notices], finding.now)


def compare(finding: Finding) -> tuple[list[Wanted], list[Notice]]:
    """What has to be written, and what is worth an event."""
    wanted: list[Wanted] = []
    notices: list[Notice] = []
    for provider in finding.graph.providers:
        rollout = finding.rollouts.of(ref_of(provider.resource), finding.reports)
        unhealthy = finding.health.get(provider.resource.prefix, ())
        _compare(
            provider.resource, status.provider(provider, rollout, finding.now, unhealthy, finding.said), finding, wanted, notices
        )
    for model in finding.graph.models:
        rollout = finding.rollouts.of(ref_of(model.resource), finding.reports)
        _compare(model.resource, status.model(model, rollout, finding.now, finding.said), finding, wanted, notices)
    for key in finding.graph.keys:
        rollout = finding.rollouts.of(ref_of(key.resource), finding.reports)
        after = status.api_key(key, rollout, finding.now, _last_use(key.resource, finding.uses), finding.said)
        _compare(key.resource, after, finding, wanted, notices)
    for budget in finding.graph.budgets:
        rollout = finding.rollouts.of(ref_of(budget.resource), finding.reports)
        _compare(budget.resource, status.budget(budget, rollout, finding.now, finding.said), finding, wanted, notices)
    return wanted, notices


def _compare(
    resource: Provider | Model | ApiKey | Budget,
    after: status.Status,
    finding: Finding,
    wanted: list[Wanted],
    notices: list[Notice],
) -> None:
    before = resource.status
    kind = _RESOURCES[resource.kind]
    found = finding.objects[kind].get(resource.metadata.ref)
    if after == before or found is None or found["metadata"]["uid"] != resource.metadata.uid:
        return
    wanted.append(Wanted(kind, resource.metadata.ref, resource.metadata.uid, version_of(found), status.encode(after)))
    notices += worsened(found, before.conditions, after.conditions)
    notices += crossed(found, resource, after)


def _last_use(item: ApiKey, uses: Mapping[str, str]) -> str:
    """When its retiring value was last used, by what the pods say; empty if none says anything."""
    rotation = item.status.rotation
    return uses.get(f"{item.metadata.id}#{rotation.retiring_version}", "") if rotation else ""

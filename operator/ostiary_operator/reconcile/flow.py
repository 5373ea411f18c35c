"""One reconciliation: from what is in the cluster to what should be.

world -> key Secrets -> snapshot -> graph -> bundle -> ConfigMaps and Secret; statuses and events follow in the background
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from ostiary_gateway.contract.bundle import Bundle
from ostiary_operator import dataplane, render
from ostiary_operator.api import names
from ostiary_operator.api.apikey import ApiKey
from ostiary_operator.api.budget import Budget
from ostiary_operator.api.limits import Limits
from ostiary_operator.api.model import Model
from ostiary_operator.api.provider import Provider
from ostiary_operator.cluster.resources import APIKEYS, BUDGETS, MODELS, PROVIDERS
from ostiary_operator.graph import Graph, KeyNode, ModelNode, Snapshot, deadlines, resolve
from ostiary_operator.graph import Policy as GraphPolicy
from ostiary_operator.reconcile.bundle_writer import BundleWriter
from ostiary_operator.reconcile.gather import Gatherer
from ostiary_operator.reconcile.health import Pace, unhealthy
from ostiary_operator.reconcile.key_writer import KeyWriter
from ostiary_operator.reconcile.reporter import Finding, Reporter
from ostiary_operator.reconcile.rollout import Ref, Rollouts, State, ref_of, reports
from ostiary_operator.reconcile.statements import Statements
from ostiary_operator.reconcile.uses import last_uses
from ostiary_operator.reconcile.world import World

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Parts:
    """What a reconciliation is done with. `now` gives the time of day with its zone, `rules` how to compile."""

    world: World
    gatherer: Gatherer
    keys: KeyWriter
    bundles: BundleWriter
    reporter: Reporter
    statements: Statements
    now: Callable[[], datetime]
    rules: "Rules"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What of the settings the bundle depends on. `home` is the installation's own namespace."""

    home: str
    cluster_domain: str
    default_limits: Limits | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """`again` is in how many seconds something changes by itself; None is never."""

    digest: str
    written: bool
    again: float | None


class Reconciler:
    """Holds nothing that could not be found again in the cluster."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._rollouts = Rollouts()
        self._pace = Pace()

    def forget(self) -> None:
        """Somebody else has written since: take the cluster's word for what is in force."""
        self._rollouts = Rollouts()

    async def once(self) -> Result:
        """Bring the cluster to where it should be; a second time at once writes nothing.

        Raises:
            ClusterError: not all of it is done, and what is left is found again by the next try.
        """
        parts = self._parts
        now = parts.now()
        await parts.gatherer.unknown_secrets()
        keys = await parts.keys.settle(parts.world.snapshot().api_keys, now)
        snapshot = parts.world.snapshot()
        objects = {kind: dict(parts.world.shelves[kind].items) for kind in (PROVIDERS, MODELS, APIKEYS, BUDGETS)}
        graph, bundle = await asyncio.to_thread(compile_snapshot, snapshot, parts.rules)
        states = _states(snapshot, graph)
        if not self._rollouts.begun:
            self._rollouts.begin(parts.bundles.digest, _settled(snapshot, states))
        written = await parts.bundles.write(bundle)
        self._rollouts.add(bundle.digest, states)
        pods = parts.world.pods.values()
        health, due = self._pace.take(unhealthy(pods), now)
        said = parts.statements.told
        found = Finding(graph, objects, self._rollouts.frozen(), reports(pods), last_uses(pods), health, said, now)
        parts.reporter.tell(found, keys.notices)
        moments = [*deadlines(graph), *(at for at in (keys.due, due) if at), *([now] if keys.more else [])]
        return Result(digest=bundle.digest, written=written, again=_wait(moments, now))


def compile_snapshot(snapshot: Snapshot, rules: Rules) -> tuple[Graph, Bundle]:
    """The pure pipeline; in a cluster no provider may be at a loopback address."""
    graph = resolve(snapshot, GraphPolicy(allow_local=False, home=rules.home))
    compiled = dataplane.compile_graph(graph, cluster_domain=rules.cluster_domain, default_limits=rules.default_limits)
    return graph, render.bundle(compiled)


def _states(snapshot: Snapshot, graph: Graph) -> dict[Ref, State]:
    """What of each object matters to the bundle.

    Its spec, by its generation; the Secrets it names, by their content; of a Model, what became of the names in it; of an
    ApiKey its labels and the Budgets that cover it.
    """
    secrets = {ref: hash(tuple(sorted(secret.data.items()))) for ref, secret in snapshot.secrets.items()}
    items: list[Provider | ApiKey | Budget] = [*snapshot.providers, *snapshot.budgets]
    states = {ref_of(item): _state(item, secrets) for item in items}
    states |= {ref_of(node.resource): _key_state(node, secrets) for node in graph.keys}
    return states | {ref_of(node.resource): _model_state(node) for node in graph.models}


def _key_state(node: KeyNode, secrets: Mapping[tuple[str, str], int]) -> State:
    labels = tuple(sorted(node.resource.metadata.labels.items()))
    return *_state(node.resource, secrets), node.budgets, labels


def _model_state(node: ModelNode) -> State:
    meta = node.resource.metadata
    places = tuple(place.id for place in node.backends)
    return meta.uid, meta.generation, node.aliases, places, node.fallbacks, node.routes, node.scorer


def _state(item: Provider | ApiKey | Budget, secrets: Mapping[tuple[str, str], int]) -> State:
    meta = item.metadata
    named = [names.key_secret(meta.name)] if isinstance(item, ApiKey) else []
    if isinstance(item, ApiKey) and item.spec and item.spec.secret_ref:
        named.append(item.spec.secret_ref.name)
    if isinstance(item, Provider):
        named += [ref.name for ref in item.secret_refs]
    return meta.uid, meta.generation, tuple(secrets.get((meta.namespace, name)) for name in named)


def _settled(snapshot: Snapshot, states: Mapping[Ref, State]) -> dict[Ref, State]:
    """The objects that were in force everywhere before this operator began."""
    return {
        ref_of(item): states[ref_of(item)]
        for item in _items(snapshot)
        if any(
            condition.type == "Programmed"
            and condition.status == "True"
            and condition.observed_generation == item.metadata.generation
            for condition in item.status.conditions
        )
    }


def _items(snapshot: Snapshot) -> list[Provider | Model | ApiKey | Budget]:
    return [*snapshot.providers, *snapshot.models, *snapshot.api_keys, *snapshot.budgets]


def _wait(moments: Iterable[datetime], now: datetime) -> float | None:
    """Seconds to the earliest moment, a little later so that it is over then."""
    following = min(moments, default=None)
    if following is None:
        return None
    return max((following - now) / timedelta(seconds=1), 0.0) + 0.05

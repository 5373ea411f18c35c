"""The graph as a whole."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from ostiary_operator.graph import budgets, keys, models, providers
from ostiary_operator.graph.nodes import Graph, KeyNode
from ostiary_operator.graph.snapshot import Policy, Ref, Snapshot

_DEFAULT = Policy()


def resolve(snapshot: Snapshot, policy: Policy = _DEFAULT) -> Graph:
    """Follow every reference. Nothing here fails: an object with a problem is a node that is not usable.

    A key both in an ApiKey and in a row belongs to the ApiKey; of rows with one key the last counts (LM-19).
    """
    limits = budgets.resolve(snapshot, policy)
    covering = budgets.covering(limits)
    nodes = tuple(_covered(node, covering) for node in keys.resolve(snapshot))
    taken = {value.sha256 for node in nodes for value in node.values}
    rows = {row.sha256: row for row in snapshot.rows if row.sha256 not in taken}
    accounts = providers.resolve(snapshot, policy)
    return Graph(
        providers=accounts,
        models=models.resolve(snapshot, accounts, policy),
        keys=nodes,
        rows=tuple(rows.values()),
        budgets=limits,
    )


def _covered(node: KeyNode, covering: Mapping[Ref, tuple[str, ...]]) -> KeyNode:
    """With the Budgets that cover it, and what there is to say of its own."""
    spec = node.resource.spec
    own = budgets.time_zone_problem(spec.budget.time_zone, "spec.budget.timeZone") if spec and spec.budget else ()
    found = covering.get(node.resource.metadata.ref, ())
    return replace(node, problems=(*node.problems, *own), budgets=found) if own or found else node


def wanted_secrets(snapshot: Snapshot) -> frozenset[Ref]:
    """Every Secret that some object refers to, whether it exists or not."""
    wanted = set(keys.origins(snapshot.api_keys))
    for provider in snapshot.providers:
        wanted.update((provider.metadata.namespace, ref.name) for ref in provider.secret_refs)
    return frozenset(wanted)


def deadlines(graph: Graph) -> tuple[datetime, ...]:
    """Moments at which something changes though nobody changes anything: a key expires, an overlap ends."""
    moments = {value.expires for node in graph.keys for value in node.values if value.expires}
    moments |= {node.rotation.retiring_until for node in graph.keys if node.rotation and node.rotation.retiring_until}
    return tuple(sorted(moments))

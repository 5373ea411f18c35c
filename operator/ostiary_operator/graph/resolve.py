"""The graph as a whole."""

from datetime import datetime

from ostiary_operator.graph import keys, models, providers
from ostiary_operator.graph.nodes import Graph
from ostiary_operator.graph.snapshot import Policy, Ref, Snapshot

_DEFAULT = Policy()


def resolve(snapshot: Snapshot, policy: Policy = _DEFAULT) -> Graph:
    """Follow every reference. Nothing here fails: an object with a problem is a node that is not usable.

    A key both in an ApiKey and in a row belongs to the ApiKey; of rows with one key the last counts (LM-19).
    """
    nodes = keys.resolve(snapshot)
    taken = {value.sha256 for node in nodes for value in node.values}
    rows = {row.sha256: row for row in snapshot.rows if row.sha256 not in taken}
    accounts = providers.resolve(snapshot, policy)
    return Graph(providers=accounts, models=models.resolve(snapshot, accounts), keys=nodes, rows=tuple(rows.values()))


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

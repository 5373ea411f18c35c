"""The graph, compiled. Nodes that are not usable are left out; the rest is in an order that depends on nothing else."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from ostiary_gateway.contract import document
from ostiary_gateway.contract.allowlist import Entry
from ostiary_gateway.contract.model import Breaker
from ostiary_operator.api import times
from ostiary_operator.api.limits import Limits
from ostiary_operator.api.provider import BreakerSpec
from ostiary_operator.dataplane.models import build_model
from ostiary_operator.dataplane.speech import credential_header, signing, spoken
from ostiary_operator.dataplane.terms import build_budget, build_terms
from ostiary_operator.dataplane.upstreams import Upstream, upstream_of
from ostiary_operator.graph import Graph, KeyNode, ProviderNode


@dataclass(frozen=True, slots=True, kw_only=True)
class Compiled:
    """`credentials` maps a provider's id to what it is shown; only ever written to a Secret."""

    document: document.Document
    entries: tuple[Entry, ...]
    upstreams: tuple[Upstream, ...]
    credentials: Mapping[str, tuple[str, ...]] = field(repr=False)


def compile_graph(graph: Graph, *, cluster_domain: str = "cluster.local", default_limits: Limits | None = None) -> Compiled:
    """Turn the usable part of a graph into the values that the gateway reads. `default_limits` are of keys without any."""
    nodes = sorted((node for node in graph.providers if node.usable), key=lambda node: node.resource.prefix)
    models = sorted((node for node in graph.models if node.usable), key=lambda node: node.resource.metadata.id)
    budgets = sorted((node for node in graph.budgets if node.usable), key=lambda node: node.resource.metadata.id)
    entries = [entry for node in graph.keys if node.usable for entry in _entries(node, default_limits)]
    return Compiled(
        document=document.Document(
            version=document.VERSION,
            providers=tuple(p for node in nodes for p in _providers(node, cluster_domain)),
            models=tuple(built for node in models if (built := build_model(node))),
            budgets=tuple(limit for node in budgets if (limit := build_budget(node))),
        ),
        entries=tuple(sorted((*entries, *graph.rows), key=lambda entry: entry.sha256)),
        upstreams=tuple(sorted({upstream_of(node.url, cluster_domain) for node in nodes if node.url})),
        credentials={node.resource.metadata.id: node.credentials for node in nodes if node.credentials},
    )


def _providers(node: ProviderNode, cluster_domain: str) -> Iterator[document.Provider]:
    """Its one provider. The prefix is its name too: it tells accounts apart, as the object's name alone does not."""
    spec, url = node.resource.spec, node.url
    if spec is None or url is None:
        return
    yield document.Provider(
        id=node.resource.metadata.id,
        name=node.resource.prefix,
        prefix=node.resource.prefix,
        type=spec.type,
        scheme=url.scheme,
        host=spec.host_header or url.authority,
        upstream=upstream_of(url, cluster_domain).name,
        base_path=url.path,
        credential_mode="held" if node.credentials else "caller",
        credential_header=credential_header(spec),
        pass_through=spec.pass_through,
        managed=node.managed,
        passthrough_auth=spec.passthrough_auth,
        breaker=_breaker(spec.breaker or BreakerSpec()),
        headers=tuple((each.name, each.value) for each in spec.headers),
        drain_ms=spec.drain_seconds * 1000 if spec.on_client_closed == "Drain" else 0,
        speaks=spoken(spec),
        signing=signing(spec),
        region=spec.bedrock.region if spec.bedrock else "",
    )


def _breaker(spec: BreakerSpec) -> Breaker:
    return Breaker(failures=spec.consecutive_failures, open_ms=spec.open_seconds * 1000, warm_up_ms=spec.warm_up_seconds * 1000)


def _entries(node: KeyNode, default_limits: Limits | None) -> Iterator[Entry]:
    spec, metadata = node.resource.spec, node.resource.metadata
    if spec is None:
        return
    terms = build_terms(node, default_limits)
    for value in node.values:
        yield Entry(
            id=node.key_id,
            sha256=value.sha256,
            owner=spec.owner,
            added=metadata.created,
            name=metadata.name,
            namespace=metadata.namespace,
            uid=metadata.uid,
            version=value.version,
            state=value.state,
            models=spec.models,
            expires=times.to_text(value.expires) if value.expires else "",
            terms=terms,
        )

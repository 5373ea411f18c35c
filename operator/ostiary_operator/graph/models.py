"""Models -> nodes: who has which name, and which backends can be used."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from ostiary_operator.api import conditions
from ostiary_operator.api.conditions import ACCEPTED
from ostiary_operator.api.metadata import Invalid
from ostiary_operator.api.model import Model, ModelSpec
from ostiary_operator.graph import advice, filters
from ostiary_operator.graph.backends import Accounts, Backends
from ostiary_operator.graph.nodes import ModelNode, Problem, ProviderNode
from ostiary_operator.graph.snapshot import Policy, Snapshot


def resolve(snapshot: Snapshot, providers: Sequence[ProviderNode], policy: Policy) -> tuple[ModelNode, ...]:
    """In the order of the snapshot. A name or alias belongs to the oldest of the valid Models that claim it."""
    accounts = Accounts(providers)
    holders: dict[str, Model] = {}
    refusals: dict[str, Problem] = {}
    for model in sorted(snapshot.models, key=lambda each: each.metadata.seniority):
        if model.spec is None:
            continue
        problem = _conflict(model, holders) or _trespass(model, accounts)
        if problem:
            refusals[model.metadata.id] = problem
            continue
        holders |= dict.fromkeys(_claims(model), model)
    return tuple(_node(model, accounts, refusals, policy) for model in snapshot.models)


def _node(model: Model, accounts: Accounts, refusals: Mapping[str, Problem], policy: Policy) -> ModelNode:
    if model.spec is None:
        invalid = model.invalid or Invalid("spec", "is missing")
        reason = conditions.REASON_INVALID
        return _refused(model, Problem(condition=ACCEPTED, reason=reason, message=str(invalid), field=invalid.field))
    if model.metadata.id in refusals:
        return _refused(model, refusals[model.metadata.id])
    return _found(model, model.spec, accounts, policy)


def _found(model: Model, spec: ModelSpec, accounts: Accounts, policy: Policy) -> ModelNode:
    backends = Backends(model, spec, accounts)
    chain = filters.resolve(model, spec, accounts, policy)
    usable = bool(backends.places)
    missing = [replace(each, fatal=not usable, partial=usable) for each in backends.missing]
    advised = advice.of(model.name, spec, backends.with_fallbacks, accounts.prefixes) if usable else ()
    return ModelNode(
        resource=model,
        problems=(*chain.problems, *missing, *(backends.skipped if usable else ()), *advised),
        aliases=_aliases(model, spec),
        backends=backends.with_fallbacks,
        fallbacks=backends.fallbacks,
        routes=backends.routes,
        scorer=backends.scorer,
        filter_scorers=chain.scorers,
    )


def _aliases(model: Model, spec: ModelSpec) -> tuple[str, ...]:
    """In lower case, each once. A name without a pattern is an alias of itself, so that its case does not matter either."""
    own = () if "*" in model.name or model.name == model.name.lower() else (model.name.lower(),)
    aliases = dict.fromkeys((*own, *(alias.lower() for alias in spec.aliases)))
    return tuple(alias for alias in aliases if alias != model.name)


def _claims(model: Model) -> list[str]:
    aliases: Iterable[str] = model.spec.aliases if model.spec else ()
    return [name.lower() for name in (model.name, *aliases)]


def _conflict(model: Model, holders: Mapping[str, Model]) -> Problem | None:
    for number, name in enumerate(_claims(model)):
        if name in holders:
            field = f"spec.aliases[{number - 1}]" if number else "spec.name"
            why = f"{name} belongs to Model {holders[name].metadata.id}, which is older"
            return Problem(condition=ACCEPTED, reason=conditions.REASON_CONFLICTED, message=why, field=field)
    return None


def _trespass(model: Model, accounts: Accounts) -> Problem | None:
    """A name under the prefix of another namespace's Provider, which was there first: its callers mean that Provider."""
    for number, name in enumerate(_claims(model)):
        provider = accounts.by_prefix.get(name.partition("/")[0]) if "/" in name else None
        if provider is None or provider.resource.metadata.namespace == model.metadata.namespace:
            continue
        if provider.resource.metadata.seniority < model.metadata.seniority:
            field = f"spec.aliases[{number - 1}]" if number else "spec.name"
            why = f"names under {provider.resource.prefix}/ belong to Provider {provider.resource.metadata.id}, which is older"
            return Problem(condition=ACCEPTED, reason=conditions.REASON_CONFLICTED, message=why, field=field)
    return None


def _refused(model: Model, problem: Problem) -> ModelNode:
    return ModelNode(resource=model, problems=(problem,))

"""From a Model to what nginx needs to carry out its requests: one backend where nothing else can happen, else a plan."""

from collections.abc import Mapping, Sequence

import msgspec

from ostiary_gateway import pricing, routing
from ostiary_gateway.contract.decision import Backend, Plan, Target
from ostiary_gateway.contract.document import Provider
from ostiary_gateway.contract.model import Model, ModelBackend, RetryPolicy, Timeouts
from ostiary_gateway.decide.credentials import Pools, header_values
from ostiary_gateway.decide.models import is_managed
from ostiary_gateway.policy import intercept


class Planner:
    """Plans for the Models of one document."""

    def __init__(self, providers: Mapping[str, Provider], pools: Pools) -> None:
        self._providers = providers
        self._pools = pools

    def way(self, model: Model) -> Backend | Plan | None:
        """How requests for a resolved Model are carried out, None where no backend of it can be used."""
        places = self.targets(model)
        usable = [target for target in places if target]
        if not usable:
            return None
        plan = _plan(model, places)
        return backend_of(usable[0]) if _is_plain(plan) else plan

    def targets(self, model: Model) -> tuple[Target | None, ...]:
        """One for each backend of the Model, None where the provider's credential is missing."""
        priced = is_priced(model)
        return tuple(self._target(backend, priced=priced) for backend in model.backends)

    def _target(self, backend: ModelBackend, *, priced: bool) -> Target | None:
        provider = self._providers[backend.provider]
        held = not provider.passthrough_auth
        credentials = header_values(provider, self._pools) if held else ()
        if not is_managed(provider) or (held and not credentials):
            return None
        return Target(
            id=f"{provider.prefix}/{backend.model}",
            provider=provider.name,
            provider_type=provider.type,
            upstream=provider.upstream,
            scheme=provider.scheme,
            host=provider.host,
            base_path=provider.base_path,
            model=backend.model,
            credential_header=provider.credential_header if held else "",
            credentials=credentials,
            weight=backend.weight,
            priority=backend.priority,
            retry_only=backend.retry_only,
            cost=_cost(provider, backend) if priced else pricing.UNKNOWN,
            quality=routing.quality(backend.model),
            breaker=provider.breaker,
            headers=provider.headers,
            drain_ms=provider.drain_ms,
        )


def backend_of(target: Target) -> Backend:
    """A target that is the only way to go, as requests without a plan know it."""
    return Backend(
        provider=target.provider,
        provider_type=target.provider_type,
        upstream=target.upstream,
        scheme=target.scheme,
        host=target.host,
        base_path=target.base_path,
        model=target.model,
        credential_header=target.credential_header,
        credential=target.credentials[0],
    )


def is_priced(model: Model) -> bool:
    """Whether prices count for this Model; looking them up costs too much to do it where they do not."""
    classified = model.matcher is not None and model.matcher.type in {"general", "code"}
    return model.selection in {"cost", "balanced"} or classified or any(route.prefer == "cheapest" for route in model.routes)


def _cost(provider: Provider, backend: ModelBackend) -> float:
    return pricing.blended(provider.type, backend.model, backend.price, host=provider.host)


def _plan(model: Model, places: Sequence[Target | None]) -> Plan:
    targets = tuple(target for target in places if target)
    return Plan(
        model=model.name,
        targets=targets,
        selection=model.selection,
        policy=_policy(model.policy, places),
        intercept=intercept(model.policy),
        timeouts=model.timeouts,
        keep_alive_ms=model.keep_alive_ms,
        max_request_bytes=model.max_request_bytes,
        max_output_tokens=model.max_output_tokens,
        routed=bool(model.routes) or model.matcher is not None,
        guarded=_is_guarded(model, targets),
    )


def _policy(policy: RetryPolicy | None, places: Sequence[Target | None]) -> RetryPolicy | None:
    """The policy over a plan's targets: its fallbacks are places in the Model's backends, of which some may not be usable."""
    if policy is None or None not in places:
        return policy
    usable = [place for place, target in enumerate(places) if target]
    fallbacks = tuple(usable.index(place) for place in policy.fallbacks if place in usable)
    return msgspec.structs.replace(policy, fallbacks=fallbacks)


def _is_guarded(model: Model, targets: Sequence[Target]) -> bool:
    asked = model.timeouts != Timeouts() or model.keep_alive_ms > 0
    return asked or any(target.headers or target.drain_ms for target in targets)


def _is_plain(plan: Plan) -> bool:
    """Whether nothing but one backend and one credential of ours is left of it, so that the request needs no plan."""
    limited = plan.max_request_bytes or plan.max_output_tokens
    ruled = plan.policy or plan.guarded or plan.routed or limited
    return not ruled and len(plan.targets) == 1 and len(plan.targets[0].credentials) == 1

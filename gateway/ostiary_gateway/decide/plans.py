"""From a Model to what nginx needs to carry out its requests: one backend where nothing else can happen, else a plan."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec

from ostiary_gateway import pricing, routing
from ostiary_gateway.contract.decision import Backend, Plan, Refusal, Target
from ostiary_gateway.contract.dialect import Dialect
from ostiary_gateway.contract.document import Provider
from ostiary_gateway.contract.model import Model, ModelBackend, RetryPolicy, Timeouts
from ostiary_gateway.decide import refusals, ways
from ostiary_gateway.decide.credentials import NOTHING, Pools, Tokens, Values, header_values
from ostiary_gateway.decide.models import is_managed
from ostiary_gateway.policy import intercept


class Place(NamedTuple):
    """A backend of a Model: where it is, or why it cannot be used, and with which credentials."""

    target: Target | None
    refusal: Refusal | None = None
    credentials: Values = NOTHING


class Going(NamedTuple):
    """How requests are carried out, and until when that counts (Unix ms, 0 as long as the bundle).

    `brief`: a token that is on its way makes another answer of it.
    """

    way: Backend | Plan | Refusal
    expires_ms: int = 0
    brief: bool = False


class Planner:
    """Plans for the Models of one document."""

    def __init__(
        self, providers: Mapping[str, Provider], pools: Pools, tokens: Tokens | None = None, *, keeps_responses: bool = False
    ) -> None:
        self._providers = providers
        self._pools = pools
        self._tokens = tokens
        self._keeps_responses = keeps_responses

    def way(self, model: Model, dialect: Dialect = "chat") -> Going:
        """How requests in a dialect are carried out for a resolved Model, or why none of its backends can be used."""
        places = self._places(model, dialect)
        usable = [place.target for place in places if place.target]
        brief = any(place.credentials.pending for place in places)
        if not usable:
            return Going(_why_not(places), brief=brief)
        stateful = self._keeps_responses and dialect == "responses"
        plan = _plan(model, [place.target for place in places], stateful=stateful)
        until = min((place.credentials.expires_ms for place in places if place.credentials.expires_ms), default=0)
        return Going(_backend_of(usable[0], model) if _is_plain(plan, dialect) else plan, until, brief)

    def targets(self, model: Model, dialect: Dialect = "chat") -> tuple[Target | None, ...]:
        """One for each backend of the Model, None where it cannot be used: no credential, or nothing that it understands."""
        return tuple(place.target for place in self._places(model, dialect))

    def _places(self, model: Model, dialect: Dialect) -> tuple[Place, ...]:
        priced = is_priced(model)
        return tuple(self._place(backend, dialect, priced=priced) for backend in model.backends)

    def _place(self, backend: ModelBackend, dialect: Dialect, *, priced: bool) -> Place:
        provider = self._providers[backend.provider]
        if not is_managed(provider):
            return Place(None, refusals.NO_CREDENTIAL)
        way = ways.find(provider, dialect, backend.model)
        if way is None:
            return Place(None, refusals.not_spoken(provider.name, dialect))
        held = not provider.passthrough_auth
        credentials = header_values(provider, self._pools, self._tokens) if held else NOTHING
        if held and not credentials.values:
            return Place(None, refusals.NO_TOKEN if credentials.pending else refusals.NO_CREDENTIAL, credentials)
        target = Target(
            id=f"{provider.prefix}/{backend.model}",
            provider=provider.name,
            provider_type=provider.type,
            upstream=provider.upstream,
            scheme=provider.scheme,
            host=provider.host,
            base_path=provider.base_path,
            model=backend.model,
            credential_header=provider.credential_header if held else "",
            credentials=credentials.values,
            weight=backend.weight,
            priority=backend.priority,
            retry_only=backend.retry_only,
            cost=_cost(provider, backend) if priced else pricing.UNKNOWN,
            quality=routing.quality(backend.model),
            breaker=provider.breaker,
            headers=provider.headers,
            drain_ms=provider.drain_ms,
            translate=way.translate,
            path=way.path,
            stream_path=way.stream_path,
            signing="aws" if held and provider.signing == "aws" else "",
            region=provider.region,
        )
        return Place(target, credentials=credentials)


def _backend_of(target: Target, model: Model) -> Backend:
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
        translate=target.translate,
        path=target.path if target.translate else "",
        stream_path=target.stream_path if target.translate else "",
        signing=target.signing,
        region=target.region if target.translate else "",
        name=model.name if target.translate else "",
    )


def is_priced(model: Model) -> bool:
    """Whether prices count for this Model; looking them up costs too much to do it where they do not."""
    classified = model.matcher is not None and model.matcher.type in {"general", "code"}
    return model.selection in {"cost", "balanced"} or classified or any(route.prefer == "cheapest" for route in model.routes)


def _cost(provider: Provider, backend: ModelBackend) -> float:
    return pricing.blended(provider.type, backend.model, backend.price, host=provider.host)


def _why_not(places: Sequence[Place]) -> Refusal:
    """What is worth telling: that it will pass, then what the client can change."""
    found = [place.refusal for place in places if place.refusal]
    if refusals.NO_TOKEN in found:
        return refusals.NO_TOKEN
    return next((refusal for refusal in found if refusal is not refusals.NO_CREDENTIAL), refusals.NO_CREDENTIAL)


def _plan(model: Model, places: Sequence[Target | None], *, stateful: bool) -> Plan:
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
        guarded=stateful or _is_guarded(model, targets),
        filtered=bool(model.filters),
        stateful=stateful,
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


def _is_plain(plan: Plan, dialect: Dialect) -> bool:
    """Whether nothing but one backend and one credential of ours is left of it, so that the request needs no plan.

    A path of its own needs one, but for the translator, who is told it; so does Google's, which names the model.
    """
    limited = plan.max_request_bytes or plan.max_output_tokens
    if plan.policy or plan.guarded or plan.routed or plan.filtered or limited or len(plan.targets) > 1:
        return False
    (target,) = plan.targets
    moved = (target.path or target.stream_path or target.signing) and not target.translate
    return not moved and dialect != "generate" and len(target.credentials) == 1

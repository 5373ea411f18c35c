"""The backends of one Model: which of them can be used, and what of its lists means which."""

from collections.abc import Iterable, Sequence

from ostiary_operator.api import conditions
from ostiary_operator.api.conditions import ACCEPTED, RESOLVED_REFS
from ostiary_operator.api.model import Model, ModelSpec
from ostiary_operator.api.provider import vendor_of
from ostiary_operator.api.routing import ProviderRef
from ostiary_operator.graph.nodes import Place, Problem, ProviderNode, RoutePlaces


class Accounts:
    """The Providers, by what others call them."""

    def __init__(self, providers: Iterable[ProviderNode]) -> None:
        self.by_ref = {node.resource.metadata.ref: node for node in providers}
        self.by_prefix = {node.resource.prefix: node for node in self.by_ref.values() if node.usable}
        self.prefixes = frozenset(prefix for prefix, node in self.by_prefix.items() if node.managed)

    def find(self, namespace: str, ref: ProviderRef, field: str) -> ProviderNode | Problem:
        """The Provider that a reference means, if /v1 can use it."""
        node = self.by_ref.get((namespace, ref.name))
        if node is None:
            why, reason = f"Provider {ref.name} does not exist", conditions.REASON_PROVIDER_NOT_FOUND
        elif not node.usable:
            why, reason = f"Provider {ref.name} is left out; its own conditions say why", conditions.REASON_PROVIDER_NOT_USABLE
        elif not node.managed:
            why = f"Provider {ref.name} has neither a credential nor passthroughAuth: /v1 does not serve it"
            reason = conditions.REASON_PROVIDER_NOT_USABLE
        else:
            return node
        return Problem(condition=RESOLVED_REFS, reason=reason, message=why, field=f"{field}.name")

    def find_scorer(self, namespace: str, ref: ProviderRef, field: str) -> ProviderNode | Problem:
        """The same of a Provider whose model gives scores: the gateway asks it itself, in OpenAI's dialect only."""
        node = self.find(namespace, ref, field)
        spec = node.resource.spec if isinstance(node, ProviderNode) else None
        if isinstance(node, Problem) or spec is None or "chat" in (spec.speaks or vendor_of(spec).speaks):
            return node
        why = f"Provider {ref.name} does not speak chat, the only dialect in which scores are asked for"
        reason = conditions.REASON_PROVIDER_NOT_USABLE
        return Problem(condition=RESOLVED_REFS, reason=reason, message=why, field=f"{field}.name")

    def prefix_in(self, namespace: str, prefix: str) -> bool:
        """Whether a Provider of this namespace has the prefix, and /v1 serves it."""
        node = self.by_prefix.get(prefix)
        return node is not None and node.managed and node.resource.metadata.namespace == namespace


class Backends:
    """`places` are the Model's own; `missing` says why others are not among them, `skipped` what else was passed over."""

    def __init__(self, model: Model, spec: ModelSpec, accounts: Accounts) -> None:
        self._model = model
        self._accounts = accounts
        self.missing: list[Problem] = []
        self.skipped: list[Problem] = []
        self.places = self._places(spec)
        self._extra: list[Place] = []
        self.fallbacks = self._fallbacks(spec)
        self.routes = self._routes(spec)
        self.scorer = self._scorer(spec)

    @property
    def with_fallbacks(self) -> tuple[Place, ...]:
        return (*self.places, *self._extra)

    def _places(self, spec: ModelSpec) -> tuple[Place, ...]:
        found: dict[str, Place] = {}
        for number, backend in enumerate(spec.backends):
            field = f"spec.backends[{number}]"
            provider = self._accounts.find(self._model.metadata.namespace, backend.provider_ref, f"{field}.providerRef")
            if isinstance(provider, Problem):
                self.missing.append(provider)
                continue
            prefix = provider.resource.prefix
            place = Place(prefix=prefix, model=backend.model or _default_model(self._model.name, prefix), spec=backend)
            if place.id in found:
                self._skip(field, f"is {place.id} again: the first counts")
            else:
                found[place.id] = place
        return tuple(found.values())

    def _fallbacks(self, spec: ModelSpec) -> tuple[int, ...]:
        names: Sequence[str] = spec.retry_policy.fallback_models if spec.retry_policy else ()
        found: dict[int, None] = {}
        for number, name in enumerate(names):
            prefix, _, model = name.partition("/")
            if self._index(name) is None and self._accounts.prefix_in(self._model.metadata.namespace, prefix):
                self._extra.append(Place(prefix=prefix, model=model))
            place = self._index(name)
            if place is None:
                why = f"{name} is no backend of the Model, and no Provider here that /v1 serves has its prefix: skipped"
                self._skip(f"spec.retryPolicy.fallbackModels[{number}]", why)
            else:
                found[place] = None
        return tuple(found)

    def _routes(self, spec: ModelSpec) -> tuple[RoutePlaces, ...]:
        routes = []
        for number, route in enumerate(spec.routing.routes if spec.routing else ()):
            places: dict[int, None] = {}
            for at, name in enumerate(route.models):
                place = self._index(name)
                if place is None:
                    why = f"{name} is no usable backend of the Model: skipped"
                    self._skip(f"spec.routing.routes[{number}].models[{at}]", why)
                else:
                    places[place] = None
            if places:
                routes.append(RoutePlaces(number=number, backends=tuple(places)))
            else:
                self._skip(f"spec.routing.routes[{number}]", "is left without a backend: skipped")
        return tuple(routes)

    def _scorer(self, spec: ModelSpec) -> str:
        matcher = spec.routing.matcher if spec.routing else None
        if matcher is None or matcher.provider_ref is None or matcher.type != "Scorer":
            return ""
        field = "spec.routing.matcher.providerRef"
        provider = self._accounts.find_scorer(self._model.metadata.namespace, matcher.provider_ref, field)
        if isinstance(provider, Problem):
            self.missing.append(provider)
            return ""
        return provider.resource.prefix

    def _index(self, name: str) -> int | None:
        return next((number for number, place in enumerate(self.with_fallbacks) if place.id == name), None)

    def _skip(self, field: str, why: str) -> None:
        reason = conditions.REASON_ACCEPTED
        self.skipped.append(Problem(condition=ACCEPTED, reason=reason, message=why, field=field, fatal=False))


def _default_model(name: str, prefix: str) -> str:
    """The Model's name as the Provider knows it; nothing for a pattern, where the name goes on as the client wrote it."""
    return "" if "*" in name else name.removeprefix(f"{prefix}/")

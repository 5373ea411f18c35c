"""Names of models: which Model a client means by a name (GZ-13, PL-23)."""

from collections.abc import Iterable

import msgspec

from ostiary_gateway.contract.document import Document, Provider
from ostiary_gateway.contract.model import Model, ModelBackend
from ostiary_gateway.decide import patterns, refusals
from ostiary_gateway.routing import names

OWNER = "ostiary"
"""`owned_by` of a Model whose backends are several providers'."""


class Names:
    """Every name of one document. A provider's own catalogue is a Model of one backend, made when it is asked for."""

    def __init__(self, document: Document) -> None:
        self._providers = {provider.prefix: provider for provider in document.providers if is_managed(provider)}
        exact = [model for model in document.models if not _is_wildcard(model)]
        self._models = {model.name: model for model in exact}
        self._aliases = {alias: model for model in document.models for alias in model.aliases}
        wild = (model for model in document.models if _is_wildcard(model))
        self._wildcards = sorted(wild, key=lambda model: (-len(model.name.replace("*", "")), model.name))

    def resolve(self, name: str) -> Model | None:
        """The Model that a name means: its name, an alias, `<prefix>/<provider model>`, then the closest wildcard.

        Its `name` is what a key's patterns are compared with: the Model's own, and the name as asked where that says
        more (wildcards, a provider's catalogue). No backend of it lacks a provider model.
        """
        if not refusals.is_model_name(name):
            return None
        model = self._models.get(name) or self._aliases.get(name.lower())
        if model is None:
            model = self._of_provider(name) or (None if self.problem(name) else self._closest(name))
        return _concrete(model, name) if model and _is_wildcard(model) else model

    def problem(self, name: str) -> str:
        """What is wrong with a name that is a router's but for its mode (GZ-20); empty where it is nothing of the kind."""
        base = names.base(name)
        return names.problem(name) if base in self._models else ""

    def usable(self, allowed: tuple[str, ...]) -> list[tuple[str, str]]:
        """What a key with these patterns may name, as (name or pattern, owner), sorted.

        A pattern is listed where the key may use all that it stands for; else what the key's own patterns say of it.
        """
        listed = {
            f"{prefix}/*": provider.name for prefix, provider in self._providers.items() if patterns.covers(allowed, prefix)
        }
        listed |= dict(self._own(allowed))
        for model in (*self._models.values(), *self._wildcards):
            if patterns.allows(allowed, model.name.replace("*", patterns.ANY)):
                listed |= dict.fromkeys((model.name, *model.aliases), self._owner(model))
        return sorted(listed.items())

    def _of_provider(self, name: str) -> Model | None:
        prefix, _, rest = name.partition("/")
        if not rest or prefix not in self._providers:
            return None
        return Model(id=name, name=name, backends=(ModelBackend(provider=prefix, model=rest),))

    def _closest(self, name: str) -> Model | None:
        return next((model for model in self._wildcards if patterns.matches(model.name, name)), None)

    def _own(self, allowed: Iterable[str]) -> Iterable[tuple[str, str]]:
        """Patterns of a key that lie within a provider's catalogue or name something that a wildcard Model takes."""
        for pattern in allowed:
            prefix, _, rest = pattern.partition("/")
            if rest and prefix in self._providers:
                yield pattern, self._providers[prefix].name
            elif "*" not in pattern and (model := self.resolve(pattern)) and model.name == pattern:
                yield pattern, self._owner(model)

    def _owner(self, model: Model) -> str:
        owners = {provider.name for backend in model.backends if (provider := self._providers.get(backend.provider))}
        return owners.pop() if len(owners) == 1 else OWNER


def is_managed(provider: Provider) -> bool:
    """Whether `/v1` may send requests there: we hold a credential, or the caller's own is meant for it (PL-35)."""
    return provider.managed and (provider.credential_mode == "held" or provider.passthrough_auth)


def _is_wildcard(model: Model) -> bool:
    return "*" in model.name


def _concrete(model: Model, name: str) -> Model:
    """A wildcard Model as it is for one name: a backend that names no provider model gets the name as asked."""
    backends = (
        backend if backend.model else msgspec.structs.replace(backend, model=name.removeprefix(f"{backend.provider}/"))
        for backend in model.backends
    )
    return msgspec.structs.replace(model, name=name, backends=tuple(backends))

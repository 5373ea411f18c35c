"""One bundle, arranged for answering: keys by hash, models by name, providers by prefix, credentials by provider."""

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import NamedTuple

import msgspec

from ostiary_gateway.contract import bundle as files
from ostiary_gateway.contract import document as documents
from ostiary_gateway.contract.allowlist import AllowListError
from ostiary_gateway.contract.bundle import Bundle, BundleError
from ostiary_gateway.contract.decision import Ask, Backend, Decision, Plan, Refusal, Target
from ostiary_gateway.contract.dialect import Dialect
from ostiary_gateway.contract.document import Document, DocumentError
from ostiary_gateway.contract.model import Model
from ostiary_gateway.decide import credentials, keepers, keys, patterns, refusals
from ostiary_gateway.decide.credentials import Pools, Tokens
from ostiary_gateway.decide.keys import Key, KeySource, Shard
from ostiary_gateway.decide.models import Names
from ostiary_gateway.decide.plans import Going, Planner, is_priced
from ostiary_gateway.decide.spending import FREE, Draw, Spender
from ostiary_gateway.pricing import PriceBook

_NOWHERE: tuple[Backend, ...] = ()
_VOLATILE_MS = 1000
_KEPT: frozenset[Dialect] = frozenset({"files", "batches"})
_FREE_OF_CHARGE: frozenset[Dialect] = _KEPT | {"count_tokens"}


class Sources(NamedTuple):
    """What counts beside the bundle. Without `prices` those of the document and the published ones do.

    `keeps_responses`: the guard has a store of responses. `tokens` are those of service accounts.
    """

    prices: Callable[[], PriceBook] | None = None
    keys: KeySource | None = None
    max_output_tokens: int = 4096
    keeps_responses: bool = False
    tokens: Tokens | None = None


NO_SOURCES = Sources()


class Index:
    """Answers for one bundle. Frozen once built; a new bundle is a new index that replaces this one whole."""

    def __init__(
        self, digest: str, document: Document, shards: Mapping[str, Shard], pools: Pools, sources: Sources = NO_SOURCES
    ) -> None:
        self.digest = digest
        self.document = document
        self.shards = shards
        self.budgets = {budget.id: budget for budget in document.budgets}
        self._sources = sources
        self._pools = pools
        self._providers = {provider.prefix: provider for provider in document.providers}
        self._names = Names(document)
        self._planner = Planner(self._providers, pools, sources.tokens, keeps_responses=sources.keeps_responses)
        self._spender = Spender(self.budgets, sources.prices or self._own_prices, sources.max_output_tokens)
        self._keys: dict[str, Key] = {}
        for shard in shards.values():
            self._keys.update(shard)
        identities = (key.identity for key in self._keys.values() if key.state == "retiring")
        self.retiring = frozenset((identity.key_id, identity.key_version) for identity in identities)
        for model in filter(is_priced, document.models):
            self._planner.targets(model)  # the first look at a price takes its time: not while a request waits

    @classmethod
    def build(cls, bundle: Bundle, previous: "Index | None" = None, sources: Sources = NO_SOURCES) -> "Index":
        """Read a bundle; shards that `previous` already holds are not parsed again.

        Raises:
            BundleError: a part of it cannot be read or lacks a column: the bundle is not to be taken into use.
        """
        known = previous.shards if previous else {}
        try:
            document = documents.decode(bundle.files.get(files.DOCUMENT, b""))
            pools = credentials.decode(bundle.files.get(files.CREDENTIALS, b"{}"))
            shards = _shards(bundle, known)
        except (DocumentError, AllowListError, msgspec.DecodeError, UnicodeDecodeError) as error:
            raise BundleError(f"bundle {bundle.digest}: {error}") from error
        return cls(bundle.digest, document, shards, pools, sources)

    def __len__(self) -> int:
        """How many key values may be shown, disabled and expired ones included."""
        return len(self._keys)

    def decide(self, ask: Ask, now_ms: int) -> Decision:
        """The whole answer for one question; a refusal is an answer too."""
        key = self.identify(ask.key, now_ms)
        if isinstance(key, Refusal):
            unknown = key if ask.surface == "managed" else refusals.on_pass_through(key)
            until_ms = now_ms + _VOLATILE_MS if self._sources.keys is not None else 0
            return Decision(generation=self.digest, refusal=unknown, expires_ms=until_ms)
        going = self._managed(key, ask) if ask.surface == "managed" else self._pass_through(key, ask.target)
        way = going.way if going else None
        draw = FREE if isinstance(way, Refusal) or way is None else self.draw(key, ask, now_ms)
        refusal = way if isinstance(way, Refusal) else draw.refusal
        if isinstance(way, Refusal) or refusal:
            brief = key.volatile or (going is not None and going.brief)
            return Decision(generation=self.digest, refusal=refusal, expires_ms=_soonest(key, now_ms) if brief else 0)
        plan = way if isinstance(way, Plan) else None
        backends = (way,) if isinstance(way, Backend) else _NOWHERE
        return Decision(
            generation=self.digest,
            identity=key.identity,
            backends=backends,
            plan=plan,
            expires_ms=_expires(key, now_ms, going),
            spend=draw.spend,
        )

    def draw(self, key: Key, ask: Ask, now_ms: int) -> Draw:
        """What a request of a key draws on, whatever else is to be said of it."""
        if not key.terms.is_limiting:
            return FREE
        if ask.surface == "pass_through":
            return self._spender.pass_through(key, ask.target, ask.model, now_ms)
        name = self._name(key, ask)
        model = self._names.resolve(name) if isinstance(name, str) else None
        if model is None:
            return FREE
        places = () if ask.dialect in _FREE_OF_CHARGE else zip(model.backends, self.targets(model, ask.dialect), strict=True)
        return self._spender.managed(key, model, [backend for backend, target in places if target], now_ms)

    def identify(self, sha256: str, now_ms: int) -> Key | Refusal:
        """Who shows this key, or why it does not count (TP-05, TP-06, TP-11). A retiring key still counts."""
        if not sha256:
            return refusals.NO_KEY
        key = self.find(sha256)
        if key is None:
            return refusals.UNKNOWN_KEY
        if key.state == "disabled":
            return refusals.DISABLED
        if key.expires_ms and now_ms >= key.expires_ms:
            return refusals.EXPIRED
        return key

    def find(self, sha256: str) -> Key | None:
        """Whose key this is, whether it still counts or not."""
        key = self._keys.get(sha256)
        return self._sources.keys.find(sha256) if key is None and self._sources.keys is not None else key

    def key(self, key_id: str) -> Key | None:
        """Any value of a key: all have the same terms."""
        key = self._by_id.get(key_id)
        return self._sources.keys.named(key_id) if key is None and self._sources.keys is not None else key

    def held_keys(self) -> Mapping[str, Key]:
        """Those of the bundle, by id."""
        return self._by_id

    def models(self, key: Key) -> list[tuple[str, str]]:
        """What a key may name on the managed surface, as (model, alias or pattern; owner)."""
        return self._names.usable(key.models)

    def resolve(self, name: str) -> Model | None:
        """The Model that a client means by a name, as `Names.resolve` says."""
        return self._names.resolve(name)

    def targets(self, model: Model, dialect: Dialect = "chat") -> tuple[Target | None, ...]:
        """One for each backend of a resolved Model, None where it cannot be used."""
        return self._planner.targets(model, dialect)

    def plan(self, name: str, dialect: Dialect = "chat") -> Plan | None:
        """The plan that requests for a name are carried out by, None where they have none."""
        model = self.resolve(name)
        way = self._planner.way(model, dialect).way if model else None
        return way if isinstance(way, Plan) else None

    @cached_property
    def service_accounts(self) -> frozenset[str]:
        """Credentials that somebody has to get access tokens for."""
        accounts = (each for each in self.document.providers if each.signing == "google-service-account")
        return frozenset(secret for each in accounts for secret in credentials.usable(each, self._pools))

    @cached_property
    def _by_id(self) -> dict[str, Key]:
        return {key.identity.key_id: key for key in self._keys.values()}

    @cached_property
    def _book(self) -> PriceBook:
        return PriceBook(self.document)

    def _own_prices(self) -> PriceBook:
        return self._book

    def _managed(self, key: Key, ask: Ask) -> Going | None:
        if not ask.target:
            return None
        name = self._name(key, ask)
        if isinstance(name, Refusal):
            return Going(name)
        model = self._names.resolve(name)
        if model is None:
            return Going(refusals.unknown_model(name, self._names.problem(name)))
        if not patterns.allows(key.models, model.name):
            return Going(refusals.MODEL_NOT_ALLOWED)
        return self._planner.way(model, ask.dialect)

    def _name(self, key: Key, ask: Ask) -> str | Refusal:
        """What is asked for; of files and batches that name no provider, the one that there is."""
        if ask.dialect not in _KEPT or "/" in ask.target or self._names.resolve(ask.target):
            return ask.target
        return keepers.only(ask.target, ask.dialect, key.models, self._providers.values())

    def _pass_through(self, key: Key, prefix: str) -> Going:
        provider = self._providers.get(prefix)
        if provider is None or not provider.pass_through:
            return Going(refusals.UNKNOWN_PREFIX)
        if not patterns.covers(key.models, prefix):
            return Going(refusals.PREFIX_NOT_ALLOWED)
        held = provider.credential_mode == "held"
        if held and provider.signing == "aws":
            return Going(refusals.HAS_TO_BE_SIGNED)
        found = credentials.header_values(provider, self._pools, self._sources.tokens) if held else credentials.NOTHING
        if held and not found.values:
            return Going(refusals.NO_TOKEN if found.pending else refusals.NO_CREDENTIAL, brief=found.pending)
        backend = Backend(
            provider=provider.name,
            provider_type=provider.type,
            upstream=provider.upstream,
            scheme=provider.scheme,
            host=provider.host,
            base_path=provider.base_path,
            model="",
            credential_header=provider.credential_header if held else "",
            credential=found.values[0] if held else "",
        )
        return Going(backend, found.expires_ms)


def _soonest(key: Key, now_ms: int) -> int:
    return min(key.expires_ms or now_ms + _VOLATILE_MS, now_ms + _VOLATILE_MS)


def _expires(key: Key, now_ms: int, going: Going | None) -> int:
    """When the key or what is shown to the provider ends, 0 for never."""
    own = _soonest(key, now_ms) if key.volatile or (going and going.brief) else key.expires_ms
    credentials_ms = going.expires_ms if going else 0
    return min(own or credentials_ms, credentials_ms or own)


def _shards(bundle: Bundle, known: Mapping[str, Shard]) -> dict[str, Shard]:
    shards: dict[str, Shard] = {}
    for name in keys.shard_names(bundle.files):
        content = bundle.files[name]
        label = f"{name} {files.digest(content)}"
        shards[label] = known[label] if label in known else keys.parse(content.decode())
    return shards

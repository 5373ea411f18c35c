"""One bundle, arranged for answering: keys by hash, models by name, providers by prefix, credentials by provider."""

from collections.abc import Mapping

import msgspec

from ostiary_gateway.contract import bundle as files
from ostiary_gateway.contract import document as documents
from ostiary_gateway.contract.allowlist import AllowListError
from ostiary_gateway.contract.bundle import Bundle, BundleError
from ostiary_gateway.contract.decision import Ask, Backend, Decision, Plan, Refusal, Target
from ostiary_gateway.contract.document import Document, DocumentError
from ostiary_gateway.contract.model import Model
from ostiary_gateway.decide import credentials, keys, patterns, refusals
from ostiary_gateway.decide.credentials import Pools
from ostiary_gateway.decide.keys import Key, Shard
from ostiary_gateway.decide.models import Names
from ostiary_gateway.decide.plans import Planner, is_priced

_NOWHERE: tuple[Backend, ...] = ()


class Index:
    """Answers for one bundle. Frozen once built; a new bundle is a new index that replaces this one whole."""

    def __init__(self, digest: str, document: Document, shards: Mapping[str, Shard], pools: Pools) -> None:
        self.digest = digest
        self.document = document
        self.shards = shards
        self._pools = pools
        self._providers = {provider.prefix: provider for provider in document.providers}
        self._names = Names(document)
        self._planner = Planner(self._providers, pools)
        self._keys: dict[str, Key] = {}
        for shard in shards.values():
            self._keys.update(shard)
        identities = (key.identity for key in self._keys.values() if key.state == "retiring")
        self.retiring = frozenset((identity.key_id, identity.key_version) for identity in identities)
        for model in filter(is_priced, document.models):
            self._planner.targets(model)  # the first look at a price takes its time: not while a request waits

    @classmethod
    def build(cls, bundle: Bundle, previous: "Index | None" = None) -> "Index":
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
        return cls(bundle.digest, document, shards, pools)

    def __len__(self) -> int:
        """How many key values may be shown, disabled and expired ones included."""
        return len(self._keys)

    def decide(self, ask: Ask, now_ms: int) -> Decision:
        """The whole answer for one question; a refusal is an answer too."""
        key = self.identify(ask.key, now_ms)
        if isinstance(key, Refusal):
            refusal = key if ask.surface == "managed" else refusals.on_pass_through(key)
            return Decision(generation=self.digest, refusal=refusal)
        way = self._managed(key, ask.target) if ask.surface == "managed" else self._pass_through(key, ask.target)
        if isinstance(way, Refusal):
            return Decision(generation=self.digest, refusal=way)
        plan = way if isinstance(way, Plan) else None
        backends = (way,) if isinstance(way, Backend) else _NOWHERE
        return Decision(generation=self.digest, identity=key.identity, backends=backends, plan=plan, expires_ms=key.expires_ms)

    def identify(self, sha256: str, now_ms: int) -> Key | Refusal:
        """Who shows this key, or why it does not count (TP-05, TP-06, TP-11). A retiring key still counts."""
        if not sha256:
            return refusals.NO_KEY
        key = self._keys.get(sha256)
        if key is None:
            return refusals.UNKNOWN_KEY
        if key.state == "disabled":
            return refusals.DISABLED
        if key.expires_ms and now_ms >= key.expires_ms:
            return refusals.EXPIRED
        return key

    def find(self, sha256: str) -> Key | None:
        """Whose key this is, whether it still counts or not."""
        return self._keys.get(sha256)

    def models(self, key: Key) -> list[tuple[str, str]]:
        """What a key may name on the managed surface, as (model, alias or pattern; owner)."""
        return self._names.usable(key.models)

    def resolve(self, name: str) -> Model | None:
        """The Model that a client means by a name, as `Names.resolve` says."""
        return self._names.resolve(name)

    def targets(self, model: Model) -> tuple[Target | None, ...]:
        """One for each backend of a resolved Model, None where it cannot be used."""
        return self._planner.targets(model)

    def plan(self, name: str) -> Plan | None:
        """The plan that requests for a name are carried out by, None where they have none."""
        model = self.resolve(name)
        way = self._planner.way(model) if model else None
        return way if isinstance(way, Plan) else None

    def _managed(self, key: Key, name: str) -> Backend | Plan | Refusal | None:
        if not name:
            return None
        model = self._names.resolve(name)
        if model is None:
            return refusals.unknown_model(name, self._names.problem(name))
        if not patterns.allows(key.models, model.name):
            return refusals.MODEL_NOT_ALLOWED
        return self._planner.way(model) or refusals.NO_CREDENTIAL

    def _pass_through(self, key: Key, prefix: str) -> Backend | Refusal:
        provider = self._providers.get(prefix)
        if provider is None or not provider.pass_through:
            return refusals.UNKNOWN_PREFIX
        if not patterns.covers(key.models, prefix):
            return refusals.PREFIX_NOT_ALLOWED
        held = provider.credential_mode == "held"
        values = credentials.header_values(provider, self._pools) if held else ()
        if held and not values:
            return refusals.NO_CREDENTIAL
        return Backend(
            provider=provider.name,
            provider_type=provider.type,
            upstream=provider.upstream,
            scheme=provider.scheme,
            host=provider.host,
            base_path=provider.base_path,
            model="",
            credential_header=provider.credential_header if held else "",
            credential=values[0] if held else "",
        )


def _shards(bundle: Bundle, known: Mapping[str, Shard]) -> dict[str, Shard]:
    shards: dict[str, Shard] = {}
    for name in keys.shard_names(bundle.files):
        content = bundle.files[name]
        label = f"{name} {files.digest(content)}"
        shards[label] = known[label] if label in known else keys.parse(content.decode())
    return shards

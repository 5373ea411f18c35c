"""One bundle, arranged for answering: keys by hash, providers by prefix, credentials by provider."""

import re
from collections.abc import Iterable, Mapping

import msgspec

from ostiary_gateway.contract import bundle as files
from ostiary_gateway.contract import document as documents
from ostiary_gateway.contract.allowlist import AllowListError
from ostiary_gateway.contract.bundle import Bundle, BundleError
from ostiary_gateway.contract.decision import Ask, Backend, Decision, Refusal
from ostiary_gateway.contract.document import CredentialHeader, Document, DocumentError, Provider
from ostiary_gateway.decide import keys, patterns, refusals
from ostiary_gateway.decide.keys import Key, Shard

_HEADER_VALUE = re.compile(r"[\x20-\x7e]+")


class Index:
    """Answers for one bundle. Frozen once built; a new bundle is a new index that replaces this one whole."""

    def __init__(self, digest: str, document: Document, shards: Mapping[str, Shard], credentials: Mapping[str, str]) -> None:
        self.digest = digest
        self.document = document
        self.shards = shards
        self._credentials = credentials
        self._providers = {provider.prefix: provider for provider in document.providers}
        self._keys: dict[str, Key] = {}
        for shard in shards.values():
            self._keys.update(shard)
        identities = (key.identity for key in self._keys.values() if key.state == "retiring")
        self.retiring = frozenset((identity.key_id, identity.key_version) for identity in identities)

    @classmethod
    def build(cls, bundle: Bundle, previous: "Index | None" = None) -> "Index":
        """Read a bundle; shards that `previous` already holds are not parsed again.

        Raises:
            BundleError: a part of it cannot be read or lacks a column: the bundle is not to be taken into use.
        """
        known = previous.shards if previous else {}
        try:
            document = documents.decode(bundle.files.get(files.DOCUMENT, b""))
            credentials = _credentials(bundle.files.get(files.CREDENTIALS, b"{}"))
            shards = _shards(bundle, known)
        except (DocumentError, AllowListError, msgspec.DecodeError, UnicodeDecodeError) as error:
            raise BundleError(f"bundle {bundle.digest}: {error}") from error
        return cls(bundle.digest, document, shards, credentials)

    def __len__(self) -> int:
        """How many key values may be shown, disabled and expired ones included."""
        return len(self._keys)

    def decide(self, ask: Ask, now_ms: int) -> Decision:
        """The whole answer for one question; a refusal is an answer too."""
        key = self.identify(ask.key, now_ms)
        if isinstance(key, Refusal):
            refusal = key if ask.surface == "managed" else refusals.on_pass_through(key)
            return Decision(generation=self.digest, refusal=refusal)
        backends = self._managed(key, ask.target) if ask.surface == "managed" else self._pass_through(key, ask.target)
        if isinstance(backends, Refusal):
            return Decision(generation=self.digest, refusal=backends)
        return Decision(generation=self.digest, identity=key.identity, backends=backends, expires_ms=key.expires_ms)

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
        """What a key may name on the managed surface, as (model or `<prefix>/*`, provider name)."""
        ours = {p.prefix: p.name for p in self.document.providers if _is_managed(p)}
        names = {f"{prefix}/*": prefix for prefix in ours if patterns.covers(key.models, prefix)}
        for pattern in key.models:
            prefix, slash, model = pattern.partition("/")
            if slash and model and prefix in ours:
                names.setdefault(pattern, prefix)
        return [(name, ours[prefix]) for name, prefix in sorted(names.items())]

    def _managed(self, key: Key, name: str) -> tuple[Backend, ...] | Refusal:
        if not name:
            return ()
        prefix, _, model = name.partition("/")
        provider = self._providers.get(prefix)
        if provider is None or not model or not _is_managed(provider) or not refusals.is_model_name(name):
            return refusals.unknown_model(name)
        if not patterns.allows(key.models, name):
            return refusals.MODEL_NOT_ALLOWED
        return self._backends(provider, model)

    def _pass_through(self, key: Key, prefix: str) -> tuple[Backend, ...] | Refusal:
        provider = self._providers.get(prefix)
        if provider is None or not provider.pass_through:
            return refusals.UNKNOWN_PREFIX
        if not patterns.covers(key.models, prefix):
            return refusals.PREFIX_NOT_ALLOWED
        return self._backends(provider, "")

    def _backends(self, provider: Provider, model: str) -> tuple[Backend, ...] | Refusal:
        held = provider.credential_mode == "held"
        secret = self._credentials.get(provider.id, "") if held else ""
        if held and not secret:
            return refusals.NO_CREDENTIAL
        backend = Backend(
            provider=provider.name,
            provider_type=provider.type,
            upstream=provider.upstream,
            scheme=provider.scheme,
            host=provider.host,
            base_path=provider.base_path,
            model=model,
            credential_header=provider.credential_header if held else "",
            credential=_header_value(provider.credential_header, secret) if held else "",
        )
        return (backend,)


def _is_managed(provider: Provider) -> bool:
    return provider.managed and provider.credential_mode == "held"


def _header_value(header: CredentialHeader, secret: str) -> str:
    return f"Bearer {secret}" if header == "authorization" else secret


def _shards(bundle: Bundle, known: Mapping[str, Shard]) -> dict[str, Shard]:
    shards: dict[str, Shard] = {}
    for name in keys.shard_names(bundle.files):
        content = bundle.files[name]
        label = f"{name} {files.digest(content)}"
        shards[label] = known[label] if label in known else keys.parse(content.decode())
    return shards


def _credentials(text: bytes) -> dict[str, str]:
    """The first credential of each provider that can stand in a header; one with a line end in it is none."""
    pools = msgspec.json.decode(text, type=dict[str, list[str]])
    return {provider: value for provider, pool in pools.items() if (value := _first_usable(pool))}


def _first_usable(pool: Iterable[str]) -> str:
    return next((value for value in map(str.strip, pool) if _HEADER_VALUE.fullmatch(value)), "")

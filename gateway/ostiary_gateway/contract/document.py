"""The document: everything the gateway needs to know of its providers, as one versioned value.

An unknown version, an unknown field or a value out of range is a `DocumentError`: the reader keeps what it had.
"""

from typing import Literal

import msgspec

from ostiary_gateway.contract.dialect import Dialect
from ostiary_gateway.contract.limits import Budget
from ostiary_gateway.contract.model import Breaker, Model

VERSION = 3

ProviderType = Literal[
    "openai", "anthropic", "google", "openai-compatible", "azure-openai", "bedrock", "vertex", "mistral", "groq", "deepseek",
    "xai", "together", "openrouter", "ollama", "vllm",
]  # fmt: skip
CredentialMode = Literal["caller", "held"]
Signing = Literal["header", "aws", "google-service-account"]
CredentialHeader = Literal["authorization", "x-api-key", "api-key", "x-goog-api-key"]


class DocumentError(ValueError):
    """The text is not a document that this version of the gateway understands."""


class Spoken(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A dialect that a provider understands, and where.

    `path` follows `base_path`; `{model}` in it is the provider's model, percent-encoded. Empty is the dialect's own path
    (`contract.dialect.PATHS`). `stream_path` is the same for streams where it differs.
    """

    dialect: Dialect
    path: str = ""
    stream_path: str = ""


class Provider(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A vendor account, as the gateway sees it.

    `id` is `<namespace>/<name>` of the custom resource. `name` is the label of metrics and of the ledger.
    `prefix` is the first path segment of pass-through requests and the part before the slash of a managed model name;
    no two providers of a document share one. `upstream` names the nginx `upstream{}` block of `host` and `port`.
    """

    id: str
    name: str
    prefix: str
    type: ProviderType
    scheme: Literal["http", "https"]
    host: str  # what goes into `Host` (with the port if it is not the scheme's own) and SNI
    upstream: str
    base_path: str = ""  # no trailing slash
    credential_mode: CredentialMode = "caller"
    credential_header: CredentialHeader = "authorization"
    pass_through: bool = True
    managed: bool = True  # False where Ostiary holds no credential and `passthrough_auth` is not set
    passthrough_auth: bool = False  # `/v1` too sends the caller's own credential (PL-35)
    breaker: Breaker = Breaker()
    headers: tuple[tuple[str, str], ...] = ()  # sent beside the others
    drain_ms: int = 0  # when the client leaves: read on this long to learn the usage; 0 is cancel
    speaks: tuple[Spoken, ...] = ()  # the preferred one first; requests in any other dialect are translated
    signing: Signing = "header"  # how the credential is shown: as a header, by an AWS signature, by tokens of a service account
    region: str = ""  # signing aws


class Document(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    version: int
    providers: tuple[Provider, ...] = ()
    models: tuple[Model, ...] = ()
    budgets: tuple[Budget, ...] = ()


def decode(text: bytes) -> Document:
    """Read a document.

    Raises:
        DocumentError: not JSON, not this version, an unknown field, two providers with one prefix, or a model
            that refers to a provider or backend which is not there.
    """
    try:
        head = msgspec.json.decode(text, type=_Head)
        if head.version != VERSION:
            msg = f"document version {head.version} is not {VERSION}"
            raise DocumentError(msg)
        document = msgspec.json.decode(text, type=Document)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise DocumentError(str(error)) from error
    prefixes = [provider.prefix for provider in document.providers]
    if len(set(prefixes)) != len(prefixes):
        raise DocumentError("two providers share a prefix")
    for model in document.models:
        _check(model, set(prefixes))
    return document


def _check(model: Model, prefixes: set[str]) -> None:
    if not {backend.provider for backend in model.backends} <= prefixes:
        raise DocumentError(f"model {model.id} names a provider that is not there")
    fallbacks = model.policy.fallbacks if model.policy else ()
    places = (*fallbacks, *(place for route in model.routes for place in route.backends))
    if not all(0 <= place < len(model.backends) for place in places):
        raise DocumentError(f"model {model.id} names a backend that is not there")


def encode(document: Document) -> bytes:
    """Write a document; the same document is always the same bytes."""
    return msgspec.json.format(msgspec.json.encode(document, order="deterministic"), indent=1)


class _Head(msgspec.Struct):
    version: int

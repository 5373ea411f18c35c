"""The document: everything the gateway needs to know of its providers, as one versioned value.

An unknown version, an unknown field or a value out of range is a `DocumentError`: the reader keeps what it had.
"""

from typing import Literal

import msgspec

VERSION = 1

ProviderType = Literal["openai", "anthropic", "google", "openai-compatible"]
CredentialMode = Literal["caller", "held"]
CredentialHeader = Literal["authorization", "x-api-key", "api-key", "x-goog-api-key"]


class DocumentError(ValueError):
    """The text is not a document that this version of the gateway understands."""


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
    managed: bool = True  # False where Ostiary holds no credential: `/v1` never sends the caller's


class Document(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    version: int
    providers: tuple[Provider, ...] = ()


def decode(text: bytes) -> Document:
    """Read a document.

    Raises:
        DocumentError: not JSON, not this version, an unknown field, or two providers with one prefix.
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
    return document


def encode(document: Document) -> bytes:
    """Write a document; the same document is always the same bytes."""
    return msgspec.json.format(msgspec.json.encode(document, order="deterministic"), indent=1)


class _Head(msgspec.Struct):
    version: int

"""`Provider`: a vendor account, or any address that speaks one of the vendors' protocols."""

from dataclasses import dataclass, field
from typing import Annotated, ClassVar

import msgspec

from ostiary_gateway.contract.document import CredentialHeader, ProviderType
from ostiary_operator.api.conditions import Condition
from ostiary_operator.api.fields import BaseUrl, Label, ObjectName, SecretEntry, cel, doc
from ostiary_operator.api.metadata import Invalid, Metadata

RESERVED_PREFIXES = (
    "admin", "auth", "health", "healthz", "livez", "metrics", "ping", "readyz", "routing", "stats",
    "v1", "v1alpha", "v1beta",
)  # fmt: skip
_RESERVED = "[" + ", ".join(f"'{prefix}'" for prefix in RESERVED_PREFIXES) + "]"

DEFAULT_HEADERS: dict[ProviderType, CredentialHeader] = {
    "openai": "authorization",
    "openai-compatible": "authorization",
    "anthropic": "x-api-key",
    "google": "x-goog-api-key",
}


class CredentialRef(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One entry of a Secret in the same namespace."""

    name: Annotated[ObjectName, doc("Name of the Secret.")]
    key: Annotated[SecretEntry, doc("Key in the Secret's data.")]
    optional: Annotated[bool, doc("If it is not there, go on as if no credential were named.")] = False


class Credential(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, rename="camel"):
    """What Ostiary shows the provider instead of the caller's own credential."""

    secret_ref: Annotated[CredentialRef, doc("Where the credential is.")]
    header: Annotated[
        CredentialHeader | None,
        doc("Header that carries it. Default: authorization (as Bearer); anthropic: x-api-key; google: x-goog-api-key."),
    ] = None


class ProviderSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, rename="camel"):
    """Where the provider is, and who shows it which credential."""

    type: Annotated[ProviderType, doc("Protocol that the provider speaks.")]
    base_url: Annotated[
        BaseUrl,
        doc(
            "http(s)://host[:port][/path], without /v1. What follows the prefix of a request's path is appended.",
            cel(
                "!(self + '/').contains('/./') && !(self + '/').contains('/../')",
                "must not have . or .. as a segment",
            ),
        ),
    ] = msgspec.field(name="baseURL")
    prefix: Annotated[
        Label | None,
        doc(
            "First path segment of pass-through requests, and the part of a model's name before the slash. "
            "By default the name of the object.",
            cel(f"!(self in {_RESERVED})", "is reserved for Ostiary itself"),
        ),
    ] = None
    credential: Annotated[
        Credential | None,
        doc("Sent instead of the caller's. Without it that goes upstream, and /v1 does not serve the provider."),
    ] = None
    pass_through: Annotated[bool, doc("Serve /<prefix>/... untouched.")] = True


class ProviderStatus(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the provider."""

    conditions: Annotated[tuple[Condition, ...], doc("Accepted, ResolvedRefs, Programmed, Ready.")] = ()
    prefix: Annotated[str, doc("The prefix in use: spec.prefix or the name of the object.")] = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """Exactly one of `spec` and `invalid` is set."""

    kind: ClassVar[str] = "Provider"
    metadata: Metadata
    spec: ProviderSpec | None
    invalid: Invalid | None = None
    status: ProviderStatus = field(default_factory=ProviderStatus)

    @property
    def prefix(self) -> str:
        return (self.spec and self.spec.prefix) or self.metadata.name

"""`spec.credential` of a Provider: what Ostiary shows it, and how."""

from typing import Annotated, ClassVar, Literal

import msgspec

from ostiary_gateway.contract.document import CredentialHeader
from ostiary_operator.api.fields import CEL, ObjectName, SecretEntry, cel, doc

Kind = Literal["APIKey", "AWS", "ServiceAccount"]

AWS_ENTRIES = (
    ("accessKeyId", "AWS_ACCESS_KEY_ID"),
    ("secretAccessKey", "AWS_SECRET_ACCESS_KEY"),
    ("sessionToken", "AWS_SESSION_TOKEN"),
)
"""What a Secret with keys of AWS may call each of its entries; the last one need not be there."""

KEY_FITS_KIND = cel(
    "(self.kind == 'AWS') != has(self.secretRef.key)",
    "names one entry of the Secret, unless kind is AWS, which takes accessKeyId, secretAccessKey and sessionToken",
    ".secretRef",
)
HEADER_FITS_KIND = cel("!has(self.header) || self.kind == 'APIKey'", "says where an API key goes: kind must be APIKey", ".header")


class CredentialRef(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A Secret in the same namespace."""

    name: Annotated[ObjectName, doc("Name of the Secret.")]
    key: Annotated[SecretEntry | None, doc("Key in the Secret's data. Kind AWS has none: it takes several.")] = None
    optional: Annotated[bool, doc("If it is not there, go on as if no credential were named.")] = False


class Credential(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, rename="camel"):
    """What Ostiary shows the provider instead of the caller's own credential."""

    schema: ClassVar[dict[str, object]] = {CEL: [KEY_FITS_KIND, HEADER_FITS_KIND]}

    kind: Annotated[
        Kind,
        doc(
            "APIKey: a text that goes into a header. AWS (bedrock): an access key, with which requests are signed. "
            "ServiceAccount (vertex): the JSON of a Google service account, for which tokens are fetched."
        ),
    ] = "APIKey"
    secret_ref: Annotated[CredentialRef, doc("Where the credential is.")]
    header: Annotated[
        CredentialHeader | None,
        doc(
            "Header that carries an API key. Default: authorization (as Bearer); anthropic: x-api-key; azure-openai: api-key; "
            "google and vertex: x-goog-api-key."
        ),
    ] = None


class PoolCredential(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, rename="camel"):
    """A further credential of the same kind, shown in the same way."""

    secret_ref: Annotated[CredentialRef, doc("Where the credential is.")]

"""What a Provider speaks, at which paths, and how it is shown who asks."""

from ostiary_gateway.contract.dialect import PATHS, Dialect
from ostiary_gateway.contract.document import CredentialHeader, Signing, Spoken
from ostiary_operator.api.credential import Kind
from ostiary_operator.api.provider import ProviderSpec, vendor_of

_SIGNING: dict[Kind, Signing] = {"APIKey": "header", "AWS": "aws", "ServiceAccount": "google-service-account"}


def spoken(spec: ProviderSpec) -> tuple[Spoken, ...]:
    """The dialects of the spec, else those of its type, each where the vendor has it."""
    return tuple(_at(spec, dialect) for dialect in dict.fromkeys(spec.speaks or vendor_of(spec).speaks))


def signing(spec: ProviderSpec) -> Signing:
    return _SIGNING[spec.credential.kind if spec.credential else "APIKey"]


def credential_header(spec: ProviderSpec) -> CredentialHeader:
    """Tokens of service accounts go where every token goes, whatever the vendor's API keys do."""
    if spec.credential and spec.credential.kind != "APIKey":
        return "authorization"
    return (spec.credential and spec.credential.header) or vendor_of(spec).header


def _at(spec: ProviderSpec, dialect: Dialect) -> Spoken:
    path, stream_path = vendor_of(spec).paths.get(dialect, ("", ""))
    if spec.vertex:
        project, region = spec.vertex.project, spec.vertex.region
        path, stream_path = (each.replace("{project}", project).replace("{region}", region) for each in (path, stream_path))
    version = spec.azure.api_version if spec.azure else None
    if version and (path or dialect in PATHS):
        path = f"{path or PATHS[dialect]}?api-version={version}"
    return Spoken(dialect=dialect, path=path, stream_path=stream_path)

"""Providers -> nodes."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from ostiary_operator.api import baseurl, conditions
from ostiary_operator.api.baseurl import BaseUrl
from ostiary_operator.api.conditions import ACCEPTED
from ostiary_operator.api.metadata import Invalid
from ostiary_operator.api.provider import Provider, ProviderSpec, url_of, vendor_of
from ostiary_operator.api.vendors import AZURE_PATH, NO_KEY
from ostiary_operator.graph import credentials, references
from ostiary_operator.graph.nodes import Problem, ProviderNode
from ostiary_operator.graph.snapshot import Policy, Snapshot


def resolve(snapshot: Snapshot, policy: Policy) -> tuple[ProviderNode, ...]:
    """In the order of the snapshot. A prefix belongs to the oldest of the valid providers that claim it."""
    holders: dict[str, Provider] = {}
    for provider in sorted(snapshot.providers, key=lambda each: each.metadata.seniority):
        if not isinstance(_address(provider, policy), Problem):
            holders.setdefault(provider.prefix, provider)
    return tuple(_node(provider, snapshot, policy, holders) for provider in snapshot.providers)


def _node(provider: Provider, snapshot: Snapshot, policy: Policy, holders: Mapping[str, Provider]) -> ProviderNode:
    url = _address(provider, policy)
    if isinstance(url, Problem) or provider.spec is None:
        return ProviderNode(resource=provider, problems=(url,) if isinstance(url, Problem) else ())
    holder = holders[provider.prefix]
    if holder is not provider:
        why = f"prefix {provider.prefix} belongs to Provider {holder.metadata.id}, which is older"
        problem = Problem(condition=ACCEPTED, reason=conditions.REASON_CONFLICTED, message=why, field="spec.prefix")
        return ProviderNode(resource=provider, problems=(problem,), url=url)
    found, missing = _credentials(provider, provider.spec, snapshot)
    problems = (*missing, *_advice(provider.spec, url))
    return ProviderNode(resource=provider, problems=problems, url=url, credentials=found)


def _address(provider: Provider, policy: Policy) -> BaseUrl | Problem:
    if provider.spec is None:
        invalid = provider.invalid or Invalid("spec", "is missing")
        return Problem(condition=ACCEPTED, reason=conditions.REASON_INVALID, message=str(invalid), field=invalid.field)
    url = baseurl.parse(url_of(provider.spec))
    if isinstance(url, Invalid):
        return Problem(condition=ACCEPTED, reason=conditions.REASON_INVALID, message=str(url), field=url.field)
    if url.is_local and not policy.allow_local:
        why = f"{url.host} is an address of the gateway's own machine or network card, which no provider may have here"
        reason = conditions.REASON_ADDRESS_NOT_ALLOWED
        return Problem(condition=ACCEPTED, reason=reason, message=why, field="spec.baseURL")
    return replace(url, path=AZURE_PATH) if _is_v1_of_azure(provider.spec) and not url.path else url


def _is_v1_of_azure(spec: ProviderSpec) -> bool:
    return spec.type == "azure-openai" and not (spec.azure and spec.azure.deployments)


def _credentials(provider: Provider, spec: ProviderSpec, snapshot: Snapshot) -> tuple[tuple[str, ...], tuple[Problem, ...]]:
    """What is in its Secrets, each value once, and what is missing there: fatal only if nothing is left to show."""
    found: list[str] = []
    missing: list[Problem] = []
    kind = spec.credential.kind if spec.credential else "APIKey"
    for number, ref in enumerate(provider.secret_refs):
        field = "spec.credential.secretRef" if number == 0 else f"spec.credentials[{number - 1}].secretRef"
        value = credentials.find(snapshot, provider.metadata.namespace, ref, kind, field)
        if isinstance(value, str):
            found.append(value)
        elif not (ref.optional and references.is_absent(value)):
            missing.append(value)
    if not found and not missing and vendor_of(spec).keyless and not spec.passthrough_auth:
        found.append(NO_KEY)
    return tuple(dict.fromkeys(found)), tuple(replace(each, fatal=not found, partial=bool(found)) for each in missing)


def _advice(spec: ProviderSpec, url: BaseUrl) -> tuple[Problem, ...]:
    found = [*_doubled_version(spec, url), *_not_served(spec)]
    reason = conditions.REASON_ACCEPTED
    return tuple(
        Problem(condition=ACCEPTED, reason=reason, message=message, field=field, fatal=False) for field, message in found
    )


def _doubled_version(spec: ProviderSpec, url: BaseUrl) -> Iterator[tuple[str, str]]:
    version = "/v1beta" if spec.type == "google" else "/v1"
    if url.path.endswith(version):
        yield "spec.baseURL", f"ends in {version}, which requests to Ostiary bring themselves: leave it out"


def _not_served(spec: ProviderSpec) -> Iterator[tuple[str, str]]:
    """Hardly anybody asks these as they are: their clients come to /v1."""
    if spec.credential is None and spec.type in ("bedrock", "vertex") and not spec.passthrough_auth:
        yield "spec.credential", "is missing: /v1, where requests are translated, does not serve the Provider"

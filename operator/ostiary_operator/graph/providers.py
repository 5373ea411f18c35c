"""Providers -> nodes."""

from collections.abc import Mapping
from dataclasses import replace

from ostiary_operator.api import baseurl, conditions
from ostiary_operator.api.baseurl import BaseUrl
from ostiary_operator.api.conditions import ACCEPTED
from ostiary_operator.api.metadata import Invalid
from ostiary_operator.api.provider import Provider, ProviderSpec
from ostiary_operator.graph import references
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
    credentials, missing = _credentials(provider, snapshot)
    problems = (*missing, *_advice(provider.spec, url))
    return ProviderNode(resource=provider, problems=problems, url=url, credentials=credentials)


def _address(provider: Provider, policy: Policy) -> BaseUrl | Problem:
    if provider.spec is None:
        invalid = provider.invalid or Invalid("spec", "is missing")
        return Problem(condition=ACCEPTED, reason=conditions.REASON_INVALID, message=str(invalid), field=invalid.field)
    url = baseurl.parse(provider.spec.base_url)
    if isinstance(url, Invalid):
        return Problem(condition=ACCEPTED, reason=conditions.REASON_INVALID, message=str(url), field=url.field)
    if url.is_local and not policy.allow_local:
        why = f"{url.host} is an address of the gateway's own machine or network card, which no provider may have here"
        reason = conditions.REASON_ADDRESS_NOT_ALLOWED
        return Problem(condition=ACCEPTED, reason=reason, message=why, field="spec.baseURL")
    return url


def _credentials(provider: Provider, snapshot: Snapshot) -> tuple[tuple[str, ...], tuple[Problem, ...]]:
    """What is in its Secrets, each value once, and what is missing there: fatal only if nothing is left to show."""
    found: list[str] = []
    missing: list[Problem] = []
    for number, ref in enumerate(provider.secret_refs):
        field = "spec.credential.secretRef" if number == 0 else f"spec.credentials[{number - 1}].secretRef"
        value = references.value_of(snapshot, (provider.metadata.namespace, ref.name), ref.key, field)
        if isinstance(value, str):
            found.append(value)
        elif not (ref.optional and references.is_absent(value)):
            missing.append(value)
    return tuple(dict.fromkeys(found)), tuple(replace(each, fatal=not found, partial=bool(found)) for each in missing)


def _advice(spec: ProviderSpec, url: BaseUrl) -> tuple[Problem, ...]:
    if spec.type != "google" and url.path.endswith("/v1"):
        why = "ends in /v1, which requests to Ostiary bring themselves: leave it out"
        reason = conditions.REASON_ACCEPTED
        return (Problem(condition=ACCEPTED, reason=reason, message=why, field="spec.baseURL", fatal=False),)
    return ()

"""The filters of one Model: what they ask. A Model of which one cannot do its work is left out as a whole, never unfiltered."""

from typing import NamedTuple

from ostiary_operator.api import baseurl, conditions
from ostiary_operator.api.baseurl import BaseUrl
from ostiary_operator.api.conditions import ACCEPTED
from ostiary_operator.api.filters import Filter
from ostiary_operator.api.model import Model, ModelSpec
from ostiary_operator.graph.backends import Accounts
from ostiary_operator.graph.nodes import Problem
from ostiary_operator.graph.snapshot import Policy


class Filters(NamedTuple):
    """`scorers` are prefixes of Providers, one for each filter, empty where it asks none."""

    scorers: tuple[str, ...]
    problems: tuple[Problem, ...]


def resolve(model: Model, spec: ModelSpec, accounts: Accounts, policy: Policy) -> Filters:
    scorers: list[str] = []
    problems: list[Problem] = []
    for place, each in enumerate(spec.filters):
        at = f"spec.filters[{place}]"
        found = _scorer(model, each, accounts, at)
        problems += [found] if isinstance(found, Problem) else []
        scorers.append("" if isinstance(found, Problem) else found)
        url = baseurl.parse(each.url) if each.url else None
        if isinstance(url, BaseUrl) and url.is_local and not policy.allow_local:
            why = f"{url.host} is an address of the gateway's own machine or network card, where no filter may be here"
            reason = conditions.REASON_ADDRESS_NOT_ALLOWED
            problems.append(Problem(condition=ACCEPTED, reason=reason, message=why, field=f"{at}.url"))
    return Filters(tuple(scorers), tuple(problems))


def _scorer(model: Model, spec: Filter, accounts: Accounts, at: str) -> str | Problem:
    if spec.provider_ref is None:
        return ""
    provider = accounts.find_scorer(model.metadata.namespace, spec.provider_ref, f"{at}.providerRef")
    return provider if isinstance(provider, Problem) else provider.resource.prefix

"""What no single field can say: the CEL rules of the CRDs, as Python checks them."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from ostiary_operator.api import (
    baseurl,
    budget,
    credential,
    filters,
    patterns,
    price,
    provider,
    retrypolicy,
    routing,
    selector,
    vendors,
)
from ostiary_operator.api.budget import BudgetSpec, KeyBudget
from ostiary_operator.api.filters import Filter
from ostiary_operator.api.metadata import Invalid, Metadata
from ostiary_operator.api.model import ModelSpec
from ostiary_operator.api.price import Price
from ostiary_operator.api.provider import ProviderSpec
from ostiary_operator.api.retrypolicy import RetryPolicy
from ostiary_operator.api.routing import Matcher, Routing

_PREFIX = re.compile(patterns.LABEL)


def provider_problem(spec: ProviderSpec, metadata: Metadata) -> Invalid | None:
    return next(_provider(spec, metadata), None)


def model_problem(spec: ModelSpec) -> Invalid | None:
    prices = [("spec.price", spec.price)]
    prices += [(f"spec.backends[{place}].price", backend.price) for place, backend in enumerate(spec.backends)]
    tiers = [problem for at, price_ in prices if price_ for problem in _tiers(at, price_)]
    problems = [*_policy(spec.retry_policy), *_routing(spec.routing), *_filters(spec.filters), *tiers]
    return problems[0] if problems else None


def key_budget_problem(spec: KeyBudget, at: str = "spec.budget") -> Invalid | None:
    return Invalid(at, budget.ONE_UNIT["message"]) if (spec.amount is None) == (spec.tokens is None) else None


def budget_problem(spec: BudgetSpec) -> Invalid | None:
    unit = key_budget_problem(spec, "spec")
    expressions = spec.selector.match_expressions if spec.selector else ()
    for place, each in enumerate(expressions):
        if (each.operator in ("In", "NotIn")) != bool(each.values):
            return unit or Invalid(f"spec.selector.matchExpressions[{place}]", selector.VALUES_FIT_OPERATOR["message"])
    return unit


def code_range(code: int | str) -> tuple[int, int]:
    """A status, or a range of them, as a range with both ends."""
    first, _, last = str(code).partition("-")
    return int(first), int(last or first)


def _provider(spec: ProviderSpec, metadata: Metadata) -> Iterator[Invalid]:
    yield from _prefix(spec.prefix or metadata.name)
    yield from _place(spec)
    if spec.credentials and spec.credential is None:
        yield Invalid("spec.credentials", provider.POOL_NEEDS_CREDENTIAL["message"])
    if spec.passthrough_auth and spec.credential is not None:
        yield Invalid("spec.passthroughAuth", provider.ONE_WAY_TO_PAY["message"])
    yield from _credential(spec)
    yield from _speaks(spec)
    yield from _headers([header.name.lower() for header in spec.headers])


def _place(spec: ProviderSpec) -> Iterator[Invalid]:
    """Where it is."""
    if spec.azure and spec.type != "azure-openai":
        yield Invalid("spec.azure", provider.AZURE_FITS_TYPE["message"])
    if spec.azure and spec.azure.deployments and spec.azure.api_version is None:
        yield Invalid("spec.azure.apiVersion", vendors.VERSION_NEEDED["message"])
    if (spec.bedrock is None) == (spec.type == "bedrock"):
        yield Invalid("spec.bedrock", provider.BEDROCK_FITS_TYPE["message"])
    if (spec.vertex is None) == (spec.type == "vertex"):
        yield Invalid("spec.vertex", provider.VERTEX_FITS_TYPE["message"])
    text = provider.url_of(spec)
    url = baseurl.parse(text) if text else Invalid("spec.baseURL", provider.URL_NEEDED["message"])
    if isinstance(url, Invalid):
        yield url


def _credential(spec: ProviderSpec) -> Iterator[Invalid]:
    if spec.credential is None:
        return
    kind = spec.credential.kind
    if {"AWS": "bedrock", "ServiceAccount": "vertex"}.get(kind, spec.type) != spec.type:
        yield Invalid("spec.credential", provider.KIND_FITS_TYPE["message"])
    if (kind == "AWS") != (spec.credential.secret_ref.key is None):
        yield Invalid("spec.credential.secretRef", credential.KEY_FITS_KIND["message"])
    if spec.credential.header and kind != "APIKey":
        yield Invalid("spec.credential.header", credential.HEADER_FITS_KIND["message"])
    if any((kind == "AWS") != (each.secret_ref.key is None) for each in spec.credentials):
        yield Invalid("spec.credentials", provider.POOL_KEY_FITS_KIND["message"])


def _speaks(spec: ProviderSpec) -> Iterator[Invalid]:
    vendor = provider.vendor_of(spec)
    if vendor.only and not set(spec.speaks) <= set(vendor.paths):
        yield Invalid("spec.speaks", provider.SPEAKS_WHAT_IT_CAN["message"])


def _prefix(prefix: str) -> Iterator[Invalid]:
    if not _PREFIX.fullmatch(prefix):
        why = f"must be set, because the object's name cannot be one: it {patterns.MEANINGS[patterns.LABEL]}"
        yield Invalid("spec.prefix", why)
    if prefix in provider.RESERVED_PREFIXES:
        yield Invalid("spec.prefix", f"{prefix} is reserved for Ostiary itself")


def _headers(names: Iterable[str]) -> Iterator[Invalid]:
    names = list(names)
    for place, name in enumerate(names):
        if name in provider.REFUSED_HEADERS:
            yield Invalid(f"spec.headers[{place}].name", provider.HEADER_REFUSED["message"])
    if any(count > 1 for count in Counter(names).values()):
        yield Invalid("spec.headers", provider.HEADERS_ONCE["message"])


def _policy(policy: RetryPolicy | None) -> Iterator[Invalid]:
    if policy is None:
        return
    at = "spec.retryPolicy"
    for place, rule in enumerate(policy.on_status_codes):
        for number, code in enumerate(rule.codes):
            first, last = code_range(code)
            if first > last:
                yield Invalid(f"{at}.onStatusCodes[{place}].codes[{number}]", retrypolicy.RANGE_ORDER["message"])
    latency = policy.on_high_latency
    if latency and latency.min_triggers > 1 and latency.trigger_window_seconds is None:
        yield Invalid(f"{at}.onHighLatency.triggerWindowSeconds", retrypolicy.TRIGGERS_NEED_WINDOW["message"])
    if policy.backoff and policy.backoff.max_milliseconds <= policy.backoff.base_milliseconds:
        yield Invalid(f"{at}.backoff.maxMilliseconds", retrypolicy.BACKOFF_ORDER["message"])


def _tiers(at: str, spec: Price) -> Iterator[Invalid]:
    counts = Counter(tier.above_input_tokens for tier in spec.tiers)
    if any(count > 1 for count in counts.values()):
        yield Invalid(f"{at}.tiers", price.TIERS_ONCE["message"])
    for place, tier in enumerate(spec.tiers):
        prices = (
            tier.input_per_million_tokens,
            tier.output_per_million_tokens,
            tier.cached_input_per_million_tokens,
            tier.cache_write_per_million_tokens,
        )
        if not any(prices):
            yield Invalid(f"{at}.tiers[{place}]", price.TIER_SAYS_SOMETHING["message"])


def _routing(spec: Routing | None) -> Iterator[Invalid]:
    if spec is None:
        return
    matcher = spec.matcher or Matcher()
    if not spec.routes and matcher.type not in ("General", "Code"):
        yield Invalid("spec.routing.routes", routing.ROUTES_NEEDED["message"])
    if matcher.type == "Scorer" and (matcher.provider_ref is None or matcher.model is None):
        yield Invalid("spec.routing.matcher", routing.SCORER_NEEDS_MODEL["message"])
    modes: dict[str, tuple[str, ...]] = {"General": routing.GENERAL_MODES, "Code": routing.CODE_MODES}
    if matcher.mode is not None and matcher.mode not in modes.get(matcher.type, ()):
        yield Invalid("spec.routing.matcher.mode", routing.MODE_FITS_TYPE["message"])
    if any(count > 1 for count in Counter(route.name for route in spec.routes).values()):
        yield Invalid("spec.routing.routes", routing.ROUTES_ONCE["message"])


def _filters(specs: Sequence[Filter]) -> Iterator[Invalid]:
    for place, spec in enumerate(specs):
        at = f"spec.filters[{place}]"
        if (spec.type == "HTTP") != (spec.url is not None):
            yield Invalid(f"{at}.url", filters.HTTP_NEEDS_URL["message"])
        if spec.headers and spec.type != "HTTP":
            yield Invalid(f"{at}.headers", filters.HEADERS_NEED_HTTP["message"])
        if (spec.type == "Patterns") != bool(spec.patterns):
            yield Invalid(f"{at}.patterns", filters.PATTERNS_NEEDED["message"])
        if (spec.provider_ref is None) != (spec.model is None) or (spec.model and spec.type != "Jailbreak"):
            yield Invalid(f"{at}.providerRef", filters.SCORER_IS_WHOLE["message"])
        url = baseurl.parse(spec.url) if spec.url else None
        if isinstance(url, Invalid):
            yield Invalid(f"{at}.url", url.message)
    if any(count > 1 for count in Counter(spec.name for spec in specs).values()):
        yield Invalid("spec.filters", filters.FILTERS_ONCE["message"])

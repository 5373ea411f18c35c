"""Models, as the document holds them."""

from collections.abc import Mapping
from typing import Literal

from ostiary_gateway.contract import model as contract
from ostiary_gateway.contract import price as prices
from ostiary_operator.api.filters import Catalogue
from ostiary_operator.api.model import Limits, ModelSpec, Selection, Stream, Timeouts
from ostiary_operator.api.price import Price, Tier
from ostiary_operator.api.routing import Matcher, MatcherType
from ostiary_operator.dataplane.filters import build_catalogue, build_filters
from ostiary_operator.dataplane.policies import build_policy
from ostiary_operator.graph import ModelNode, Place

_SELECTIONS: dict[Selection, contract.Selection] = {
    "Priority": "priority",
    "Weighted": "weighted",
    "Cost": "cost",
    "Latency": "latency",
    "Balanced": "balanced",
    "Quality": "quality",
}
_PREFERENCES: dict[str, Literal["none", "cheapest", "fastest"]] = {
    "None": "none",
    "Cheapest": "cheapest",
    "Fastest": "fastest",
}
_MATCHERS: dict[MatcherType, Literal["keywords", "scorer", "general", "code"]] = {
    "Keywords": "keywords",
    "Scorer": "scorer",
    "General": "general",
    "Code": "code",
}
_MODES: Mapping[MatcherType, str] = {"General": "balanced", "Code": "auto"}


def build_model(node: ModelNode) -> contract.Model | None:
    """None for a Model whose spec cannot be used."""
    spec = node.resource.spec
    if spec is None:
        return None
    stream, limits = spec.stream or Stream(), spec.limits or Limits()
    matcher = _matcher(spec, node)
    return contract.Model(
        id=node.resource.metadata.id,
        name=node.resource.name,
        aliases=node.aliases,
        backends=tuple(_backend(place, spec.price) for place in node.backends),
        selection=_SELECTIONS[spec.selection],
        policy=build_policy(spec.retry_policy, node.fallbacks) if spec.retry_policy else None,
        timeouts=_timeouts(spec.timeouts or Timeouts()),
        keep_alive_ms=(stream.keep_alive_seconds or 0) * 1000,
        max_request_bytes=limits.max_request_bytes or 0,
        max_output_tokens=limits.max_output_tokens or 0,
        routes=_routes(spec, node) if matcher else (),
        matcher=matcher,
        filters=build_filters(spec.filters, node.filter_scorers),
        catalogue=build_catalogue(spec.catalogue or Catalogue()),
    )


def _backend(place: Place, model_price: Price | None) -> contract.ModelBackend:
    if place.spec is None:
        return contract.ModelBackend(provider=place.prefix, model=place.model, retry_only=True)
    price = place.spec.price or model_price
    return contract.ModelBackend(
        provider=place.prefix,
        model=place.model,
        weight=place.spec.weight,
        priority=place.spec.priority,
        price=_price(price) if price else None,
    )


def _price(price: Price) -> prices.Price:
    return prices.Price(
        input=price.input_per_million_tokens,
        output=price.output_per_million_tokens,
        cache_read=price.cached_input_per_million_tokens or "",
        cache_write=price.cache_write_per_million_tokens or "",
        reasoning=price.reasoning_per_million_tokens or "",
        input_audio=price.input_audio_per_million_tokens or "",
        output_audio=price.output_audio_per_million_tokens or "",
        image=price.per_image or "",
        request=price.per_request or "",
        batch_discount=_share(price.batch_discount_percent or 0),
        tiers=tuple(_tier(tier) for tier in sorted(price.tiers, key=lambda each: each.above_input_tokens)),
    )


def _tier(tier: Tier) -> prices.Tier:
    return prices.Tier(
        above_input_tokens=tier.above_input_tokens,
        input=tier.input_per_million_tokens or "",
        output=tier.output_per_million_tokens or "",
        cache_read=tier.cached_input_per_million_tokens or "",
        cache_write=tier.cache_write_per_million_tokens or "",
    )


def _share(percent: int) -> str:
    """A percentage as a decimal share, exactly; empty for none."""
    whole, hundredths = divmod(percent, 100)
    return f"{whole}.{hundredths:02}" if percent else ""


def _timeouts(timeouts: Timeouts) -> contract.Timeouts:
    return contract.Timeouts(
        attempt_ms=timeouts.attempt_milliseconds or 0,
        first_byte_ms=timeouts.first_byte_milliseconds or 0,
        between_bytes_ms=timeouts.between_bytes_milliseconds or 0,
        request_ms=timeouts.request_milliseconds or 0,
    )


def _matcher(spec: ModelSpec, node: ModelNode) -> contract.Matcher | None:
    """None where no prompt is looked at; also where the Scorer's Provider or every route is missing."""
    if spec.routing is None:
        return None
    matcher = spec.routing.matcher or Matcher()
    if (matcher.type == "Scorer" and not node.scorer) or (matcher.type not in _MODES and not node.routes):
        return None
    return contract.Matcher(
        type=_MATCHERS[matcher.type],
        provider=node.scorer,
        model=(matcher.model or "") if node.scorer else "",
        timeout_ms=matcher.timeout_milliseconds,
        mode=(matcher.mode or _MODES[matcher.type]).lower() if matcher.type in _MODES else "",
    )


def _routes(spec: ModelSpec, node: ModelNode) -> tuple[contract.Route, ...]:
    routes = spec.routing.routes if spec.routing else ()
    return tuple(
        contract.Route(
            name=routes[found.number].name,
            description=routes[found.number].description,
            backends=found.backends,
            keywords=routes[found.number].keywords,
            prefer=_PREFERENCES[routes[found.number].prefer],
        )
        for found in node.routes
    )

"""Lists of models as each dialect's clients read them: OpenAI's with everything in it, Anthropic's, Google's (GZ-22)."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from ostiary_gateway.server.catalogue import Entry

Form = Literal["openai", "anthropic", "google"]
Query = Mapping[str, str]
_MOST = 1000
_ANTHROPIC_PAGE = 20
_GOOGLE_PAGE = 50
_LONG_AGO = "1970-01-01T00:00:00Z"  # Anthropic: "May be set to an epoch value if the release date is unknown"


class BadQueryError(ValueError):
    """A parameter has a value that it cannot have."""


def openai_model(entry: Entry) -> dict[str, Any]:
    """OpenAI's four fields, then the others. What is not known is null."""
    told: dict[str, Any] = {"id": entry.id, "object": "model", "created": 0, "owned_by": entry.owner, "name": entry.id}
    told |= {"provider_slug": entry.slug, "context_length": entry.context_length or None, "pricing": entry.pricing}
    if entry.model not in {"", entry.id}:
        told["canonical_id"] = entry.model
    if entry.description:
        told["description"] = entry.description
    if entry.modalities:
        told["modalities"] = entry.modalities
    if len(entry.offers) > 1:
        told["providers"] = [offer.provider for offer in entry.offers]
    return told


def openai_list(entries: Sequence[Entry], query: Query) -> dict[str, Any]:
    """`provider` chooses, `limit` and `offset` cut: without them it is everything, for OpenAI's clients know no pages."""
    chosen = [entry for entry in entries if query.get("provider", "").lower() in {"", entry.slug.lower(), entry.owner.lower()}]
    offset = _number(query, "offset", 0, 0, len(chosen) + _MOST)
    limit = _number(query, "limit", len(chosen) or 1, 1, _MOST) if "limit" in query else len(chosen)
    page = chosen[offset : offset + limit]
    told = {"total": len(chosen), "returned": len(page), "offset": offset, "limit": limit}
    return {
        "object": "list",
        "data": [openai_model(entry) for entry in page],
        **told,
        "has_more": offset + len(page) < len(chosen),
    }


def anthropic_model(entry: Entry) -> dict[str, Any]:
    told = {"type": "model", "id": entry.id, "display_name": entry.description or entry.id, "created_at": _LONG_AGO}
    return {**told, "lifecycle": "active", "max_input_tokens": entry.context_length or None}


def anthropic_list(entries: Sequence[Entry], query: Query) -> dict[str, Any]:
    limit = _number(query, "limit", _ANTHROPIC_PAGE, 1, _MOST)
    ids = [entry.id for entry in entries]
    if "before_id" in query:
        end = _place(ids, query["before_id"], "before_id")
        begin = max(0, end - limit)
        more = begin > 0
    else:
        begin = _place(ids, query["after_id"], "after_id") + 1 if "after_id" in query else 0
        end = min(len(ids), begin + limit)
        more = end < len(ids)
    page = entries[begin:end]
    first, last = (page[0].id, page[-1].id) if page else (None, None)
    return {"data": [anthropic_model(entry) for entry in page], "has_more": more, "first_id": first, "last_id": last}


def google_model(entry: Entry) -> dict[str, Any]:
    told: dict[str, Any] = {"name": f"models/{entry.id}", "baseModelId": entry.id, "version": "", "displayName": entry.id}
    if entry.description:
        told["description"] = entry.description
    if entry.context_length:
        told["inputTokenLimit"] = entry.context_length
    return {**told, "supportedGenerationMethods": ["generateContent", "streamGenerateContent"]}


def google_list(entries: Sequence[Entry], query: Query) -> dict[str, Any]:
    size = _number(query, "pageSize", _GOOGLE_PAGE, 0, 10 * _MOST) or _GOOGLE_PAGE
    begin = _number(query, "pageToken", 0, 0, len(entries)) if query.get("pageToken") else 0
    end = begin + min(size, _MOST)
    told: dict[str, Any] = {"models": [google_model(entry) for entry in entries[begin:end]]}
    return told | ({"nextPageToken": str(end)} if end < len(entries) else {})


def comparison(entry: Entry, latencies: Mapping[str, float]) -> dict[str, Any]:
    """Everybody who has a model, with what is known of each; `latency_ms` is to the first byte."""
    offers = [
        {
            "provider_slug": offer.provider,
            "model": offer.target.partition("/")[2],
            "pricing": offer.pricing or None,
            "context_length": offer.context_length or None,
            "latency_ms": latencies.get(offer.target),
        }
        for offer in entry.offers
    ]
    return {"id": entry.id, "object": "model.comparison", "data": offers, "total": len(offers)}


ONE: Mapping[Form, Callable[[Entry], dict[str, Any]]] = {
    "openai": openai_model,
    "anthropic": anthropic_model,
    "google": google_model,
}
MANY: Mapping[Form, Callable[[Sequence[Entry], Query], dict[str, Any]]] = {
    "openai": openai_list,
    "anthropic": anthropic_list,
    "google": google_list,
}


def _number(query: Query, name: str, default: int, least: int, most: int) -> int:
    text = query.get(name, str(default))
    if not (text.isascii() and text.isdigit() and len(text) < len(str(_MOST)) * 2 and least <= int(text) <= most):
        raise BadQueryError(f"{name} is a number from {least} to {most}")
    return int(text)


def _place(ids: Sequence[str], wanted: str, name: str) -> int:
    try:
        return ids.index(wanted)
    except ValueError:
        raise BadQueryError(f"{name}: there is no model {wanted}") from None

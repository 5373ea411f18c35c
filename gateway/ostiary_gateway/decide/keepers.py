"""Which provider keeps a client's files and batches where the client does not say: they belong to no model."""

from collections.abc import Iterable

from ostiary_gateway.contract.decision import Refusal
from ostiary_gateway.contract.document import Provider
from ostiary_gateway.decide import patterns, refusals
from ostiary_gateway.decide.models import is_managed

_LIKELY = frozenset(("openai", "azure-openai", "openai-compatible"))


def only(name: str, dialect: str, allowed: Iterable[str], providers: Iterable[Provider]) -> str | Refusal:
    """`<prefix>/<name>` of the only provider that speaks the dialect and that a key with these patterns may use for it.

    A key may, where its patterns allow `<prefix>/<name>`: `openai/files` or `openai/*`, say.
    """
    speaking = [provider.prefix for provider in providers if is_managed(provider) and _speaks(provider, dialect)]
    allowed = tuple(allowed)
    usable = [prefix for prefix in speaking if patterns.allows(allowed, f"{prefix}/{name}")]
    if len(usable) == 1:
        return f"{usable[0]}/{name}"
    if usable:
        message = f"several providers have {dialect}: name one in the header x-ostiary-provider"
        return Refusal(status=400, code="unknown_provider", message=message)
    if speaking:
        return refusals.MODEL_NOT_ALLOWED
    return Refusal(status=400, code="dialect_not_spoken", message=f"no provider speaks {dialect}")


def _speaks(provider: Provider, dialect: str) -> bool:
    if not provider.speaks:
        return provider.type in _LIKELY
    return any(spoken.dialect == dialect for spoken in provider.speaks)

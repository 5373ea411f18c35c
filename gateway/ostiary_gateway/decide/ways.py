"""In which dialect a provider is asked, and at which path of it."""

from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import quote

from ostiary_gateway.contract.dialect import PATHS, TRANSLATIONS, Dialect
from ostiary_gateway.contract.document import Provider, Spoken

_COUNTED: Mapping[Dialect, Dialect] = {"count_tokens": "count_tokens"}
"""What the translator answers itself where no provider does: an estimate."""

_MODEL_PATHS: Mapping[str, tuple[str, str]] = {
    "generate": ("/v1beta/models/{model}:generateContent", "/v1beta/models/{model}:streamGenerateContent?alt=sse"),
    "embed": ("/v1beta/models/{model}:batchEmbedContents", ""),
    "converse": ("/model/{model}/converse", "/model/{model}/converse-stream"),
}
"""Paths, and those of streams, of dialects that have the model there."""

_PICKY = ("mistral",)
"""Refuse any field that they do not know, as `stream_options`: what OpenAI's clients send is put into their words."""

_GOOGLE_MODELS = "models/"


class Way(NamedTuple):
    """As `contract.decision.Target` has them; all empty where a request goes on as it came."""

    translate: str = ""
    path: str = ""
    stream_path: str = ""


def find(provider: Provider, dialect: Dialect, model: str) -> Way | None:
    """How a provider is asked for a model by a client of this dialect; None where it does not speak anything of the kind.

    A provider of which nobody says what it speaks gets what comes. Google's clients choose between two forms of a stream, so
    that the query of what goes on as it came is their own.
    """
    speaks = {spoken.dialect: spoken for spoken in provider.speaks}
    if provider.type in _PICKY and dialect in speaks and dialect == "chat":
        return Way(dialect, *_paths(speaks[dialect], dialect, model))
    if not speaks or dialect in speaks:
        path, stream_path = _paths(speaks.get(dialect), dialect, model)
        if dialect == "generate":
            return Way("", path.partition("?")[0], stream_path.partition("?")[0])
        return Way("", "" if path == PATHS.get(dialect) else path, stream_path)
    for target in TRANSLATIONS.get(dialect, ()):
        if target in speaks:
            return Way(target, *_paths(speaks[target], target, model))
    return Way(_COUNTED[dialect]) if dialect in _COUNTED else None


def _paths(spoken: Spoken | None, dialect: str, model: str) -> tuple[str, str]:
    path, stream_path = _MODEL_PATHS.get(dialect, (PATHS.get(dialect, ""), ""))
    if spoken and spoken.path:
        path, stream_path = spoken.path, spoken.stream_path
    if dialect in ("generate", "embed"):
        model = model.removeprefix(_GOOGLE_MODELS)
    encoded = quote(model, safe="")
    return path.replace("{model}", encoded), stream_path.replace("{model}", encoded)

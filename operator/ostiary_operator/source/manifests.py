"""YAML text -> Kubernetes objects."""

from collections.abc import Iterator
from typing import Any

import yaml

Object = dict[str, Any]


class ManifestError(ValueError):
    """The text is no YAML, or one of its documents is no object with a kind and a name."""


class _Loader(yaml.SafeLoader):
    """YAML as kubectl reads it: moments stay texts."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def read(text: str) -> list[Object]:
    """The objects of one file; a `List` is taken apart, empty documents are passed over.

    Raises:
        ManifestError: nothing of the file can be used.
    """
    try:
        documents = list(yaml.load_all(text, Loader=_Loader))
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ManifestError(_one_line(error)) from error
    return [item for document in documents if document is not None for item in _items(document)]


def _items(document: object) -> Iterator[Object]:
    if not isinstance(document, dict) or not isinstance(document.get("kind"), str):
        raise ManifestError("a document is no object with a kind")
    if document["kind"] == "List":
        for item in document.get("items") or ():
            yield from _items(item)
        return
    metadata = document.get("metadata")
    if not isinstance(metadata, dict) or not isinstance(metadata.get("name"), str):
        raise ManifestError(f"{document['kind']} without metadata.name")
    yield document


def _one_line(error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    where = f"line {mark.line + 1}: " if mark else ""
    return where + str(getattr(error, "problem", None) or error).partition("\n")[0]

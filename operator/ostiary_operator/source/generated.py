"""Keys of `generate: {}` on one machine: made once, kept in the state folder, readable by their owner only."""

import os
from pathlib import Path

from ostiary_operator.api import keys, names
from ostiary_operator.api.apikey import ApiKey
from ostiary_operator.api.metadata import Metadata
from ostiary_operator.api.secret import Secret


def secret_for(key: ApiKey, state: Path | None) -> Secret:
    """The key Secret of an ApiKey; without a state folder its value is forgotten at once.

    Raises:
        OSError: the state folder cannot be read or written.
    """
    value = keys.new_key() if state is None else _kept(state / "secrets" / key.metadata.namespace / key.metadata.name)
    metadata = Metadata(name=names.key_secret(key.metadata.name), namespace=key.metadata.namespace)
    return Secret(metadata=metadata, data={names.SECRET_KEY: value.encode()})


def _kept(path: Path) -> str:
    try:
        value = path.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        value = ""
    return value or _make(path)


def _make(path: Path) -> str:
    """Written beside its place and renamed, so that a killed process leaves no half key behind."""
    value = keys.new_key()
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    new = path.with_name(f".{path.name}-{os.getpid()}")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
        file.write(value + "\n")
    new.rename(path)
    return value

"""LMGate: its allow-list (CSV), its configuration (YAML, LMGATE_* variables), and the three providers that it knows.

Callers show their own keys of the providers, which LMGate looks up and passes on untouched; so the Providers hold no credential.
"""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ostiary_gateway.contract import allowlist
from ostiary_gateway.contract.allowlist import AllowListError, Entry
from ostiary_operator.api import names
from ostiary_operator.importing import objects
from ostiary_operator.importing.located import UnreadableError, Value, read
from ostiary_operator.importing.outcome import Imported, Manifest, Note, Surroundings
from ostiary_operator.importing.reading import Reading

PREFIX = "LMGATE_"
_PROVIDERS = {
    "openai": "https://api.openai.com",
    "anthropic": "https://api.anthropic.com",
    "google": "https://aiplatform.googleapis.com",
}
_NEVER = re.compile("(?!)()")
_LEVELS = {"DEBUG": "DEBUG", "INFO": "INFO", "WARNING": "WARNING", "ERROR": "ERROR", "WARN": "WARNING", "CRITICAL": "ERROR"}
_LEDGER = "records go to ledger/ in OSTIARY_DATA, in Ostiary's own format; `ostiary usage` reads them"
_WHY = {"stats.output_path": _LEDGER, "stats.flush_interval_seconds": _LEDGER}
_TAKEN = ("server.port", "auth.allowlist_path", "auth.poll_interval_seconds", "logging.level")
_PRINTABLE = re.compile(r"[^\x00-\x1f\x7f]*")


def lmgate(text: str, around: Surroundings) -> Imported:
    """Read an allow-list, and the LMGATE_* variables of the environment; or the YAML configuration alone.

    Raises:
        UnreadableError: it is neither, or a row has no id or key.
    """
    is_list = _is_list(text)
    notes: list[Note] = []
    keys = list(_keys(text, notes)) if is_list else []
    if not is_list and not {"server", "auth", "stats", "logging"} & read(text).items.keys():
        raise UnreadableError(f"is neither LMGate's allow-list ({', '.join(allowlist.REQUIRED)}) nor its configuration")
    reading = Reading("", _NEVER, around)
    settings = _settings(_configuration(None if is_list else read(text), around.environ), reading)
    if around.key:
        keys.append(objects.key_of(around.key, ()))
    return Imported(
        source="lmgate",
        manifests=(*_providers(), *keys),
        settings=settings,
        variables=(),
        notes=tuple(sorted([*notes, *reading.notes])),
    )


def _is_list(text: str) -> bool:
    """Whether the first line is the header of an allow-list, as far as it goes."""
    try:
        header = next(csv.reader(text.splitlines()[:1]), [])
    except csv.Error:
        return False
    return len(set(allowlist.REQUIRED) & set(header)) > 1


def _providers() -> Iterator[Manifest]:
    for name, url in _PROVIDERS.items():
        yield objects.manifest(names.PROVIDER, name, {"type": name, "baseURL": url})


def _keys(text: str, notes: list[Note]) -> Iterator[Manifest]:
    try:
        entries = list(allowlist.read(text, plaintext=True))
    except (AllowListError, csv.Error) as error:
        raise UnreadableError(str(error)) from error
    lines = _lines(text)
    last = {entry.sha256: place for place, entry in enumerate(entries)}  # of rows with one key the last counts (LM-19)
    taken: list[str] = []
    for place, entry in enumerate(entries):
        if last[entry.sha256] != place:
            continue
        taken.append(objects.unused(objects.object_name(entry.id), taken))
        note = Note(lines[place], "id", f"is called default/{taken[-1]} in the ledger")
        made = objects.manifest(names.API_KEY, taken[-1], _key(entry))
        if entry.added and _PRINTABLE.fullmatch(entry.added):
            made["metadata"]["annotations"] = {"lmgate/added": entry.added}
        if taken[-1] != entry.id:
            notes.append(note)
        if why := objects.problem(made):
            notes.append(Note(lines[place], "", f"makes no ApiKey that Ostiary would take ({why})"))
        else:
            yield made


def _key(entry: Entry) -> dict[str, Any]:
    spec: dict[str, Any] = {"owner": entry.owner} if entry.owner else {}
    spec["sha256"] = entry.sha256
    if entry.models:
        spec["models"] = list(entry.models)
    if entry.state == "disabled":
        spec["disabled"] = True
    if entry.expires:
        spec["expiresAt"] = entry.expires
    return spec


def _lines(text: str) -> list[int]:
    """The line at which each row ends; quoted fields may go over several."""
    rows = csv.DictReader(io.StringIO(text))
    return [rows.line_num for _ in rows]


def _configuration(root: Value | None, environ: Mapping[str, str]) -> dict[str, Value]:
    """`server.port` and so on: the environment over the file."""
    sections = root.items.items() if root else ()
    flat = {f"{section}.{key}": value for section, part in sections for key, value in part.items.items()}
    for name, text in environ.items():
        if name.startswith(PREFIX) and text:
            path = name.removeprefix(PREFIX).lower().replace("__", ".")
            flat[path] = Value(name, 0, text)
    return {path: value for path, value in flat.items() if value.content is not None}


def _settings(flat: Mapping[str, Value], reading: Reading) -> dict[str, str]:
    settings = {}
    port = reading.whole(flat.get("server.port"), 1, 65535)
    if port is not None:
        settings["OSTIARY_SIDECAR_PORT"] = str(port)
    level = reading.choice(flat.get("logging.level"), _LEVELS)
    if level is not None:
        settings["OSTIARY_LOG_LEVEL"] = level
    for path in _unknown(flat):
        reading.note(flat[path], _WHY.get(path, "has no equal in Ostiary and is left out"))
    return settings


def _unknown(flat: Mapping[str, Value]) -> Iterable[str]:
    return (path for path in flat if path not in _TAKEN)

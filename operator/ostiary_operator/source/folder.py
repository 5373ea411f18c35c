"""A folder of manifests -> snapshot, with every problem said and the last good state kept where a file is broken."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import msgspec

from ostiary_gateway.contract import allowlist
from ostiary_gateway.contract.allowlist import AllowListError, Entry
from ostiary_gateway.contract.limits import Terms
from ostiary_operator.api import decode, names, patterns
from ostiary_operator.api.apikey import ApiKey
from ostiary_operator.api.budget import Budget
from ostiary_operator.api.metadata import Metadata
from ostiary_operator.api.model import Model
from ostiary_operator.api.provider import Provider
from ostiary_operator.api.secret import Secret
from ostiary_operator.graph import Graph, Ref, Snapshot, wanted_secrets
from ostiary_operator.source import generated, manifests
from ostiary_operator.source.problems import FolderProblem, ObjectId, of_graph

ALLOWLIST = "allowlist.csv"
ENV_SECRET = "env"  # noqa: S105 - the name of a Secret
_SUFFIXES = (".yaml", ".yml")
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_OBJECT_NAME = re.compile(patterns.OBJECT_NAME)
_NAMESPACE = re.compile(patterns.LABEL)

Fingerprint = tuple[tuple[str, int, int, int], ...]
Object = Mapping[str, Any]


class FolderError(Exception):
    """The folder is not there or cannot be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """A folder, as far as it could be read. `objects` and `rows` are what a broken file falls back to."""

    snapshot: Snapshot
    problems: tuple[FolderProblem, ...] = ()
    files: Mapping[ObjectId, str] = field(default_factory=dict)
    objects: Mapping[str, tuple[Object, ...]] = field(default_factory=dict, repr=False)
    rows: tuple[Entry, ...] | None = None


@dataclass(slots=True)
class _Reading:
    """What one pass over a folder gathers."""

    problems: list[FolderProblem] = field(default_factory=list)
    objects: dict[str, tuple[Object, ...]] = field(default_factory=dict)
    files: dict[ObjectId, str] = field(default_factory=dict)
    providers: list[Provider] = field(default_factory=list)
    models: list[Model] = field(default_factory=list)
    api_keys: list[ApiKey] = field(default_factory=list)
    budgets: list[Budget] = field(default_factory=list)
    secrets: dict[Ref, Secret] = field(default_factory=dict)

    def say(self, file: str, why: str, *, subject: str = "", at: str = "", warning: bool = False) -> None:
        self.problems.append(FolderProblem(file=file, subject=subject, field=at, why=why, warning=warning))


def load(path: Path, environ: Mapping[str, str], state: Path | None, previous: Loaded | None = None) -> Loaded:
    """Read `*.yaml`, `*.yml`, `allowlist.csv`, in order of name; of two objects the earlier is older.

    `environ` is what the Secret `env` is made from. `state` keeps the keys of `generate: {}`; None keeps none. A file
    that cannot be read says what it said in `previous` (LM-18).

    Raises:
        FolderError: the folder cannot be read, or a generated key cannot be kept.
    """
    reading = _Reading()
    try:
        paths = sorted(each for each in path.iterdir() if each.suffix in _SUFFIXES and not each.name.startswith("."))
        for each in paths:
            reading.objects[each.name] = _objects(each, reading, previous)
        for name, objects in reading.objects.items():
            for obj in objects:
                _take(name, obj, reading)
        rows = _rows(path / ALLOWLIST, reading, previous)
        snapshot = _snapshot(reading, environ, state, rows or ())
    except OSError as error:
        raise FolderError(f"{error.filename or path}: {error.strerror or error}") from error
    return Loaded(snapshot=snapshot, problems=tuple(reading.problems), files=reading.files, objects=reading.objects, rows=rows)


def problems(loaded: Loaded, graph: Graph) -> tuple[FolderProblem, ...]:
    """Everything that is wrong: what could not be read, and what does not fit together."""
    return (*loaded.problems, *of_graph(graph, loaded.files))


def fingerprint(path: Path) -> Fingerprint:
    """Changes when a file of the folder does: name, time, size and inode of each; empty if there is no folder."""
    try:
        return tuple(sorted(_fingerprints(path)))
    except OSError:
        return ()


def _fingerprints(path: Path) -> Iterator[tuple[str, int, int, int]]:
    for each in path.iterdir():
        if each.suffix in _SUFFIXES or each.name == ALLOWLIST:
            stat = each.stat()
            yield each.name, stat.st_mtime_ns, stat.st_size, stat.st_ino


def _objects(path: Path, reading: _Reading, previous: Loaded | None) -> tuple[Object, ...]:
    try:
        return tuple(manifests.read(path.read_text(encoding="utf-8")))
    except (manifests.ManifestError, UnicodeDecodeError, OSError) as error:
        reading.say(path.name, str(error))
    return previous.objects.get(path.name, ()) if previous else ()


def _take(file: str, obj: Object, reading: _Reading) -> None:
    metadata = replace(decode.decode_metadata(obj), rank=len(reading.files))
    kind, subject = obj["kind"], f"{obj['kind']}/{metadata.name}"
    wanted = names.API_VERSION if kind in names.KINDS else "v1"
    if kind not in (*names.KINDS, "Secret"):
        return reading.say(file, "unknown kind: a folder holds Provider, Model, ApiKey, Budget and Secret", subject=subject)
    if obj.get("apiVersion") != wanted:
        return reading.say(file, f"must be {wanted}", subject=subject, at="apiVersion")
    if not _OBJECT_NAME.fullmatch(metadata.name) or not _NAMESPACE.fullmatch(metadata.namespace):
        return reading.say(file, "no name that Kubernetes knows", subject=subject, at="metadata")
    identity = (kind, *metadata.ref)
    if identity in reading.files:
        return reading.say(file, f"is in {reading.files[identity]} already, which counts", subject=subject)
    reading.files[identity] = file
    return _keep(obj, metadata, reading)


def _keep(obj: Object, metadata: Metadata, reading: _Reading) -> None:
    match obj["kind"]:
        case names.PROVIDER:
            reading.providers.append(replace(decode.provider(obj), metadata=metadata))
        case names.MODEL:
            reading.models.append(replace(decode.model(obj), metadata=metadata))
        case names.API_KEY:
            reading.api_keys.append(replace(decode.api_key(obj), metadata=metadata))
        case names.BUDGET:
            reading.budgets.append(replace(decode.budget(obj), metadata=metadata))
        case _:
            reading.secrets[metadata.ref] = decode.secret(obj)


def _snapshot(reading: _Reading, environ: Mapping[str, str], state: Path | None, rows: Iterable[Entry]) -> Snapshot:
    snapshot = Snapshot(
        providers=tuple(reading.providers),
        models=tuple(reading.models),
        api_keys=tuple(reading.api_keys),
        secrets=reading.secrets,
        rows=tuple(rows),
        budgets=tuple(reading.budgets),
    )
    variables = {name: value.encode("utf-8", "surrogateescape") for name, value in environ.items()}
    for ref in wanted_secrets(snapshot):
        if ref[1] == ENV_SECRET and ref not in reading.secrets:
            reading.secrets[ref] = Secret(metadata=Metadata(name=ref[1], namespace=ref[0]), data=variables)
    for key in snapshot.api_keys:
        if key.spec and key.spec.generate is not None:
            secret = generated.secret_for(key, state)
            reading.secrets[secret.metadata.ref] = secret
    return snapshot


def _rows(path: Path, reading: _Reading, previous: Loaded | None) -> tuple[Entry, ...] | None:
    """The rows of LMGate's allow-list, hashed; None if there never was one."""
    last = previous.rows if previous else None
    try:
        rows = tuple(allowlist.read(path.read_text(encoding="utf-8-sig"), plaintext=True))
        _check(rows)
    except FileNotFoundError:
        if last is not None:
            reading.say(ALLOWLIST, "is gone; what it said last stays in force", warning=True)
        return last
    except (AllowListError, UnicodeDecodeError, OSError) as error:
        reading.say(ALLOWLIST, str(error))
        return last
    return rows


def _check(rows: Iterable[Entry]) -> None:
    for number, row in enumerate(rows, 2):
        if any(_CONTROL.search(text) for text in (row.id, row.owner, row.added, row.name, row.namespace, row.uid)):
            raise AllowListError(f"row {number}: control characters")
        try:
            msgspec.json.decode(row.terms or "{}", type=Terms)
        except msgspec.DecodeError as error:
            raise AllowListError(f"row {number}: terms: {error}") from error

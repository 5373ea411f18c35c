"""Objects in a folder of manifests, as `ostiary run` reads it: `*.yaml` and `*.yml` in order of name, the first of a name counts.

A new object gets a file of its own. A changed one is replaced where it is, and what else is in its file stays as it was written.
Files are replaced by a rename, so a reader sees one state or the other. A file that cannot be read is left alone.
"""

import asyncio
import contextlib
import hashlib
import json
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ostiary_gateway.admin import documents
from ostiary_gateway.admin.documents import DocumentsError, Part
from ostiary_gateway.admin.errors import ConflictError, MissingError, UnavailableError
from ostiary_gateway.admin.kinds import API_VERSION, Kind
from ostiary_gateway.admin.resources import Object, Ref, ref_of, version_of

_SUFFIXES = (".yaml", ".yml")
_LONGEST_NAME = 200
_VERSION_DIGITS = 16
StatusOf = Callable[[Kind, Ref, str], Object]
Stamp = tuple[int, int, int]


class _Place(NamedTuple):
    path: Path
    number: int
    obj: Object


class _File(NamedTuple):
    stamp: Stamp
    text: str
    parts: list[Part]


class Folder:
    """`status` tells what became of an object, which is not in the folder, from its kind, name and file."""

    rotates = False

    def __init__(self, path: Path, status: StatusOf) -> None:
        self._path = path
        self._status = status
        self._lock = asyncio.Lock()
        self._files: dict[str, _File] = {}

    async def list(self, kind: Kind, namespace: str = "") -> Sequence[Object]:
        places = await self._do(self._places, kind)
        return [self._shown(kind, place) for ref, place in places.items() if namespace in ("", ref.namespace)]

    async def get(self, kind: Kind, ref: Ref) -> Object:
        return self._shown(kind, (await self._do(self._place, kind, ref)))

    async def create(self, kind: Kind, obj: Object) -> Object:
        return self._shown(kind, (await self._do(self._create, kind, obj)))

    async def replace(self, kind: Kind, obj: Object) -> Object:
        return self._shown(kind, (await self._do(self._replace, kind, obj)))

    async def delete(self, kind: Kind, ref: Ref, version: str) -> None:
        await self._do(self._delete, kind, ref, version)

    async def close(self) -> None:
        """There is nothing to let go of."""

    async def _do(self, work: Callable[..., Any], *given: object) -> Any:
        """One thing after the other, each in a thread, whoever waits for it still waiting or not."""
        async with self._lock:
            working = asyncio.ensure_future(asyncio.to_thread(work, *given))
            try:
                return await asyncio.shield(working)
            except asyncio.CancelledError:
                await asyncio.wait([working])
                raise
            except OSError as error:
                raise UnavailableError(f"the folder of manifests: {error.strerror or type(error).__name__}") from error

    def _shown(self, kind: Kind, place: _Place) -> Object:
        obj = place.obj
        status = self._status(kind, ref_of(obj), place.path.name)
        return obj | {"metadata": obj["metadata"] | {"resourceVersion": _version(obj)}, "status": status}

    def _create(self, kind: Kind, obj: Object) -> _Place:
        ref = ref_of(obj)
        if ref in self._places(kind):
            raise ConflictError(f"{kind.one} {ref.id} exists already", "exists")
        path = self._path / _file_name(kind, ref)
        found = self._read(path) if path.exists() else None
        _write(path, documents.added(found.text if found else "", _stored(obj)))
        return self._place(kind, ref)

    def _replace(self, kind: Kind, obj: Object) -> _Place:
        place = self._unchanged(kind, ref_of(obj), version_of(obj))
        found = self._read(place.path)
        _write(place.path, documents.replaced(found.parts, place.number, _stored(obj)))
        return self._place(kind, ref_of(obj))

    def _delete(self, kind: Kind, ref: Ref, version: str) -> None:
        place = self._unchanged(kind, ref, version)
        rest = documents.removed(self._read(place.path).parts, place.number)
        if rest:
            _write(place.path, rest)
        else:
            place.path.unlink()

    def _unchanged(self, kind: Kind, ref: Ref, version: str) -> _Place:
        place = self._place(kind, ref)
        if version and version != _version(place.obj):
            raise ConflictError(f"{kind.one} {ref.id} was changed by somebody else", "changed")
        if self._read(place.path).parts[place.number].value.get("kind") == "List":
            raise ConflictError(f"{kind.one} {ref.id} is part of a List in {place.path.name}: change it there", "in_list")
        return place

    def _place(self, kind: Kind, ref: Ref) -> _Place:
        found = self._places(kind).get(ref)
        if found is None:
            raise MissingError(f"there is no {kind.one} {ref.id}")
        return found

    def _places(self, kind: Kind) -> dict[Ref, _Place]:
        places: dict[Ref, _Place] = {}
        there = sorted(each for each in self._path.iterdir() if each.suffix in _SUFFIXES and not each.name.startswith("."))
        for path in there:
            with contextlib.suppress(DocumentsError, UnicodeDecodeError, FileNotFoundError):
                for number, part in enumerate(self._read(path).parts):
                    for obj in _objects(part.value, kind):
                        places.setdefault(ref_of(obj), _Place(path, number, obj))
        for gone in self._files.keys() - {each.name for each in there}:
            del self._files[gone]
        return places

    def _read(self, path: Path) -> _File:
        """A file as it is now; one that did not change is not read again."""
        stat = path.stat()
        stamp = (stat.st_mtime_ns, stat.st_size, stat.st_ino)
        known = self._files.get(path.name)
        if known is None or known.stamp != stamp:
            text = path.read_bytes().decode()  # line ends as they are
            known = self._files[path.name] = _File(stamp, text, documents.cut(text))
        return known


def _objects(value: Any, kind: Kind) -> Iterator[Object]:
    """The objects of a kind in a document; what is no object that the compiler would take is passed over."""
    if not isinstance(value, dict):
        return
    if value.get("kind") == "List":
        for item in value.get("items") or ():
            yield from _objects(item, kind)
    meta = value.get("metadata")
    named = isinstance(meta, dict) and isinstance(meta.get("name"), str)
    if named and (value.get("apiVersion"), value.get("kind")) == (API_VERSION, kind.name):
        yield value


def _stored(obj: Object) -> Object:
    meta = {name: each for name, each in obj["metadata"].items() if name != "resourceVersion"}
    return {name: each for name, each in obj.items() if name != "status"} | {"metadata": meta}


def _version(obj: Object) -> str:
    canonical = json.dumps(obj, sort_keys=True, default=str)
    return hashlib.sha256(canonical.encode("utf-8", "backslashreplace")).hexdigest()[:_VERSION_DIGITS]


def _file_name(kind: Kind, ref: Ref) -> str:
    """No two objects share one: a namespace has no dot."""
    name = f"{ref.namespace}.{ref.name}"
    if len(name) > _LONGEST_NAME:
        name = hashlib.sha256(name.encode()).hexdigest()
    return f"{kind.name.lower()}.{name}.yaml"


def _write(path: Path, text: str) -> None:
    """In place of what was there, through a link to where it points, for the same readers."""
    path = path.resolve()
    new = path.with_name(f".{hashlib.sha256(path.name.encode()).hexdigest()[:16]}.{os.getpid()}.new")
    new.unlink(missing_ok=True)
    mode = path.stat().st_mode & 0o777 if path.exists() else 0o600
    try:
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
            file.write(text.encode())
            file.flush()
            os.fsync(file.fileno())
        new.chmod(mode)
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)

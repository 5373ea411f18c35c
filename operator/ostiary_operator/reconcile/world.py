"""What the operator knows of the cluster: the newest version of each object that matters, and whether that is all of them.

Events come from kopf and from reflectors, listings from `gather`; either may be late, so that versions decide. Of the users'
Secrets only those are kept that a Provider or an ApiKey names.
"""

from collections.abc import Callable, Collection, Iterable
from typing import Any, TypeVar

from ostiary_operator.api import decode
from ostiary_operator.cluster.resources import (
    APIKEYS,
    BUDGETS,
    CONFIGMAPS,
    MODELS,
    PODS,
    PROVIDERS,
    SECRETS,
    Object,
    Resource,
)
from ostiary_operator.graph import Snapshot, wanted_secrets

_Value = TypeVar("_Value")
Key = tuple[str, str]  # namespace, name
DELETED = "DELETED"
_WRITING = ("resourceVersion", "managedFields")


def key_of(item: Object) -> Key:
    return item["metadata"]["namespace"], item["metadata"]["name"]


def version_of(item: Object) -> int:
    return int(item["metadata"]["resourceVersion"])


def input_of(item: Object) -> Object:
    """What of an object somebody else decides: all but its status and how it was written."""
    meta = {key: value for key, value in item["metadata"].items() if key not in _WRITING}
    return {key: value for key, value in item.items() if key != "status"} | {"metadata": meta}


class Shelf:
    """The objects of one kind. Of their changes those matter that change what `matter` gives of an object."""

    def __init__(self, matter: Callable[[Object], object] = version_of) -> None:
        self._matter = matter
        self.items: dict[Key, Object] = {}
        self._gone: dict[Key, int] = {}  # deletions since the last listing
        self._listed = 0

    def apply(self, kind: str | None, item: Object) -> bool:
        """Take an event; False if it tells nothing new that matters."""
        key, version = key_of(item), version_of(item)
        known = self.items.get(key)
        if known is not None and version <= version_of(known):
            return False
        if known is None and version <= max(self._listed, self._gone.get(key, 0)):
            return False
        if kind == DELETED:
            self.items.pop(key, None)
            self._gone[key] = version
            return known is not None
        self.items[key] = item
        return known is None or self._matter(known) != self._matter(item)

    def put(self, item: Object) -> bool:
        """Take what the API server answered when it was asked for this very object."""
        key, version = key_of(item), version_of(item)
        known = self.items.get(key)
        if version <= (version_of(known) if known else self._gone.get(key, 0)):
            return False
        self.items[key] = item
        return True

    def replace(self, items: Iterable[Object], version: int) -> bool:
        """Take a listing as of `version`; what events told that is newer stays. False if it tells nothing new."""
        listed = {key_of(item): item for item in items if self._gone.get(key_of(item), 0) <= version}
        newer = {key: item for key, item in self.items.items() if version_of(item) > version}
        merged = listed | newer
        changed = {k: version_of(v) for k, v in merged.items()} != {k: version_of(v) for k, v in self.items.items()}
        self.items = merged
        self._gone = {key: gone for key, gone in self._gone.items() if gone > version}
        self._listed = version
        return changed


class World:
    """`changed` is called whenever something is new that may ask for another answer."""

    def __init__(self, changed: Callable[[], None]) -> None:
        self._changed = changed
        self.shelves = {kind: Shelf(input_of) for kind in (PROVIDERS, MODELS, APIKEYS, BUDGETS, SECRETS)}
        self.shelves |= {kind: Shelf() for kind in (CONFIGMAPS, PODS)}
        self.own_secrets = Shelf()  # the bundle's
        self.absent: set[Key] = set()  # Secrets that somebody names and that are not there
        self._decoded: dict[Resource, dict[Key, tuple[int, Any]]] = {}
        self._named: dict[tuple[Resource, Key], frozenset[Key]] = {}
        self._wanted: dict[Key, int] = {}  # and how often

    @property
    def providers(self) -> dict[Key, Object]:
        return self.shelves[PROVIDERS].items

    @property
    def models(self) -> dict[Key, Object]:
        return self.shelves[MODELS].items

    @property
    def apikeys(self) -> dict[Key, Object]:
        return self.shelves[APIKEYS].items

    @property
    def secrets(self) -> dict[Key, Object]:
        return self.shelves[SECRETS].items

    @property
    def configmaps(self) -> dict[Key, Object]:
        return self.shelves[CONFIGMAPS].items

    @property
    def pods(self) -> dict[Key, Object]:
        return self.shelves[PODS].items

    def snapshot(self) -> Snapshot:
        """Everything that the pipeline asks for, as it is now; objects that did not change are not decoded again."""
        providers = self._decode(PROVIDERS, decode.provider)
        models = self._decode(MODELS, decode.model)
        api_keys = self._decode(APIKEYS, decode.api_key)
        budgets = self._decode(BUDGETS, decode.budget)
        secrets = self._decode(SECRETS, decode.secret)
        return Snapshot(
            providers=tuple(providers.values()),
            models=tuple(models.values()),
            api_keys=tuple(api_keys.values()),
            secrets=secrets,
            budgets=tuple(budgets.values()),
        )

    def _decode(self, resource: Resource, decoder: Callable[[Object], _Value]) -> dict[Key, _Value]:
        known = self._decoded.get(resource, {})
        fresh: dict[Key, tuple[int, _Value]] = {}
        for key, item in sorted(self.shelves[resource].items.items()):
            version = version_of(item)
            before = known.get(key)
            fresh[key] = before if before and before[0] == version else (version, decoder(item))
        self._decoded[resource] = fresh
        return {key: value for key, (_, value) in fresh.items()}

    @property
    def wanted(self) -> Collection[Key]:
        """The Secrets that somebody names."""
        return self._wanted.keys()

    @property
    def unknown(self) -> set[Key]:
        """Secrets that somebody names and of which we do not know whether they are there."""
        return self._wanted.keys() - self.secrets.keys() - self.absent

    def apply(self, resource: Resource, kind: str | None, item: Object) -> None:
        """Take an event of a watch; `kind` is ADDED, MODIFIED, DELETED, or None for an object of a listing."""
        if resource == SECRETS and not self._takes(kind, item):
            return
        new = self.shelves[resource].apply(kind, item)
        if new and resource in _NAMED:
            self._refer(resource, [key_of(item)])
        if new:
            self._changed()

    def replace(self, resource: Resource, items: Iterable[Object], version: int) -> None:
        """Take a listing of all objects of a kind."""
        before = set(self.shelves[resource].items)
        new = self.shelves[resource].replace(items, version)
        if resource in _NAMED:
            self._refer(resource, before | self.shelves[resource].items.keys())
        if new:
            self._changed()

    def replace_secrets(self, items: Iterable[Object], version: int, *, asked: set[Key]) -> None:
        """Take a listing of the Secrets `asked` for; of those named since, nothing is known by it."""
        new = self.shelves[SECRETS].replace(items, version)
        for key in self.secrets.keys() - self._wanted.keys():
            del self.secrets[key]
        absent = (asked & self._wanted.keys()) - self.secrets.keys()
        new = new or absent != self.absent
        self.absent = absent
        if new:
            self._changed()

    def miss(self, key: Key) -> None:
        """A Secret was asked for and is not there."""
        if key in self._wanted and key not in self.secrets:
            self.absent.add(key)

    def remember(self, resource: Resource, item: Object) -> None:
        """Take what the API server answered to our own call; that asks for nothing new."""
        if resource == SECRETS and not self._takes("MODIFIED", item):
            return
        self.shelves[resource].put(item)

    def _takes(self, kind: str | None, item: Object) -> bool:
        key = key_of(item)
        if key not in self._wanted:
            return False
        if kind == DELETED:
            self.absent.add(key)
        else:
            self.absent.discard(key)
        return True

    def _refer(self, resource: Resource, keys: Iterable[Key]) -> None:
        """Bring up to date which Secrets the objects with these keys name."""
        for key in keys:
            item = self.shelves[resource].items.get(key)
            now = frozenset(_NAMED[resource](item)) if item else frozenset()
            before = self._named.pop((resource, key), frozenset())
            if now:
                self._named[resource, key] = now
            for name in now - before:
                self._wanted[name] = self._wanted.get(name, 0) + 1
            for name in before - now:
                self._forget(name)

    def _forget(self, name: Key) -> None:
        self._wanted[name] -= 1
        if not self._wanted[name]:
            del self._wanted[name]
            self.absent.discard(name)
            self.secrets.pop(name, None)


def _provider_secrets(item: Object) -> Iterable[Key]:
    return wanted_secrets(Snapshot(providers=(decode.provider(item),), api_keys=(), secrets={}))


def _apikey_secrets(item: Object) -> Iterable[Key]:
    return wanted_secrets(Snapshot(providers=(), api_keys=(decode.api_key(item),), secrets={}))


_NAMED: dict[Resource, Callable[[Object], Iterable[Key]]] = {PROVIDERS: _provider_secrets, APIKEYS: _apikey_secrets}

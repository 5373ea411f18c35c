"""The key Secrets of ApiKeys: made, rotated, and cleared of what has been replaced.

A Secret is written before the bundle is compiled from it, so that a key is never accepted before its owner can read it, and a
replaced value never stops working before the new one is there.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from ostiary_gateway.contract.allowlist import hash_key
from ostiary_operator.api import names
from ostiary_operator.api.apikey import ApiKey
from ostiary_operator.cluster.pen import Pen
from ostiary_operator.cluster.resources import SECRETS, Object
from ostiary_operator.objects.keysecret import Rotation, belongs_to, build_key_secret, read_rotation, read_value
from ostiary_operator.reconcile.notices import Notice
from ostiary_operator.reconcile.rotation import Policy, due, next_generated, next_observed
from ostiary_operator.reconcile.together import together
from ostiary_operator.reconcile.world import World

BATCH = 250  # Secrets in one go; then the bundle is written, so that the first of many keys need not wait for the last


@dataclass(frozen=True, slots=True)
class Change:
    """A Secret to be written, and what there is to say about it."""

    api_key: ApiKey
    owner: Object
    found: Object | None
    rotation: Rotation
    generated: bool
    rotated: bool


@dataclass(frozen=True, slots=True)
class Outcome:
    """`more` waits to be written; `due` is when the next value changes by itself."""

    notices: tuple[Notice, ...]
    more: bool
    due: datetime | None


class KeyWriter:
    """`make` makes a new key."""

    def __init__(self, pen: Pen, world: World, make: Callable[[], str]) -> None:
        self._pen = pen
        self._world = world
        self._make = make

    async def settle(self, api_keys: Iterable[ApiKey], now: datetime) -> Outcome:
        """Write the key Secrets that are not as they should be.

        Raises:
            ClusterError: some may be written; the others are found again next time.
        """
        changes: list[Change] = []
        dues: list[datetime] = []
        for api_key in api_keys:
            change, when = self._plan(api_key, now)
            changes += [change] if change else []
            dues += [when] if when else []
        await together([self._write(change) for change in changes[:BATCH]])
        notices = tuple(_notice(change) for change in changes[:BATCH] if change.generated or change.rotated)
        return Outcome(notices=notices, more=len(changes) > BATCH, due=min(dues, default=None))

    def _plan(self, api_key: ApiKey, now: datetime) -> tuple[Change | None, datetime | None]:
        spec = api_key.spec
        owner = self._world.apikeys.get(api_key.metadata.ref)
        if spec is None or owner is None or spec.kind == "sha256" or owner["metadata"].get("deletionTimestamp"):
            return None, None
        generated = spec.kind == "generate"
        found = self._world.secrets.get((api_key.metadata.namespace, names.key_secret(api_key.metadata.name)))
        if found and not belongs_to(found, owner):
            return None, None  # the graph says so in a condition
        before = read_rotation(found, generated=generated) if found else None
        policy = _policy(api_key)
        if generated:
            after = next_generated(before, policy, now, self._make, _last_version(api_key))
        else:
            current = self._referred(api_key)
            if not current:
                return None, None
            after = next_observed(before, hash_key(current), policy, now)
        when = due(after, policy, generated=generated)
        if after == before:
            return None, when
        rotated = before is not None and after.version != before.version
        return Change(api_key, owner, found, after, generated, rotated), when

    def _referred(self, api_key: ApiKey) -> str:
        """The value that the user keeps in a Secret; empty if it is not there."""
        reference = api_key.spec.secret_ref if api_key.spec else None
        secret = self._world.secrets.get((api_key.metadata.namespace, reference.name)) if reference else None
        return read_value(secret, reference.key) if secret and reference else ""

    async def _write(self, change: Change) -> None:
        body = build_key_secret(change.owner, change.rotation, generated=change.generated, replacing=change.found)
        if change.found:
            answer = await self._pen.replace(SECRETS, body)
        else:
            answer = await self._pen.create(SECRETS, body)
        self._world.remember(SECRETS, answer)


def _policy(api_key: ApiKey) -> Policy:
    spec = api_key.spec
    rotation = spec.rotation if spec else None
    return Policy(
        rotate=api_key.metadata.annotations.get(names.ROTATE, ""),
        interval=(rotation.interval_seconds or 0) if rotation else 0,
        overlap=spec.overlap_seconds if spec else 0,
    )


def _last_version(api_key: ApiKey) -> int:
    """The last one that the status speaks of: it outlives a Secret that somebody deleted."""
    rotation = api_key.status.rotation
    return int(rotation.version) if rotation and rotation.version.isdecimal() else 0


def _notice(change: Change) -> Notice:
    version = change.rotation.version
    if not change.rotated:
        return Notice(change.owner, "Normal", "KeyGenerated", f"key made, version {version}; it is in Secret {_name(change)}")
    until = change.rotation.retiring_until
    ending = f"version {version - 1} is accepted until {until}" if until else f"version {version - 1} is no longer accepted"
    return Notice(change.owner, "Normal", "KeyRotated", f"key rotated to version {version}; {ending}")


def _name(change: Change) -> str:
    return names.key_secret(change.api_key.metadata.name)

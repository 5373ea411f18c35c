"""Writing a bundle: only what differs, what the head binds before the head, what it no longer binds after it."""

import logging

from ostiary_gateway.contract.bundle import Bundle
from ostiary_operator.cluster.pen import Pen
from ostiary_operator.cluster.resources import CONFIGMAPS, SECRETS, Object, Resource
from ostiary_operator.objects.bundle import Place, build_bundle, build_empty_head, merged, read_digest, same_content
from ostiary_operator.reconcile.together import together
from ostiary_operator.reconcile.world import Shelf, World

log = logging.getLogger(__name__)


class BundleWriter:
    """Knows the bundle's objects from `world`, which reflectors keep up to date."""

    def __init__(self, pen: Pen, world: World, place: Place) -> None:
        self._pen = pen
        self._world = world
        self._place = place

    @property
    def digest(self) -> str:
        """Of the bundle that is in the cluster; empty if there is none."""
        head = self._world.configmaps.get((self._place.namespace, self._place.name))
        return read_digest(head) if head else ""

    async def write(self, bundle: Bundle) -> bool:
        """Make the cluster's bundle this one; False if it was already.

        Raises:
            ClusterError: some objects may be written. The head is the last, so gateways keep to the bundle before.
        """
        head = await self._head()
        objects = build_bundle(bundle, self._place, head["metadata"]["uid"])
        shelves = self._world
        parts = [self._put(CONFIGMAPS, shard, shelves.shelves[CONFIGMAPS]) for shard in objects.shards]
        parts.append(self._put(SECRETS, objects.credentials, shelves.own_secrets))
        written = any(await together(parts))
        written |= await self._put(CONFIGMAPS, objects.head, shelves.shelves[CONFIGMAPS])
        obsolete = await self._sweep({item["metadata"]["name"] for item in (*objects.shards, objects.head)})
        if written or obsolete:
            log.info("bundle %s written, %d shards", bundle.digest, len(objects.shards))
        return written or obsolete

    async def _head(self) -> Object:
        key = (self._place.namespace, self._place.name)
        if key not in self._world.configmaps:
            self._world.remember(CONFIGMAPS, await self._pen.create(CONFIGMAPS, build_empty_head(self._place)))
        return self._world.configmaps[key]

    async def _put(self, resource: Resource, wanted: Object, shelf: Shelf) -> bool:
        found = shelf.items.get((wanted["metadata"]["namespace"], wanted["metadata"]["name"]))
        if found and same_content(wanted, found):
            return False
        if found:
            answer = await self._pen.replace(resource, merged(wanted, found))
        else:
            answer = await self._pen.create(resource, wanted)
        shelf.put(answer)
        return True

    async def _sweep(self, bound: set[str]) -> bool:
        obsolete = [key for key in self._world.configmaps if key[1] not in bound]
        for key in obsolete:
            await self._pen.delete(CONFIGMAPS, *key)
            self._world.configmaps.pop(key, None)
        return bool(obsolete)

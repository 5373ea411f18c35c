"""A list and then a watch of some objects of one namespace, for ever: what the objects are, and each change.

kopf watches what users write; this watches our own objects and the gateway's pods, which are picked by labels in one namespace,
so that nobody needs to let the operator read all pods and ConfigMaps of a cluster.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass

from ostiary_operator.cluster.client import Client
from ostiary_operator.cluster.errors import ClusterError, GoneError
from ostiary_operator.cluster.resources import Object, Resource

log = logging.getLogger(__name__)
_PAUSE_MIN = 0.1
_PAUSE_MAX = 5.0


@dataclass(frozen=True, slots=True)
class Target:
    """What to watch; a selector is the API server's own syntax, empty is all."""

    resource: Resource
    namespace: str
    labels: str = ""
    fields: str = ""

    @property
    def query(self) -> dict[str, str]:
        return {k: v for k, v in (("labelSelector", self.labels), ("fieldSelector", self.fields)) if v}


class Reflector:
    """`replace` gets all objects after each listing, `apply` each change after it."""

    def __init__(
        self,
        client: Client,
        target: Target,
        *,
        replace: Callable[[list[Object], int], None],
        apply: Callable[[str, Object], None],
    ) -> None:
        self._client = client
        self._target = target
        self._replace = replace
        self._apply = apply
        self.listed = asyncio.Event()  # set when the objects have been told once

    async def run(self) -> None:
        """Go on until cancelled, whatever the API server does."""
        pause = _PAUSE_MIN
        while True:
            try:
                await self._once()
                pause = _PAUSE_MIN
            except GoneError:
                pause = _PAUSE_MIN
            except ClusterError as error:
                log.warning("watch of %s interrupted: %s", self._target.resource.plural, error)
                await asyncio.sleep(pause)
                pause = min(pause * 2, _PAUSE_MAX)

    async def _once(self) -> None:
        target = self._target
        items, version = await self._client.list(target.resource, target.namespace, **target.query)
        self._replace(items, int(version))
        self.listed.set()
        while True:
            async for kind, item in self._client.watch(target.resource, target.namespace, version, **target.query):
                version = item["metadata"]["resourceVersion"]
                if kind != "BOOKMARK":
                    self._apply(kind, item)

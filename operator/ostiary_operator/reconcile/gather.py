"""Listing everything that events are about: at the start, as a new leader, and after a watch may have missed something."""

import logging
from collections.abc import Sequence

from ostiary_operator.cluster.client import Client
from ostiary_operator.cluster.errors import MissingError, RefusedError
from ostiary_operator.cluster.resources import APIKEYS, BUDGETS, MODELS, PROVIDERS, SECRETS, Object, Resource
from ostiary_operator.reconcile.together import together
from ostiary_operator.reconcile.world import Key, World, key_of

log = logging.getLogger(__name__)
# Secrets of these types are large or many, and hold no key that anybody would refer to.
SECRET_FIELDS = "type!=helm.sh/release.v1,type!=kubernetes.io/service-account-token"  # noqa: S105 - a selector
_MANY = 50


class Gatherer:
    """`namespaces` are those whose resources are compiled; none is all."""

    def __init__(self, client: Client, world: World, namespaces: Sequence[str]) -> None:
        self._client = client
        self._world = world
        self._namespaces = tuple(namespaces) or ("",)

    async def everything(self) -> None:
        """All Providers, Models, ApiKeys, Budgets and the Secrets that they name.

        Raises:
            ClusterError: the world is as it was, or newer, but not known to be complete.
        """
        for resource in (PROVIDERS, MODELS, APIKEYS, BUDGETS):
            self._world.replace(resource, *await self._list(resource))
        await self._secrets()

    async def unknown_secrets(self) -> None:
        """The Secrets that have been named since: each by itself, or all at once if they are many.

        Raises:
            ClusterError: of some it is still not known whether they are there.
        """
        unknown = self._world.unknown
        if len(unknown) > _MANY:
            await self._secrets()
            return
        await together([self._secret(key) for key in unknown])

    async def _list(self, resource: Resource) -> tuple[list[Object], int]:
        found: list[Object] = []
        versions = []
        for namespace in self._namespaces:
            items, version = await self._client.list(resource, namespace)
            found += items
            versions.append(int(version))
        return found, min(versions)

    async def _secrets(self) -> None:
        wanted = set(self._world.wanted)
        found: list[Object] = []
        versions = []
        for namespace in self._namespaces:
            async for items, version in self._client.pages(SECRETS, namespace, fieldSelector=SECRET_FIELDS):
                found += [item for item in items if key_of(item) in wanted]
                versions.append(int(version))
        self._world.replace_secrets(found, min(versions), asked=wanted)

    async def _secret(self, key: Key) -> None:
        try:
            self._world.remember(SECRETS, await self._client.get(SECRETS, *key))
        except MissingError:
            self._world.miss(key)
        except RefusedError as error:
            log.warning("Secret %s/%s cannot be read: %s", *key, error)
            self._world.miss(key)

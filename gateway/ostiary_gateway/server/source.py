"""Where this process gets its bundles: a folder, which `ostiary run` or the watcher of the API server writes."""

from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path

from ostiary_gateway.bundle.folder import FolderSource
from ostiary_gateway.contract.bundle import Bundle
from ostiary_gateway.contract.settings import Settings

LastUsesOf = Callable[[], Mapping[str, str]]
UnhealthyOf = Callable[[], Mapping[str, tuple[str, str]]]


class Source:
    """A folder, and a cluster that fills it where the settings name a bundle."""

    def __init__(self, settings: Settings, last_uses: LastUsesOf, unhealthy: UnhealthyOf) -> None:
        self._folder = FolderSource(Path(settings.run))
        self._cluster = None
        if settings.bundle:
            from ostiary_gateway.bundle.cluster import Cluster, Reports  # noqa: PLC0415 - no Kubernetes client on one machine

            self._cluster = Cluster(settings, Reports(last_uses, unhealthy))

    @property
    def problem(self) -> str:
        """Why newer bundles may not be coming; empty is fine."""
        return self._folder.problem or (self._cluster.problem if self._cluster else "")

    def bundles(self) -> AsyncIterator[Bundle]:
        return self._folder.bundles()

    async def run(self) -> None:
        """Fill the folder, for ever; on one machine others do that."""
        if self._cluster:
            await self._cluster.run()

    async def acknowledge(self, digest: str) -> None:
        """Tell the cluster that a bundle is in force in this pod."""
        if self._cluster:
            await self._cluster.acknowledge(digest)

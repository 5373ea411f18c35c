"""The bundle from the API server: watch its objects, put it together, hand it over as a folder.

A mounted ConfigMap lags by a minute; this takes milliseconds. From the folder on, the cluster and one machine are the same.
While the API server is away the last bundle stays; only a gateway that has none yet starts from the mounted objects.
"""

import asyncio
import base64
import contextlib
import json
import logging
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from ostiary_gateway.bundle import folder
from ostiary_gateway.bundle.apiserver import ApiServer, ApiServerError, GoneError, Object
from ostiary_gateway.contract import bundle as contract
from ostiary_gateway.contract.settings import Settings

log = logging.getLogger(__name__)
LABEL = "ostiary.dev/bundle"
IN_USE = "ostiary.dev/bundle"
RETIRING_KEYS = "ostiary.dev/retiring-keys"
HEALTH = "ostiary.dev/health"
USES_SECONDS = 10.0
HEALTH_SECONDS = 5.0
_LOOK_SECONDS = 1.0
_UNSETTLED_SECONDS = 5.0
_PAUSE_MIN = 0.1
_PAUSE_MAX = 5.0


class Reports(NamedTuple):
    """What this pod's annotations tell beside the bundle: last uses of retiring keys, and backends that take no requests."""

    last_uses: Callable[[], Mapping[str, str]]
    unhealthy: Callable[[], Mapping[str, tuple[str, str]]]


class Cluster:
    """`run` until cancelled; `problem` says in words why there may be something newer than what is in use."""

    def __init__(self, settings: Settings, reports: Reports, *, api: ApiServer | None = None) -> None:
        self._uses = _Paced(RETIRING_KEYS, reports.last_uses, USES_SECONDS)
        self._health = _Paced(HEALTH, reports.unhealthy, HEALTH_SECONDS)
        self.problem = ""
        self._api = api
        self._run = Path(settings.run)
        self._mount = settings.bundle_mount
        self._name = settings.bundle
        self._root = f"/api/v1/namespaces/{settings.namespace}"
        self._pod = f"{self._root}/pods/{settings.pod_name}"
        self._held: dict[str, dict[str, Object]] = {"configmaps": {}, "secrets": {}}
        self._listed: set[str] = set()
        self._changed = asyncio.Event()
        self._in_use = ""
        self._annotate = asyncio.Event()
        self._suspicion: asyncio.TimerHandle | None = None

    async def run(self) -> None:
        """Watch, publish and acknowledge until cancelled."""
        api = await self._connect()
        secret = f"metadata.name={self._name}-credentials"
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._watch(api, "configmaps", {"labelSelector": f"{LABEL}={self._name}"}))
                tasks.create_task(self._watch(api, "secrets", {"fieldSelector": secret}))
                tasks.create_task(self._publish())
                tasks.create_task(self._tell(api))
        finally:
            await api.close()

    async def acknowledge(self, digest: str) -> None:
        """Tell the operator, by an annotation of this pod, that a bundle is in force here. Returns at once."""
        self._in_use = digest
        self._annotate.set()

    async def _connect(self) -> ApiServer:
        while self._api is None:
            try:
                self._api = ApiServer.from_pod()
            except ApiServerError as error:
                await self._unreachable(error)
                await asyncio.sleep(_PAUSE_MAX)
        return self._api

    async def _watch(self, api: ApiServer, plural: str, query: Mapping[str, str]) -> None:
        pause = _PAUSE_MIN
        while True:
            try:
                items, version = await api.list(f"{self._root}/{plural}", query)
                self._held[plural] = {item["metadata"]["name"]: item for item in items}
                self._listed.add(plural)
                self._changed.set()
                pause = _PAUSE_MIN
                while True:
                    async for kind, item in api.watch(f"{self._root}/{plural}", query, version):
                        version = item["metadata"]["resourceVersion"]
                        self._apply(plural, kind, item)
            except GoneError:
                log.info("watch of %s is too old, listing again", plural)
            except ApiServerError as error:
                await self._unreachable(error)
                await asyncio.sleep(pause)
                pause = min(pause * 2, _PAUSE_MAX)

    def _apply(self, plural: str, kind: str, item: Object) -> None:
        if kind == "BOOKMARK":
            return
        if kind == "DELETED":
            self._held[plural].pop(item["metadata"]["name"], None)
        else:
            self._held[plural][item["metadata"]["name"]] = item
        self._changed.set()

    async def _publish(self) -> None:
        """Hand over what is complete, the newest only."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            if len(self._listed) < len(self._held):
                continue
            try:
                bundle = _assemble(self._held["configmaps"].values(), self._held["secrets"].values())
                if bundle.digest != folder.current(self._run):
                    await asyncio.to_thread(folder.publish, self._run, bundle)
                    log.info("bundle %s published", bundle.digest)
                self._report("")
            except contract.BundleError as error:
                log.debug("no bundle yet: %s", error)
                self._report(f"bundle: {error}", after=_UNSETTLED_SECONDS)
            except OSError as error:
                log.warning("bundle cannot be written: %s", error)
                self._report(f"bundle: {error}")

    def _report(self, problem: str, after: float = 0) -> None:
        """Say what is wrong, or nothing; objects of two bundles side by side are only wrong if that lasts."""
        if self._suspicion:
            self._suspicion.cancel()
            self._suspicion = None
        if after:
            self._suspicion = asyncio.get_running_loop().call_later(after, self._report, problem)
        else:
            self.problem = problem

    async def _unreachable(self, error: Exception) -> None:
        log.warning("API server: %s", error)
        self._report(f"API server: {error}")
        if not self._mount or folder.current(self._run) is not None:
            return
        try:
            bundle = await asyncio.to_thread(folder.read, Path(self._mount))
            await asyncio.to_thread(folder.publish, self._run, bundle)
            log.warning("bundle %s taken from the mounted objects", bundle.digest)
        except (contract.BundleError, OSError) as missing:
            log.warning("no mounted bundle: %s", missing)

    async def _tell(self, api: ApiServer) -> None:
        """Annotate this pod where something changed: a new bundle at once, the rest at its own pace."""
        told: dict[str, str] = {}
        pause = _PAUSE_MIN
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._annotate.wait(), _LOOK_SECONDS)
            self._annotate.clear()
            now = asyncio.get_running_loop().time()
            wanted = {IN_USE: self._in_use} | self._uses.look(now) | self._health.look(now)
            if not self._in_use or wanted == told:
                continue
            try:
                await api.annotate(self._pod, wanted)
                told, pause = wanted, _PAUSE_MIN
            except ApiServerError as error:
                log.warning("acknowledgement of bundle %s: %s", self._in_use, error)
                await asyncio.sleep(pause)
                pause = min(pause * 2, _PAUSE_MAX)
                self._annotate.set()


class _Paced:
    """One annotation that changes every so many seconds at most; none until there is something to tell."""

    def __init__(self, name: str, read: Callable[[], Mapping[str, object]], seconds: float) -> None:
        self._name = name
        self._read = read
        self._seconds = seconds
        self._changed_at = float("-inf")
        self._told: dict[str, str] = {}

    def look(self, now: float) -> dict[str, str]:
        if now - self._changed_at < self._seconds:
            return self._told
        text = json.dumps(dict(self._read()), sort_keys=True)
        if text != self._told.get(self._name, "{}"):
            self._changed_at, self._told = now, {self._name: text}
        return self._told


def _assemble(configmaps: Iterable[Object], secrets: Iterable[Object]) -> contract.Bundle:
    """The bundle that the objects make.

    Raises:
        BundleError: there is no manifest, or the objects are of different bundles (yet).
    """
    files: dict[str, bytes] = {}
    for item in configmaps:
        files |= {name: text.encode() for name, text in (item.get("data") or {}).items()}
        files |= {name: base64.b64decode(text) for name, text in (item.get("binaryData") or {}).items()}
    for item in secrets:
        files |= {name: base64.b64decode(text) for name, text in (item.get("data") or {}).items()}
    manifest = files.pop(contract.MANIFEST, None)
    if manifest is None:
        raise contract.BundleError("there is no manifest")
    return contract.assemble(manifest, files)

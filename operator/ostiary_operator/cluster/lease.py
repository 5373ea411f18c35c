"""Who of several operators may write: a Lease object, as other Kubernetes controllers use it.

kubernetes.aio has an election too, but an unanswered call ends it, and it writes local times without a zone.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from ostiary_operator.cluster.client import Client
from ostiary_operator.cluster.errors import ClusterError, ConflictError, MissingError
from ostiary_operator.cluster.resources import LEASES, Object

log = logging.getLogger(__name__)
_RELEASE_SECONDS = 3


@dataclass(frozen=True, slots=True)
class Terms:
    """Seconds. A holder writes for `renew` after its last renewal; others wait for `duration` after they saw it."""

    duration: int = 15
    renew: float = 10.0
    retry: float = 2.0


class Lease:
    """`leading` is judged by this process's own clock, so that a holder that cannot reach the API server stops in time."""

    def __init__(
        self,
        client: Client,
        namespace: str,
        name: str,
        identity: str,
        *,
        clock: Callable[[], float],
        changed: Callable[[bool], None] = lambda _: None,
        terms: Terms | None = None,
    ) -> None:
        self._client = client
        self._place = (namespace, name)
        self._identity = identity
        self._clock = clock
        self._changed = changed
        self._terms = terms or Terms()
        self._until = float("-inf")
        self._told = False
        self._seen: tuple[Any, ...] = ()
        self._seen_at = float("-inf")

    @property
    def leading(self) -> bool:
        return self._clock() < self._until

    async def run(self) -> None:
        """Try to hold the lease until cancelled; give it back then, so that the next one need not wait."""
        try:
            while True:
                await self.attempt()
                await asyncio.sleep(self._terms.retry)
        finally:
            await asyncio.shield(self.release())

    async def attempt(self) -> None:
        """Take, renew or leave the lease, once."""
        began = self._clock()
        try:
            if await self._hold():
                self._until = began + self._terms.renew
            else:
                self._until = began
        except ClusterError as error:
            log.warning("lease: %s", error)
        self._tell()

    async def release(self) -> None:
        if not self.leading:
            return
        self._until = self._clock()
        self._tell()
        try:
            async with asyncio.timeout(_RELEASE_SECONDS):
                lease = await self._client.get(LEASES, *self._place)
                if lease["spec"].get("holderIdentity") == self._identity:
                    lease["spec"] |= {"holderIdentity": "", "leaseDurationSeconds": 1}
                    await self._client.replace(LEASES, self._place[0], lease)
        except (ClusterError, TimeoutError) as error:
            log.warning("lease not given back: %s", error)

    def _tell(self) -> None:
        if self.leading != self._told:
            self._told = self.leading
            self._changed(self._told)

    async def _hold(self) -> bool:
        """Whether the lease is ours now."""
        try:
            lease = await self._client.get(LEASES, *self._place)
        except MissingError:
            return await self._create()
        spec = lease.setdefault("spec", {})
        holder = spec.get("holderIdentity", "")
        if holder not in (self._identity, "") and not self._expired(spec):
            return False
        now = _timestamp()
        if holder != self._identity:
            spec |= {"acquireTime": now, "leaseTransitions": spec.get("leaseTransitions", 0) + 1}
        spec |= {"holderIdentity": self._identity, "renewTime": now, "leaseDurationSeconds": self._terms.duration}
        return await self._won(self._client.replace(LEASES, self._place[0], lease))

    async def _create(self) -> bool:
        now = _timestamp()
        spec = {
            "holderIdentity": self._identity,
            "leaseDurationSeconds": self._terms.duration,
            "acquireTime": now,
            "renewTime": now,
            "leaseTransitions": 0,
        }
        namespace, name = self._place
        body: Object = {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": name, "namespace": namespace},
            "spec": spec,
        }
        return await self._won(self._client.create(LEASES, namespace, body))

    async def _won(self, call: Any) -> bool:
        try:
            await call
        except ConflictError:
            return False
        return True

    def _expired(self, spec: Object) -> bool:
        """Whether the holder has not renewed for its whole term, by our clock: clocks of two machines differ."""
        seen = (spec.get("holderIdentity"), spec.get("renewTime"))
        if seen != self._seen:
            self._seen, self._seen_at = seen, self._clock()
        term: float = spec.get("leaseDurationSeconds", self._terms.duration)
        return self._clock() - self._seen_at > term


def _timestamp() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")

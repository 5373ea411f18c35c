"""Writing: only while this operator may, and counted, so that a test can see that nothing was written."""

from collections import Counter
from collections.abc import Awaitable, Callable

from ostiary_operator.cluster.client import Client
from ostiary_operator.cluster.errors import ClusterError
from ostiary_operator.cluster.resources import Object, Resource


class NotLeadingError(ClusterError):
    """Another operator may write, or nobody for the moment."""


class Pen:
    """`may` is asked before each write."""

    def __init__(self, client: Client, may: Callable[[], bool]) -> None:
        self._client = client
        self._may = may
        self.written: Counter[str] = Counter()  # "<verb> <plural>" -> times

    async def create(self, resource: Resource, body: Object) -> Object:
        return await self._write("create", resource, lambda: self._client.create(resource, _namespace(body), body))

    async def replace(self, resource: Resource, body: Object) -> Object:
        return await self._write("replace", resource, lambda: self._client.replace(resource, _namespace(body), body))

    async def set_status(self, resource: Resource, namespace: str, name: str, uid: str, status: Object) -> Object:
        """Merge a status into the object with this uid; a ConflictError says that there is another of its name by now."""
        patch = {"metadata": {"uid": uid}, "status": status}
        return await self._write(
            "status", resource, lambda: self._client.patch(resource, namespace, name, patch, subresource="status")
        )

    async def delete(self, resource: Resource, namespace: str, name: str) -> None:
        async def call() -> Object:
            await self._client.delete(resource, namespace, name)
            return {}

        await self._write("delete", resource, call)

    async def _write(self, verb: str, resource: Resource, call: Callable[[], Awaitable[Object]]) -> Object:
        if not self._may():
            raise NotLeadingError(f"{verb} {resource.plural}: not the leader")
        self.written[f"{verb} {resource.plural}"] += 1
        return await call()


def _namespace(body: Object) -> str:
    namespace: str = body["metadata"]["namespace"]
    return namespace

"""One connection to the API server: objects in and out as JSON, refusals as `ClusterError`.

kubernetes.aio finds the server and keeps the credentials fresh; its generated models are left out, because every object
would be built twice, once as a model and once as ours.
"""

import contextlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

import aiohttp
import msgspec
from kubernetes.aio import client, config

from ostiary_operator.cluster.errors import ConflictError, GoneError, MissingError, RefusedError, UnavailableError
from ostiary_operator.cluster.resources import Object, Resource

PAGE = 500
_CALL = aiohttp.ClientTimeout(total=20, sock_connect=5)
_WATCH = aiohttp.ClientTimeout(total=None, sock_connect=5, sock_read=90)  # bookmarks come once a minute
_WATCH_SECONDS = 300
_REFUSALS: Mapping[int, type[RefusedError]] = {404: MissingError, 409: ConflictError, 410: GoneError}
_BUSY = 429
_BROKEN = 500
_REFUSED = 400


@dataclass(frozen=True, slots=True)
class Access:
    """How to reach the API server, for who has to make connections of their own. An empty text is none."""

    server: str
    ca_file: str
    certificate_file: str
    key_file: str
    token: str = field(repr=False)


class Client:
    """Close it after use, or use it as an asynchronous context manager."""

    def __init__(self, configuration: Any) -> None:
        self._api: Any = client.ApiClient(configuration)

    @classmethod
    async def connect(cls, kubeconfig: str = "") -> Self:
        """With the pod's own account, or as a kubeconfig file says."""
        configuration = client.Configuration()
        if kubeconfig:
            await _typed(config).load_kube_config(kubeconfig, client_configuration=configuration)
        else:
            _typed(config).load_incluster_config(client_configuration=configuration)
        return cls(configuration)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        await self._api.close()

    async def access(self) -> Access:
        """As it is now: a pod's token is replaced every hour."""
        configuration = self._api.configuration
        token = await configuration.get_api_key_with_prefix("BearerToken", alias="authorization")
        return Access(
            server=configuration.host,
            ca_file=configuration.ssl_ca_cert or "",
            certificate_file=configuration.cert_file or "",
            key_file=configuration.key_file or "",
            token=(token or "").split(" ")[-1],
        )

    async def get(self, resource: Resource, namespace: str, name: str) -> Object:
        return await self._call("GET", resource.path(namespace, name))

    async def create(self, resource: Resource, namespace: str, body: Object) -> Object:
        return await self._call("POST", resource.path(namespace), body=body)

    async def replace(self, resource: Resource, namespace: str, body: Object) -> Object:
        """Put an object; if it carries a resourceVersion, only over that version."""
        return await self._call("PUT", resource.path(namespace, body["metadata"]["name"]), body=body)

    async def patch(self, resource: Resource, namespace: str, name: str, body: Object, *, subresource: str = "") -> Object:
        """A merge patch: what is null goes away, what is not named stays."""
        kind = "application/merge-patch+json"
        return await self._call("PATCH", resource.path(namespace, name, subresource), body=body, kind=kind)

    async def delete(self, resource: Resource, namespace: str, name: str) -> None:
        """Delete an object; that it is gone already is no error."""
        with contextlib.suppress(MissingError):
            await self._call("DELETE", resource.path(namespace, name))

    async def pages(self, resource: Resource, namespace: str = "", **query: str) -> AsyncIterator[tuple[list[Object], str]]:
        """All objects in pages, each with the list's resourceVersion.

        Raises:
            GoneError: the list took so long that it must be begun again.
        """
        following = ""
        while True:
            params = query | {"limit": str(PAGE)} | ({"continue": following} if following else {})
            page = await self._call("GET", resource.path(namespace), query=params)
            yield page["items"], page["metadata"]["resourceVersion"]
            following = page["metadata"].get("continue", "")
            if not following:
                return

    async def list(self, resource: Resource, namespace: str = "", **query: str) -> tuple[list[Object], str]:
        """All objects at once, and the version to watch from."""
        found: list[Object] = []
        version = ""
        async for items, version in self.pages(resource, namespace, **query):  # noqa: B007 - the last one counts
            found += items
        return found, version

    async def watch(self, resource: Resource, namespace: str, version: str, **query: str) -> AsyncIterator[tuple[str, Object]]:
        """Changes since `version` as (ADDED | MODIFIED | DELETED | BOOKMARK, object), until the server ends the watch."""
        params = query | {
            "watch": "true",
            "allowWatchBookmarks": "true",
            "resourceVersion": version,
            "timeoutSeconds": str(_WATCH_SECONDS),
        }
        response = await self._send("GET", resource.path(namespace), query=params, timeout_=_WATCH)
        try:
            if response.status >= _REFUSED:
                raise _refusal(response.status, await response.read())
            async for line in _lines(response):
                event = msgspec.json.decode(line)
                if event["type"] == "ERROR":
                    raise _refusal(event["object"].get("code", _BROKEN), line)
                yield event["type"], event["object"]
        except (aiohttp.ClientError, TimeoutError) as error:
            raise UnavailableError(f"watch of {resource.plural}: {type(error).__name__}") from error
        finally:
            response.close()

    async def _call(
        self, method: str, path: str, *, body: Any = None, query: Mapping[str, str] | None = None, kind: str = "application/json"
    ) -> Object:
        response = await self._send(method, path, body=body, query=query or {}, kind=kind, timeout_=_CALL)
        try:
            content = await response.read()
        except (aiohttp.ClientError, TimeoutError) as error:
            raise UnavailableError(f"{method} {path}: {type(error).__name__}") from error
        if response.status >= _REFUSED:
            raise _refusal(response.status, content)
        answer: Object = msgspec.json.decode(content)
        return answer

    async def _send(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str],
        timeout_: aiohttp.ClientTimeout,
        body: Any = None,
        kind: str = "application/json",
    ) -> aiohttp.ClientResponse:
        headers = {"Content-Type": kind, "Accept": "application/json"}
        try:
            serialized = await self._api.param_serialize(
                method, path, query_params=list(query.items()), header_params=headers, body=body, auth_settings=["BearerToken"]
            )
            answer = await self._api.call_api(*serialized, _request_timeout=timeout_)
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise UnavailableError(f"{method} {path}: {type(error).__name__}") from error
        response: aiohttp.ClientResponse = answer.response
        return response


def _refusal(status: int, content: bytes) -> RefusedError | UnavailableError:
    """The API server's words without what we sent, which may hold a secret (it quotes values it finds invalid)."""
    reason = ""
    with contextlib.suppress(msgspec.DecodeError, AttributeError):
        answer = msgspec.json.decode(content)
        reason = str(answer.get("object", answer).get("reason", ""))
    if status == _BUSY or status >= _BROKEN:
        return UnavailableError(f"{status} {reason}")
    return _REFUSALS.get(status, RefusedError)(status, reason)


async def _lines(response: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    """Lines of any length: one object may be larger than aiohttp's own limit for a line."""
    held: list[bytes] = []
    async for chunk in response.content.iter_any():
        *ended, rest = chunk.split(b"\n")
        for part in ended:
            line = b"".join([*held, part])
            held.clear()
            if line:
                yield line
        if rest:
            held.append(rest)


def _typed(untyped: Any) -> Any:
    """A part of the library that has no annotations."""
    return untyped

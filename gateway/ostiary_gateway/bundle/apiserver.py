"""The three calls that a gateway makes to the API server: list, watch, and annotate its own pod.

kubernetes.aio finds the server and keeps the pod's token fresh; objects stay JSON, its models would cost more than they say.
"""

from collections.abc import AsyncIterator, Mapping
from typing import Any, Self

import aiohttp
import msgspec
from kubernetes.aio import client
from kubernetes.aio.config import ConfigException, incluster_config

Object = dict[str, Any]
_CALL = aiohttp.ClientTimeout(total=20, sock_connect=2)
_WATCH = aiohttp.ClientTimeout(total=None, sock_connect=2, sock_read=90)  # bookmarks come once a minute
_WATCH_SECONDS = "300"
_OK = 300
_GONE = 410


class ApiServerError(Exception):
    """No answer, or not the one that was asked for."""


class GoneError(ApiServerError):
    """The version to watch from is no longer known: list again."""


class ApiServer:
    """Connections are made as needed; close it after use."""

    def __init__(self, configuration: Any) -> None:
        self._api: Any = client.ApiClient(configuration)

    @classmethod
    def from_pod(cls) -> Self:
        """With the account of the pod that this runs in.

        Raises:
            ApiServerError: this is no pod, or it has no account.
        """
        configuration = client.Configuration()
        try:
            load: Any = incluster_config.load_incluster_config
            load(client_configuration=configuration)
        except ConfigException as error:
            raise ApiServerError(str(error)) from error
        return cls(configuration)

    async def close(self) -> None:
        await self._api.close()

    async def list(self, path: str, query: Mapping[str, str]) -> tuple[list[Object], str]:
        """The objects, and the version to watch from."""
        found = msgspec.json.decode(await self._read("GET", path, query))
        return found["items"] or [], found["metadata"]["resourceVersion"]

    async def watch(self, path: str, query: Mapping[str, str], version: str) -> AsyncIterator[tuple[str, Object]]:
        """Changes since `version` as (ADDED | MODIFIED | DELETED | BOOKMARK, object), until the server ends the watch."""
        params = {
            **query,
            "watch": "true",
            "allowWatchBookmarks": "true",
            "resourceVersion": version,
            "timeoutSeconds": _WATCH_SECONDS,
        }
        response = await self._send("GET", path, params, _WATCH)
        try:
            if response.status >= _OK:
                raise _error(response.status, path)
            async for line in _lines(response):
                event = msgspec.json.decode(line)
                if event["type"] == "ERROR":
                    raise _error(event["object"].get("code", 0), path)
                yield event["type"], event["object"]
        except (aiohttp.ClientError, TimeoutError) as error:
            raise ApiServerError(f"{path}: {type(error).__name__}") from error
        finally:
            response.close()

    async def annotate(self, path: str, annotations: Mapping[str, str]) -> None:
        """Set annotations of the object at `path`; others stay."""
        await self._read("PATCH", path, {}, {"metadata": {"annotations": dict(annotations)}})

    async def _read(self, method: str, path: str, query: Mapping[str, str], body: Object | None = None) -> bytes:
        response = await self._send(method, path, query, _CALL, body)
        try:
            content = await response.read()
        except (aiohttp.ClientError, TimeoutError) as error:
            raise ApiServerError(f"{path}: {type(error).__name__}") from error
        if response.status >= _OK:
            raise _error(response.status, path)
        return content

    async def _send(
        self, method: str, path: str, query: Mapping[str, str], limit: aiohttp.ClientTimeout, body: Object | None = None
    ) -> aiohttp.ClientResponse:
        headers = {"Accept": "application/json", "Content-Type": "application/merge-patch+json"}
        try:
            serialized = await self._api.param_serialize(
                method, path, query_params=list(query.items()), header_params=headers, body=body, auth_settings=["BearerToken"]
            )
            answer = await self._api.call_api(*serialized, _request_timeout=limit)
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise ApiServerError(f"{path}: {type(error).__name__}") from error
        response: aiohttp.ClientResponse = answer.response
        return response


def _error(status: int, path: str) -> ApiServerError:
    return (GoneError if status == _GONE else ApiServerError)(f"{path}: status {status}")


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

"""What a gateway asks of the API server: list, watch, annotate its own pod, and the calls of the admin API.

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
_JSON = "application/json"
_MERGE = "application/merge-patch+json"
_OK = 300
_GONE = 410


class ApiServerError(Exception):
    """No answer, or not the one that was asked for. `status` is 0 without one; `reason` is what the server says to it."""

    def __init__(self, message: str, status: int = 0, reason: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason


class GoneError(ApiServerError):
    """The version to watch from is no longer known: list again."""


class _Status(msgspec.Struct):
    message: str = ""


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
        await self._read("PATCH", path, {}, {"metadata": {"annotations": dict(annotations)}}, kind=_MERGE)

    async def call(self, method: str, path: str, query: Mapping[str, str], body: Object | None = None) -> Object:
        """One call with an object or without; what the server answers.

        Raises:
            ApiServerError: it cannot be asked, or says no; then `status` and `reason` tell why.
        """
        answer: Object = msgspec.json.decode(await self._read(method, path, query, body))
        return answer

    async def _read(
        self, method: str, path: str, query: Mapping[str, str], body: Object | None = None, *, kind: str = _JSON
    ) -> bytes:
        response = await self._send(method, path, query, _CALL, body=body, kind=kind)
        try:
            content = await response.read()
        except (aiohttp.ClientError, TimeoutError) as error:
            raise ApiServerError(f"{path}: {type(error).__name__}") from error
        if response.status >= _OK:
            raise _error(response.status, path, content)
        return content

    async def _send(
        self,
        method: str,
        path: str,
        query: Mapping[str, str],
        limit: aiohttp.ClientTimeout,
        *,
        body: Object | None = None,
        kind: str = _JSON,
    ) -> aiohttp.ClientResponse:
        headers = {"Accept": _JSON, "Content-Type": kind}
        try:
            serialized = await self._api.param_serialize(
                method, path, query_params=list(query.items()), header_params=headers, body=body, auth_settings=["BearerToken"]
            )
            answer = await self._api.call_api(*serialized, _request_timeout=limit)
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise ApiServerError(f"{path}: {type(error).__name__}") from error
        response: aiohttp.ClientResponse = answer.response
        return response


def _error(status: int, path: str, content: bytes = b"") -> ApiServerError:
    try:
        reason = msgspec.json.decode(content, type=_Status).message
    except (msgspec.DecodeError, UnicodeDecodeError):
        reason = ""
    return (GoneError if status == _GONE else ApiServerError)(f"{path}: status {status}", status, reason)


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

"""Objects in a cluster: the custom resources themselves, so that kubectl and the admin API have one truth."""

import logging
from collections.abc import AsyncIterator, Mapping, Sequence

from ostiary_gateway.admin.errors import AdminError, ConflictError, InvalidError, MissingError, UnavailableError
from ostiary_gateway.admin.kinds import API_VERSION, Kind
from ostiary_gateway.admin.resources import Object, Ref, ref_of
from ostiary_gateway.bundle.apiserver import ApiServer, ApiServerError

_PAGE = "500"
_STRICT = {"fieldValidation": "Strict"}

log = logging.getLogger(__name__)


class Cluster:
    """Those of some namespaces, or of all where none is named. Connected by the first call."""

    rotates = True

    def __init__(self, namespaces: Sequence[str] = (), api: ApiServer | None = None) -> None:
        self._namespaces = tuple(namespaces)
        self._api = api

    async def list(self, kind: Kind, namespace: str = "") -> Sequence[Object]:
        if namespace and not self._serves(namespace):
            return []
        places = (namespace,) if namespace else self._namespaces or ("",)
        return [item for place in places async for item in self._pages(kind, place)]

    async def get(self, kind: Kind, ref: Ref) -> Object:
        self._refuse_others(kind, ref)
        return await self._call("GET", kind, ref)

    async def create(self, kind: Kind, obj: Object) -> Object:
        ref = ref_of(obj)
        if not self._serves(ref.namespace):
            raise InvalidError(f"namespace: {ref.namespace} is not served by this installation")
        return await self._call("POST", kind, ref, query=_STRICT, body=obj)

    async def replace(self, kind: Kind, obj: Object) -> Object:
        ref = ref_of(obj)
        self._refuse_others(kind, ref)
        return await self._call("PUT", kind, ref, query=_STRICT, body=obj)

    async def delete(self, kind: Kind, ref: Ref, version: str) -> None:
        self._refuse_others(kind, ref)
        only = {"preconditions": {"resourceVersion": version}} if version else {}
        options = {"apiVersion": "v1", "kind": "DeleteOptions", **only}
        await self._call("DELETE", kind, ref, body=options)

    async def close(self) -> None:
        if self._api:
            await self._api.close()

    def _serves(self, namespace: str) -> bool:
        return not self._namespaces or namespace in self._namespaces

    def _refuse_others(self, kind: Kind, ref: Ref) -> None:
        if not self._serves(ref.namespace):
            raise MissingError(f"there is no {kind.one} {ref.id}")

    async def _pages(self, kind: Kind, namespace: str) -> AsyncIterator[Object]:
        following = ""
        while True:
            query = {"limit": _PAGE} | ({"continue": following} if following else {})
            page = await self._call("GET", kind, Ref(namespace, ""), query=query)
            for item in page.get("items") or ():
                yield {"apiVersion": API_VERSION, "kind": kind.name, **item}
            following = page["metadata"].get("continue", "")
            if not following:
                return

    async def _call(
        self, method: str, kind: Kind, ref: Ref, *, query: Mapping[str, str] | None = None, body: Object | None = None
    ) -> Object:
        named = "" if method == "POST" else ref.name
        try:
            if self._api is None:
                self._api = ApiServer.from_pod()
            return await self._api.call(method, _path(kind, ref.namespace, named), query or {}, body)
        except ApiServerError as error:
            raise _translated(error, method, kind, ref) from error


def _path(kind: Kind, namespace: str, name: str) -> str:
    scope = f"/namespaces/{namespace}" if namespace else ""
    return f"/apis/{API_VERSION}{scope}/{kind.plural}{'/' if name else ''}{name}"


def _translated(error: ApiServerError, method: str, kind: Kind, ref: Ref) -> AdminError:
    new = method == "POST"
    match error.status:
        case 404:
            return (
                InvalidError(f"there is no namespace {ref.namespace}")
                if new
                else MissingError(f"there is no {kind.one} {ref.id}")
            )
        case 409:
            why, code = ("exists already", "exists") if new else ("was changed by somebody else", "changed")
            return ConflictError(f"{kind.one} {ref.id} {why}", code)
        case 400 | 422:
            return InvalidError(error.reason or "the API server does not take it")
        case 403:
            log.warning("admin: this gateway may not %s %s: %s", method, kind.plural, error.reason)
            return UnavailableError(f"the cluster does not allow this gateway to do that with {kind.plural}")
    log.warning("admin: %s", error)
    return UnavailableError("the API server cannot be reached")

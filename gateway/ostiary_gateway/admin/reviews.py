"""Kubernetes says who a token is of (TokenReview) and whether they may (SubjectAccessReview on the request's own path).

So a ClusterRole with `nonResourceURLs: ["/admin/*"]` and `verbs: [get]` makes viewers, `["*"]` admins. An answer counts for ten
seconds. Only so many questions are under way at once: tokens that nobody has must not become a load for the API server.
"""

import asyncio
import hashlib
import time
from collections.abc import Callable

from ostiary_gateway.admin.auth import unknown_token
from ostiary_gateway.admin.errors import ForbiddenError, UnavailableError
from ostiary_gateway.bundle.apiserver import ApiServer, ApiServerError, Object

SECONDS = 10.0
_REMEMBERED = 1024
_AT_ONCE = 4
_WAITING = 16
_TOKENS = "/apis/authentication.k8s.io/v1/tokenreviews"
_ACCESS = "/apis/authorization.k8s.io/v1/subjectaccessreviews"

Question = tuple[str, ...]


class Reviews:
    """Connected by the first question. `now` is a clock that never goes back."""

    def __init__(self, api: ApiServer | None = None, now: Callable[[], float] = time.monotonic) -> None:
        self._api = api
        self._now = now
        self._known: dict[Question, tuple[float, Object]] = {}
        self._asking = asyncio.Semaphore(_AT_ONCE)
        self._waiting = 0

    async def actor(self, token: str, method: str, path: str) -> str:
        digest = hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()
        status = await self._ask((digest,), _TOKENS, {"token": token})
        if not status.get("authenticated"):
            raise unknown_token()
        user = status.get("user") or {}
        name = str(user.get("username", ""))
        subject = {"user": name, "groups": user.get("groups") or [], "uid": user.get("uid", ""), "extra": user.get("extra") or {}}
        verb = method.lower()
        access = {**subject, "nonResourceAttributes": {"path": path, "verb": verb}}
        if not (await self._ask((digest, verb, path), _ACCESS, access)).get("allowed"):
            raise ForbiddenError(f"{name} may not {verb} {path}")
        return name

    async def close(self) -> None:
        if self._api:
            await self._api.close()

    async def _ask(self, question: Question, path: str, spec: Object) -> Object:
        """The status of a review."""
        now = self._now()
        known = self._known.get(question)
        if known and now < known[0]:
            return known[1]
        if self._waiting >= _WAITING:
            raise UnavailableError("too many tokens are being looked up")
        self._waiting += 1
        try:
            async with self._asking:
                answer = await self._call(path, spec)
        finally:
            self._waiting -= 1
        status: Object = answer.get("status") or {}
        while len(self._known) >= _REMEMBERED:
            del self._known[next(iter(self._known))]
        self._known[question] = (self._now() + SECONDS, status)
        return status

    async def _call(self, path: str, spec: Object) -> Object:
        kind = "TokenReview" if path == _TOKENS else "SubjectAccessReview"
        group = path.removeprefix("/apis/").rpartition("/")[0]
        try:
            if self._api is None:
                self._api = ApiServer.from_pod()
            return await self._api.call("POST", path, {}, {"apiVersion": group, "kind": kind, "spec": spec})
        except ApiServerError as error:
            raise UnavailableError("Kubernetes cannot be asked whose token this is") from error

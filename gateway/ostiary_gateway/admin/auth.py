"""Who asks, and whether they may: viewers read, admins write.

Tokens are in files (a mounted Secret), read at each request, so a replaced one counts at once. A token that is in none of them is
shown to Kubernetes, where the settings say so.
"""

import hashlib
import hmac
from pathlib import Path
from typing import Literal, NamedTuple, Protocol

from ostiary_gateway.admin.errors import ForbiddenError, UnauthorizedError

Role = Literal["viewer", "admin"]
_SCHEME = "bearer"
_CHALLENGE = {"WWW-Authenticate": 'Bearer realm="ostiary admin"'}
_READS = ("GET", "HEAD")


class Reviewer(Protocol):
    """Kubernetes, as far as it is asked here."""

    async def actor(self, token: str, method: str, path: str) -> str:
        """Name of the user that a token is of, who may do this.

        Raises:
            UnauthorizedError: nobody has this token.
            ForbiddenError: the user may not.
            UnavailableError: Kubernetes cannot be asked.
        """
        ...


class _Holder(NamedTuple):
    role: Role
    file: Path


class Gate:
    """`reviewer` is asked where no file has the token."""

    def __init__(self, admin_file: str, viewer_file: str, reviewer: Reviewer | None = None) -> None:
        files: tuple[tuple[Role, str], ...] = (("admin", admin_file), ("viewer", viewer_file))
        self._holders = tuple(_Holder(role, Path(file)) for role, file in files if file)
        self._reviewer = reviewer

    async def actor(self, authorization: str, method: str, path: str) -> str:
        """Who asks: `admin` or `viewer`, or a user of Kubernetes.

        Raises:
            UnauthorizedError: there is no token, or one that nobody knows.
            ForbiddenError: its holder may not do this.
        """
        scheme, _, token = authorization.partition(" ")
        token = token.strip()
        if scheme.lower() != _SCHEME or not token:
            raise UnauthorizedError("a bearer token is needed", headers=_CHALLENGE)
        role = self._role(token)
        if role is None and self._reviewer:
            return await self._reviewer.actor(token, method, path)
        if role is None:
            raise unknown_token()
        if role == "viewer" and method not in _READS:
            raise ForbiddenError("this token may only read")
        return role

    def _role(self, token: str) -> Role | None:
        """All files are compared, and hashes instead of texts, so that time tells nothing."""
        given = hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()
        roles = [holder.role for holder in self._holders if hmac.compare_digest(_digest(holder.file), given)]
        return roles[0] if roles else None


def unknown_token() -> UnauthorizedError:
    return UnauthorizedError("nobody has this token", headers=_CHALLENGE)


def _digest(file: Path) -> bytes:
    """Of the token in a file; of nothing that could be a token where it is empty or not there."""
    try:
        token = file.read_bytes().strip()
    except OSError:
        token = b""
    return hashlib.sha256(token).digest() if token else b""

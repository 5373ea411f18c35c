"""A Google service account's key file: what it says, and the assertion that an access token is asked for with (RFC 7523)."""

import ipaddress
from urllib.parse import urlsplit

import jwt
import msgspec
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

_SCOPE = "https://www.googleapis.com/auth/cloud-platform"
_LIFE_SECONDS = 3600  # the longest that Google takes
_SLOW_CLOCK_SECONDS = 30  # an assertion of the future is refused
_LEAST_BITS = 2048


class AccountError(ValueError):
    """The text is no key file that can be used. The message tells nothing of what it says."""


class _File(msgspec.Struct, frozen=True, kw_only=True):
    client_email: str
    private_key: str
    private_key_id: str = ""
    token_uri: str = "https://oauth2.googleapis.com/token"  # noqa: S105 - a place


class ServiceAccount:
    """`name` may be told to anyone; the key is in `assertion` alone."""

    def __init__(self, secret: str) -> None:
        """Read a key file.

        Raises:
            AccountError: it cannot be used.
        """
        try:
            file = msgspec.json.decode(secret, type=_File)
        except (msgspec.DecodeError, UnicodeEncodeError):
            raise AccountError("not the JSON key file of a service account") from None
        _check(file.token_uri)
        self.name = file.client_email
        self.token_uri = file.token_uri
        self._headers = {"kid": file.private_key_id} if file.private_key_id else None
        self._key = _private(file.private_key)

    def assertion(self, now_ms: int) -> str:
        """A JWT that says who asks and for what, signed with the account's key."""
        now = now_ms // 1000 - _SLOW_CLOCK_SECONDS
        claims = {"iss": self.name, "scope": _SCOPE, "aud": self.token_uri, "iat": now, "exp": now + _LIFE_SECONDS}
        return jwt.encode(claims, self._key, algorithm="RS256", headers=self._headers)


def _private(pem: str) -> RSAPrivateKey:
    try:
        key = load_pem_private_key(pem.encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise AccountError("private_key: no private key in PEM") from None
    if not isinstance(key, RSAPrivateKey) or key.key_size < _LEAST_BITS:
        raise AccountError(f"private_key: no RSA key of {_LEAST_BITS} bits or more")
    return key


def _check(uri: str) -> None:
    """An assertion is worth a token to whoever sees it, and a Secret must not make us ask just anyone."""
    try:
        place = urlsplit(uri)
        _ = place.port
    except ValueError:
        raise AccountError("token_uri: no URL") from None
    if place.username is not None or place.password is not None or not place.hostname:
        raise AccountError("token_uri: no URL of a host")
    if place.scheme != "https" and not (place.scheme == "http" and _is_loopback(place.hostname)):
        raise AccountError("token_uri: not https")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"

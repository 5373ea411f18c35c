"""Google's token endpoint: an assertion that a service account signed for an access token.

"Using OAuth 2.0 for server to server applications". Whether the signature is right it cannot know; all else is looked at.
"""

import base64
import binascii
import hashlib
import time
from typing import Any
from urllib.parse import parse_qs

import msgspec

from ostiary_gateway.fake.dialect import Answer, encode
from ostiary_gateway.fake.google import TOKEN
from ostiary_gateway.fake.script import parse
from ostiary_gateway.fake.wire import Request

_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_LONGEST = 3600
_SKEW = 300
_PARTS = 3


def answer_token(request: Request, now: float | None = None) -> Answer:
    """An access token for an hour, or for as long as a path like `/expires-2/token` says."""
    script = parse(request.path.split("/")[1])
    if script.status != 200:  # noqa: PLR2004
        return Answer(script.status, encode({"error": "internal_failure", "error_description": "scripted"}), script=script)
    given = {name: values[0] for name, values in parse_qs(request.body.decode("latin-1")).items()}
    if given.get("grant_type") != _GRANT:
        return _refuse("unsupported_grant_type", f"Invalid grant_type: {given.get('grant_type', '')}")
    fault = _find_fault(given.get("assertion", ""), time.time() if now is None else now)
    if fault:
        return _refuse("invalid_grant", fault)
    token = TOKEN + hashlib.sha256(request.body).hexdigest()
    value = {"access_token": token, "expires_in": script.expires or _LONGEST - 1, "token_type": "Bearer"}
    return Answer(200, encode(value), script=script)


def _refuse(error: str, description: str) -> Answer:
    return Answer(400, encode({"error": error, "error_description": description}))


def _find_fault(assertion: str, now: float) -> str:
    parts = assertion.split(".")
    if len(parts) != _PARTS or not parts[2]:
        return "Bad Request: the assertion is not a signed JWT"
    head, claims = _part(parts[0]), _part(parts[1])
    if head.get("alg") != "RS256":
        return "Invalid JWT: algorithm must be RS256"
    missing = [name for name in ("iss", "scope", "aud", "iat", "exp") if not claims.get(name)]
    if missing:
        return f"Invalid JWT: {missing[0]} is missing"
    if claims["exp"] - claims["iat"] > _LONGEST or claims["exp"] < now - _SKEW or claims["iat"] > now + _SKEW:
        return "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe."
    return ""


def _part(text: str) -> dict[str, Any]:
    try:
        value = msgspec.json.decode(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (msgspec.DecodeError, binascii.Error, UnicodeDecodeError):
        return {}
    return value if isinstance(value, dict) else {}

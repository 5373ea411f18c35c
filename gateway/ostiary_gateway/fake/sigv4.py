"""Whether a request is signed as AWS asks ("Authenticating requests: Signature Version 4").

Any access key id is known here; its secret is `secret-of-<access key id>`.
"""

import hashlib
import hmac
import re
import time
from datetime import UTC, datetime
from urllib.parse import parse_qsl, quote

from ostiary_gateway.fake.wire import Request

_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<key>[^/, ]+)/(?P<day>\d{8})/(?P<region>[a-z0-9-]+)/(?P<service>[a-z0-9-]+)/aws4_request,"
    r" ?SignedHeaders=(?P<names>[a-z0-9;-]+), ?Signature=(?P<signature>[0-9a-f]{64})"
)
_LONGEST_SKEW = 300


def secret_of(access_key_id: str) -> str:
    return f"secret-of-{access_key_id}"


def find_fault(request: Request, service: str = "bedrock", now: float | None = None) -> tuple[str, str] | None:
    """AWS's name for what is wrong with the signature and a sentence about it; None if it is right."""
    found = _AUTHORIZATION.fullmatch(request.header("authorization"))
    if not found:
        return "IncompleteSignatureException", "Authorization header requires 'Credential', 'Signature' and 'SignedHeaders'."
    names, stamp = found["names"].split(";"), request.header("x-amz-date")
    wanted = {"host", *(name for name, _value in request.headers if name.startswith("x-amz-"))}
    if wanted - {*names} or names != sorted(names):
        return "InvalidSignatureException", "'Host' and all 'x-amz-' headers must be signed, in order."
    if found["service"] != service or not stamp.startswith(found["day"]):
        return "InvalidSignatureException", "Credential should be scoped to correct service and date."
    if _seconds_off(stamp, time.time() if now is None else now) > _LONGEST_SKEW:
        return "InvalidSignatureException", f"Signature expired or not yet current: {stamp}"
    scope = f"{found['day']}/{found['region']}/{found['service']}/aws4_request"
    text = "\n".join(("AWS4-HMAC-SHA256", stamp, scope, _hash(_canonical(request, names).encode())))
    key = f"AWS4{secret_of(found['key'])}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    if not hmac.compare_digest(hmac.digest(key, text.encode(), "sha256").hex(), found["signature"]):
        return "InvalidSignatureException", (
            "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and"
            " signing method. Consult the service documentation for details."
        )
    return None


def _canonical(request: Request, names: list[str]) -> str:
    """The request as it is signed: its path is percent-encoded once more than it was sent."""
    pairs = sorted(parse_qsl(request.query, keep_blank_values=True))
    query = "&".join(f"{quote(name, safe='~')}={quote(value, safe='~')}" for name, value in pairs)
    headers = "".join(f"{name}:{_value(request, name)}\n" for name in names)
    return "\n".join((request.method, quote(request.path, safe="/~"), query, headers, ";".join(names), _hash(request.body)))


def _value(request: Request, name: str) -> str:
    return ",".join(" ".join(value.split()) for key, value in request.headers if key == name)


def _seconds_off(stamp: str, now: float) -> float:
    try:
        signed = datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        return float("inf")
    return abs(signed.timestamp() - now)


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()

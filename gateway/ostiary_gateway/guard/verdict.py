"""What nginx hears of a provider without an answer, in the caller's dialect where it is passed on as it is."""

from typing import Literal

import msgspec
from aiohttp import web

from ostiary_gateway.guard.headers import VERDICT

Why = Literal["timeout", "connection"]

_STATUS: dict[Why, int] = {"timeout": 504, "connection": 502}
_MESSAGE: dict[Why, str] = {"timeout": "provider timeout", "connection": "provider error"}
_ANTHROPIC_TYPE: dict[Why, str] = {"timeout": "timeout_error", "connection": "api_error"}
_ANTHROPIC_PATH = "/v1/messages"


def verdict(request: web.BaseRequest, why: Why) -> web.Response:
    """The same words as nginx's own (ARCHITECTURE.md, "Surfaces"); the header says why."""
    return web.Response(
        status=_STATUS[why],
        headers={VERDICT: why},
        body=msgspec.json.encode(_body(request, why)),
        content_type="application/json",
    )


def _body(request: web.BaseRequest, why: Why) -> dict[str, object]:
    message = _MESSAGE[why]
    if request.path.endswith(_ANTHROPIC_PATH):
        error = {"type": _ANTHROPIC_TYPE[why], "message": message}
        return {"type": "error", "error": error, "request_id": request.headers.get("X-Request-Id", "")}
    return {"error": {"message": message, "type": "server_error", "param": None, "code": _STATUS[why]}}

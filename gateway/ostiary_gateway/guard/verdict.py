"""What nginx hears of a provider without an answer, in the caller's dialect where it is passed on as it is."""

from typing import Literal

import msgspec
from aiohttp import web

from ostiary_gateway.guard.headers import VERDICT
from ostiary_gateway.guard.order import Order

Why = Literal["timeout", "connection"]

_STATUS: dict[Why, int] = {"timeout": 504, "connection": 502}
_MESSAGE: dict[Why, str] = {"timeout": "provider timeout", "connection": "provider error"}
_ANTHROPIC_TYPE: dict[Why, str] = {"timeout": "timeout_error", "connection": "api_error"}
_GOOGLE_STATUS: dict[Why, str] = {"timeout": "DEADLINE_EXCEEDED", "connection": "UNAVAILABLE"}
_GOOGLE_ENDS = (":generateContent", ":streamGenerateContent")


def verdict(request: web.BaseRequest, order: Order, why: Why) -> web.Response:
    """The same words as nginx's own (ARCHITECTURE.md, "Surfaces"); the header says why."""
    return web.Response(
        status=_STATUS[why],
        headers={VERDICT: why},
        body=msgspec.json.encode(_body(request, order.dialect, why)),
        content_type="application/json",
    )


def _body(request: web.BaseRequest, dialect: str, why: Why) -> dict[str, object]:
    message, dialect = _MESSAGE[why], dialect or _dialect(request.path)
    if dialect == "messages":
        error = {"type": _ANTHROPIC_TYPE[why], "message": message}
        return {"type": "error", "error": error, "request_id": request.headers.get("X-Request-Id", "")}
    if dialect == "generate":
        return {"error": {"code": _STATUS[why], "message": message, "status": _GOOGLE_STATUS[why]}}
    return {"error": {"message": message, "type": "server_error", "param": None, "code": _STATUS[why]}}


def _dialect(path: str) -> str:
    """What the client speaks, by the end of a path, before which a provider's own may stand."""
    if path.endswith("/v1/messages"):
        return "messages"
    return "generate" if "/v1beta/" in path or path.endswith(_GOOGLE_ENDS) else ""

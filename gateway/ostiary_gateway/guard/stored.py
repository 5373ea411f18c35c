"""`/v1/responses/{id}`: what is asked about kept responses, answered without a provider."""

import re
from collections.abc import Sequence
from http import HTTPStatus

import msgspec
from aiohttp import web

from ostiary_gateway.guard.headers import VERDICT
from ostiary_gateway.guard.stateful import Conversations, RefusedError
from ostiary_gateway.responses import answer as answers
from ostiary_gateway.responses.raw import items_of
from ostiary_gateway.responses.store import Kept

_PATH = re.compile(r"/v1/responses/(?P<id>[^/]+)(?P<items>/input_items)?")
_MOST_ITEMS, _USUAL_ITEMS = 100, 20


async def answer(conversations: Conversations | None, request: web.BaseRequest, owner: str) -> web.Response:
    """As OpenAI's API answers; what is not there is 404."""
    try:
        return await _answer(conversations, request, owner)
    except RefusedError as error:
        return refusal(error)


def refusal(error: RefusedError) -> web.Response:
    """In OpenAI's shape; the header says that no provider was asked."""
    kind = "server_error" if error.status >= HTTPStatus.INTERNAL_SERVER_ERROR else "invalid_request_error"
    told = {"message": str(error), "type": kind, "param": error.param, "code": error.code}
    retry = {"Retry-After": "1"} if error.status == HTTPStatus.SERVICE_UNAVAILABLE else {}
    headers = {VERDICT: "refused", **retry}
    return web.Response(
        status=error.status, headers=headers, body=msgspec.json.encode({"error": told}), content_type="application/json"
    )


async def _answer(conversations: Conversations | None, request: web.BaseRequest, owner: str) -> web.Response:
    found = _PATH.fullmatch(request.path)
    if found is None or conversations is None:
        raise RefusedError(404, "no such endpoint")
    if found["items"] is None and request.method == "DELETE":
        return await _delete(conversations, owner, found["id"])
    if request.method != "GET":
        raise RefusedError(405, "method not allowed")
    kept = await conversations.find(owner, found["id"])
    if kept is None:
        raise _not_found(found["id"])
    return _json(_items(kept, request)) if found["items"] else _shown(kept, request)


async def _delete(conversations: Conversations, owner: str, name: str) -> web.Response:
    if not await conversations.delete(owner, name):
        raise _not_found(name)
    return _json({"id": name, "object": "response", "deleted": True})


def _shown(kept: Kept, request: web.BaseRequest) -> web.Response:
    if request.query.get("stream") == "true":
        raise RefusedError(400, "a kept response cannot be streamed again", "stream")
    return web.Response(body=answers.continued(kept.response, kept.previous), content_type="application/json")


def _items(kept: Kept, request: web.BaseRequest) -> dict[str, object]:
    """A page of what the response's own request added, the newest first unless asked otherwise."""
    items = answers.with_ids(items_of(kept.input), f"item_{kept.id}")
    if request.query.get("order", "desc") != "asc":
        items.reverse()
    after = request.query.get("after")
    if after is not None:
        items = items[_place(items, after) + 1 :]
    page = items[: _limit(request.query.get("limit"))]
    ends = {"first_id": page[0]["id"], "last_id": page[-1]["id"]} if page else {"first_id": None, "last_id": None}
    return {"object": "list", "data": page, **ends, "has_more": len(page) < len(items)}


def _place(items: Sequence[dict[str, object]], name: str) -> int:
    for place, item in enumerate(items):
        if item["id"] == name:
            return place
    raise RefusedError(400, "'after' is no item of this response", "after")


def _limit(text: str | None) -> int:
    if text is None:
        return _USUAL_ITEMS
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:9]) <= _MOST_ITEMS:
        raise RefusedError(400, f"'limit' is no number from 1 to {_MOST_ITEMS}", "limit")
    return int(text)


def _not_found(name: str) -> RefusedError:
    shown = "".join(c if c.isprintable() else "?" for c in name[:256])
    return RefusedError(404, f"Response with id '{shown}' not found.", "response_id")


def _json(value: object) -> web.Response:
    return web.Response(body=msgspec.json.encode(value), content_type="application/json")

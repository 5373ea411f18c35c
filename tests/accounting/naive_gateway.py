"""A gateway as many are: it takes each read for whole events, and charges when a stream has come to its end.

Every fault of it is one that gateways in the field had. The conformance kit has to find them.
"""

import json
from collections.abc import Sequence
from contextlib import suppress
from decimal import Decimal
from typing import Any, Self

from aiohttp import ClientError, ClientSession, web

from ostiary_gateway.conformance.case import CACHE_READ, INPUT, OUTPUT
from ostiary_gateway.conformance.meters import Reading


class NaiveGateway:
    """Serves on a free port within the block, and is its own meter."""

    def __init__(self, provider: str) -> None:
        self._provider = provider
        self._charged: dict[str, list[tuple[int, int, int]]] = {}
        self.url = ""

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=2**24)
        app.router.add_post("/{path:.*}", self._pass_on)
        self._session = ClientSession()
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        self.url = f"http://{host}:{port}"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()
        await self._session.close()

    async def read(self, ids: Sequence[str]) -> Reading | None:
        found = [usage for each in ids[:1] for usage in self._charged.get(each, [])]
        if not found:
            return None
        cost = sum((tokens_in - read) * INPUT + read * CACHE_READ + out * OUTPUT for tokens_in, out, read in found)
        return Reading(
            input=sum(each[0] for each in found), output=sum(each[1] for each in found), cost=Decimal(cost) / 1_000_000
        )

    async def _pass_on(self, request: web.Request) -> web.StreamResponse:
        asked = self._session.post(self._provider + request.path, data=await request.read())
        async with asked as answer:
            response = web.StreamResponse(status=answer.status, headers={"Content-Type": answer.content_type})
            await response.prepare(request)
            usage: dict[str, Any] = {}
            with suppress(ClientError):
                async for piece in answer.content.iter_any():
                    usage.update(_usage(piece))
                    await response.write(piece)
        self._charged.setdefault(request.headers["x-request-id"], []).append(_counts(usage))
        return response


def _usage(piece: bytes) -> dict[str, Any]:
    """What a read says of the usage, if it is events."""
    for line in piece.split(b"\n"):
        with suppress(ValueError):
            value = json.loads(line.removeprefix(b"data: "))
            for holder in (value, value.get("response") or {}, value.get("message") or {}):
                if isinstance(found := holder.get("usage"), dict):
                    return found
    return {}


def _counts(usage: dict[str, Any]) -> tuple[int, int, int]:
    read = (usage.get("prompt_tokens_details") or usage.get("input_tokens_details") or {}).get("cached_tokens", 0)
    return (
        usage.get("prompt_tokens", usage.get("input_tokens", 0)),
        usage.get("completion_tokens", usage.get("output_tokens", 0)),
        read,
    )

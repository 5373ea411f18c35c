"""The client: sends a request as an SDK would, and leaves when the case says so."""

import asyncio
import json
import re
from contextlib import suppress
from typing import Any
from uuid import uuid4

import aiohttp

from ostiary_gateway.conformance.case import PATHS
from ostiary_gateway.conformance.play import Play

_SECONDS = 30.0
_READ_ON_SECONDS = 0.3  # a gateway may hold events back; then the client leaves without them
_TRIES = 3
_RETRIED = {408, 409, 429, 500, 502, 503, 504}
_REPLY_ID = re.compile(rb'"id"\s*:\s*"((?:chatcmpl-|msg_|resp_)[^"]+)"')
_ID_HEADERS = ("x-litellm-call-id", "request-id", "x-request-id")
MOST_OUTPUT = 4000


def request_body(play: Play, output: int = MOST_OUTPUT) -> dict[str, Any]:
    """What an SDK would send, with this maximum of output tokens."""
    case, prompt = play.case, play.prompt
    body: dict[str, Any] = {"model": case.model}
    match case.dialect:
        case "chat":
            body |= {"messages": [{"role": "user", "content": prompt}], "max_completion_tokens": output}
        case "completions":
            body |= {"prompt": prompt, "max_tokens": output}
        case "messages":
            body |= {"messages": [{"role": "user", "content": prompt}], "max_tokens": output}
        case "responses":
            body |= {"input": prompt, "max_output_tokens": output}
        case "embeddings":
            return body | {"input": prompt}
    if case.stream:
        body["stream"] = True
        if case.asks and case.dialect in {"chat", "completions"}:
            body["stream_options"] = {"include_usage": True}
    return body


class Caller:
    """Calls one gateway. `base_url` is an OpenAI or Anthropic base URL, with or without its `/v1`."""

    def __init__(self, session: aiohttp.ClientSession, base_url: str, key: str) -> None:
        self._session = session
        self._base = base_url.rstrip("/").removesuffix("/v1")
        self._key = key

    async def play(self, play: Play, output: int = MOST_OUTPUT) -> None:
        """The whole case; a failed call is tried again with the same ids, as SDKs do."""
        request_id = f"conformance-{uuid4().hex}"
        play.request_ids.append(request_id)
        body = json.dumps(request_body(play, output), ensure_ascii=False).encode()
        for _ in range(play.case.times):
            for _ in range(_TRIES):
                status = await self._call(play, request_id, body)
                play.statuses.append(status)
                if status not in _RETRIED:
                    break

    async def _call(self, play: Play, request_id: str, body: bytes) -> int:
        """The status of one call; 0 if there was none."""
        case = play.case
        headers = {"Content-Type": "application/json", "x-request-id": request_id, "Idempotency-Key": request_id}
        if case.dialect == "messages":
            headers |= {"x-api-key": self._key, "anthropic-version": "2023-06-01"}
        else:
            headers["Authorization"] = f"Bearer {self._key}"
        request = asyncio.ensure_future(self._session.post(f"{self._base}/v1{PATHS[case.dialect]}", data=body, headers=headers))
        if case.ends == "silence":
            await _first(request, play.reached)
            return await self._leave(play, request)
        try:
            async with asyncio.timeout(_SECONDS):
                response = await request
        except (aiohttp.ClientError, TimeoutError):
            return 0
        play.request_ids += [value for name in _ID_HEADERS if (value := response.headers.get(name))]
        if case.leaves is not None or case.ends == "stall":
            with suppress(aiohttp.ClientError):
                await _until(response, play)
            response.close()
            play.left.set()
        else:
            with suppress(aiohttp.ClientError, TimeoutError):
                async with asyncio.timeout(_SECONDS):
                    found = _REPLY_ID.search(await response.content.read())
                    play.request_ids += [found[1].decode()] if found else []
            response.close()
        return response.status

    @staticmethod
    async def _leave(play: Play, request: "asyncio.Future[aiohttp.ClientResponse]") -> int:
        """Before there is an answer."""
        request.cancel()
        with suppress(asyncio.CancelledError, aiohttp.ClientError):
            (await request).close()
        play.left.set()
        return 0


async def _until(response: aiohttp.ClientResponse, play: Play) -> None:
    """Read as far as the provider has come when the client wants to leave."""
    received = b""
    reached: asyncio.Future[Any] = asyncio.ensure_future(play.reached.wait())
    while not reached.done() and not response.content.at_eof():
        reading = asyncio.ensure_future(response.content.readany())
        await asyncio.wait({reached, reading}, return_when=asyncio.FIRST_COMPLETED)
        received += await _stopped(reading)
    reached.cancel()
    with suppress(TimeoutError):
        async with asyncio.timeout(_READ_ON_SECONDS):
            while _events(received) < play.sent_events and (piece := await response.content.readany()):
                received += piece
    found = _REPLY_ID.search(received)
    play.request_ids += [found[1].decode()] if found else []


def _events(received: bytes) -> int:
    return received.replace(b"\r\n", b"\n").count(b"\n\n")


async def _stopped(reading: "asyncio.Future[bytes]") -> bytes:
    """What was read, if it was; else nobody waits for it any more."""
    if not reading.done():
        reading.cancel()
    try:
        return await reading
    except asyncio.CancelledError:
        return b""


async def _first(request: "asyncio.Future[aiohttp.ClientResponse]", reached: asyncio.Event) -> None:
    """Until the provider has the request, or the gateway has answered for it."""
    waiting: asyncio.Future[Any] = asyncio.ensure_future(reached.wait())
    await asyncio.wait({request, waiting}, timeout=_SECONDS, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()


def session() -> aiohttp.ClientSession:
    """Connections are not used again: each request ends in a way of its own."""
    connector = aiohttp.TCPConnector(limit=0, force_close=True)
    return aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=None), auto_decompress=True)

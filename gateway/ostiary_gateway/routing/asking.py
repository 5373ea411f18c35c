"""The one module here that talks to the network: it asks a scoring model, for a bounded time, and trusts nothing it says."""

import asyncio
import logging
import ssl
from collections.abc import Sequence
from typing import Literal

import aiohttp

from ostiary_gateway.contract.decision import Target
from ostiary_gateway.contract.dialect import PATHS
from ostiary_gateway.contract.model import Route
from ostiary_gateway.routing import scorer
from ostiary_gateway.routing.prompt import Prompt

Outcome = Literal["matched", "none", "timeout", "error"]
_HEADERS = {"authorization": "Authorization", "x-api-key": "X-Api-Key", "api-key": "Api-Key", "x-goog-api-key": "X-Goog-Api-Key"}

log = logging.getLogger(__name__)


class Asking:
    """Connections to scorers, kept alive over the questions."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=tls or True), auto_decompress=True)

    async def close(self) -> None:
        await self._session.close()

    async def ask(self, target: Target, routes: Sequence[Route], prompt: Prompt, timeout_ms: int) -> tuple[str | None, Outcome]:
        """The route that the scorer names, and how it went; no route unless one of these was named in time."""
        try:
            async with asyncio.timeout(timeout_ms / 1000):
                status, body = await self._post(target, scorer.question(target.model, routes, prompt))
        except TimeoutError:
            log.warning("the scorer did not answer in time", extra={"scorer": target.id, "timeout_ms": timeout_ms})
            return None, "timeout"
        except (aiohttp.ClientError, OSError) as error:
            log.warning("the scorer cannot be asked: %s", type(error).__name__, extra={"scorer": target.id})
            return None, "error"
        if status != 200:  # noqa: PLR2004 - HTTP
            log.warning("the scorer answered %d", status, extra={"scorer": target.id})
            return None, "error"
        route = scorer.answer(body, routes)
        return route, "matched" if route else "none"

    async def _post(self, target: Target, body: bytes) -> tuple[int, bytes]:
        headers = {"Content-Type": "application/json", "Accept-Encoding": "identity"}
        if target.credentials:
            headers[_HEADERS[target.credential_header]] = target.credentials[0]
        url = f"{target.scheme}://{target.host}{target.base_path}{target.path or PATHS['chat']}"
        async with self._session.post(url, data=body, headers=headers, allow_redirects=False) as answer:
            return answer.status, await answer.content.read(scorer.LONGEST_ANSWER)

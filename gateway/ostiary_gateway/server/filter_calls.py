"""Filters and scorers that are asked over the network: for a bounded time, for a bounded answer, never somewhere else."""

import asyncio
import logging
import ssl
from collections.abc import Iterable, Mapping
from io import BytesIO

import aiohttp
from multidict import CIMultiDict

from ostiary_gateway.contract.decision import Target
from ostiary_gateway.contract.model import Filter
from ostiary_gateway.filters import answers, scoring, verdicts
from ostiary_gateway.filters.texts import Text
from ostiary_gateway.filters.verdicts import Verdict

LONGEST_BODY = 32 * 1024 * 1024
_CHUNK = 65536
_OK = 200
_CREDENTIALS = {
    "authorization": "Authorization", "x-api-key": "X-Api-Key", "api-key": "Api-Key", "x-goog-api-key": "X-Goog-Api-Key",
}  # fmt: skip
_OURS = {"Content-Type": "application/json", "Accept": "application/json", "Accept-Encoding": "identity"}

log = logging.getLogger(__name__)


class TooLongError(Exception):
    """An answer has no end."""


class FilterCalls:
    """Connections that are kept alive over the requests. Redirects are not followed, cookies not kept."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=tls or True), cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=False
        )

    async def close(self) -> None:
        await self._session.close()

    async def ask(self, each: Filter, body: str, headers: Mapping[str, str]) -> Verdict:
        """What an HTTP filter says of a request body."""
        given = CIMultiDict({**_OURS, **headers})
        given.update(each.headers)
        got = await self._post(each, each.url, body.encode(), given)
        return got if isinstance(got, Verdict) else answers.verdict(*got, body)

    async def score(self, each: Filter, target: Target, texts: Iterable[Text]) -> float | Verdict:
        """How likely an attack a scorer finds the texts, 0 to 1; a failure where it does not say."""
        headers = dict(_OURS)
        if target.credentials and target.credential_header:
            headers[_CREDENTIALS[target.credential_header]] = target.credentials[0]
        url = f"{target.scheme}://{target.host}{target.base_path}{target.path or scoring.path(target.model)}"
        got = await self._post(each, url, scoring.question(target.model, texts), headers)
        if isinstance(got, Verdict):
            return got
        status, answer = got
        value = scoring.answer(target.model, answer) if status == _OK else None
        return verdicts.failed(f"the scorer answered {status} without a score") if value is None else value

    async def _post(self, each: Filter, url: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, bytes] | Verdict:
        try:
            async with asyncio.timeout(each.timeout_ms / 1000):
                async with self._session.post(url, data=BytesIO(body), headers=headers, allow_redirects=False) as answer:
                    return answer.status, await _read(answer)
        except TimeoutError:
            return verdicts.timed_out("the filter did not answer in time")
        except TooLongError:
            return verdicts.failed("the filter's answer is too long")
        except (aiohttp.ClientError, OSError, ValueError) as error:
            log.warning("a filter cannot be asked: %s", type(error).__name__, extra={"filter": each.name})
            return verdicts.failed("the filter cannot be asked")


async def _read(answer: aiohttp.ClientResponse) -> bytes:
    """All of an answer that may take the request's place, the beginning of any other."""
    if answer.headers.get("Content-Encoding", "identity") != "identity":
        raise aiohttp.ClientPayloadError("an encoding that was not asked for")
    whole = answer.status == _OK
    most = LONGEST_BODY if whole else answers.LONGEST_STOP
    pieces, length = [], 0
    async for piece in answer.content.iter_chunked(_CHUNK):
        pieces.append(piece)
        length += len(piece)
        if length > most:
            if whole:
                raise TooLongError
            break
    return b"".join(pieces)

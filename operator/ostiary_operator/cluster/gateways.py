"""Asking the gateway's pods for their statements, over their admin port, with the token that may read it."""

from pathlib import Path
from typing import Self

import aiohttp

from ostiary_operator.cluster.errors import RefusedError, UnavailableError

_CALL = aiohttp.ClientTimeout(total=4, sock_connect=2)
_REFUSED = 400
_BROKEN = 500


class Gateways:
    """`token_file` is read at each call: the token may be replaced at any time. Close it, or use it as a context manager."""

    def __init__(self, port: int, token_file: Path) -> None:
        self._port = port
        self._token_file = token_file
        self._session = aiohttp.ClientSession(timeout=_CALL, auto_decompress=True)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()

    async def statement(self, address: str, cursor: str) -> bytes:
        """What the pod at this IP address says that it did not say up to `cursor`.

        Raises:
            ClusterError: it does not answer, or not to us.
        """
        host = f"[{address}]" if ":" in address else address
        url = f"http://{host}:{self._port}/admin/statement"
        try:
            headers = {"Authorization": f"Bearer {self._token_file.read_text(encoding='ascii').strip()}"}
            async with self._session.get(url, params={"after": cursor}, headers=headers) as answer:
                content = await answer.read()
        except (aiohttp.ClientError, OSError, TimeoutError, UnicodeDecodeError) as error:
            raise UnavailableError(f"statement of {host}: {type(error).__name__}") from error
        if answer.status >= _BROKEN:
            raise UnavailableError(f"statement of {host}: {answer.status}")
        if answer.status >= _REFUSED:
            raise RefusedError(answer.status, f"statement of {host}")
        return content

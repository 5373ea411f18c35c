"""Request logs in Valkey: the list `gateway:logs`, oldest first, of 100,000 entries at most (TP-20, TP-21)."""

from collections.abc import Sequence
from typing import Any

import msgspec
from valkey import Valkey
from valkey.exceptions import ValkeyError

from ostiary_gateway.contract.settings import SettingsError
from ostiary_gateway.summaries.tail import Chunk, Position
from ostiary_gateway.summaries.values import SummaryError

LOGS = "gateway:logs"
POSITIONS = "gateway:logs:positions"
MOST = 100_000
_SECONDS = 5.0
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Position).decode


class ValkeyTarget:
    CHUNK = 256 * 1024

    def __init__(self, url: str, ca_file: str = "") -> None:
        """Raises SettingsError where the URL is none."""
        options: dict[str, Any] = {"socket_timeout": _SECONDS, "socket_connect_timeout": _SECONDS}
        if url.startswith("valkeys://"):
            options |= {"ssl_check_hostname": True} | ({"ssl_ca_certs": ca_file} if ca_file else {})
        try:
            self._client: Any = Valkey.from_url(url, **options)
        except ValueError as error:
            raise SettingsError("valkey_url: is no URL of a Valkey") from error

    def position(self, source: str) -> Position:
        try:
            told = self._client.hget(POSITIONS, source)
            return _decode(told) if told else Position()
        except (ValkeyError, msgspec.DecodeError) as error:
            raise SummaryError(f"{LOGS}: {error}") from error

    def is_due(self, pending: int) -> bool:
        return pending > 0

    def put(self, source: str, chunk: Chunk, entries: Sequence[tuple[str, bytes]]) -> None:
        """Entries and position in one transaction."""
        try:
            with self._client.pipeline(transaction=True) as together:
                if entries:
                    together.rpush(LOGS, *(text for _, text in entries))
                    together.ltrim(LOGS, -MOST, -1)
                together.hset(POSITIONS, source, _encode(chunk.after))
                together.execute()
        except ValkeyError as error:
            raise SummaryError(f"{LOGS}: {error}") from error

    def restart(self, source: str) -> None:
        try:
            self._client.hdel(POSITIONS, source)
        except ValkeyError as error:
            raise SummaryError(f"{LOGS}: {error}") from error

    def close(self) -> None:
        self._client.close()

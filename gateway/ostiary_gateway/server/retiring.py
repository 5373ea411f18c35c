"""When keys that are being rotated away were last used, so that one can see a rotation finish."""

from collections.abc import Mapping

from ostiary_gateway.contract.record import Record
from ostiary_gateway.server.live import Live


class LastUses:
    """Kept for rows of the bundle in use whose state is `retiring`; a restart forgets, the ledger is the truth."""

    def __init__(self, live: Live) -> None:
        self._live = live
        self._uses: dict[tuple[str, str], str] = {}

    def note(self, record: Record) -> None:
        key = (record.key_id, record.key_version)
        if self._is_retiring(key) and record.timestamp > self._uses.get(key, ""):
            self._uses[key] = record.timestamp

    def __call__(self) -> Mapping[str, str]:
        """`<key id>#<version>` to the RFC 3339 time of its last record."""
        self._uses = {key: at for key, at in self._uses.items() if self._is_retiring(key)}
        return {f"{key_id}#{version}": at for (key_id, version), at in sorted(self._uses.items())}

    def _is_retiring(self, key: tuple[str, str]) -> bool:
        index = self._live.index
        return index is not None and key in index.retiring

"""Server-sent events, cut anywhere.

Lines end in CR, LF or CRLF; the space after `data:` is optional; several `data` lines of an event are joined by a line
feed. Event names, ids and comments say nothing about usage and are dropped.
"""

_LF = b"\n"


class Splitter:
    """Turns pieces of a stream into the data of its events; holds at most one unfinished event."""

    def __init__(self) -> None:
        self._rest = b""
        self._data: list[bytes] = []

    def feed(self, piece: bytes) -> list[bytes]:
        """Data of the events that this piece completes, in order."""
        lines = (self._rest + piece).splitlines(keepends=True)
        self._rest = lines.pop() if lines and not _ended(lines[-1]) else b""
        return [data for line in lines if (data := self._line(line.rstrip(b"\r\n"))) is not None]

    def finish(self) -> list[bytes]:
        """Data of an event that the end of the stream cut off before its empty line; it may be whole all the same."""
        data = [self._line(self._rest.rstrip(b"\r\n")), self._line(b"")]
        self._rest = b""
        return [event for event in data if event is not None]

    def _line(self, line: bytes) -> bytes | None:
        if not line:
            event, self._data = self._data, []
            return b"\n".join(event) if event else None
        if line.startswith(b"data:"):
            self._data.append(line[5:].removeprefix(b" "))
        return None


def _ended(line: bytes) -> bool:
    """A lone CR at the end of a piece may be the first half of CRLF, so it waits for the next byte."""
    return line.endswith(_LF)

"""Between which bytes of an event stream a comment may stand."""

COMMENT = b": keep-alive\n\n"

_MOST = 4  # bytes of the longest blank line with the line end before it
_BLANK = (b"\n\n", b"\r\r", b"\n\r\n", b"\r\r\n", b"\n\r")


class Edge:
    """Follows a stream of server-sent events, cut anywhere; `clear` while no event is under way.

    A lone CR ends a line too; the LF that may follow it then ends an empty line more, which says nothing.
    """

    __slots__ = ("_end",)

    def __init__(self) -> None:
        self._end = b""

    @property
    def clear(self) -> bool:
        return not self._end or self._end.endswith(_BLANK)

    def pass_on(self, piece: bytes) -> None:
        self._end = piece[-_MOST:] if len(piece) >= _MOST else (self._end + piece)[-_MOST:]

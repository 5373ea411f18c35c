"""Taking the bytes of a stream apart where it hurts."""

import re
from collections.abc import Iterator

from ostiary_gateway.conformance.case import Cut, Wire
from ostiary_gateway.conformance.events import Event

_PLACES: dict[Cut, re.Pattern[bytes]] = {  # a cut at the end of each match
    "utf8": re.compile(rb"[\xc0-\xff](?=[\x80-\xbf])|[\xe0-\xff][\x80-\xbf](?=[\x80-\xbf])"),
    "field": re.compile(rb"(?:^|(?<=\n))da(?=ta:)|(?:^|(?<=\n))ev(?=ent:)"),
    "colon": re.compile(rb"(?:^|(?<=\n))(?:data|event):"),
    "line_end": re.compile(rb"\r(?=\n)"),
    "blank_line": re.compile(rb"\n(?=\r?\n)"),
    "key": re.compile(rb'"us(?=age")|_tok(?=ens")'),
    "number": re.compile(rb":\d(?=\d)"),
}


def written(event: Event, wire: Wire) -> bytes:
    """An event as it comes over the wire, with the empty line that ends it."""
    gap = " " if wire.space else ""
    lines = [f"event:{gap}{event.name}"] if event.name else []
    lines = [": keep-alive", "", *lines] if wire.comments else lines
    return "".join(line + wire.line_end for line in (*lines, f"data:{gap}{event.data}", "")).encode()


def cut(data: bytes, where: Cut) -> Iterator[bytes]:
    """The pieces, in order; together they are the data."""
    if where in {"events", "whole"}:
        yield data
        return
    if where == "bytes":
        yield from (data[at : at + 1] for at in range(len(data)))
        return
    last = 0
    for found in _PLACES[where].finditer(data):
        if found.end() > last:
            yield data[last : found.end()]
            last = found.end()
    yield data[last:]

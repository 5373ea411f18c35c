"""What the model's name tells the fake provider to do.

Words are joined by dots: `slow-50x20.crlf` streams twenty events, 50 ms apart, with CRLF line ends. Unknown words are
names and change nothing, so `gpt-4.1` is an ordinary model.

    echo                answers with the last user message     hang            never answers
    status-<n>          an error with this status              drop            hangs up without a byte
    html-<n>            the same as an HTML page               break-<n>       breaks off after n events, or half way
    retry-after-<s>     429 with Retry-After                   stall-<n>       falls silent after n events
    slow-<ms>x<n>       n events, so far apart                 split-<bytes>   cuts the reply into pieces of this size
    events-<n>          n events, one after another            fault-<n>       an error in mid-stream, after n events
    big-<KiB>           a text of this size                    close           no length: ends with the connection
    thinks, refuses     what kind of answer it is              pings           life signs between the events
    notools             never calls a tool                     length, filtered   why the answer ended
    rates               with headers about limits              nousage, zero, cached   what is said of tokens
    cumulative          Anthropic's usage comes in two events
    crlf, nospace       how the stream is written              expires-<s>     how long a token lasts
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

Said = Literal["some", "none", "zero", "cached"]
_NUMBERED = re.compile(r"(status|html|retry-after|big|split|break|stall|events|fault|expires)-(\d{1,7})")
_SLOW = re.compile(r"slow-(\d{1,6})x(\d{1,6})")
_USAGE: dict[str, Said] = {"nousage": "none", "zero": "zero", "cached": "cached"}
_ENDINGS: dict[str, Literal["length", "filter"]] = {"length": "length", "filtered": "filter"}
_FLAGS = frozenset(
    {"echo", "hang", "drop", "close", "crlf", "nospace", "thinks", "refuses", "notools", "pings", "rates", "cumulative"}
)
_FIELDS = {
    "break": "break_after", "stall": "stall_after", "big": "big_kib", "split": "split", "status": "status", "events": "events",
    "fault": "fault_after", "expires": "expires",
}  # fmt: skip
TOO_MANY_REQUESTS = 429


@dataclass(frozen=True, slots=True)
class Script:
    """Sizes in bytes unless named otherwise; `status` 200 is success; a negative count of events is never."""

    status: int = 200
    html: bool = False
    retry_after: int | None = None
    echo: bool = False
    hang: bool = False
    drop: bool = False
    close: bool = False
    crlf: bool = False
    nospace: bool = False
    thinks: bool = False
    refuses: bool = False
    notools: bool = False
    pings: bool = False
    rates: bool = False
    cumulative: bool = False
    delay_ms: int = 0
    events: int = 0
    break_after: int = -1
    stall_after: int = -1
    fault_after: int = -1
    big_kib: int = 0
    split: int = 0
    expires: int = 0
    usage: Said = "some"
    ending: Literal["", "length", "filter"] = ""


@lru_cache(maxsize=4096)
def parse(name: str) -> Script:
    values: dict[str, object] = {}
    for word in name.split("."):
        values.update(_word(word))
    return Script(**values)  # type: ignore[arg-type]  # names and types come from _word


def _word(word: str) -> dict[str, object]:
    if word in _FLAGS:
        return {word: True}
    if word in _USAGE:
        return {"usage": _USAGE[word]}
    if word in _ENDINGS:
        return {"ending": _ENDINGS[word]}
    if slow := _SLOW.fullmatch(word):
        return {"delay_ms": int(slow[1]), "events": int(slow[2])}
    numbered = _NUMBERED.fullmatch(word)
    return _with_number(numbered[1], int(numbered[2])) if numbered else {}


def _with_number(verb: str, number: int) -> dict[str, object]:
    if verb == "html":
        return {"status": number, "html": True}
    if verb == "retry-after":
        return {"status": TOO_MANY_REQUESTS, "retry_after": number}
    return {_FIELDS[verb]: number}

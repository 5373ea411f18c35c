"""One case: what is asked, what the provider answers, how it comes over the wire, and how it ends."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal

Dialect = Literal["chat", "completions", "responses", "embeddings", "messages"]
Cut = Literal["events", "whole", "bytes", "utf8", "field", "colon", "line_end", "blank_line", "key", "number"]
"""Where the bytes of an answer are taken apart: between its events, nowhere, everywhere, in a character, in `data:`, after
its colon, in a CRLF, between the two line ends after an event, in the word "usage", in a number."""
Ends = Literal["whole", "cut", "mid_event", "reset", "stall", "error_event", "silence"]
"""How the provider ends: as it should, without its last chunk, in the middle of an event, with a reset, never, with an
error event; or it says nothing at all until the client has left."""

PATHS: dict[Dialect, str] = {
    "chat": "/chat/completions",
    "completions": "/completions",
    "responses": "/responses",
    "embeddings": "/embeddings",
    "messages": "/messages",
}
OPENAI_MODEL, ANTHROPIC_MODEL = "conformance-openai", "conformance-anthropic"
INPUT, CACHE_READ, CACHE_WRITE, OUTPUT = (Decimal(price) for price in ("3", "0.30", "3.75", "15"))
"""US dollars per million tokens that the gateway under test has to be told for both models."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """Tokens of one answer. Input includes what the cache held, output includes reasoning."""

    input: int
    output: int
    cache_read: int = 0
    cache_write: int = 0
    reasoning: int = 0

    @property
    def cost(self) -> Decimal:
        """US dollars at the kit's prices."""
        fresh = self.input - self.cache_read - self.cache_write
        micro = fresh * INPUT + self.cache_read * CACHE_READ + self.cache_write * CACHE_WRITE + self.output * OUTPUT
        return micro / 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Wire:
    """How the events are written down and cut into pieces."""

    cut: Cut = "events"
    line_end: str = "\n"
    space: bool = True
    ascii: bool = False
    comments: bool = False
    framing: Literal["chunked", "close"] = "chunked"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What is asked and what comes back.

    `tells`: the provider reports its usage if asked as OpenAI has to be; always; never; on the last chunk with a choice;
    with each chunk, growing; or, as Anthropic may, in several `message_delta`s whose last word also corrects the input.
    `after` is the number of events before the end that `ends` says, `leaves` that after which the client leaves. `fails`
    are the statuses of the first calls. `asks`: the client asks for the usage of a stream itself. `times`: so often the
    client sends it, with the same ids.
    """

    name: str
    group: str
    dialect: Dialect
    counts: Counts
    stream: bool = True
    pieces: int = 3
    tells: Literal["asked", "always", "never", "last_choice", "running", "cumulative"] = "asked"
    wire: Wire = field(default_factory=Wire)
    ends: Ends = "whole"
    after: int = 0
    leaves: int | None = None
    fails: tuple[int, ...] = ()
    asks: bool = True
    times: int = 1
    late: bool = False  # a pause before what tells the usage
    trap: bool = False  # the text of the answer speaks of usage
    thinks: bool = False  # the text comes as reasoning, or as arguments of a tool

    @property
    def model(self) -> str:
        return ANTHROPIC_MODEL if self.dialect == "messages" else OPENAI_MODEL

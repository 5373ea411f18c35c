"""One case being played: what provider and client, who are in one process, know of each other."""

import asyncio
from dataclasses import dataclass, field
from uuid import uuid4

from ostiary_gateway.conformance.case import Case, Counts

_PROMPT = (
    "You keep the books of a toll bridge. Every crossing is written down once: who crossed, when, with how many carts, and "
    "what was paid. Some travellers turn back in the middle of the bridge; they pay for the planks that they walked on. "
    "Some carts break down; what lies on the bridge is charged, what never arrived is not. Tell me how you would make sure "
    "that the sum of the day is right, even if the lamp goes out, the ink runs dry, or two clerks write at the same time. "
)


@dataclass(slots=True)
class Play:
    """`nonce` is in the prompt, so that the provider knows whose call it is, through any gateway.

    What the provider did: `calls` that it got, `text` that it sent, `counts` that it told, whether they are `final`, and
    whether it `answered` at all. What the client saw: `statuses`, and ids by which the gateway may know the request.
    """

    case: Case
    nonce: str = field(default_factory=lambda: uuid4().hex[:16])
    request_ids: list[str] = field(default_factory=list)
    calls: int = 0
    answered: int = 0
    sent_events: int = 0
    text: str = ""
    counts: Counts | None = None
    final: bool = False
    statuses: list[int] = field(default_factory=list)
    reached: asyncio.Event = field(default_factory=asyncio.Event)  # the provider is where the client wants to leave
    left: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def prompt(self) -> str:
        return f"{_PROMPT * 4}Reference: conformance-{self.nonce}."

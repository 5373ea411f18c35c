"""What was truly used, and how much an estimate may be off."""

from dataclasses import dataclass
from decimal import Decimal
from functools import cache, lru_cache
from math import ceil

import splintr

from ostiary_gateway.conformance.case import Counts
from ostiary_gateway.conformance.play import Play

TOKENIZER = "o200k_base"
ALLOWED = Decimal("0.03")
_CHAT_TOKENS = 7  # what OpenAI adds to a prompt of one message: its frame, its role, and the beginning of the answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """`None` is not judged. `slack` is the share by which each number may be off: 0 where the provider told it."""

    input: int | None
    output: int | None
    cost: Decimal
    input_slack: Decimal = Decimal(0)
    output_slack: Decimal = Decimal(0)

    def allows(self, input_tokens: int | None, output_tokens: int | None, cost: Decimal | None) -> list[str]:
        """What differs: input, output, cost. A cost of None is not judged."""
        wrong = []
        if self.input is not None and not _near(input_tokens or 0, self.input, self.input_slack):
            wrong.append("input")
        if self.output is not None and not _near(output_tokens or 0, self.output, self.output_slack):
            wrong.append("output")
        slack = max(self.input_slack, self.output_slack)
        if cost is not None and abs(cost - self.cost) > self.cost * slack:
            wrong.append("cost")
        return wrong


def truth(play: Play) -> Truth:
    """Of a case that has been played.

    Nothing is charged for what failed or came back empty. What the provider told is exact; without its last word, the
    prompt and the text that it had sent are counted. A request that is sent twice with the same ids is one.
    """
    if not play.answered and play.case.ends != "silence":
        return Truth(input=0, output=0, cost=Decimal(0))
    if play.counts is not None and play.final:
        counts = play.counts
        return Truth(input=counts.input, output=counts.output, cost=counts.cost)
    if play.case.stream and not play.case.pieces and play.case.ends == "whole" and play.case.leaves is None:
        return Truth(input=None, output=None, cost=Decimal(0))
    told = play.counts
    output = count(play.text)
    if told is not None:
        output = max(output, told.output)
        held = Counts(input=told.input, output=output, cache_read=told.cache_read, cache_write=told.cache_write)
        return Truth(input=told.input, output=output, cost=held.cost, output_slack=ALLOWED)
    estimate = Counts(input=count(play.prompt) + _CHAT_TOKENS, output=output)
    slack = ALLOWED
    return Truth(input=estimate.input, output=output, cost=estimate.cost, input_slack=slack, output_slack=slack)


@lru_cache(maxsize=4096)
def count(text: str) -> int:
    """Tokens of a text."""
    return len(_tokenizer().encode_ordinary(text)) if text else 0


@cache
def _tokenizer() -> "splintr.AnyTokenizer":
    return splintr.Tokenizer.from_pretrained(TOKENIZER)


def _near(charged: int, true: int, slack: Decimal) -> bool:
    return abs(charged - true) <= ceil(true * slack)

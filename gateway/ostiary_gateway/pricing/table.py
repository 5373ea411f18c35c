"""Prices as whole numbers of one tiny unit: what a cost is added up from, exactly and quickly."""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple, Self

from ostiary_gateway.contract.record import Usage
from ostiary_gateway.pricing.exact import EXACT, ZERO

_AUDIO_BYTES = 30
"""A token of sound comes from more bytes than this (32 tokens a second at 6 kbit/s in base64), a token of text from one at least.
So a bound in bytes needs no price of sound unless sound is more than 30 times as dear."""

_PICO, _NANO = 12, 9


class Ceiling(NamedTuple):
    """The most that one more may cost, rounded up: picodollars per token of input and of output, nanodollars per request."""

    input: int
    output: int
    request: int


class Row(NamedTuple):
    """Prices of a request whose input has more than `above` tokens: US dollars each, or whole numbers of a table's unit."""

    above: int
    input: Decimal | int = ZERO
    output: Decimal | int = ZERO
    cache_read: Decimal | int = ZERO
    cache_write: Decimal | int = ZERO
    cache_write_1h: Decimal | int = ZERO
    input_audio: Decimal | int = ZERO
    output_audio: Decimal | int = ZERO
    input_image: Decimal | int = ZERO
    output_image: Decimal | int = ZERO
    reasoning: Decimal | int = ZERO
    image: Decimal | int = ZERO
    request: Decimal | int = ZERO
    search: Decimal | int = ZERO


_FALLBACKS = {  # in this order: what has no price of its own costs what the other does
    "cache_read": "input",
    "cache_write": "input",
    "cache_write_1h": "cache_write",
    "input_audio": "input",
    "input_image": "input",
    "output_audio": "output",
    "output_image": "output",
    "reasoning": "output",
}


def row(above: int, dollars: Mapping[str, Decimal]) -> Row:
    """A row in US dollars each from the prices that are stated."""
    prices = dict(dollars)
    for name, other in _FALLBACKS.items():
        if name not in prices and other in prices:
            prices[name] = prices[other]
    return Row(above, **prices)


class Table:
    """Rows by size of the input; crossing a tier changes the price of the whole request, as providers do it."""

    __slots__ = ("_rows", "_scale")

    def __init__(self, rows: Sequence[Row], scale: int) -> None:
        """Args: rows: ascending by `above`, in units of 10^-scale US dollars."""
        self._rows = tuple(rows)
        self._scale = scale

    @classmethod
    def of(cls, rows: Iterable[Row]) -> Self:
        """From rows in US dollars; every digit of them is kept."""
        ordered = sorted(rows)
        scale = max(_decimals(price) for each in ordered for price in each[1:])
        unit = [Row(each.above, *(int(EXACT.scaleb(Decimal(price), scale)) for price in each[1:])) for each in ordered]
        return cls(unit, scale)

    def times(self, share: Decimal) -> "Table":
        """The same prices, but this share of each."""
        dollars = (
            Row(each.above, *(EXACT.multiply(EXACT.scaleb(Decimal(price), -self._scale), share) for price in each[1:]))
            for each in self._rows
        )
        return Table.of(dollars)

    def cost(self, usage: Usage) -> Decimal:
        """US dollars. What a provider tells of parts never makes more than the whole."""
        plain, written = usage.input_tokens or 0, usage.output_tokens or 0
        at = self._at(plain)
        total = at.request
        if part := usage.cache_read_tokens:
            part = min(part, plain)
            plain -= part
            total += part * at.cache_read
        if part := usage.cache_write_tokens:
            part = min(part, plain)
            plain -= part
            hour = min(usage.cache_write_1h_tokens or 0, part)
            total += (part - hour) * at.cache_write + hour * at.cache_write_1h
        if part := usage.reasoning_tokens:
            part = min(part, written)
            written -= part
            total += part * at.reasoning
        if usage.input_audio_tokens or usage.output_audio_tokens or usage.input_image_tokens or usage.output_image_tokens:
            plain, written, extra = _media(usage, at, plain, written)
            total += extra
        total += plain * at.input + written * at.output
        total += (usage.images or 0) * at.image + (usage.web_searches or 0) * at.search
        return EXACT.scaleb(Decimal(total), -self._scale)

    def ceiling(self) -> Ceiling:
        """Of the dearest tier. Searches that a provider makes on its own account are not in it: nothing bounds their number."""
        into = (max(r.input, r.cache_read, r.cache_write, r.cache_write_1h, r.input_image) for r in self._rows)
        sound = max(self._up(r.input_audio, _PICO) for r in self._rows)
        out = (max(r.output, r.reasoning, r.output_audio, r.output_image) for r in self._rows)
        return Ceiling(
            max(self._up(max(into), _PICO), -(-sound // _AUDIO_BYTES)),
            self._up(max(out), _PICO),
            self._up(max(r.request + r.image for r in self._rows), _NANO),
        )

    def _at(self, tokens: int) -> Row:
        found = self._rows[0]
        for each in self._rows[1:]:
            if tokens > each.above:
                found = each
        return found

    def _up(self, price: Decimal | int, digits: int) -> int:
        """A price in units of 10^-digits dollars, rounded up."""
        return -int(-int(price) * 10**digits // 10**self._scale)


def _media(usage: Usage, at: Row, plain: int, written: int) -> tuple[int, int, Decimal | int]:
    """Sound and pictures. Returns: text tokens of input and output that are left, and what the others cost."""
    sound, picture = min(usage.input_audio_tokens or 0, plain), usage.input_image_tokens or 0
    picture = min(picture, plain - sound)
    spoken, painted = min(usage.output_audio_tokens or 0, written), usage.output_image_tokens or 0
    painted = min(painted, written - spoken)
    cost = sound * at.input_audio + picture * at.input_image + spoken * at.output_audio + painted * at.output_image
    return plain - sound - picture, written - spoken - painted, cost


def _decimals(price: Decimal | int) -> int:
    exponent = Decimal(price).normalize(EXACT).as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0

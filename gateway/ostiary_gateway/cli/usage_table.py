"""What people see of a summary: a table, with a bar in each row where a terminal shows it, and CSV."""

import csv
import io
from collections.abc import Iterator, Sequence
from decimal import Decimal

import msgspec

from ostiary_gateway.summaries import Item

_COUNTS = ("requests", "errors", "input_tokens", "output_tokens", "cache_read_tokens", "reasoning_tokens", "uncounted")
_CENTS = Decimal("0.000001")
_EIGHTHS = " ▏▎▍▌▋▊▉█"
_GAP = "  "
_LONGEST_BAR, _SHORTEST_BAR = 24, 6
BARS = {"tokens": "tokens", "cost": "cost", "requests": "requests", "name": "tokens"}
"""What the length of a bar stands for, by the order of the rows."""


def table(items: Sequence[Item], by: Sequence[str], *, width: int = 0, measure: str = "tokens") -> Iterator[str]:
    """Lines of equal length: a head, then one for each group.

    Cost is to a millionth of a dollar; a plus says that some of it has no known price.

    Args:
        items: in the order of the rows.
        by: what they are grouped by.
        width: of the terminal, which gets a bar in each row if there is room for one; 0 is no terminal.
        measure: what the bars show: tokens, cost or requests.
    """
    heads = (*by, *(column.removesuffix("_tokens").replace("_", " ") for column in _COUNTS), "cost usd", "last")
    sign = " " if any(item.unpriced for item in items) else ""  # what stands where others have a plus
    rows = [tuple(head.upper() for head in heads), *(_cells(item, by, sign) for item in items)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    room = min(_LONGEST_BAR, width - sum(widths) - len(_GAP) * len(widths) - 1)
    bars = _bars(items, measure, room) if room >= _SHORTEST_BAR else [""] * len(items)
    for row, bar in zip(rows, ("", *bars), strict=True):
        names = [cell.ljust(size) for cell, size in zip(row[: len(by)], widths, strict=False)]
        numbers = [cell.rjust(size) for cell, size in zip(row[len(by) :], widths[len(by) :], strict=True)]
        yield _GAP.join([*names, *numbers, bar] if bar else [*names, *numbers])


def text(items: Sequence[Item], by: Sequence[str]) -> str:
    """CSV with a head; money is exact."""
    out = io.StringIO()
    fields = Item.__struct_fields__[2:]
    rows = csv.writer(out, lineterminator="\n")
    rows.writerow((*by, *fields))
    rows.writerows((*item.groups.values(), *(getattr(item, field) for field in fields)) for item in items)
    return out.getvalue()


def encoded(items: Sequence[Item]) -> str:
    """Indented JSON; money is text, as exact as the ledger."""
    return msgspec.json.format(msgspec.json.encode(items), indent=2).decode()


def _cells(item: Item, by: Sequence[str], sign: str) -> tuple[str, ...]:
    names = (item.groups[name] for name in by)
    cost = f"{Decimal(item.cost).quantize(_CENTS):,f}" + ("+" if item.unpriced else sign)
    return (*names, *(f"{getattr(item, column):,}" for column in _COUNTS), cost, item.last[:19] + "Z")


def _bars(items: Sequence[Item], measure: str, room: int) -> Iterator[str]:
    sizes = [_size(item, measure) for item in items]
    largest = max(sizes, default=Decimal(0))
    for size in sizes:
        eighths = int(size * room * 8 / largest) if largest else 0
        whole, rest = divmod(max(eighths, 1 if size else 0), 8)
        yield (("█" * whole + _EIGHTHS[rest].strip()) or " ").ljust(room)


def _size(item: Item, measure: str) -> Decimal:
    match measure:
        case "cost":
            return Decimal(item.cost)
        case "requests":
            return Decimal(item.requests)
        case _:
            return Decimal(item.input_tokens + item.output_tokens)

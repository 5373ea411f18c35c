"""The report, for a person."""

from collections.abc import Iterator, Sequence

from ostiary_gateway.conformance.edge import Edge
from ostiary_gateway.conformance.judge import Row

_HEADS = ("", "case", "true in", "out", "cost", "charged in", "out", "cost", "")
_LEFT = {0, 1, 8}


def lines(rows: Sequence[Row]) -> Iterator[str]:
    """A table, and what it comes to. `~` marks what nobody told and was counted, and may be 3 % off."""
    cells = [_cells(row) for row in rows]
    widths = [max(len(row[at]) for row in (_HEADS, *cells)) for at in range(len(_HEADS))]
    for row in (_HEADS, *cells):
        padded = (
            cell.ljust(width) if at in _LEFT else cell.rjust(width)
            for at, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        yield "  ".join(padded).rstrip()
    wrong = [row for row in rows if not row.right]
    yield ""
    yield f"{len(rows) - len(wrong)} of {len(rows)} right"
    for group in dict.fromkeys(row.group for row in wrong):
        count, of = sum(row.group == group for row in wrong), sum(row.group == group for row in rows)
        yield f"  wrong in {group}: {count} of {of}"


def sentence(edge: Edge) -> str:
    """What became of the budget."""
    verdict = "ok" if edge.right else f"WRONG ({', '.join(edge.differs)})"
    return (
        f"budget of {edge.budget}, {edge.calls} calls at once: {edge.served} served where {edge.fitting} fit, "
        f"used {edge.used}, charged {edge.charged}, statuses {edge.statuses}: {verdict}"
    )


def _cells(row: Row) -> tuple[str, ...]:
    mark = "~" if row.estimate else ""
    return (
        "ok" if row.right else "WRONG",
        row.case,
        _number(row.true_input, mark),
        _number(row.true_output, mark),
        row.true_cost,
        _number(row.charged_input),
        _number(row.charged_output),
        "-" if row.charged_cost is None else row.charged_cost,
        ", ".join(row.differs),
    )


def _number(value: int | None, mark: str = "") -> str:
    return "-" if value is None else f"{mark}{value:,}"

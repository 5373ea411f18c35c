"""Answers to queries: sums of a store, and what is not in it yet, or only in part of an hour, from the ledger itself."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

from ostiary_gateway.ledger.names import Name
from ostiary_gateway.ledger.packed import opened
from ostiary_gateway.summaries.fold import Batch, Part, lines_of
from ostiary_gateway.summaries.query import LABEL, TIMES, Item, Page, Query
from ostiary_gateway.summaries.ranges import Cut, Range, cut, ranges, widened
from ostiary_gateway.summaries.sql import LAST, MONEY, SUMS
from ostiary_gateway.summaries.store import Store
from ostiary_gateway.summaries.tail import Position, Tail, committed
from ostiary_gateway.summaries.values import UNKNOWN, Sums, Who, plain

Groups = dict[tuple[str, ...], Sums]
_TEXTS = MONEY | {LAST}
_COLUMNS = Item.__struct_fields__[2:]


def answer(query: Query, folder: Path, source: str, store: Store | None, *, shared: bool = False) -> Page:
    """One page of groups.

    Args:
        query: checked.
        folder: of this process's ledger; it need not exist.
        source: its id.
        store: the sums; without it the whole ledger is read.
        shared: others write to the store too; of their part hours only whole ones are known.

    Raises:
        SummaryError: the store cannot be read.
        OSError: the ledger cannot be read.
    """
    since, until = widened(query.since, query.until) if shared else (query.since, query.until)
    groups: Groups = {}
    position = Position()
    if store is not None:
        with store.database.transaction(write=False):
            position = store.reached(source).position
            hours = cut(since, until)
            edges = _edges(folder, store.parts(source, hours.edges), since, until, hours)
            if edges is None:
                since, until = widened(since, until)
                hours, edges = cut(since, until), Batch()
            _merge(groups, _stored(query, store, ranges(hours.first, hours.stop, query.finest)))
        _merge(groups, _folded(query, edges))
    for batch in _rest(folder, position, since, until):
        _merge(groups, _folded(query, batch))
    return _page(query, groups, since, until)


def _stored(query: Query, store: Store, wanted: Sequence[Range]) -> Iterator[tuple[tuple[str, ...], Sums]]:
    """Groups as the database adds them up."""
    dialect, mark = store.dialect, store.dialect.mark
    values: list[str | int] = []
    columns = [_expression(name, store, values) for name in query.by]
    sums = [f"{_sum(name, dialect.total)}" for name in SUMS]
    spans = " OR ".join([f"(grain = {mark} AND span >= {mark} AND span < {mark})"] * len(wanted)) or "1 = 0"
    for each in wanted:
        values += each
    chosen = ""
    for name, value in query.where.items():
        chosen += f" AND {_expression(name, store, values)} = {mark}"
        values.append(value)
    statement = (
        f"SELECT {', '.join([*columns, *sums])} FROM ostiary_usage JOIN ostiary_who ON id = who "  # noqa: S608
        f"WHERE ({spans}){chosen} GROUP BY {', '.join(str(at + 1) for at in range(len(columns)))}"
    )
    for row in store.database.ask(statement, values):
        yield tuple(row[: len(columns)]), _sums(row[len(columns) :])


def _expression(name: str, store: Store, values: list[str | int]) -> str:
    if name in TIMES:
        return f"substr(span, 1, {TIMES[name]})"
    if name.startswith(LABEL):
        values.append(name.removeprefix(LABEL))
        return f"coalesce({store.dialect.label}, '{UNKNOWN}')"
    return f"ostiary_who.{name}"


def _sum(name: str, total: str) -> str:
    if name in MONEY:
        return total.format(name)
    return f"max({name})" if name == LAST else f"sum({name})"


def _sums(row: Sequence[Any]) -> Sums:
    told = dict(zip(SUMS, row, strict=True))
    return msgspec.convert({name: value if name in _TEXTS else int(value) for name, value in told.items()}, Sums)


def _edges(folder: Path, parts: dict[str, Part], since: str, until: str, hours: Cut) -> Batch | None:
    """Records of hours that lie in the range in part, from the bytes where they are; None where these are gone."""
    batch = Batch()
    for text, part in parts.items():
        name = Name.parse(text)
        try:
            if name is None:
                continue
            with opened(folder, name) as file:
                file.seek(part.start)
                batch.add(file.read(part.stop - part.start), part.start, since, until)
        except FileNotFoundError:
            return None
    batch.hours = {key: sums for key, sums in batch.hours.items() if key[0] in hours.edges}
    return batch


def _rest(folder: Path, position: Position, since: str, until: str) -> Iterator[Batch]:
    """What the store does not have yet."""
    tail = Tail(folder)
    try:
        end = committed(folder)
        while (chunk := tail.next(position, end)) is not None:
            batch = Batch()
            batch.add(chunk.data, chunk.offset, since, until)
            yield batch
            position = chunk.after
    finally:
        tail.close()


def _folded(query: Query, batch: Batch) -> Iterator[tuple[tuple[str, ...], Sums]]:
    for (hour, who), sums in lines_of([batch]).items():
        labels = msgspec.json.decode(who.labels, type=dict[str, str])
        if all(_value(name, hour, who, labels) == value for name, value in query.where.items()):
            yield tuple(_value(name, hour, who, labels) for name in query.by), sums


def _value(name: str, hour: str, who: Who, labels: dict[str, str]) -> str:
    if name in TIMES:
        return hour[: TIMES[name]]
    if name.startswith(LABEL):
        return labels.get(name.removeprefix(LABEL), UNKNOWN)
    return str(getattr(who, name))


def _merge(groups: Groups, found: Iterator[tuple[tuple[str, ...], Sums]]) -> None:
    for group, sums in found:
        known = groups.get(group)
        if known is None:
            groups[group] = sums
        else:
            known.add(sums)


def _page(query: Query, groups: Groups, since: str, until: str) -> Page:
    order = query.order or ("name" if query.by[0] in TIMES else "tokens")
    ordered = sorted(groups.items(), key=lambda item: (-_rank(order, item[1]), item[0]))
    size = query.page_size or max(len(ordered), 1)
    chosen = ordered[(query.page - 1) * size : query.page * size]
    items = tuple(_item(query, group, sums) for group, sums in chosen)
    return Page(items=items, total_count=len(ordered), page=query.page, page_size=size, since=since, until=until)


def _rank(order: str, sums: Sums) -> Decimal | int:
    match order:
        case "cost":
            return sums.cost
        case "requests":
            return sums.requests
        case "name":
            return 0
        case _:
            return sums.input_tokens + sums.output_tokens


def _item(query: Query, group: tuple[str, ...], sums: Sums) -> Item:
    told = {name: getattr(sums, name) for name in _COLUMNS}
    told |= {name: plain(told[name]) for name in MONEY}
    return Item(name=" ".join(group), groups=dict(zip(query.by, group, strict=True)), **told)

"""What a store answers, in SQLite and in PostgreSQL alike, against sums made record by record."""

import json
import random
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from tests.support.ledger_folder import LedgerFolder, at, line
from tests.support.postgres import Postgres

from ostiary_gateway.cli.usage import usage
from ostiary_gateway.contract.record import Usage
from ostiary_gateway.summaries import Item, Query, Summaries, SummaryError
from ostiary_gateway.summaries.fold import Batch
from ostiary_gateway.summaries.source import identify
from ostiary_gateway.summaries.store import MovedError
from ostiary_gateway.summaries.tail import Position

Groups = dict[str, list[Any]]
DAY = 86_400


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest) -> str:
    return request.getfixturevalue("postgres").url() if request.param == "postgres" else ""


@pytest.fixture
def summaries(ledger: LedgerFolder, url: str) -> Summaries:
    return Summaries(ledger.path, url)


def traffic(count: int, days: int = 70) -> list[bytes]:
    """Records of many kinds, over ten weeks, in the order of their time."""
    dice = random.Random(7)  # noqa: S311 (the same ones each time)
    seconds = sorted(dice.randrange(days * DAY) for _ in range(count))
    return [one_of_many(dice, number, second) for number, second in enumerate(seconds)]


def one_of_many(dice: random.Random, number: int, second: int) -> bytes:
    usage = Usage(input_tokens=dice.randrange(9000), output_tokens=dice.randrange(900), cache_read_tokens=dice.choice([None, 5]))
    cost = dice.choice([None, f"{dice.randrange(10**9)}e-12"])
    team = dice.choice(["red", "blue"])
    return line(
        number, at(second), key_id=f"{team}/{dice.randrange(3)}", owner=team.title(), namespace=team,
        provider=dice.choice(["openai", "anthropic", ""]), model=dice.choice(["gpt-4o", None]),
        error_type=dice.choice([None, None, "client_closed"]), usage=dice.choice([usage, usage, Usage()]),
        cost=cost, charged=cost and dice.choice([cost, "0"]), labels=dice.choice([{}, {"team": team, "a.b/c": "1"}]),
    )  # fmt: skip


def name_of(record: dict[str, Any], by: str) -> str:
    times = {"hour": 13, "day": 10, "month": 7}
    if by in times:
        return str(record["timestamp"][: times[by]])
    if by.startswith("label:"):
        return str(record["labels"].get(by[6:], "unknown"))
    model = record["model"] or record["requested_model"]
    told = {"key": record["key_id"], "model": model}.get(by) or record.get(by)
    return str(told or "unknown")


def by_hand(lines: list[bytes], by: tuple[str, ...], since: str, until: str, **where: str) -> Groups:
    """requests, input, output, uncounted, unpriced, cost, charged, errors of each group."""
    groups: Groups = {}
    for text in lines:
        record = json.loads(text)
        if record["timestamp"] < since or (until and record["timestamp"] >= until):
            continue
        if any(name_of(record, name) != value for name, value in where.items()):
            continue
        sums = groups.setdefault(" ".join(name_of(record, name) for name in by), [0, 0, 0, 0, 0, Decimal(0), Decimal(0), 0])
        counted = record["usage"].get("input_tokens") is not None
        sums[0] += 1
        sums[1] += record["usage"].get("input_tokens") or 0
        sums[2] += record["usage"].get("output_tokens") or 0
        sums[3] += not counted
        sums[4] += counted and record["cost"] is None
        sums[5] += Decimal(record["cost"] or 0)
        sums[6] += Decimal(record["charged"] or 0)
        sums[7] += record["error_type"] is not None
    return groups


def told(items: tuple[Item, ...]) -> Groups:
    return {
        item.name: [
            item.requests, item.input_tokens, item.output_tokens, item.uncounted, item.unpriced, Decimal(item.cost),
            Decimal(item.charged), item.errors,
        ]
        for item in items
    }  # fmt: skip


QUESTIONS = [
    (("key",), "", ""),
    (("model",), "2026-11-01T00:00:00.000Z", "2026-12-01T00:00:00.000Z"),
    (("provider", "surface"), "2026-11-03T00:00:00.000Z", ""),
    (("owner",), "", "2026-12-24T17:00:00.000Z"),
    (("namespace",), "2026-11-03T05:00:00.000Z", "2026-12-24T17:00:00.000Z"),
    (("label:team", "month"), "2026-11-03T05:00:00.000Z", "2027-01-02T03:00:00.000Z"),
    (("label:a.b/c",), "2026-11-03T05:00:00.000Z", "2026-11-04T05:00:00.000Z"),
    (("day", "key"), "2026-11-10T05:00:00.000Z", "2026-11-20T05:00:00.000Z"),
    (("hour",), "2026-11-10T05:00:00.000Z", "2026-11-12T05:00:00.000Z"),
    (("month", "key"), "", ""),
]


@pytest.mark.parametrize("added_up", [1.0, 0.6], ids=["whole", "in-part"])
def test_every_grouping_and_range_is_what_the_records_say(ledger: LedgerFolder, summaries: Summaries, added_up: float) -> None:
    lines = traffic(600)
    cut = int(len(lines) * added_up)
    ledger.commit(lines[:cut])
    summaries.catch_up()
    ledger.commit(lines[cut:])
    for by, since, until in QUESTIONS:
        assert told(summaries.query(Query(by=by, since=since, until=until)).items) == by_hand(lines, by, since, until), by


def test_only_what_has_a_value_is_counted(ledger: LedgerFolder, summaries: Summaries) -> None:
    lines = traffic(300)
    ledger.commit(lines)
    summaries.catch_up()
    where = {"label:team": "red", "provider": "unknown"}
    counted = summaries.query(Query(by=("label:team", "key"), where=where)).items
    assert told(counted) == by_hand(lines, ("label:team", "key"), "", "", **where)
    assert counted


def test_part_hours_are_exact_in_a_file_and_whole_where_replicas_share(
    ledger: LedgerFolder, summaries: Summaries, url: str
) -> None:
    lines = [line(n, at(n * 60)) for n in range(600)]
    ledger.commit(lines)
    summaries.catch_up()
    page = summaries.query(Query(since=at(90 * 60), until=at(330 * 60)))
    hours = ("2026-11-01T01:00:00.000Z", "2026-11-01T06:00:00.000Z") if url else (at(90 * 60), at(330 * 60))
    assert ((page.since, page.until), page.items[0].requests) == (hours, 300 if url else 240)


def test_money_keeps_every_digit(ledger: LedgerFolder, summaries: Summaries) -> None:
    costs = ["0.000000000000000000000000001", "123456789012345.5", "1e-18"]
    ledger.commit(line(n, at(n), cost=cost, charged=cost) for n, cost in enumerate(costs))
    summaries.catch_up()
    ledger.commit([line(9, at(9), cost="0.1", charged=None)])
    summaries.catch_up()
    (item,) = summaries.query(Query()).items
    assert (item.cost, item.charged) == (
        "123456789012345.600000000000000001000000001",
        "123456789012345.500000000000000001000000001",
    )


def test_pages_hold_every_group_once(ledger: LedgerFolder, summaries: Summaries) -> None:
    ledger.commit(line(n, at(n), key_id=f"k{n % 25:02}") for n in range(100))
    summaries.catch_up()
    pages = [summaries.query(Query(page=number, page_size=10)) for number in (1, 2, 3, 4)]
    assert [(len(page.items), page.total_count, page.page_size) for page in pages] == [
        (10, 25, 10),
        (10, 25, 10),
        (5, 25, 10),
        (0, 25, 10),
    ]
    assert len({item.name for page in pages for item in page.items}) == 25


def test_rows_come_in_the_order_that_was_asked_for(ledger: LedgerFolder, summaries: Summaries) -> None:
    ledger.commit([
        line(1, key_id="b", cost="9", usage=Usage(input_tokens=1)), line(2, key_id="a", cost="1", usage=Usage(input_tokens=5)),
        line(3, key_id="c", cost="2", usage=Usage(input_tokens=2)), line(4, key_id="c", cost="2", usage=Usage(input_tokens=2)),
    ])  # fmt: skip
    summaries.catch_up()
    orders: dict[Any, str] = {"tokens": "acb", "cost": "bca", "requests": "cab", "name": "abc", None: "acb"}
    for order, names in orders.items():
        assert "".join(item.name for item in summaries.query(Query(order=order)).items) == names


def test_a_position_that_is_not_the_stores_changes_nothing(ledger: LedgerFolder, summaries: Summaries) -> None:
    ledger.commit([line(1)])
    summaries.catch_up()
    batch = Batch()
    batch.add(line(2), 0)
    with closing(summaries.open_store()) as store:
        with pytest.raises(MovedError):
            store.commit(identify(ledger.path), Position(), Position("usage-2026-11-21.jsonl", 5), batch)
        assert store.reached(identify(ledger.path)).records == 1
    assert summaries.query(Query()).items[0].requests == 1


def test_tables_of_another_version_are_left_alone(ledger: LedgerFolder, summaries: Summaries) -> None:
    ledger.commit([line(1)])
    summaries.catch_up()
    with closing(summaries.open_store()) as store:
        store.database.ask("UPDATE ostiary_schema SET version = 99")
    with pytest.raises(SummaryError, match="version 99, not 1"):
        summaries.catch_up()


def replicas(folder: Path, url: str, count: int) -> Iterator[tuple[LedgerFolder, Summaries]]:
    for number in range(count):
        ledger = LedgerFolder(folder / f"replica-{number}")
        ledger.commit(line(n, at(n * 900), key_id=f"k{n % 3}") for n in range(20 + number))
        yield ledger, Summaries(ledger.path, url)


def test_the_command_asks_the_database_of_the_settings(tmp_path: Path, postgres: Postgres) -> None:
    url = postgres.url()
    made = list(replicas(tmp_path, url, 2))
    for _, summaries in made:
        summaries.catch_up()
    environ = {"OSTIARY_SUMMARY_URL": url}
    result = CliRunner().invoke(usage, ["--ledger", str(made[0][0].path), "--by", "provider", "--json"], env=environ)
    assert json.loads(result.output)[0]["requests"] == 20 + 21


def at_once(*work: Callable[[], None]) -> None:
    threads = [threading.Thread(target=each) for each in work]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_replicas_share_one_summary(tmp_path: Path, postgres: Postgres) -> None:
    made = list(replicas(tmp_path, postgres.url(), 3))
    at_once(*(summaries.catch_up for _, summaries in made))
    for _, summaries in made:
        assert sum(item.requests for item in summaries.query(Query(by=("month", "key"))).items) == 20 + 21 + 22
    made[1][1].rebuild()
    assert sum(item.requests for item in made[0][1].query(Query()).items) == 20 + 21 + 22


def test_a_follower_goes_on_after_its_database_was_away(ledger: LedgerFolder, postgres: Postgres) -> None:
    summaries = Summaries(ledger.path, postgres.url())
    with closing(summaries.follower()) as follower:
        ledger.commit([line(1)])
        assert follower.step()
        postgres.break_connections()
        ledger.commit([line(2)])
        with pytest.raises(SummaryError):
            follower.step()
        assert follower.step()
    assert summaries.query(Query()).items[0].requests == 2


@pytest.mark.parametrize("url", ["postgresql://u:s3cret@127.0.0.1:1/x", "postgresql:// u:s3cret@[", "nonsense s3cret"])
def test_no_password_is_in_an_error(ledger: LedgerFolder, url: str) -> None:
    ledger.commit([line(1)])
    with pytest.raises(SummaryError) as raised:
        Summaries(ledger.path, url).query(Query())
    assert "s3cret" not in f"{raised.value} {raised.value.__cause__}"

"""The counters are a fold of the ledger: after each batch, after a crash, after they were lost, and while it is written."""

import json
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.support.spool_lines import REPLY, line

from ostiary_gateway.cli.ledger import ledger
from ostiary_gateway.contract.price import Price
from ostiary_gateway.ledger import postings
from ostiary_gateway.ledger.charge import Payer
from ostiary_gateway.ledger.postings import PostingError
from ostiary_gateway.ledger.pump import SCRATCH, STATE
from ostiary_gateway.ledger.recount import Recount
from ostiary_gateway.pricing import stated
from ostiary_gateway.store import Spent, State, Sums, committed
from ostiary_gateway.store.counters import until

AT = int(time.time()) // 900 * 900  # the command line has no clock but the machine's
QUARTER = AT // 900
SLOT = AT // 60  # of a window of a day
HELD = f"r0123456789ab.{SLOT}=1,t0123456789ac.{SLOT}=5000,cabcdefabcdef=1,m0123456789ad=900"


class Prices:
    def __init__(self) -> None:
        self.rates = stated.rates(Price(input="10", output="30"), "list", "v7")

    def payer(self, key_id: str, where: Any) -> Payer:
        return Payer({}, ("budget/team/all",) if key_id == "team/alice" else (), self.rates)


def _line(number: int, seconds: float = 0, **fields: Any) -> bytes:
    return line(number, t=AT + seconds, **fields)


def _step(desk: Any) -> Any:
    return desk.pump.step(accounting=Prices())


def _sums(desk: Any) -> Any:
    return closing(Sums.open(desk.ledger / STATE))


def _tables(path: Path) -> dict[str, list[tuple[Any, ...]]]:
    with closing(sqlite3.connect(path)) as db:
        columns = {"spent": "*", "last_used": "*", "settled": "epoch, purse, amount", "truth": "purse, units"}
        return {name: db.execute(f"SELECT {what} FROM {name} ORDER BY 1, 2").fetchall() for name, what in columns.items()}  # noqa: S608


def _run(desk: Any, *arguments: str) -> Any:
    environ = {"OSTIARY_DATA": str(desk.data), "OSTIARY_RUN": str(desk.data / "run")}
    return CliRunner().invoke(ledger, arguments, env=environ, catch_exceptions=False)


@pytest.fixture
def desk(desk: Any) -> Any:
    desk.now = AT
    return desk


@pytest.fixture
def busy(desk: Any) -> Any:
    desk.append(_line(1, held=HELD) + _line(2, 950, s={"key_id": "team/bob"}, idempotency="x", held="m1=7"))
    desk.append(_line(3, 951, s={"key_id": "team/bob"}, idempotency="x") + _line(4, lost=True, u=""))
    desk.append(_line(5, status=500, us="500"))
    _step(desk)
    credit = postings.new("credit", "key/team/alice", "0.0001", reason="goodwill", actor="ann")
    desk.pump.step([credit])
    return desk


def test_gz_07_what_was_spent_is_known_by_account_and_quarter_of_an_hour(desk: Any) -> None:
    desk.append(_line(1, held=HELD) + _line(2, 899.9) + _line(3, 900) + _line(4, s={"key_id": "team/bob"}))
    told = _step(desk).settlements
    one = Spent(Decimal("0.00049"), 29, 1)
    assert told.spent == {
        ("key/team/alice", QUARTER): one.plus(one),
        ("key/team/alice", QUARTER + 1): one,
        ("budget/team/all", QUARTER): one.plus(one),
        ("budget/team/all", QUARTER + 1): one,
        ("key/team/bob", QUARTER): one,
    }
    assert told.last_used == {"key/team/alice": (AT + 900) * 1000, "key/team/bob": AT * 1000}
    with _sums(desk) as sums:
        assert sums.spent("key/team/alice") == (Decimal("0.00147"), 87, 3)
        assert sums.spent("key/team/alice", QUARTER + 1) == one
        assert sums.spent("key/team/alice", 0, QUARTER + 1) == one.plus(one)
        assert sums.spent("key/nobody") == (0, 0, 0)
        assert sums.spent("budget/team/all") == (Decimal("0.00147"), 87, 3)
        assert sums.last_used() == told.last_used
        assert sums.sequence() == told.sequence == 1


def test_what_was_held_is_settled_and_a_window_counts_the_truth(desk: Any) -> None:
    desk.append(_line(1, held=HELD) + _line(2, held=HELD))
    told = _step(desk).settlements
    rate, tokens, money = f"r0123456789ab.{SLOT}", f"t0123456789ac.{SLOT}", "m0123456789ad"
    assert told.settled == {("d0pe", rate): 2, ("d0pe", tokens): 10_000, ("d0pe", money): 1800}
    assert told.truths == {rate: 2, tokens: 58}
    with _sums(desk) as sums, sums.at_once():
        assert sums.settled("d0pe", "t0123456789ac") == {tokens: 10_000}
        assert sums.settled("d0pe", "m0123456789ad") == {money: 1800}
        assert sums.settled("other", "m0123456789ad") == {}
        assert sums.truths("t0123456789ac") == {tokens: 58}


@pytest.mark.parametrize(
    ("changed", "truth"),
    [
        ({}, 29),
        ({"u": ""}, 5000),  # it went through, and nobody knows its tokens
        ({"status": 503, "us": "503", "u": ""}, 0),
        ({"status": 400, "us": "400", "u": ""}, 0),
        ({"status": 500, "us": "500"}, 29),
        ({"lost": True, "u": ""}, 5000),
        ({"u": REPLY | {"usage": [{"input_tokens": 3}]}}, 3),
        ({"u": REPLY | {"usage": [{"prompt_tokens": 2**53, "completion_tokens": 1}]}}, 2**40),
    ],
)
def test_a_window_of_tokens_never_counts_less_than_may_be(desk: Any, changed: dict[str, Any], truth: int) -> None:
    desk.append(_line(1, held=f"t1.{SLOT}=5000", **changed))
    assert _step(desk).settlements.truths == {f"t1.{SLOT}": truth}


def test_gz_08_and_gz_10_count_a_request_but_no_money_and_no_tokens(desk: Any) -> None:
    desk.append(_line(1, idempotency="x") + _line(2, idempotency="x") + _line(3, status=500, us="500"))
    assert _step(desk).settlements.spent["key/team/alice", QUARTER] == (Decimal("0.00049"), 29, 3)


def test_gz_09_a_credit_lowers_what_was_spent_and_is_no_request(desk: Any) -> None:
    desk.append(_line(1))
    _step(desk)
    credit = postings.new("credit", "budget/team/all", "0.0004", reason="goodwill", actor="ann")
    told = desk.pump.step([credit]).settlements
    assert list(told.spent.values()) == [(Decimal("-0.0004"), 0, 0)]
    with _sums(desk) as sums:
        assert sums.spent("budget/team/all") == (Decimal("0.00009"), 29, 1)
    assert desk.records()[1]["kind"] == "credit"
    assert desk.records()[1] | {"reason": "goodwill", "actor": "ann", "amount": "0.0004"} == desk.records()[1]


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"amount": "-1"}, "gives"),
        ({"amount": "0"}, "nothing"),
        ({"amount": "NaN"}, "nothing"),
        ({"amount": "1e30"}, "too much"),
        ({"amount": "one"}, "decimal"),
        ({"amount": "0.0000000000000000001"}, "decimals"),
        ({"account": "alice"}, "account"),
        ({"account": "key/"}, "account"),
        ({"reason": " "}, "reason"),
        ({"actor": "a\nb"}, "actor"),
    ],
)
def test_gz_09_a_posting_that_cannot_be_is_refused(changed: dict[str, str], why: str) -> None:
    good = {"account": "key/a", "amount": "1", "reason": "r", "actor": "a"}
    with pytest.raises(PostingError, match=why):
        postings.new("credit", **(good | changed))
    assert postings.new("adjustment", **(good | {"amount": "-1.50"})).amount == "-1.5"


def test_a_batch_that_fails_counts_nothing(desk: Any) -> None:
    desk.append(_line(1))
    _step(desk)
    before = _tables(desk.ledger / STATE)
    with closing(sqlite3.connect(desk.ledger / STATE, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        desk.append(_line(2))
        with pytest.raises(Exception, match="locked"):
            _step(desk)
    assert _tables(desk.ledger / STATE) == before
    _step(desk)
    with _sums(desk) as sums:
        assert sums.spent("key/team/alice").requests == 2


def test_verify_finds_the_counters_true(busy: Any) -> None:
    done = _run(busy, "verify", "--json")
    assert done.exit_code == 0, done.output
    verdict = json.loads(done.output[done.output.index("{") :])
    assert (verdict["lines"], verdict["doubled"], verdict["unread"], verdict["differences"]) == (6, 0, 0, [])
    assert not list(busy.ledger.glob("verify-*"))


@pytest.mark.parametrize(
    ("harm", "what"),
    [
        ("UPDATE spent SET cost = '9' WHERE account = 'key/team/bob'", "key/team/bob"),
        ("UPDATE spent SET tokens = tokens + 1 WHERE account = 'budget/team/all'", "budget/team/all"),
        ("DELETE FROM spent WHERE account = 'key/team/bob'", "key/team/bob"),
        ("INSERT INTO spent VALUES ('key/ghost', 5, '1', 1, 1)", "key/ghost"),
        ("UPDATE settled SET amount = 1 WHERE purse = 'm1'", "m1"),
        ("DELETE FROM last_used", "last_used"),
        ("UPDATE truth SET units = 1 WHERE purse LIKE 't%'", "truth"),
    ],
)
def test_verify_finds_a_wrong_counter_and_rebuild_heals_it(busy: Any, harm: str, what: str) -> None:
    busy.close()
    right = _tables(busy.ledger / STATE)
    with closing(sqlite3.connect(busy.ledger / STATE)) as db, db:
        db.execute(harm)
    done = _run(busy, "verify")
    assert done.exit_code == 1
    assert what in done.output
    assert _run(busy, "rebuild").exit_code == 0
    assert _tables(busy.ledger / STATE) == right
    assert _run(busy, "verify").exit_code == 0
    assert not list(busy.ledger.glob("*count*"))


def test_verify_finds_a_line_that_is_there_twice_or_none_at_all(busy: Any) -> None:
    busy.close()
    path = busy.ledger / busy.files()[0]
    text = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*text[:-1], text[0], b"{}\n", text[-1]]))
    with closing(sqlite3.connect(busy.ledger / STATE)) as db, db:
        db.execute("UPDATE place SET length = ?", (path.stat().st_size,))
    done = _run(busy, "verify")
    assert done.exit_code == 1
    assert "1 doubled, 1 unreadable" in done.output


def test_the_state_of_the_version_before_is_counted_when_it_is_opened(busy: Any) -> None:
    busy.close()
    right = _tables(busy.ledger / STATE)
    with closing(sqlite3.connect(busy.ledger / STATE)) as db, db:
        for table in ("spent", "last_used", "settled", "truth", "charged", "fold"):
            db.execute(f"DROP TABLE {table}")
        db.execute("PRAGMA user_version = 1")
    assert busy.pump.step().records == []
    assert _tables(busy.ledger / STATE) == right
    assert not (busy.ledger / SCRATCH).exists()
    busy.append(_line(6, idempotency="x", s={"key_id": "team/bob"}))
    _step(busy)
    assert busy.records()[-1]["duplicate_of"] == "d0pe-2"  # what was charged is known again too


def test_counters_taken_over_while_the_ledger_is_written_miss_nothing(busy: Any) -> None:
    with closing(Recount.open(busy.ledger, busy.ledger / SCRATCH, AT * 1000, 600_000)) as recount:
        recount.run(committed(busy.ledger / STATE))
    busy.append(_line(7, held=HELD))
    _step(busy)
    right = _tables(busy.ledger / STATE)
    with closing(sqlite3.connect(busy.ledger / STATE)) as db, db:
        db.execute("DELETE FROM spent")
    told = busy.pump.rebuild(busy.ledger / SCRATCH)
    assert told.rebuilt
    assert told.spent == {}
    assert _tables(busy.ledger / STATE) == right


def test_what_is_older_than_any_period_is_merged_and_still_true(desk: Any) -> None:
    old = -40 * 86_400
    desk.now = AT + old
    desk.append(_line(1, old) + _line(2, old + 1000) + _line(3, old, s={"key_id": "team/bob"}))
    _step(desk)
    desk.now = AT
    desk.append(_line(4))
    _step(desk)
    assert {quarter for _, quarter, *_ in _tables(desk.ledger / STATE)["spent"]} == {0, QUARTER}
    with _sums(desk) as sums:
        assert sums.spent("key/team/alice") == (Decimal("0.00147"), 87, 3)
        assert sums.spent("key/team/alice", QUARTER) == (Decimal("0.00049"), 29, 1)
    assert _run(desk, "verify").exit_code == 0
    desk.append(_line(5, old))  # from a spool that nobody read for long
    _step(desk)
    assert _run(desk, "verify").exit_code == 0


def test_after_files_were_deleted_the_rest_is_still_proved_and_nothing_is_forgotten(busy: Any) -> None:
    busy.close()
    busy.retention_days, busy.now = 3, AT + 5 * 86_400
    busy.append(line(8, t=busy.now))
    _step(busy)
    busy.now += 86_400
    _step(busy)
    day = datetime.fromtimestamp(busy.now - 86_400, UTC).date().isoformat()
    assert busy.files() == [f"usage-{day}.jsonl"]
    busy.close()
    right = _tables(busy.ledger / STATE)
    assert _run(busy, "verify").exit_code == 0
    assert _run(busy, "rebuild").exit_code == 0
    assert _tables(busy.ledger / STATE)["spent"] == right["spent"]
    with closing(sqlite3.connect(busy.ledger / STATE)) as db, db:
        db.execute("UPDATE spent SET requests = 9 WHERE quarter = ?", (busy.now // 900 - 96,))
    assert _run(busy, "verify").exit_code == 1


def test_slots_are_forgotten_when_no_window_holds_them() -> None:
    now = AT * 1000
    for slot_ms, window_ms in ((50, 1000), (1000, 60_000), (10_000, 3_600_000), (60_000, 86_400_000)):
        slot = now // slot_ms
        assert until(f"t1.{slot}", now) == slot * slot_ms + slot_ms + window_ms + 300_000
        assert until(f"t1.{slot}", now + 90_000_000) == until(f"t1.{slot}", now)
    assert until("m1", now) == until("m1.x", now) == 2**62


def test_old_slots_and_epochs_leave_the_tables(desk: Any) -> None:
    for life in range(7):
        desk.append(line(1, epoch=f"e{life}", t=AT, held=HELD))
    _step(desk)
    desk.now = AT + 90_000  # a day's window is over for long
    desk.pump.step()
    tables = _tables(desk.ledger / STATE)
    assert tables["truth"] == []
    assert [row[:2] for row in tables["settled"]] == [(f"e{life}", "m0123456789ad") for life in range(3, 7)]


EVENTS = st.lists(
    st.tuples(
        st.integers(1, 40),
        st.sampled_from(["team/alice", "team/bob", "x"]),
        st.integers(0, 5000),
        st.sampled_from([200, 200, 200, 400, 503]),
        st.sampled_from(["", "a", "b"]),
        st.sampled_from(["", HELD, "m1=5"]),
    ),
    max_size=30,
)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(events=EVENTS, cuts=st.sets(st.integers(0, 30)))
def test_in_whatever_pieces_it_came_the_counters_are_those_of_the_lines(
    tmp_path_factory: Any, events: list[tuple[Any, ...]], cuts: set[int]
) -> None:
    from tests.unit.ledger.conftest import Desk  # noqa: PLC0415 - a desk for each example

    desk = Desk(tmp_path_factory.mktemp("desk") / "data")
    desk.now = AT
    for place, (number, key, seconds, status, again, held) in enumerate(events):
        desk.append(_line(number, seconds, s={"key_id": key}, status=status, us=str(status), idempotency=again, held=held))
        if place in cuts:
            _step(desk)
        if place % 7 == 3:
            desk.close()
    _step(desk)
    desk.close()
    counted = desk.data / "counted"
    with closing(Recount.open(desk.ledger, counted, AT * 1000, 600_000)) as recount:
        recount.run(None)
        assert (recount.doubled, recount.unread) == (0, 0)
    assert _tables(counted) == _tables(desk.ledger / STATE)
    with closing(State.open(counted)) as state, closing(State.open(desk.ledger / STATE)) as other:
        assert state.seen() == other.seen()
        assert state.place() == other.place()


def test_gz_09_ostiary_ledger_post_without_a_sidecar(busy: Any) -> None:
    busy.close()
    done = _run(busy, "post", "grant", "key/team/alice", "5", "--reason", "trial", "--actor", "ann")
    assert done.exit_code == 0
    assert done.output.strip() == busy.records()[-1]["id"]
    assert _run(busy, "post", "grant", "key/team/alice", "-5", "--reason", "trial", "--actor", "ann").exit_code == 1
    assert _run(busy, "verify").exit_code == 0


def test_ostiary_ledger_says_where_there_is_no_ledger_or_no_answer(busy: Any) -> None:
    done = _run(busy, "post", "grant", "key/a", "5", "--reason", "r", "--actor", "a")  # the desk holds the lock and has no socket
    assert done.exit_code == 1
    assert "does not answer" in done.output
    program = [sys.executable, "-c", "from ostiary_gateway.cli.ledger import ledger; ledger()", "verify"]
    missing = subprocess.run(program, capture_output=True, text=True, check=False, cwd=busy.data, env={"OSTIARY_DATA": "none"})
    assert (missing.returncode, missing.stderr) == (1, "Error: none/ledger: no ledger there\n")

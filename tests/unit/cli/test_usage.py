"""`ostiary usage` on the summary: what people and programs see."""

import csv
import io
import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from tests.support.ledger_folder import LedgerFolder, at, line
from tests.support.process import REPOSITORY

from ostiary_gateway.cli.usage import usage
from ostiary_gateway.contract.record import Usage
from ostiary_gateway.summaries.source import alone


@pytest.fixture
def ledger(tmp_path: Path) -> LedgerFolder:
    ledger = LedgerFolder(tmp_path / "ledger")
    much, some, none = (
        Usage(input_tokens=inputs, output_tokens=outputs) for inputs, outputs in ((7000, 1000), (900, 100), (0, 0))
    )
    ledger.commit([
        line(1, at(0), key_id="team/alice", labels={"team": "red"}, cost="0.0123456789", usage=much),
        line(2, at(4000), key_id="team/bob", labels={"team": "blue"}, cost=None, charged=None, usage=some),
        line(3, at(40 * 86_400), key_id="team/bob", cost="2", usage=none),
    ])  # fmt: skip
    return ledger


def ask(ledger: LedgerFolder, *arguments: str) -> Result:
    result = CliRunner().invoke(usage, ["--ledger", str(ledger.path), *arguments])
    assert result.exit_code == 0, result.output
    return result


def test_tp_19_a_month_of_each_key_with_exact_money(ledger: LedgerFolder) -> None:
    items = json.loads(ask(ledger, "--by", "month", "--by", "key", "--json").output)
    assert [(item["groups"], item["requests"], item["input_tokens"], item["cost"]) for item in items] == [
        ({"month": "2026-11", "key": "team/alice"}, 1, 7000, "0.0123456789"),
        ({"month": "2026-11", "key": "team/bob"}, 1, 900, "0"),
        ({"month": "2026-12", "key": "team/bob"}, 1, 0, "2"),
    ]


def test_csv_has_one_row_for_each_group(ledger: LedgerFolder) -> None:
    rows = list(csv.DictReader(io.StringIO(ask(ledger, "--by", "label:team", "--csv").output)))
    assert [(row["label:team"], row["requests"], row["cost"], row["unpriced"]) for row in rows] == [
        ("red", "1", "0.0123456789", "0"),
        ("blue", "1", "0", "1"),
        ("unknown", "1", "2", "0"),
    ]


def test_until_where_order_and_top_choose(ledger: LedgerFolder) -> None:
    assert json.loads(ask(ledger, "--until", "2026-12-01", "--where", "key=team/bob", "--json").output)[0]["requests"] == 1
    (dearest,) = json.loads(ask(ledger, "--order", "cost", "--top", "1", "--json").output)
    assert dearest["name"] == "team/bob"


def test_a_cost_that_is_not_wholly_known_has_a_plus(ledger: LedgerFolder) -> None:
    head, alice, bob = ask(ledger).output.splitlines()
    assert "COST USD" in head
    assert (alice.split()[-2], bob.split()[-2]) == ("0.012346", "2.000000+")
    assert "█" not in alice


@pytest.mark.parametrize(
    "wrong", [["--by", "colour"], ["--where", "key"], ["--where", "colour=red"], ["--since", "soon"], ["--top", "-1"]]
)
def test_what_cannot_be_asked_is_a_usage_error(ledger: LedgerFolder, wrong: list[str]) -> None:
    result = CliRunner().invoke(usage, ["--ledger", str(ledger.path), *wrong])
    assert (result.exit_code, "Error:" in result.output) == (2, True)


def test_usage_is_complete_while_another_process_adds_up(ledger: LedgerFolder) -> None:
    with alone(ledger.path):
        assert len(json.loads(ask(ledger, "--json").output)) == 2
    assert not (ledger.path / "summary.sqlite").exists()
    assert len(json.loads(ask(ledger, "--json").output)) == 2
    assert (ledger.path / "summary.sqlite").exists()


def test_rebuild_makes_the_sums_anew(ledger: LedgerFolder) -> None:
    assert CliRunner().invoke(usage, ["rebuild", "--ledger", str(ledger.path)]).exit_code == 0
    with alone(ledger.path):
        result = CliRunner().invoke(usage, ["rebuild", "--ledger", str(ledger.path)])
    assert (result.exit_code, "stop it first" in result.output) == (1, True)


def on_a_terminal(columns: int, *arguments: str) -> list[str]:
    """What the program shows on a terminal so wide."""
    ours, theirs = pty.openpty()
    environ = os.environ | {"COLUMNS": str(columns), "PYTHONUTF8": "1"}
    program = (sys.executable, "-c", "from ostiary_gateway.cli.usage import usage; usage()", *arguments)
    with subprocess.Popen(program, stdout=theirs, stderr=theirs, stdin=theirs, env=environ, cwd=REPOSITORY) as process:
        os.close(theirs)
        shown = b""
        try:
            while more := os.read(ours, 65536):
                shown += more
        except OSError:  # Linux says so when the other end is closed
            pass
        os.close(ours)
    assert process.returncode == 0, shown
    return shown.decode().replace("\r", "").splitlines()


def test_a_terminal_shows_a_bar_in_each_row(ledger: LedgerFolder) -> None:
    wide = on_a_terminal(160, "--ledger", str(ledger.path))
    assert [row.count("█") for row in wide] == [0, 24, 3]
    assert all(len(row) <= 160 for row in wide)
    narrow = on_a_terminal(80, "--ledger", str(ledger.path))
    assert "█" not in "".join(narrow)

"""Request logs for other systems (TP-20): exactly once, whatever is interrupted."""

import gzip
import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from tests.support.ledger_folder import LedgerFolder, line
from tests.support.valkey import Valkey
from valkey import Valkey as Client

from ostiary_gateway.contract.record import Attempt
from ostiary_gateway.summaries.export import Export
from ostiary_gateway.summaries.export_folder import FolderTarget
from ostiary_gateway.summaries.export_valkey import ValkeyTarget
from ostiary_gateway.summaries.values import SummaryError

FIELDS = [
    "timestamp", "id", "request_id", "api_key_id", "api_key_name", "provider", "model", "alias", "endpoint", "status",
    "input_tokens", "output_tokens", "provider_ms", "gateway_ms", "cost_usd", "error", "payloads",
]  # fmt: skip


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def export(ledger: LedgerFolder, target: Any) -> Export:
    return Export(ledger.path, target, lambda _: None, target.CHUNK)


def exported(folder: Path) -> list[dict[str, Any]]:
    files = sorted(folder.rglob("logs/*/*/*/*.jsonl.gz"))
    return [json.loads(text) for file in files for text in gzip.decompress(file.read_bytes()).splitlines()]


def test_tp_20_an_entry_says_who_asked_what_of_whom_and_nothing_of_it(ledger: LedgerFolder, tmp_path: Path) -> None:
    tries = (
        Attempt(provider="a", address="", status=500, duration_ms=10.5),
        Attempt(provider="b", address="", status=200, duration_ms=80),
    )
    ledger.commit([line(1, key_name="alice", attempts=tries, duration_ms=100.0)])
    with closing(export(ledger, FolderTarget(tmp_path, ledger.path, longest_seconds=0))) as work:
        assert work.step()
    (entry,) = exported(tmp_path)
    assert list(entry) == FIELDS
    assert (entry["api_key_id"], entry["api_key_name"], entry["model"], entry["alias"]) == (
        "team/alice", "alice", "gpt-4o-2024-08-06", "gpt-4o",
    )  # fmt: skip
    assert (entry["provider_ms"], entry["gateway_ms"], entry["cost_usd"], entry["payloads"]) == (90.5, 9.5, "0.0001475", None)


def test_tp_20_files_lie_by_day(ledger: LedgerFolder, tmp_path: Path) -> None:
    ledger.commit([line(1, "2026-11-20T23:59:59.999Z"), line(2, "2026-11-21T00:00:00.000Z"), line(3, "2026-11-21T00:00:01.000Z")])
    with closing(export(ledger, FolderTarget(tmp_path, ledger.path, longest_seconds=0))) as work:
        assert work.step()
        assert not work.step()
    assert sorted(str(path.parent.relative_to(tmp_path)) for path in tmp_path.rglob("logs/*/*/*/*")) == [
        "logs/2026/11/20",
        "logs/2026/11/21",
    ]
    assert [entry["id"] for entry in exported(tmp_path)] == ["e-1", "e-2", "e-3"]


def test_few_files_are_made_of_many_commits(ledger: LedgerFolder, tmp_path: Path) -> None:
    clock = Clock()
    with closing(export(ledger, FolderTarget(tmp_path, ledger.path, clock, longest_seconds=60))) as work:
        for second in range(60):
            ledger.commit([line(second)])
            clock.now = float(second)
            assert not work.step() or not second
        clock.now = 61.0
        assert work.step()
    assert len(exported(tmp_path)) == 60
    assert len(list(tmp_path.rglob("*.jsonl.gz"))) <= 2


def test_what_is_exported_again_after_a_crash_replaces_itself(ledger: LedgerFolder, tmp_path: Path) -> None:
    ledger.commit([line(1, "2026-11-20T23:00:00.000Z"), line(2)])
    target = FolderTarget(tmp_path, ledger.path, longest_seconds=0)
    with closing(export(ledger, target)) as work:
        assert work.step()
    (ledger.path / "export.json").unlink()  # killed after the files were written, before the position was
    ledger.commit([line(3)])
    with closing(export(ledger, target)) as work:
        while work.step():
            pass
        ledger.commit([line(4)])
        assert work.step()
    assert sorted(entry["id"] for entry in exported(tmp_path)) == ["e-1", "e-2", "e-3", "e-4"]


def test_a_folder_that_cannot_be_written_loses_nothing(ledger: LedgerFolder, tmp_path: Path) -> None:
    ledger.commit([line(1)])
    (tmp_path / "logs").write_text("in the way")
    work = export(ledger, FolderTarget(tmp_path, ledger.path, longest_seconds=0))
    with pytest.raises(OSError, match="logs"):
        work.step()
    (tmp_path / "logs").unlink()
    assert work.step()
    work.close()
    assert len(exported(tmp_path)) == 1


@pytest.fixture(scope="module")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Valkey]:
    server = Valkey(tmp_path_factory.mktemp("valkey")).start()
    yield server
    server.kill()


def follow(ledger: LedgerFolder, valkey: Valkey) -> None:
    with closing(export(ledger, ValkeyTarget(valkey.url))) as work:
        while work.step():
            pass


def test_tp_20_tp_21_valkey_holds_the_newest_hundred_thousand(ledger: LedgerFolder, valkey: Valkey) -> None:
    with Client.from_url(valkey.url) as client:
        client.rpush("gateway:logs", *(f"old-{n}" for n in range(99_970)))
    ledger.commit(line(n) for n in range(50))
    follow(ledger, valkey)
    assert valkey.call("LLEN", "gateway:logs") == b":100000\r\n"
    assert b"old-20\r" in valkey.call("LINDEX", "gateway:logs", "0")
    assert b'"id":"e-49"' in valkey.call("LINDEX", "gateway:logs", "-1")


def test_entries_and_position_are_in_valkey_together(ledger: LedgerFolder, valkey: Valkey) -> None:
    valkey.call("FLUSHALL")
    ledger.commit([line(1), line(2)])
    follow(ledger, valkey)
    follow(ledger, valkey)
    assert valkey.call("LLEN", "gateway:logs") == b":2\r\n"
    valkey.call("DEL", "gateway:logs")
    ledger.commit([line(3)])
    follow(ledger, valkey)
    assert valkey.call("LLEN", "gateway:logs") == b":1\r\n"


def test_a_valkey_that_is_away_loses_nothing(ledger: LedgerFolder, valkey: Valkey) -> None:
    valkey.call("FLUSHALL")
    ledger.commit([line(1)])
    valkey.kill()
    with pytest.raises(SummaryError, match="gateway:logs"):
        follow(ledger, valkey)
    valkey.start()
    follow(ledger, valkey)
    assert valkey.call("LLEN", "gateway:logs") == b":1\r\n"

"""Shipping the ledger to other stores: the samples for Vector and Fluent Bit, and why ids make it exactly once."""

import gzip
import json
import random
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.support.ledger_folder import LedgerFolder, line
from tests.support.process import REPOSITORY

from ostiary_gateway.contract.record import Posting, Record
from ostiary_gateway.summaries.compression import Compression

SAMPLES = REPOSITORY / "hack/samples"
VECTOR = {
    "file": {"type", "include", "read_from", "max_line_bytes", "fingerprint"},
    "remap": {"type", "inputs", "source", "drop_on_error"},
    "elasticsearch": {"type", "inputs", "endpoints", "mode", "bulk", "id_key", "request_retry_partial", "acknowledgements"},
}
"""Options that these components have; Vector refuses to start with others."""


def sample(name: str) -> Any:
    return yaml.safe_load((SAMPLES / name).read_text())


def test_vectors_sample_names_the_record_by_its_id() -> None:
    told = sample("vector.yaml")
    parts = {**told["sources"], **told["transforms"], **told["sinks"]}
    assert {name: set(part) - VECTOR[part["type"]] for name, part in parts.items()} == {name: set() for name in parts}
    assert all(name in parts for part in parts.values() for name in part.get("inputs", ()))
    store = told["sinks"]["store"]
    assert (store["id_key"], store["bulk"]["action"], store["acknowledgements"]) == ("id", "index", {"enabled": True})


def test_fluent_bits_sample_names_the_record_by_its_id() -> None:
    told = sample("fluent-bit.yaml")
    (tail,), (store,) = told["pipeline"]["inputs"], told["pipeline"]["outputs"]
    assert (tail["parser"], store["match"]) == (told["parsers"][0]["name"], tail["tag"])
    assert (store["id_key"], store["write_operation"], store["retry_limit"]) == ("id", "index", "no_limits")


def test_every_line_of_a_ledger_has_the_id() -> None:
    assert "id" in Record.__struct_fields__
    assert "id" in Posting.__struct_fields__


@pytest.mark.parametrize("pattern", ["vector.yaml live", "vector.yaml final", "fluent-bit.yaml live"])
def test_the_patterns_match_the_files_that_are_written(tmp_path: Path, pattern: str) -> None:
    name, kind = pattern.split()
    told = sample(name)
    path = told["sources"][kind]["include"][0] if name == "vector.yaml" else told["pipeline"]["inputs"][0]["path"]
    written = ["usage-2026-11-21.jsonl", "usage-2026-11-21.3.jsonl"]
    for file in (*written, *(f"{file}.gz" for file in written), "state.sqlite", "ledger.id", ".usage-2026-11-21.jsonl.gz.draft"):
        (tmp_path / file).touch()
    ending = ".gz" if kind == "final" else ""
    assert {found.name for found in tmp_path.glob(Path(path).name)} == {file + ending for file in written}


class Shipper:
    """At least once, as both of them: reads on where it was, or from where it was some time ago; a broken line is dropped."""

    def __init__(self, folder: Path, dice: random.Random) -> None:
        self._folder = folder
        self._dice = dice
        self._offsets: dict[str, int] = {}
        self.sent = 0
        self.documents: dict[str, bytes] = {}

    def look(self, pattern: str) -> None:
        for path in sorted(self._folder.glob(pattern)):
            content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
            start = self._offsets.get(path.name, 0)
            start = 0 if start > len(content) else start
            stop = content.rfind(b"\n") + 1
            for text in content[start:stop].splitlines():
                self._send(text)
            self._offsets[path.name] = self._dice.choice([stop, stop, start])

    def _send(self, text: bytes) -> None:
        try:
            record = json.loads(text)
        except ValueError:
            return
        self.sent += 1
        self.documents[record["id"]] = text


@pytest.mark.parametrize("seed", range(3))
def test_shipped_by_id_the_store_holds_each_record_exactly_once(tmp_path: Path, seed: int) -> None:
    dice = random.Random(seed)  # noqa: S311 (the same ones each time)
    ledger = LedgerFolder(tmp_path / "ledger", rotate_bytes=4000)
    ledger.commit([line(0)])
    shipper = Shipper(ledger.path, dice)
    number = 1
    for _ in range(60):
        count = dice.randrange(1, 4)
        batch = range(number, number + count)
        if dice.random() < 0.3:  # killed before the commit; what is written again is not the same to the byte
            ledger.append(line(n, owner="x" * dice.randrange(40)) for n in batch)
            shipper.look("usage-*.jsonl")
        ledger.commit(line(n) for n in batch)
        number += count
        if dice.random() < 0.7:
            shipper.look("usage-*.jsonl")
    ledger.commit([line(-1)], "2026-11-23")
    compression = Compression(ledger.path, 1, lambda: 1_795_435_200.0, lambda _: None)  # 2026-11-23 12:00 UTC
    while compression.step():
        pass
    shipper.look("usage-*.jsonl.gz")
    shipper.look("usage-*.jsonl")
    assert shipper.documents == {f"e-{n}": line(n).rstrip() for n in range(-1, number)}
    assert shipper.sent > len(shipper.documents), "nothing was sent twice"

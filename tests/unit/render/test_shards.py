"""The allow-list's shards."""

import hashlib

import msgspec

from ostiary_gateway.contract import allowlist
from ostiary_gateway.contract import bundle as contract
from ostiary_gateway.contract.allowlist import Entry
from ostiary_operator.dataplane import Compiled, compile_graph
from ostiary_operator.graph import Graph
from ostiary_operator.render import bundle
from ostiary_operator.render.shards import LARGEST, shards

MIB = 1024 * 1024


def entry(number: int, **more: object) -> Entry:
    name = f"key-{number:05d}"
    sha256 = hashlib.sha256(name.encode()).hexdigest()
    plain = Entry(id=f"team/{name}", sha256=sha256, owner="a team", name=name, namespace="team", uid="u" * 36)
    return msgspec.structs.replace(plain, **more)


def compiled(entries: list[Entry]) -> Compiled:
    empty = compile_graph(Graph())
    return Compiled(document=empty.document, entries=tuple(entries), upstreams=(), credentials={})


def test_no_keys_are_one_shard_with_a_header() -> None:
    assert [list(allowlist.read(text)) for text in shards([])] == [[]]


def test_20000_keys_are_all_there_and_each_shard_is_far_below_the_limit() -> None:
    entries = [entry(number) for number in range(20_000)]
    texts = shards(entries)
    assert len(texts) == 32
    assert max(len(text.encode()) for text in texts) < MIB // 2
    read = [row for text in texts for row in allowlist.read(text)]
    assert sorted(read, key=lambda row: row.id) == entries


def test_one_changed_key_changes_one_shard() -> None:
    entries = [entry(number) for number in range(20_000)]
    before = bundle(compiled(entries))
    after = bundle(compiled([*entries[:77], entry(77, state="disabled"), *entries[78:]]))
    changed = [name for name in before.files if before.files[name] != after.files[name]]
    assert len(changed) == 1
    assert changed[0].startswith("allowlist-")
    assert before.digest != after.digest


def test_a_key_added_within_a_size_changes_one_shard() -> None:
    entries = [entry(number) for number in range(5000)]
    before, after = shards(entries), shards([*entries, entry(5000)])
    assert len(before) == len(after) == 8
    assert sum(one != other for one, other in zip(before, after, strict=True)) == 1


def test_the_number_of_shards_is_a_power_of_two_that_grows_with_the_keys() -> None:
    counts = [len(shards([entry(number) for number in range(keys)])) for keys in (1, 1024, 1025, 2049, 4097)]
    assert counts == [1, 1, 2, 4, 8]


def test_long_rows_make_more_shards_instead_of_large_ones() -> None:
    models = tuple(f"{number:03d}" + "m" * 250 for number in range(100))
    texts = shards([entry(number, models=models) for number in range(200)])
    assert len(texts) > 4
    assert max(len(text.encode()) for text in texts) <= LARGEST < MIB


def test_the_order_of_keys_does_not_matter() -> None:
    entries = [entry(number) for number in range(3000)]
    assert shards(entries) == shards(entries[::-1])


def test_a_bundle_is_whole_by_its_own_manifest() -> None:
    made = bundle(compiled([entry(1)]))
    assert contract.assemble(made.manifest, made.files) == made
    assert set(made.files) == {"document.json", "upstreams.conf", "credentials.json", "allowlist-000.csv"}

"""Rotation by size and by day; nothing is deleted unless retention is set (LM-25)."""

from typing import Any

from tests.support.spool_lines import line

from ostiary_gateway.ledger.names import Name

DAY = 86_400


def test_lm_25_a_full_file_is_followed_by_the_next(desk: Any) -> None:
    desk.rotate_bytes = 200
    for number in range(1, 5):
        desk.append(line(number))
        desk.drain()
    assert desk.files() == [
        "usage-2026-11-21.1.jsonl",
        "usage-2026-11-21.2.jsonl",
        "usage-2026-11-21.3.jsonl",
        "usage-2026-11-21.jsonl",
    ]
    assert len(desk.ids()) == 4


def test_lm_25_one_batch_may_fill_several_files(desk: Any) -> None:
    desk.rotate_bytes = 3000
    desk.append(b"".join(line(number) for number in range(1, 21)))
    assert desk.drain() == 20
    sizes = [(desk.ledger / name).stat().st_size for name in desk.files()]
    assert len(sizes) > 3
    assert max(sizes) < 3000 + 1500
    assert len(set(desk.ids())) == 20


def test_lm_25_nothing_is_deleted(desk: Any) -> None:
    desk.append(line(1))
    desk.drain()
    desk.now += 4000 * DAY
    desk.append(line(2))
    desk.drain()
    assert desk.files() == ["usage-2026-11-21.jsonl", "usage-2037-11-03.jsonl"]


def test_each_day_has_its_file_and_a_clock_gone_back_none(desk: Any) -> None:
    for number, shift in enumerate((0, DAY, -2 * DAY), start=1):
        desk.now += shift
        desk.append(line(number))
        desk.drain()
    assert desk.files() == ["usage-2026-11-21.jsonl", "usage-2026-11-22.jsonl"]
    assert [record["id"] for record in desk.records()] == ["d0pe-1", "d0pe-2", "d0pe-3"]


def test_retention_deletes_days_that_are_past(desk: Any) -> None:
    desk.retention_days = 2
    (desk.data / "ledger").mkdir()
    (desk.ledger / "notes.jsonl").write_text("not ours")
    for number in range(1, 6):
        desk.append(line(number))
        desk.drain()
        desk.now += DAY
    desk.drain()
    assert desk.files() == [
        "notes.jsonl",
        "usage-2026-11-24.jsonl",
        "usage-2026-11-25.jsonl",
    ]


def test_rotation_goes_on_after_a_restart(desk: Any) -> None:
    desk.rotate_bytes = 200
    for number in range(1, 4):
        desk.append(line(number))
        desk.drain()
        desk.close()
    assert len(desk.files()) == 3
    assert len(desk.ids()) == 3


def test_a_ledger_file_taken_away_is_not_missed(desk: Any) -> None:
    desk.append(line(1))
    desk.drain()
    desk.close()
    (desk.ledger / "usage-2026-11-21.jsonl").unlink()
    desk.append(line(2))
    desk.drain()
    assert desk.files() == ["usage-2026-11-21.1.jsonl"]
    assert desk.ids() == ["d0pe-2"]


def test_names_order_as_files_were_written() -> None:
    texts = ["usage-2026-11-20.jsonl", "usage-2026-11-20.2.jsonl", "usage-2026-11-20.10.jsonl", "usage-2026-11-21.jsonl"]
    names = [Name.parse(text) for text in texts]
    assert None not in names
    assert [str(name) for name in names] == texts
    assert names == sorted(name for name in names if name)
    for text in ("usage-2026-11-21.0.jsonl", "usage-2026-11-21.jsonl.gz", "stats.jsonl", "usage-2026-1-21.jsonl"):
        assert Name.parse(text) is None

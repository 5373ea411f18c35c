"""When the spool is rotated, and what becomes of the file."""

import os
from datetime import UTC, datetime
from pathlib import Path

from ostiary_gateway.supervisor import spool
from ostiary_gateway.supervisor.spool import Rotation

NOON = int(datetime(2026, 3, 1, 12, tzinfo=UTC).timestamp() * 1e9)
DAY = 86_400_000_000_000


def test_lm_25_a_spool_is_rotated_at_its_size() -> None:
    rotation = Rotation(limit=100, day="2026-03-01")
    assert not rotation.due(99, NOON)
    assert rotation.due(100, NOON)


def test_lm_25_a_spool_is_rotated_with_the_day_unless_it_is_empty() -> None:
    rotation = Rotation(limit=100, day="2026-03-01")
    assert rotation.due(1, NOON + DAY)
    assert not rotation.due(0, NOON + DAY)
    assert not rotation.turned(NOON + DAY).due(1, NOON + DAY)


def test_a_spool_of_yesterday_is_due_at_start(tmp_path: Path) -> None:
    file = tmp_path / "usage.spool"
    file.write_bytes(b"x")
    os.utime(file, ns=(NOON - DAY, NOON - DAY))
    assert Rotation.of(file, 100, NOON).due(spool.size(file), NOON)


def test_no_spool_yet_is_nothing_to_rotate(tmp_path: Path) -> None:
    file = tmp_path / "usage.spool"
    assert spool.size(file) == 0
    assert not Rotation.of(file, 100, NOON).due(spool.size(file), NOON)


def test_rotated_names_sort_by_time(tmp_path: Path) -> None:
    file = tmp_path / "usage.spool"
    asides = []
    for number in range(3):
        file.write_bytes(b"%d" % number)
        asides.append(spool.rename(file, NOON + number))
    assert sorted(tmp_path.glob("usage-*.spool")) == asides
    assert asides[0].name == f"usage-{NOON}.spool"
    assert [path.read_bytes() for path in asides] == [b"0", b"1", b"2"]
